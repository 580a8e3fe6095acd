/** Voice and screen on the agent's side: the visitor's page offers, we answer. Sound and pictures go from browser to browser. */

import type { AssistAction, IceServers } from "../../protocol/assist.ts";

export type Media = "voice" | "screen";
type Signal = Extract<AssistAction, { kind: "signal" }>;

interface Call {
  connection: RTCPeerConnection;
  /** Candidates that came before the offer was taken. */
  early: RTCIceCandidateInit[];
}

export class AgentCalls {
  /** What comes from the visitor. */
  voice = $state.raw<MediaStream | null>(null);
  screen = $state.raw<MediaStream | null>(null);
  isMuted = $state(false);
  private readonly calls: Record<Media, Call | null> = { voice: null, screen: null };
  private microphone: MediaStream | null = null;
  private readonly send: (action: AssistAction) => void;
  private readonly onLost: (media: Media) => void;

  /** @param onLost a call that was there cannot be held */
  constructor(send: (action: AssistAction) => void, onLost: (media: Media) => void) {
    this.send = send;
    this.onLost = onLost;
  }

  /** True where this page may use microphones and screens at all (a secure context). */
  static get isPossible(): boolean {
    return "mediaDevices" in navigator && typeof RTCPeerConnection === "function";
  }

  /** Asks for our microphone; false where there is none, or the browser says no. */
  async takeMicrophone(): Promise<boolean> {
    if (!AgentCalls.isPossible) return false;
    try {
      this.microphone ??= await navigator.mediaDevices.getUserMedia({ audio: true });
      return true;
    } catch {
      return false;
    }
  }

  /** Speaks, or keeps silent. */
  mute(isMuted: boolean): void {
    this.isMuted = isMuted;
    for (const track of this.microphone?.getAudioTracks() ?? []) track.enabled = !isMuted;
  }

  /** Takes a description or a candidate of the visitor's browser. */
  signal({ signal: { media, description, candidate } }: Signal, iceServers: IceServers): void {
    if (description?.type === "offer") void this.answer(media, description.sdp, iceServers).catch(() => this.lost(media));
    else if (candidate) {
      const call = this.calls[media];
      const init = toInit(candidate);
      if (call?.connection.remoteDescription) void call.connection.addIceCandidate(init).catch(() => undefined);
      else call?.early.push(init);
    }
  }

  end(media: Media): void {
    this.calls[media]?.connection.close();
    this.calls[media] = null;
    if (media === "screen") {
      this.screen = null;
      return;
    }
    this.voice = null;
    this.isMuted = false;
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    this.microphone = null;
  }

  endAll(): void {
    this.end("voice");
    this.end("screen");
  }

  private async answer(media: Media, sdp: string, iceServers: IceServers): Promise<void> {
    this.calls[media]?.connection.close();
    const connection = new RTCPeerConnection({
      iceServers: iceServers.map(({ urls, username = "", credential = "" }) =>
        username ? { urls, username, credential } : { urls },
      ),
    });
    const call: Call = { connection, early: [] };
    this.calls[media] = call;
    connection.addEventListener("icecandidate", ({ candidate }) => {
      this.send({ kind: "signal", signal: { media, candidate: candidate && toPlain(candidate) } });
    });
    connection.addEventListener("track", ({ streams, track }) => {
      const stream = streams[0] ?? new MediaStream([track]);
      if (media === "voice") this.voice = stream;
      else this.screen = stream;
    });
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState === "failed" && this.calls[media] === call) this.lost(media);
    });
    await connection.setRemoteDescription({ type: "offer", sdp });
    if (media === "voice")
      for (const track of this.microphone?.getTracks() ?? []) connection.addTrack(track, this.microphone ?? new MediaStream());
    await connection.setLocalDescription(await connection.createAnswer());
    for (const candidate of call.early.splice(0)) await connection.addIceCandidate(candidate);
    this.send({
      kind: "signal",
      signal: { media, description: { type: "answer", sdp: connection.localDescription?.sdp ?? "" } },
    });
  }

  private lost(media: Media): void {
    this.end(media);
    this.onLost(media);
  }
}

function toPlain({ candidate, sdpMid, sdpMLineIndex, usernameFragment }: RTCIceCandidate) {
  return { candidate, sdpMid, sdpMLineIndex, usernameFragment };
}

function toInit({
  candidate,
  sdpMid,
  sdpMLineIndex,
  usernameFragment,
}: NonNullable<Signal["signal"]["candidate"]>): RTCIceCandidateInit {
  return { candidate, sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? null, usernameFragment: usernameFragment ?? null };
}
