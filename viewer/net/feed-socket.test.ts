import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { CLOSE } from "../../protocol/close-codes.ts";
import { decodeBinary, encodeBinary, parseMessage } from "../../protocol/codec.ts";
import type { SessionSummary } from "../../protocol/session.ts";
import { fromViewer, type FromViewerMessage } from "../../protocol/viewer-messages.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { sampleBatch, sampleCheckout } from "../player/sample-batches.ts";
import { FeedSocket, type Connection, type FeedHandlers } from "./feed-socket.ts";

const SESSION: SessionSummary = {
  sessionId: "session",
  projectId: 1,
  status: "live",
  live: true,
  userId: null,
  traits: {},
  url: "",
  title: "",
  userAgent: "",
  viewport: null,
  referrer: "",
  timeZone: "",
  language: "",
  release: "",
  environment: "",
  startedAt: 0,
  lastAt: 0,
  endedAt: null,
  durationMs: 0,
  eventCount: 0,
  batchCount: 0,
  byteCount: 0,
  errorCount: 0,
  tabCount: 1,
  watchers: 0,
};

let server: WebSocketServer;
let feed: FeedSocket;
let heard: FromViewerMessage[] = [];
let peers: WebSocket[] = [];
let connections: [Connection, number][] = [];
let told: string[] = [];
const original = globalThis.WebSocket;

/** Writes down what a session's feed tells. */
const handlers: FeedHandlers = {
  onJoined: (_session, _tabs, phase) => told.push(`joined ${phase}`),
  onPhase: (phase) => told.push(phase),
  onUpdated: (session) => told.push(`updated ${session.status}`),
  onBatch: (batch) => told.push(`batch ${batch.tab} ${batch.seq}`),
  onGap: (tab, fromSeq, toSeq) => told.push(`gap ${tab} ${fromSeq}-${toSeq}`),
  onEnded: (_endedAt, reason) => told.push(`ended ${reason}`),
  onError: (error) => told.push(`error ${error.code}`),
};

beforeEach(async () => {
  // The browser's own class and this one are used alike; Node 20 has none.
  Object.assign(globalThis, { WebSocket });
  [heard, peers, connections, told] = [[], [], [], []];
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (peer) => {
    peers.push(peer);
    peer.on("message", (data: Buffer) => heard.push(parseMessage(fromViewer, decodeBinary(new Uint8Array(data)))));
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  feed = new FeedSocket(`ws://127.0.0.1:${port}`, (connection, code) => connections.push([connection, code]));
});

afterEach(() => {
  feed.stop();
  for (const peer of peers) peer.terminate();
  server.close();
  Object.assign(globalThis, { WebSocket: original });
});

function say(type: string, data: unknown): void {
  peers.at(-1)?.send(encodeBinary(type, data));
}

function saysJoined(): void {
  say("session_joined", { session: SESSION, tabs: [], phase: "catching-up" });
}

describe("the viewer's socket", () => {
  it("VIE-23 follows a session and passes on what is told of it", async () => {
    const leave = feed.join("session", handlers);
    await waitFor(() => heard.length === 1);
    expect(heard[0]).toEqual({ type: "viewer_join_session", data: { sessionId: "session" } });
    saysJoined();
    say("events_batch", sampleBatch("a", 0, sampleCheckout(1)));
    say("session_phase", { sessionId: "session", phase: "live" });
    say("gap", { sessionId: "session", tab: "a", fromSeq: 1, toSeq: 2 });
    say("events_batch", { ...sampleBatch("a", 3, sampleCheckout(1)), sessionId: "another" });
    say("session_updated", { session: { ...SESSION, status: "away", live: false }, tabs: [] });
    say("session_ended", { sessionId: "session", endedAt: 5, reason: "idle" });
    await waitFor(() => told.length === 6);
    expect(told).toEqual(["joined catching-up", "batch a 0", "live", "gap a 1-2", "updated away", "ended idle"]);
    leave();
    await waitFor(() => heard.some(({ type }) => type === "viewer_leave_session"));
  });

  it("VIE-24 comes back after a lost connection and goes on behind what it has", async () => {
    feed.join("session", handlers);
    feed.watchList(7, { onList: () => told.push("list"), onChanged: () => told.push("changed") });
    await waitFor(() => heard.length === 2);
    saysJoined();
    say("events_batch", sampleBatch("a", 4, sampleCheckout(1)));
    say("gap", { sessionId: "session", tab: "b", fromSeq: 0, toSeq: 8 });
    await waitFor(() => told.length === 3);
    heard = [];
    peers[0]?.close(CLOSE.restart);
    await waitFor(() => heard.length === 2);
    expect(heard).toContainEqual({ type: "watch_live_sessions", data: { projectId: 7 } });
    expect(heard).toContainEqual({ type: "viewer_join_session", data: { sessionId: "session", cursor: { a: 4, b: 8 } } });
    expect(connections.map(([connection]) => connection)).toEqual(["connecting", "open", "waiting", "connecting", "open"]);
  });

  it("VIE-24 does not come back where it is of no use", async () => {
    feed.join("session", handlers);
    await waitFor(() => heard.length === 1);
    peers[0]?.close(CLOSE.unauthorized);
    await waitFor(() => connections.at(-1)?.[0] === "refused");
    expect(connections.at(-1)).toEqual(["refused", CLOSE.unauthorized]);
    expect(peers).toHaveLength(1);
  });

  it("VIE-23 ends a feed that is refused, and leaves one that has been joined", async () => {
    feed.join("session", handlers);
    await waitFor(() => heard.length === 1);
    saysJoined();
    await waitFor(() => told.length === 1);
    feed.join("unknown", { ...handlers, onError: (error) => told.push(`unknown ${error.code}`) });
    await waitFor(() => heard.length === 2);
    say("error", { code: "not_found", message: "no" });
    say("session_phase", { sessionId: "session", phase: "live" });
    await waitFor(() => told.length === 3);
    expect(told).toEqual(["joined catching-up", "unknown not_found", "live"]);
  });

  it("VIE-57 ends just the feed and the list to which the right was withdrawn", async () => {
    feed.join("session", handlers);
    feed.join("another", { ...handlers, onError: () => told.push("another") });
    const listHandlers = { onList: () => undefined, onChanged: () => undefined, onWithdrawn: () => told.push("list 7") };
    feed.watchList(7, listHandlers);
    feed.watchList(8, { ...listHandlers, onWithdrawn: () => told.push("list 8") });
    await waitFor(() => heard.length === 4);
    saysJoined();
    say("error", { code: "not_found", message: "no", sessionId: "session" });
    say("error", { code: "not_found", message: "no", projectId: 7 });
    await waitFor(() => told.length === 3);
    expect(told).toEqual(["joined catching-up", "error not_found", "list 7"]);
    heard = [];
    peers[0]?.close(CLOSE.forbidden);
    await waitFor(() => connections.at(-1)?.[0] === "refused");
    // Rights were read anew: what is left is followed again, and what is refused then is over.
    feed.reconnectNow();
    await waitFor(() => heard.length === 2);
    expect(heard.map(({ type }) => type)).toEqual(["watch_live_sessions", "viewer_join_session"]);
    say("error", { code: "not_found", message: "no" });
    await waitFor(() => told.at(-1) === "another");
  });

  it("VIE-25 follows the live list of a project", async () => {
    const stop = feed.watchList(7, {
      onList: (sessions) => told.push(`list ${sessions.length}`),
      onChanged: (sessions) => told.push(`changed ${sessions[0]?.status ?? ""}`),
    });
    await waitFor(() => heard.length === 1);
    say("live_sessions", { projectId: 7, sessions: [SESSION] });
    say("live_sessions_changed", { projectId: 7, changed: [{ ...SESSION, status: "ended", live: false }] });
    await waitFor(() => told.length === 2);
    expect(told).toEqual(["list 1", "changed ended"]);
    stop();
    await waitFor(() => heard.some(({ type }) => type === "unwatch_live_sessions"));
  });
});
