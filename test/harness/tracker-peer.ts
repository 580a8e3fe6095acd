/**
 * The other end of a tracker, for tests: serves pages and the built tracker, takes sockets and HTTP batches, keeps what came, and does
 * what a test tells it to: acknowledge late, lose, refuse, ask again. A peer of the real wire, not a stand-in for the browser.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { WebSocketServer, type WebSocket } from "ws";
import type { PackedBatch } from "../../protocol/batch.ts";
import { decodeBinary, decodeText, parseMessage, type Envelope } from "../../protocol/codec.ts";
import { FrameReader } from "../../protocol/frames.ts";
import { DEFAULT_TRACKER_LIMITS, MAX_FRAME_BYTES, type TrackerLimits } from "../../protocol/limits.ts";
import {
  fromTracker,
  type FromTrackerMessage,
  type SessionStart,
  type ToTrackerMessage,
  type TrackerSettings,
  type WireError,
} from "../../protocol/tracker-messages.ts";

/** An rrweb event as far as tests look at it. */
export interface SeenEvent {
  type: number;
  timestamp: number;
  data: Record<string, unknown>;
}

/** One tab as the peer knows it. */
export interface SeenTab {
  start: SessionStart;
  /** By seq. */
  batches: Map<number, PackedBatch>;
  gaps: { fromSeq: number; toSeq: number }[];
  isEnded: boolean;
}

/** What a test can turn while it runs. */
export interface PeerBehaviour {
  /** False: batches are kept and never acknowledged. */
  isAcking: boolean;
  /** False: the socket is refused with 503 before it opens. */
  takesSockets: boolean;
  /** False: `POST /v1/ingest` is answered with 503. */
  takesHttp: boolean;
  /** True where this batch is to be lost on the way, unseen. */
  loses: (batch: PackedBatch) => boolean;
  /** What the project asks of its trackers. */
  settings: TrackerSettings | null;
  /** What the server tells of its limits. */
  limits: TrackerLimits;
  /** Answers every `session_start` in place of `session_started`. */
  refusal: WireError | null;
  /** Gives a page another session than it asked for. */
  freshId: ((start: SessionStart) => { sessionId: string; resumeToken: string } | null) | null;
}

export interface TrackerPeer {
  origin: string;
  behaviour: PeerBehaviour;
  /** By tab id, in the order of their first word. */
  tabs: Map<string, SeenTab>;
  /** Every message in the order of its arrival. */
  log: FromTrackerMessage[];
  /** When each of these came. */
  logAt: number[];
  /** Every byte that came, message by message and body by body, before anything was made of it; and the head of each request of the tracker. */
  received: Buffer[];
  /** Addresses asked for by HTTP. */
  requests: string[];
  sockets: Set<WebSocket>;
  /** Serves this page under a path. */
  page: (path: string, html: string, headers?: Record<string, string>) => string;
  send: (message: ToTrackerMessage) => void;
  /** Events of a tab, in the order of their seqs. */
  events: (tab: string) => SeenEvent[];
  allEvents: () => SeenEvent[];
  /** Forgets all that has come. What the pages of before still say is left out. */
  forget: () => void;
  close: () => Promise<void>;
}

/** Stands for the tab of a connection whose `session_start` was refused. */
const REFUSED = " ";

/** What a project asks for that leaves everything to the page. */
export const LOOSE: TrackerSettings = {
  sampleRate: 1,
  maskAllInputs: false,
  maskText: "none",
  maskTextSelector: "",
  blockSelector: "",
  recordConsole: true,
  recordNetwork: true,
  recordBodies: false,
  respectDoNotTrack: false,
};

/** Events inside a batch. */
export function eventsOf(batch: PackedBatch): SeenEvent[] {
  const bytes = batch.encoding === "json" ? batch.payload : inflateRawSync(batch.payload);
  return JSON.parse(Buffer.from(bytes).toString("utf8")) as SeenEvent[];
}

/** Starts a peer on a free port of this machine. */
export async function startPeer(trackerFolder: string): Promise<TrackerPeer> {
  const pages = new Map<string, { html: string; headers: Record<string, string> }>();
  const behaviour: PeerBehaviour = {
    isAcking: true,
    takesSockets: true,
    takesHttp: true,
    loses: () => false,
    settings: null,
    limits: DEFAULT_TRACKER_LIMITS,
    refusal: null,
    freshId: null,
  };
  const received: Buffer[] = [];
  const tabs: TrackerPeer["tabs"] = new Map();
  const forgotten = new Set<string>();
  const log: FromTrackerMessage[] = [];
  const logAt: number[] = [];
  const requests: string[] = [];
  const sockets = new Set<WebSocket>();

  function take(envelope: Envelope, about: { tab: string }): ToTrackerMessage[] {
    const message = parseMessage<typeof fromTracker, FromTrackerMessage["type"]>(fromTracker, envelope);
    if (message.type === "events_batch" && "payload" in message.data && behaviour.loses(message.data)) return [];
    log.push(message);
    logAt.push(performance.now());
    if (message.type === "session_start") {
      if (!behaviour.refusal) return [open(message.data, about)];
      about.tab = REFUSED;
      return [{ type: "error", data: behaviour.refusal }];
    }
    if (about.tab === REFUSED) return [];
    const tab = tabs.get(about.tab);
    // Last words of a page whose test is over and was forgotten.
    if (!tab && forgotten.has(about.tab)) return [];
    if (!tab) throw new Error(`${message.type} before session_start`);
    if (message.type === "gap") tab.gaps.push(message.data);
    if (message.type === "tab_end") tab.isEnded = true;
    if (message.type !== "events_batch" || !("payload" in message.data)) return [];
    const batch = message.data;
    tab.batches.set(batch.seq, batch);
    const next = nextOf(tab);
    if (batch.seq > next) return [{ type: "resend", data: { tab: about.tab, fromSeq: next } }];
    return behaviour.isAcking ? [{ type: "ack", data: { tab: about.tab, upto: next - 1 } }] : [];
  }

  function open(start: SessionStart, about: { tab: string }): ToTrackerMessage {
    const fresh = behaviour.freshId?.(start) ?? null;
    about.tab = start.tab ?? "main";
    let tab = tabs.get(about.tab);
    if (fresh && tab?.start.sessionId !== fresh.sessionId) tab = undefined;
    tab ??= { start, batches: new Map(), gaps: [], isEnded: false };
    tab.start = { ...start, ...fresh };
    tab.isEnded = false;
    tabs.set(about.tab, tab);
    return {
      type: "session_started",
      data: {
        sessionId: fresh?.sessionId ?? start.sessionId ?? "",
        resumeToken: fresh?.resumeToken ?? start.resumeToken ?? "",
        tab: about.tab,
        upto: nextOf(tab) - 1,
        limits: behaviour.limits,
        watchers: 0,
        ...(behaviour.settings ? { settings: behaviour.settings } : {}),
      },
    };
  }

  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    requests.push(path);
    if (path === "/v1/ingest") {
      received.push(headOf(request));
      void ingest(request, response);
      return;
    }
    if (/^\/tracker(?:-preview|-assist|-bodies)?\.m?js$/.test(path)) {
      response.setHeader("Content-Type", "text/javascript");
      response.end(readFileSync(trackerFolder + path));
      return;
    }
    const page = pages.get(path);
    response.writeHead(page ? 200 : 404, { "Content-Type": "text/html; charset=utf-8", ...page?.headers });
    response.end(page?.html ?? "nothing here");
  });

  async function ingest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Content-Type", "application/json");
    const reader = new FrameReader(MAX_FRAME_BYTES);
    const about = { tab: "" };
    const messages: ToTrackerMessage[] = [];
    for await (const piece of request) {
      if (!behaviour.takesHttp) continue;
      received.push(Buffer.from(piece as Buffer));
      for (const frame of reader.push(new Uint8Array(piece as Buffer))) messages.push(...take(decodeBinary(frame), about));
    }
    response.statusCode = behaviour.takesHttp ? 200 : 503;
    response.end(JSON.stringify({ messages }));
  }

  const wss = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });
  server.on("upgrade", (request, socket, head) => {
    received.push(headOf(request));
    if (!behaviour.takesSockets) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    wss.handleUpgrade(request, socket, head, (ws) => {
      sockets.add(ws);
      const about = { tab: "" };
      ws.on("message", (data: Buffer, isBinary) => {
        received.push(Buffer.from(data));
        const envelope = isBinary ? decodeBinary(new Uint8Array(data)) : decodeText(data.toString("utf8"));
        for (const answer of take(envelope, about)) ws.send(JSON.stringify(answer));
      });
      ws.on("close", () => sockets.delete(ws));
    });
  });

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const origin = `http://localhost:${typeof address === "object" && address ? address.port : 0}`;
  const events = (name: string): SeenEvent[] =>
    [...(tabs.get(name)?.batches.values() ?? [])].sort((a, b) => a.seq - b.seq).flatMap(eventsOf);

  return {
    origin,
    behaviour,
    tabs,
    log,
    logAt,
    received,
    requests,
    sockets,
    events,
    forget() {
      for (const tab of tabs.keys()) forgotten.add(tab);
      tabs.clear();
      log.length = 0;
      logAt.length = 0;
      received.length = 0;
    },
    allEvents: () => [...tabs.keys()].flatMap(events),
    page(path, html, headers = {}) {
      pages.set(path, { html, headers });
      return origin + path;
    },
    send(message) {
      for (const socket of sockets) socket.send(JSON.stringify(message));
    },
    async close() {
      for (const socket of sockets) socket.terminate();
      wss.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function headOf(request: IncomingMessage): Buffer {
  return Buffer.from(`${request.url ?? ""}\n${request.rawHeaders.join("\n")}`);
}

/** The first seq of a tab that is neither here nor given up. */
function nextOf(tab: SeenTab): number {
  let next = 0;
  for (;;) {
    const gap = tab.gaps.find(({ fromSeq, toSeq }) => fromSeq <= next && next <= toSeq);
    if (gap) next = gap.toSeq + 1;
    else if (tab.batches.has(next)) next++;
    else return next;
  }
}
