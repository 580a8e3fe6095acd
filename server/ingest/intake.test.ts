import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createIngestRoom, NOON } from "../../test/harness/ingest-room.ts";
import { RRWEB } from "../../protocol/rrweb-event.ts";
import { HOLE_PATIENCE_MS, STORE_FULL_WAIT_MS } from "./intake.ts";

const seqsOf = (rows: readonly { seq: number }[]) => rows.map(({ seq }) => seq);

describe("order", () => {
  it("ING-2 forwards a batch and hands it to the store in the tick in which it comes, viewers first", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.batch(0);
    expect(room.notes.at(-1)).toEqual({ kind: "batch", tab: "tab1", seq: 0 });
    expect(seqsOf(room.store.pending)).toEqual([0]);
    const [row] = room.store.pending;
    expect(row).toMatchObject({ sessionId: "session-1", projectId: 1, startedOn: "2026-11-21", receivedAt: NOON });
  });

  it("ING-3 acknowledges after the commit, once for each tab and commit", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    for (const seq of [0, 1, 2, 3]) tracker.batch(seq);
    expect(tracker.heard("ack")).toEqual([]);
    room.store.commit(3);
    expect(tracker.heard("ack")).toEqual([{ tab: "tab1", upto: 2 }]);
    room.store.commit();
    expect(tracker.heard("ack").at(-1)).toEqual({ tab: "tab1", upto: 3 });
    expect(room.notes.at(-1)).toEqual({ kind: "committed", tab: "tab1", upto: 3 });
  });

  it("ING-4 takes a batch once: a repeat is acknowledged again if it is durable, and otherwise waits for its commit", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.batch(0);
    tracker.batch(0);
    room.clock.advance(1);
    expect(tracker.heard("ack")).toEqual([]);
    room.store.commit();
    tracker.told.length = 0;
    for (let repeat = 0; repeat < 5; repeat++) tracker.batch(0);
    room.clock.advance(1);
    expect(tracker.heard("ack")).toEqual([{ tab: "tab1", upto: 0 }]);
    expect(seqsOf(room.store.rows)).toEqual([0]);
    expect(room.notes.filter(({ kind }) => kind === "batch")).toHaveLength(1);
  });

  it("ING-5 asks for a hole once, holds what is behind it, and lets it go when the hole is filled", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    for (const seq of [0, 3, 2, 4]) tracker.batch(seq);
    expect(tracker.heard("resend")).toEqual([{ tab: "tab1", fromSeq: 1 }]);
    expect(seqsOf(room.store.pending)).toEqual([0]);
    tracker.batch(1);
    expect(seqsOf(room.store.pending)).toEqual([0, 1, 2, 3, 4]);
    expect(room.ingest.status().heldBytes).toBe(0);
    room.clock.advance(HOLE_PATIENCE_MS * 2);
    expect(room.notes.some(({ kind }) => kind === "gap")).toBe(false);
  });

  it("ING-7 asks for a hole rarely where nothing can be held behind it", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    const payload = new Uint8Array(5 * 1024 * 1024);
    for (let seq = 1; seq < 20; seq++) tracker.batch(seq, { payload });
    expect(tracker.heard("resend")).toEqual([{ tab: "tab1", fromSeq: 0 }]);
    for (let seq = 0; seq < 3; seq++) tracker.batch(seq, { payload });
    expect(seqsOf(room.store.pending)).toEqual([0, 1, 2]);
  });

  it("ING-8 makes a gap of a hole that is not filled in time, tells viewers, and asks for a checkout", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    for (const seq of [0, 3, 4]) tracker.batch(seq);
    room.clock.advance(HOLE_PATIENCE_MS - 250);
    expect(seqsOf(room.store.pending)).toEqual([0]);
    room.clock.advance(500);
    expect(seqsOf(room.store.pending)).toEqual([0, 3, 4]);
    expect(room.notes).toContainEqual({ kind: "gap", tab: "tab1", fromSeq: 1, toSeq: 2 });
    expect(tracker.heard("checkout_request")).toEqual([{ tab: "tab1" }]);
    tracker.batch(1);
    expect(seqsOf(room.store.pending)).toEqual([0, 3, 4]);
  });

  it("ING-8 never gives up a hole for a tracker that answers, however long it takes, and asks again", async () => {
    const room = createIngestRoom();
    const tracker = await room.open({ answersResend: true });
    for (const seq of [0, 3, 4]) tracker.batch(seq);
    room.clock.advance(HOLE_PATIENCE_MS * 5);
    expect(room.notes.some(({ kind }) => kind === "gap")).toBe(false);
    expect(tracker.heard("resend").length).toBeGreaterThan(3);
    expect(tracker.heard("resend").every((said) => "fromSeq" in said && said.fromSeq === 1)).toBe(true);
    for (const seq of [1, 2]) tracker.batch(seq);
    expect(seqsOf(room.store.pending)).toEqual([0, 1, 2, 3, 4]);
  });

  it("ING-9 takes a tracker's word for a gap, at once or when what is before it has come", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.batch(0);
    tracker.say("gap", { tab: "tab1", fromSeq: 1, toSeq: 4 });
    tracker.batch(5);
    expect(seqsOf(room.store.pending)).toEqual([0, 5]);
    tracker.say("gap", { tab: "tab1", fromSeq: 7, toSeq: 8 });
    tracker.batch(9);
    expect(seqsOf(room.store.pending)).toEqual([0, 5]);
    tracker.batch(6);
    expect(seqsOf(room.store.pending)).toEqual([0, 5, 6, 9]);
    const gaps = room.notes.filter(({ kind }) => kind === "gap");
    expect(gaps).toEqual([
      { kind: "gap", tab: "tab1", fromSeq: 1, toSeq: 4 },
      { kind: "gap", tab: "tab1", fromSeq: 7, toSeq: 8 },
    ]);
  });

  it("ING-6 stores and forwards each batch once and in order, however a go-back-N tracker and its network behave", async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constant("send" as const) },
        { weight: 2, arbitrary: fc.constant("lose" as const) },
        { weight: 2, arbitrary: fc.constant("repeat" as const) },
        { weight: 2, arbitrary: fc.constant("commit" as const) },
        { weight: 1, arbitrary: fc.constant("full" as const) },
        { weight: 1, arbitrary: fc.constant("roomy" as const) },
        { weight: 1, arbitrary: fc.constant("reconnect" as const) },
      ),
      { maxLength: 80 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (actions) => {
        const room = createIngestRoom();
        let tracker = await room.open();
        let cursor = 0;
        let acked = -1;
        let newest = -1;
        const listen = () => {
          for (const message of tracker.told.splice(0)) {
            if (message.type === "resend") cursor = Math.max(acked + 1, message.data.fromSeq);
            else if (message.type === "ack") {
              expect(message.data.upto).toBeGreaterThanOrEqual(acked);
              acked = message.data.upto;
              expect(seqsOf(room.store.rows)).toContain(acked);
            } else if (message.type === "session_started") cursor = message.data.upto + 1;
          }
          cursor = Math.max(cursor, acked + 1);
        };
        for (const action of actions) {
          if (action === "send") {
            newest = Math.max(newest, cursor);
            tracker.batch(cursor++);
          } else if (action === "lose") cursor++;
          else if (action === "repeat") cursor = Math.max(acked + 1, cursor - 3);
          else if (action === "commit") room.store.commit();
          else if (action === "full") room.store.isFull = true;
          else if (action === "roomy") room.store.isFull = false;
          else {
            tracker.connection.closed();
            tracker = await room.open();
          }
          room.clock.advance(10);
          listen();
        }
        room.store.isFull = false;
        room.clock.advance(STORE_FULL_WAIT_MS);
        // The tracker goes on from what it knows until all of it is acknowledged.
        const last = Math.max(newest, cursor) + 2;
        for (let round = 0; round < 20 && acked < last; round++) {
          for (cursor = acked + 1; cursor <= last;) tracker.batch(cursor++);
          room.store.commit();
          room.clock.advance(10);
          listen();
        }
        const expected = [...Array(last + 1).keys()];
        expect(seqsOf(room.store.rows)).toEqual(expected);
        expect(room.notes.flatMap((note) => (note.kind === "batch" ? [note.seq] : []))).toEqual(expected);
        expect(room.ingest.status().heldBytes).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});

describe("limits", () => {
  it("ING-10 takes nothing that the store has no room for, and says when to send it again", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    room.store.isFull = true;
    for (const seq of [0, 1, 2]) tracker.batch(seq);
    expect(tracker.heard("resend")).toEqual([{ tab: "tab1", fromSeq: 0, afterMs: STORE_FULL_WAIT_MS }]);
    expect(room.ingest.status()).toMatchObject({ heldBytes: 0, overloads: 1 });
    room.store.isFull = false;
    for (const seq of [0, 1, 2]) tracker.batch(seq);
    expect(seqsOf(room.store.pending)).toEqual([0, 1, 2]);
    expect(room.notes.flatMap((note) => (note.kind === "batch" ? [note.seq] : []))).toEqual([0, 1, 2]);
  });

  it("ING-10 takes nothing behind what it refused, asks for it again, and acknowledges nothing that was not taken", async () => {
    const room = createIngestRoom();
    const tracker = await room.open({ answersResend: true });
    room.store.isFull = true;
    tracker.batch(0);
    room.store.isFull = false;
    room.clock.advance(STORE_FULL_WAIT_MS + HOLE_PATIENCE_MS + 500);
    for (const seq of [1, 2]) tracker.batch(seq);
    expect(tracker.heard("resend")).toEqual([
      { tab: "tab1", fromSeq: 0, afterMs: STORE_FULL_WAIT_MS },
      { tab: "tab1", fromSeq: 0 },
    ]);
    room.clock.advance(HOLE_PATIENCE_MS * 3);
    expect(room.store.pending).toEqual([]);
    for (const seq of [0, 1, 2]) tracker.batch(seq);
    room.store.commit();
    expect(tracker.heard("ack")).toEqual([{ tab: "tab1", upto: 2 }]);
    expect(seqsOf(room.store.rows)).toEqual([0, 1, 2]);
  });

  it("ING-11 stores no more than the events that a session may hold, and says so once", async () => {
    const room = createIngestRoom({ maxEventsPerSession: 5 });
    const tracker = await room.open();
    for (const seq of [0, 1, 2, 3]) tracker.batch(seq);
    expect(seqsOf(room.store.pending)).toEqual([0, 1]);
    expect(tracker.heard("error")).toMatchObject([{ code: "limit" }]);
  });

  it("ING-12 refuses a seq that the database cannot hold, and keeps absurd page clocks as they are", async () => {
    const room = createIngestRoom();
    const tracker = await room.open({ startTime: 8.64e15 });
    tracker.batch(2_147_483_648);
    expect(tracker.heard("error")).toMatchObject([{ code: "malformed" }]);
    tracker.batch(0, { firstAt: 0, lastAt: 8.64e15 });
    tracker.batch(1, { firstAt: 5, lastAt: 6 });
    expect(room.store.pending).toMatchObject([
      { seq: 0, firstAt: 0, lastAt: 8.64e15, receivedAt: NOON, startedOn: "2026-11-21" },
      { seq: 1, firstAt: 5, lastAt: 6, receivedAt: NOON },
    ]);
  });
});

describe("plain dialect", () => {
  const event = (type: number, timestamp: number) => ({ type, timestamp, data: {} });
  const plain = (...types: number[]) => ({ events: types.map((type, i) => event(type, NOON + i)) });

  it("ING-14 gives plain events their seqs, and a checkout a batch of its own", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.say("events_batch", plain(RRWEB.load, RRWEB.meta, RRWEB.fullSnapshot, RRWEB.incremental));
    tracker.say("events_batch", plain(RRWEB.incremental));
    expect(room.store.pending).toMatchObject([
      { seq: 0, count: 1, checkout: false, encoding: "json" },
      { seq: 1, count: 3, checkout: true, encoding: "json" },
      { seq: 2, count: 1, checkout: false },
    ]);
    room.store.commit();
    expect(tracker.heard("ack")).toEqual([{ tab: "tab1", upto: 2 }]);
  });

  it("ING-15 keeps Meta and full snapshot together when they come in two messages, and lets a lone Meta go in the end", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    tracker.say("events_batch", plain(RRWEB.meta));
    expect(room.store.pending).toEqual([]);
    tracker.say("events_batch", plain(RRWEB.fullSnapshot));
    expect(room.store.pending).toMatchObject([{ seq: 0, count: 2, checkout: true }]);
    tracker.say("events_batch", plain(RRWEB.meta));
    tracker.connection.closed();
    expect(room.store.pending).toMatchObject([{ seq: 0 }, { seq: 1, count: 1, checkout: false }]);
  });

  it("ING-10 tells a plain tracker that nothing was taken", async () => {
    const room = createIngestRoom();
    const tracker = await room.open();
    room.store.isFull = true;
    tracker.say("events_batch", plain(RRWEB.incremental));
    expect(tracker.heard("error")).toMatchObject([{ code: "overload", retryAfterMs: STORE_FULL_WAIT_MS }]);
  });
});
