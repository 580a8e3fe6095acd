import { describe, expect, it } from "vitest";
import { createIngestRoom, NOON, projectOf, TestTracker } from "../../test/harness/ingest-room.ts";
import { AWAY_AFTER_MS, TAB_GONE_MS } from "./keeper.ts";
import { SETTLE_MAX_MS } from "./tracker-link.ts";

const TOKEN = "0123456789abcdef";
/** Lets promises that are due run. */
const turn = () => new Promise(setImmediate);

describe("status and end", () => {
  it("ING-25 a session without a connected tab is away after a while, and live again when one comes back", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.connection.closed();
    room.clock.advance(AWAY_AFTER_MS - 1_000);
    expect(room.notes.some((note) => note.kind === "update" && note.status === "away")).toBe(false);
    room.clock.advance(2_000);
    expect(room.notes.at(-1)).toMatchObject({ kind: "update", status: "away" });
    await room.open();
    expect(room.notes.filter((note) => note.kind === "update").at(-1)).toMatchObject({ status: "live" });
  });

  it("ING-26 ends an idle session, connected or not, and gives its tracker a fresh one", async () => {
    const room = createIngestRoom({ sessionIdleMs: 5 * 60_000 });
    const tracker = await room.open();
    tracker.batch(0);
    room.store.commit();
    room.clock.advance(4 * 60_000);
    await turn();
    expect(room.store.ends).toEqual([]);
    room.clock.advance(3 * 60_000);
    await turn();
    expect(room.store.ends).toEqual([{ sessionId: "session-1", endedAt: NOON + 1, reason: "idle" }]);
    expect(room.notes.at(-1)).toEqual({ kind: "end", sessionId: "session-1", reason: "idle" });
    tracker.batch(1);
    expect(tracker.heard("error")).toMatchObject([{ code: "not_started" }]);
    expect(tracker.closes).toMatchObject([{ code: "timeout" }]);
    expect(room.ingest.status()).toMatchObject({ sessions: 0 });
  });

  it("ING-27 session_end takes nothing more, and ends when all is durable and written; twice is once", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.batch(0, { markers: [{ kind: "error", at: NOON, name: "TypeError" }] });
    tracker.say("session_end", { sessionId: "session-1" });
    tracker.say("session_end", {});
    await turn();
    expect(room.store.ends).toEqual([]);
    room.store.isDown = true;
    room.store.commit();
    await turn();
    expect(room.store.ends).toEqual([]);
    room.store.isDown = false;
    room.clock.advance(1_000);
    await turn();
    expect(room.store.ends).toMatchObject([{ sessionId: "session-1", reason: "ended" }]);
    expect(room.store.progress.at(-1)?.session).toMatchObject({ status: "ended", errorCount: 1, endedAt: NOON + 1 });
    expect(tracker.heard("ack")).toEqual([{ tab: "tab1", upto: 0 }]);
  });

  it("ING-28 tab_end ends the page only, and what nobody holds leaves the memory once it is written", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    await room.open({ tab: "tab2" });
    tracker.batch(0);
    tracker.say("tab_end", {});
    tracker.connection.closed();
    room.clock.advance(1_000);
    await turn();
    expect(room.store.progress.at(-1)?.tabs).toMatchObject([
      { tab: "tab1", endedAt: NOON + 1 },
      { tab: "tab2", endedAt: null },
    ]);
    expect(room.ingest.status().tabs).toBe(2);
    room.store.commit();
    (await room.open({ tab: "tab2" })).batch(0);
    room.clock.advance(1_000);
    await turn();
    expect(room.ingest.status().tabs).toBe(1);
  });

  it("ING-28 a page that went without a word has ended after a minute", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.batch(0);
    room.store.commit();
    tracker.connection.closed();
    for (let passed = 0; passed < TAB_GONE_MS + 5_000; passed += 1_000) {
      room.clock.advance(1_000);
      await turn();
    }
    expect(room.ingest.status().tabs).toBe(0);
    expect(room.store.progress.at(-1)?.tabs).toMatchObject([{ tab: "tab1", endedAt: NOON + 1 }]);
    expect((await room.open()).heard("session_started")).toMatchObject([{ upto: 0 }]);
  });

  it("ING-29 ends what a dead process left open, never before our own were written", async () => {
    const room = createIngestRoom();
    room.store.abandoned = ["session-old"];
    await room.open();
    room.store.isDown = true;
    room.clock.advance(1_000);
    await turn();
    expect(room.store.abandonedAsked).toEqual([]);
    room.store.isDown = false;
    room.clock.advance(60_000);
    await turn();
    expect(room.store.abandonedAsked).toEqual([NOON + 61_000 - 30 * 60_000 - 60_000]);
    expect(room.notes.at(-1)).toEqual({ kind: "end", sessionId: "session-old", reason: "idle" });
  });

  it("ING-30 takes nothing more for an erased session, and tells its tracker that it is gone", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    expect(room.ingest.openSessionsOf(1, "ada")).toEqual([]);
    tracker.say("session_update", { userId: "ada" });
    expect(room.ingest.openSessionsOf(1, "ada")).toEqual(["session-1"]);
    expect(room.ingest.openSessionsOf(2, "ada")).toEqual([]);
    room.ingest.erase(["session-1"]);
    expect(room.notes.at(-1)).toEqual({ kind: "end", sessionId: "session-1", reason: "erased" });
    expect(tracker.heard("error")).toMatchObject([{ code: "gone" }]);
    expect(tracker.closes).toMatchObject([{ code: "gone" }]);
    tracker.batch(0);
    expect(room.store.pending).toEqual([]);
    room.clock.advance(5_000);
    await turn();
    expect(room.store.progress).toEqual([]);
    // What its page still holds must not come in under another id.
    const back = await room.open();
    expect(back.heard("session_started")).toEqual([]);
    expect(back.heard("error")).toMatchObject([{ code: "gone" }]);
  });

  it("RET-21 a session is that of everybody whom its pages told of, until the database knows of them", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    for (const userId of ["ada", "bob", "ada", null]) tracker.say("session_update", { userId });
    for (const userId of ["ada", "bob"]) expect(room.ingest.openSessionsOf(1, userId)).toEqual(["session-1"]);
    room.store.isDown = true;
    room.clock.advance(1_000);
    await turn();
    expect(room.ingest.openSessionsOf(1, "bob")).toEqual(["session-1"]);
    room.store.isDown = false;
    room.clock.advance(1_000);
    await turn();
    expect(room.store.progress.at(-1)).toMatchObject({ session: { userId: null }, formerUserIds: ["ada", "bob"] });
    expect(room.ingest.openSessionsOf(1, "ada")).toEqual([]);
    tracker.say("session_update", { title: "Bye" });
    room.clock.advance(1_000);
    await turn();
    expect(room.store.progress.at(-1)).toMatchObject({ session: { title: "Bye" }, formerUserIds: [] });
  });

  it("ING-30 an erased id is to another project's page an id like any that is taken", async () => {
    const room = createIngestRoom();
    await room.open();
    room.ingest.erase(["session-1"]);
    const stranger = new TestTracker(room.ingest, 9, projectOf(2));
    stranger.say("session_start", { sessionId: "session-1", tab: "tab1", url: "https://blog.example/" });
    await turn();
    expect(stranger.heard("session_started")).toHaveLength(1);
    expect(stranger.heard("session_started")).not.toMatchObject([{ sessionId: "session-1" }]);
    expect(stranger.heard("error")).toEqual([]);
  });

  it("ING-30 an id that another process erased is refused as well", async () => {
    const room = createIngestRoom();
    room.store.erased.add("session-1");
    const tracker = await room.open();
    expect(tracker.heard("session_started")).toEqual([]);
    expect(tracker.heard("error")).toMatchObject([{ code: "gone" }]);
  });

  it("ING-45 takes no payload while the disk has no room, says when to come back, and loses nothing", async () => {
    let waitMs: number | null = null;
    const room = createIngestRoom({ waitMs: () => waitMs });
    const tracker = await room.open();
    tracker.batch(0);
    waitMs = 10_000;
    tracker.batch(1);
    tracker.batch(2);
    expect(room.store.pending.map(({ seq }) => seq)).toEqual([0]);
    expect(tracker.heard("error")).toMatchObject([{ code: "overload", retryAfterMs: 10_000 }]);
    expect(tracker.heard("resend")).toEqual([{ tab: "tab1", fromSeq: 1, afterMs: 10_000 }]);
    const other = await room.open({ sessionId: "session-2" });
    expect(other.heard("error")).toMatchObject([{ code: "overload", retryAfterMs: 10_000 }]);
    waitMs = null;
    tracker.batch(1);
    tracker.batch(2);
    room.store.commit();
    expect(tracker.heard("ack").at(-1)).toEqual({ tab: "tab1", upto: 2 });
    expect(room.notes.flatMap((note) => (note.kind === "batch" ? [note.seq] : []))).toEqual([0, 1, 2]);
  });
});

describe("settled and drain", () => {
  it("ING-31 resolves when all is durable, and was acknowledged before", async () => {
    const room = createIngestRoom();
    const tracker = room.connect();
    tracker.say("session_start", { sessionId: "session-1", tab: "tab1", resumeToken: TOKEN });
    tracker.batch(0);
    tracker.batch(1);
    let isSettled = false;
    void tracker.connection.settled().then(() => {
      isSettled = true;
    });
    await turn();
    expect(tracker.heard("session_started")).toHaveLength(1);
    expect(isSettled).toBe(false);
    room.store.commit();
    await turn();
    expect(isSettled).toBe(true);
    expect(tracker.heard("ack")).toEqual([{ tab: "tab1", upto: 1 }]);
  });

  it("ING-31 resolves with an acknowledgement when everything was there already, and with an error when nothing was taken", async () => {
    const room = createIngestRoom();
    (await room.open()).batch(0);
    room.store.commit();
    const again = await room.open();
    again.batch(0);
    const settled = again.connection.settled();
    room.clock.advance(1);
    await settled;
    expect(again.heard("ack")).toEqual([{ tab: "tab1", upto: 0 }]);
    room.store.isDown = true;
    const refused = room.connect();
    refused.say("session_start", { sessionId: "session-2" });
    await refused.connection.settled();
    expect(refused.heard("error")).toHaveLength(1);
  });

  it("ING-31 gives up after a bounded time while Postgres is away", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.batch(0);
    const settled = tracker.connection.settled();
    room.clock.advance(SETTLE_MAX_MS);
    await settled;
    expect(tracker.heard("ack")).toEqual([]);
  });

  it("ING-32 takes nothing new while it drains, writes what changed, and still acknowledges what was taken", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.batch(0);
    await room.ingest.drain();
    tracker.batch(1);
    const late = await room.open({ tab: "tab2" });
    expect(late.heard("error")).toMatchObject([{ code: "overload" }]);
    expect(room.store.pending).toHaveLength(1);
    expect(room.store.progress.at(-1)?.session).toMatchObject({ eventCount: 2 });
    room.store.commit();
    expect(tracker.heard("ack")).toEqual([{ tab: "tab1", upto: 0 }]);
  });
});
