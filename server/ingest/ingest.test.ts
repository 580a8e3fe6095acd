import { describe, expect, it } from "vitest";
import { createIngestRoom } from "../../test/harness/ingest-room.ts";
import { CHECKOUT_REQUEST_INTERVAL_MS } from "../../protocol/limits.ts";
import { AWAY_AFTER_MS } from "./keeper.ts";

const TOKEN = "0123456789abcdef";
/** Lets promises that are due run. */
const turn = () => new Promise(setImmediate);

describe("opening", () => {
  it("ING-16 binds a session to project and token, and answers with what was received", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    expect(tracker.heard("session_started")).toMatchObject([
      {
        sessionId: "session-1",
        tab: "tab1",
        upto: -1,
        resumeToken: TOKEN,
        watchers: 0,
        limits: { maxEventsPerSession: 1_000_000 },
      },
    ]);
    expect(room.store.openings[0]?.resumeHash).toHaveLength(32);
    for (const seq of [0, 1]) tracker.batch(seq);
    const again = await room.open();
    expect(again.heard("session_started")).toMatchObject([{ upto: 1 }]);
    expect(room.store.openings).toHaveLength(1);
  });

  it("ING-16 acknowledges again what is durable when a tab comes back, though nothing is left to send", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.batch(0);
    room.store.commit();
    const again = await room.open();
    expect(again.heard("session_started")).toMatchObject([{ upto: 0 }]);
    room.clock.advance(1);
    expect(again.heard("ack")).toEqual([{ tab: "tab1", upto: 0 }]);
  });

  it("ING-17 gives a fresh session and token to whoever shows another token, or comes from another project", async () => {
    const room = createIngestRoom();
    await room.open();
    for (const stranger of [await room.open({ resumeToken: "fedcba9876543210" }), await room.open({}, 2)]) {
      const [started] = stranger.heard("session_started");
      expect(started).toMatchObject({ upto: -1 });
      expect(started).not.toMatchObject({ sessionId: "session-1" });
      expect(started).not.toMatchObject({ resumeToken: TOKEN });
      stranger.batch(0);
      expect(stranger.heard("error")).toEqual([]);
    }
    expect(new Set(room.store.pending.map(({ sessionId }) => sessionId)).has("session-1")).toBe(false);
  });

  it("ING-17 does not resume after a restart for a token that is not the owner's", async () => {
    const room = createIngestRoom();
    await room.open();
    const opened = await room.store.openSession({ ...room.store.openings[0]!, resumeHash: new Uint8Array(32) });
    expect(opened.kind).toBe("foreign");
  });

  it("ING-18 gives the tabs of one browser the same fresh session when theirs is over", async () => {
    const room = createIngestRoom();
    const first = await room.open();
    first.say("session_end", {});
    await turn();
    const back = await room.open({ tab: "tab2" });
    const other = await room.open({ tab: "tab3" });
    const [a] = back.heard("session_started");
    const [b] = other.heard("session_started");
    expect(a).not.toMatchObject({ sessionId: "session-1" });
    expect(a).toMatchObject({ resumeToken: TOKEN });
    expect(b).toMatchObject({ sessionId: (a as { sessionId: string }).sessionId, resumeToken: TOKEN });
  });

  it("ING-19 tells the tracker to try again while Postgres is away, keeps the socket, and takes nothing of what waited", async () => {
    const room = createIngestRoom();
    room.store.isDown = true;
    const tracker = await room.open();
    expect(tracker.heard("error")).toMatchObject([{ code: "overload", retryAfterMs: 2_000 }]);
    expect(tracker.closes).toEqual([]);
    tracker.batch(0);
    expect(tracker.heard("error")).toMatchObject([{}, { code: "not_started" }]);
    room.store.isDown = false;
    tracker.say("session_start", { sessionId: "session-1", tab: "tab1", resumeToken: TOKEN });
    tracker.batch(0);
    await turn();
    expect(tracker.heard("session_started")).toHaveLength(1);
    expect(room.store.pending).toHaveLength(1);
  });

  it("ING-20 lets the newest way have a tab, takes batches from the older one as well, and goes back to it", async () => {
    const room = createIngestRoom();
    const old = await room.open();
    old.batch(0);
    const newer = await room.open();
    old.batch(1);
    newer.batch(2);
    room.store.commit();
    expect(newer.heard("ack")).toEqual([{ tab: "tab1", upto: 2 }]);
    room.ingest.watchersChanged("session-1", 3);
    expect(newer.heard("watchers")).toEqual([{ count: 3 }]);
    expect(old.heard("watchers")).toEqual([]);
    newer.connection.closed();
    room.clock.advance(AWAY_AFTER_MS * 2);
    room.ingest.watchersChanged("session-1", 1);
    expect(old.heard("watchers")).toEqual([{ count: 1 }]);
    expect(room.notes.some((note) => note.kind === "update" && note.status === "away")).toBe(false);
  });

  it("ING-21 keeps the tabs of one session apart, on one connection or on several", async () => {
    const room = createIngestRoom();
    const one = await room.open();
    const two = await room.open({ tab: "tab2" });
    one.batch(0);
    two.batch(0);
    two.batch(1);
    one.say("session_start", { sessionId: "session-1", tab: "tab3", resumeToken: TOKEN });
    one.batch(0, { tab: "tab3" });
    one.batch(1, { tab: "tab1" });
    await turn();
    one.batch(0, { tab: "tab2" });
    expect(one.heard("error")).toMatchObject([{ code: "not_started" }]);
    const stored = room.store.pending.map(({ tab, seq }) => `${tab}:${seq}`);
    expect(stored.sort()).toEqual(["tab1:0", "tab1:1", "tab2:0", "tab2:1", "tab3:0"]);
    expect(room.ingest.status()).toMatchObject({ connections: 2, sessions: 1, tabs: 3 });
  });
});

describe("messages", () => {
  it("ING-22 answers what makes no sense with an error that names the field, and closes after many", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.say("events_batch", { seq: 0, tab: "tab1", payload: "text" });
    tracker.say("events_batch", { tab: "tab1", events: [{ type: "x" }] });
    tracker.say("nonsense", {});
    tracker.say("session_update", { url: 5 });
    const faults = tracker.heard("error").map((error) => ("message" in error ? error.message : ""));
    expect(faults[0]).toMatch(/^events_batch: firstAt/);
    expect(faults[1]).toMatch(/^events_batch: events\.0/);
    expect(faults[2]).toMatch(/unknown message type/);
    expect(faults[3]).toMatch(/^session_update: url/);
    expect(tracker.heard("error")).toMatchObject(new Array(4).fill({ code: "malformed" }));
    for (let i = 0; i < 20; i++) tracker.say("nonsense", {});
    expect(tracker.closes).toMatchObject([{ code: "protocol" }]);
    expect(room.ingest.status().refused).toBe(24);
  });

  it("ING-23 keeps what a page says of itself, and tells viewers", async () => {
    const room = createIngestRoom();
    const tracker = await room.open({ userId: "ada", title: "Shop" });
    tracker.say("session_update", { url: "https://shop.example/cart", title: "Cart", traits: { plan: "pro" } });
    expect(room.notes.at(-1)).toEqual({ kind: "update", status: "live", url: "https://shop.example/cart" });
    tracker.batch(0);
    expect(room.store.pending[0]?.url).toBe("https://shop.example/cart");
    room.clock.advance(1_000);
    await turn();
    expect(room.store.progress.at(-1)?.session).toMatchObject({
      userId: "ada",
      title: "Cart",
      traits: { plan: "pro" },
      eventCount: 2,
      batchCount: 1,
    });
  });

  it("ING-24 asks a tab for a checkout at most once in ten seconds, or when it comes back", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    for (let i = 0; i < 3; i++) room.ingest.requestCheckout("session-1", "tab1");
    expect(tracker.heard("checkout_request")).toEqual([{ tab: "tab1" }]);
    room.clock.advance(CHECKOUT_REQUEST_INTERVAL_MS);
    room.ingest.requestCheckout("session-1", "tab1");
    expect(tracker.heard("checkout_request")).toHaveLength(2);
    tracker.connection.closed();
    room.clock.advance(CHECKOUT_REQUEST_INTERVAL_MS);
    room.ingest.requestCheckout("session-1", "tab1");
    const back = await room.open();
    expect(back.heard("checkout_request")).toEqual([{ tab: "tab1" }]);
  });
});
