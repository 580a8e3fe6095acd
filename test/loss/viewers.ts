/**
 * Viewers of the loss test. Each follows one session and holds the feed to its promise: within a tab each seq once and in order, with the
 * tracker's own bytes, and a hole only where a `gap` or `resyncing` was said before.
 */

import WebSocket from "ws";
import { decodeBinary, encodeBinary, MalformedMessage, parseMessage } from "../../protocol/codec.ts";
import type { ViewerBatch } from "../../protocol/batch.ts";
import { toViewer } from "../../protocol/viewer-messages.ts";
import { payloadOf } from "./payload.ts";
import type { Random } from "./random.ts";

const MAX_RETRY_MS = 300;

export interface LossViewer {
  readonly sessionId: string;
  /** Newest seq held of a tab, or -1. */
  upto(tab: string): number;
  /** Stops and goes on reading. */
  setPaused(isPaused: boolean): void;
  readonly counts: { batches: number; gaps: number; resyncs: number; joins: number };
  close(): void;
}

interface ViewerDeps {
  url: URL;
  random: Random;
  /** Name of the tracker behind a tab of this session, or undefined for a stranger's tab. */
  nameOf: (tab: string) => string | undefined;
  report: (breach: string) => void;
}

/** Joins, and comes back with what it holds whenever the connection is lost, until it is closed. */
export function createViewer(sessionId: string, deps: ViewerDeps): LossViewer {
  const cursor = new Map<string, number>();
  const counts = { batches: 0, gaps: 0, resyncs: 0, joins: 0 };
  /** Tabs whose next batch may leave seqs out, because the feed said so or has not begun. */
  let mayJump = new Set<string>();
  let isClosed = false;
  let socket: WebSocket | null = null;

  const takeBatch = (batch: ViewerBatch): void => {
    const name = deps.nameOf(batch.tab);
    if (name === undefined) {
      deps.report(`LOS-5 viewer of ${sessionId}: a batch of the unknown tab ${batch.tab}`);
      return;
    }
    counts.batches++;
    const last = cursor.get(batch.tab);
    if (batch.sessionId !== sessionId) deps.report(`LOS-5 viewer of ${sessionId}: a batch of session ${batch.sessionId}`);
    if (last !== undefined && batch.seq <= last) deps.report(`LOS-5 viewer of ${name}: seq ${batch.seq} after ${last}, a repeat`);
    const mayStartHere = last === undefined || mayJump.has(batch.tab);
    if (!mayStartHere && batch.seq !== last + 1) deps.report(`LOS-5 viewer of ${name}: seq ${batch.seq} after ${last}, a hole`);
    if (mayStartHere && batch.seq !== (last ?? -1) + 1 && !batch.checkout) {
      deps.report(`LOS-5 viewer of ${name}: goes on at ${batch.seq} after ${last ?? "nothing"}, which is no checkout`);
    }
    if (!payloadOf(name, batch.seq).equals(batch.payload))
      deps.report(`LOS-5 viewer of ${name}: the bytes of seq ${batch.seq} are not its own`);
    mayJump.delete(batch.tab);
    cursor.set(batch.tab, batch.seq);
  };

  const take = (bytes: Buffer): void => {
    const message = parseMessage(toViewer, decodeBinary(bytes));
    switch (message.type) {
      case "events_batch":
        if ("payload" in message.data) takeBatch(message.data);
        break;
      case "gap": {
        const { tab, fromSeq, toSeq } = message.data;
        const last = cursor.get(tab);
        counts.gaps++;
        if (last !== undefined && toSeq <= last)
          deps.report(`LOS-5 viewer of ${sessionId}: a gap ${fromSeq}-${toSeq} before ${last}`);
        if (last === undefined || toSeq > last) cursor.set(tab, toSeq);
        break;
      }
      case "session_phase":
        if (message.data.phase !== "resyncing") break;
        counts.resyncs++;
        mayJump = new Set(cursor.keys());
        break;
      case "error":
        if (!["overload", "not_found", "limit"].includes(message.data.code)) {
          deps.report(`LOS-5 viewer of ${sessionId}: error ${message.data.code}: ${message.data.message}`);
        } else if (message.data.code === "not_found" || message.data.code === "overload") socket?.terminate(); // the session is not there yet: ask again
        break;
      default:
        break;
    }
  };

  const connect = (): void => {
    if (isClosed) return;
    const opened = new WebSocket(deps.url, { perMessageDeflate: false });
    socket = opened;
    opened.on("open", () => {
      counts.joins++;
      const held = cursor.size > 0 ? { cursor: Object.fromEntries(cursor) } : {};
      opened.send(encodeBinary("viewer_join_session", { sessionId, ...held }));
    });
    opened.on("message", (bytes: Buffer) => {
      if (socket !== opened) return;
      try {
        take(bytes);
      } catch (error) {
        if (!(error instanceof MalformedMessage)) throw error;
        deps.report(`LOS-5 viewer of ${sessionId}: ${error.message}`);
      }
    });
    opened.on("error", () => undefined);
    opened.on("close", (code) => {
      if (code >= 4000 && code !== 4503) deps.report(`LOS-5 viewer of ${sessionId}: closed with ${code}`);
      if (socket === opened) setTimeout(connect, deps.random.between(20, MAX_RETRY_MS));
    });
  };
  connect();

  return {
    sessionId,
    counts,
    upto: (tab) => cursor.get(tab) ?? -1,
    setPaused(isPaused) {
      if (socket?.readyState !== WebSocket.OPEN) return;
      if (isPaused) socket.pause();
      else socket.resume();
    },
    close() {
      isClosed = true;
      socket?.close();
      socket = null;
    },
  };
}
