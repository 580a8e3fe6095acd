/**
 * Voice and screen: one WebRTC connection for each agent and kind, from browser to browser. The page offers, the agent's browser answers.
 *
 * A call: captured (the visitor chose, the server has not confirmed yet) -> calling (offered) -> over
 */

import type { AssistAction, IceServers } from "../../protocol/assist.ts";
import type { Host } from "../host.ts";
import { add, type Shell } from "./shell.ts";

export type Media = "voice" | "screen";

/** Candidates that are kept until the answer is there; a browser makes a dozen. */
const MAX_EARLY = 100;

interface Call {
  agentId: string;
  media: Media;
  stream: MediaStream;
  connection: RTCPeerConnection | null;
  sound: HTMLAudioElement | null;
  /** Candidates that came before the answer. */
  early: RTCIceCandidateInit[];
}

export interface Calls {
  /** Asks the browser for microphone or screen; rejects where the visitor, or his browser, says no. To be called in his click. */
  capture: (agentId: string, media: Media) => Promise<void>;
  /** Brings the calls in line with what is granted. */
  keep: (isGranted: (agentId: string, media: Media) => boolean | null, iceServers: IceServers) => void;
  signal: (agentId: string, action: Extract<AssistAction, { kind: "signal" }>) => void;
  end: (agentId: string | null, media: Media | null) => void;
}

/** @param say sends to one agent */
export function createCalls(host: Host, shell: Shell, say: (agentId: string, action: AssistAction) => void): Calls {
  const calls = new Map<string, Call>();

  const keyOf = (agentId: string, media: Media): string => `${agentId} ${media}`;

  function over(key: string): void {
    const call = calls.get(key);
    if (!call) return;
    calls.delete(key);
    for (const track of call.stream.getTracks()) track.stop();
    call.connection?.close();
    call.sound?.remove();
  }

  function hangUp(call: Call): void {
    over(keyOf(call.agentId, call.media));
    say(call.agentId, { kind: "media_end", media: call.media });
  }

  async function begin(call: Call, iceServers: IceServers): Promise<void> {
    const { agentId, media, stream } = call;
    const connection = new RTCPeerConnection({
      iceServers: iceServers.map(({ urls, username = "", credential = "" }) =>
        username ? { urls, username, credential } : { urls },
      ),
    });
    call.connection = connection;
    for (const track of stream.getTracks()) connection.addTrack(track, stream);
    connection.onicecandidate = host.guard(({ candidate }: RTCPeerConnectionIceEvent) => {
      say(agentId, { kind: "signal", signal: { media, candidate: candidate && plain(candidate) } });
    });
    connection.ontrack = host.guard(({ streams }: RTCTrackEvent) => {
      call.sound ??= add(shell.root, "audio");
      call.sound.autoplay = true;
      call.sound.srcObject = streams[0] ?? null;
      void call.sound.play().catch(host.fail);
    });
    connection.onconnectionstatechange = host.guard(() => {
      if (connection.connectionState === "failed") hangUp(call);
    });
    await connection.setLocalDescription(await connection.createOffer());
    const sdp = connection.localDescription?.sdp;
    if (sdp) say(agentId, { kind: "signal", signal: { media, description: { type: "offer", sdp } } });
  }

  async function answered(call: Call, description: RTCSessionDescriptionInit): Promise<void> {
    await call.connection?.setRemoteDescription(description);
    for (const candidate of call.early.splice(0)) await call.connection?.addIceCandidate(candidate);
  }

  return {
    async capture(agentId, media) {
      const devices = navigator.mediaDevices as MediaDevices | undefined;
      if (!devices) throw new Error("no media devices here");
      const stream =
        media === "voice" ? await devices.getUserMedia({ audio: true }) : await devices.getDisplayMedia({ video: true });
      const key = keyOf(agentId, media);
      over(key);
      const call: Call = { agentId, media, stream, connection: null, sound: null, early: [] };
      calls.set(key, call);
      // The browser's own button, or the end of what was shown.
      for (const track of stream.getTracks()) track.onended = host.guard(() => calls.get(key) === call && hangUp(call));
    },
    keep(isGranted, iceServers) {
      for (const [key, call] of calls) {
        const state = isGranted(call.agentId, call.media);
        if (state === false) over(key);
        else if (state && !call.connection) void begin(call, iceServers).catch(host.fail);
      }
    },
    signal(agentId, { signal: { media, description, candidate } }) {
      const call = calls.get(keyOf(agentId, media));
      if (!call?.connection) return;
      if (description?.type === "answer") void answered(call, { type: "answer", sdp: description.sdp }).catch(host.fail);
      else if (candidate) {
        const init = candidate as RTCIceCandidateInit;
        if (call.connection.remoteDescription) void call.connection.addIceCandidate(init).catch(host.fail);
        else if (call.early.length < MAX_EARLY) call.early.push(init);
      }
    },
    end(agentId, media) {
      for (const [key, call] of calls) {
        if ((agentId === null || call.agentId === agentId) && (media === null || call.media === media)) over(key);
      }
    },
  };
}

function plain({ candidate, sdpMid, sdpMLineIndex, usernameFragment }: RTCIceCandidate) {
  return { candidate, sdpMid, sdpMLineIndex, usernameFragment };
}
