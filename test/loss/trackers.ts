/** Trackers of the loss test: their batches follow from (name, seq), and what is acknowledged goes into the journal first. */

import type WebSocket from "ws";
import { TrackerClient, type TrackerClientOptions } from "../../bin/lib/tracker-client.ts";
import { createSessionId, createTabId } from "../../protocol/ids.ts";
import { joinFrames } from "../../protocol/frames.ts";
import { packMessage } from "../../protocol/msgpack-encode.ts";
import type { Journal } from "./journal.ts";
import { batchOf } from "./payload.ts";
import type { Random } from "./random.ts";

/** Longest wait before a tracker comes back; the real one waits up to 30 s. */
const MAX_RETRY_MS = 400;
const HTTP_TIMEOUT_MS = 20_000;

/** Whose bytes a tracker sends, and where they must end up. */
export interface TrackerIdentity {
  /** Unique in a run; what the payloads are made from. */
  name: string;
  sessionId: string;
  tab: string;
  resumeToken: string;
  projectId: number;
}

export interface LossTracker {
  readonly identity: TrackerIdentity;
  /** The session that the server put it into; differs from the one asked for where somebody else owns that. */
  readonly storedSessionId: () => string;
  /** Sends one more batch. */
  step(): void;
  readonly sent: () => number;
  readonly resent: () => number;
  settled(timeoutMs: number): Promise<boolean>;
  close(): void;
}

export function createIdentity(name: string, projectId: number, random: Random, sessionId?: string): TrackerIdentity {
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => random.between(0, 255));
  return {
    name,
    sessionId: sessionId ?? createSessionId(Date.now(), bytes(10)),
    tab: createTabId(bytes(12)),
    resumeToken: Buffer.from(bytes(18)).toString("base64url"),
    projectId,
  };
}

interface TrackerDeps {
  journal: Journal;
  random: Random;
  report: (breach: string) => void;
}

/** A tracker on a WebSocket, which now and then sends a batch twice, or behind the next one. */
export function createSocketTracker(identity: TrackerIdentity, url: URL, deps: TrackerDeps): LossTracker {
  const { name } = identity;
  let storedSessionId = identity.sessionId;
  let isCheckoutDue = true;
  let count = 0;
  const client = new RudeClient(deps.random, {
    url,
    page: startOf(identity),
    retryMs: (attempt) => deps.random.between(10, Math.min(MAX_RETRY_MS, 40 * 2 ** attempt)),
    onAcked: (fromSeq, upto) => deps.journal.write(name, fromSeq, upto),
    onStarted: (started) => (storedSessionId = started.sessionId),
    onCheckoutRequest: () => (isCheckoutDue = true),
    onBreach: (what) => deps.report(`LOS-4 ${name}: ${what}`),
    onError: (error) => {
      if (error.code !== "overload") deps.report(`LOS-7 ${name}: error ${error.code}: ${error.message}`);
    },
  });
  return {
    identity,
    storedSessionId: () => storedSessionId,
    step() {
      client.send(batchOf(name, count++, isCheckoutDue));
      isCheckoutDue = false;
    },
    sent: () => count,
    resent: () => client.resent,
    settled: (timeoutMs) => client.settled(timeoutMs),
    close: () => client.close(),
  };
}

/** Repeats and reorders its own batches, as a proxy between or a bug of ours might. */
class RudeClient extends TrackerClient {
  private readonly random: Random;
  private late: Uint8Array | null = null;

  constructor(random: Random, options: TrackerClientOptions) {
    super(options);
    this.random = random;
  }

  protected override transmit(socket: WebSocket, frame: Uint8Array): void {
    const late = this.late;
    this.late = null;
    if (late === null && this.random.chance(0.04)) {
      this.late = frame;
      setTimeout(() => {
        if (this.late === frame) this.late = null;
        else return;
        if (socket.readyState === socket.OPEN) socket.send(frame);
      }, 30);
      return;
    }
    socket.send(frame);
    if (this.random.chance(0.04)) socket.send(frame);
    if (late !== null) socket.send(late);
  }
}

/** A tracker where WebSockets are blocked: everything not acknowledged goes out in one request, again and again. */
export function createHttpTracker(identity: TrackerIdentity, ingestUrl: () => URL, deps: TrackerDeps): LossTracker {
  const { name } = identity;
  let acked = -1;
  let count = 0;
  let resent = 0;
  let topSent = 0;
  let isClosed = false;
  let wake: () => void = () => undefined;
  const frameOf = (seq: number) =>
    packMessage({ type: "events_batch", data: { tab: identity.tab, seq, ...batchOf(name, seq, seq === 0) } });
  const post = async (): Promise<void> => {
    const upto = count;
    const frames = [packMessage({ type: "session_start", data: startOf(identity) })];
    for (let seq = acked + 1; seq < upto; seq++) frames.push(frameOf(seq));
    resent += Math.max(0, topSent - acked - 1);
    topSent = upto;
    const body = joinFrames(frames);
    const answer = await fetch(ingestUrl(), { method: "POST", body, signal: AbortSignal.timeout(HTTP_TIMEOUT_MS) });
    if (!answer.ok) {
      await answer.arrayBuffer();
      if (answer.status !== 503) deps.report(`LOS-7 ${name}: HTTP ${answer.status}`);
      return;
    }
    const text = await answer.text();
    for (const [, told] of text.matchAll(/"type":"ack","data":\{"tab":"[^"]*","upto":(-?\d+)/g)) {
      const ackedUpto = Number(told);
      if (ackedUpto >= upto) deps.report(`LOS-4 ${name}: ack of ${ackedUpto}, newest sent is ${upto - 1}`);
      if (ackedUpto <= acked) continue;
      deps.journal.write(name, acked + 1, ackedUpto);
      acked = ackedUpto;
    }
  };
  const loop = async (): Promise<void> => {
    while (!isClosed) {
      if (acked + 1 < count) await post().catch(() => undefined);
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, deps.random.between(50, 150));
      });
    }
  };
  const running = loop();
  return {
    identity,
    storedSessionId: () => identity.sessionId,
    step: () => {
      count++;
    },
    sent: () => count,
    resent: () => resent,
    async settled(timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      while (acked + 1 < count && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
      return acked + 1 === count;
    },
    close() {
      isClosed = true;
      wake();
      void running;
    },
  };
}

function startOf(identity: TrackerIdentity) {
  return {
    sessionId: identity.sessionId,
    tab: identity.tab,
    resumeToken: identity.resumeToken,
    answersResend: true,
    url: "https://shop.example/loss",
    title: identity.name,
    userAgent: "loss test",
    startTime: Date.now(),
  };
}
