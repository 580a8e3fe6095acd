import { describe, expect, it } from "vitest";
import { createIngestRoom } from "../../test/harness/ingest-room.ts";
import type { PackedPayload, Redaction } from "./redaction.ts";
import { REDACTION_FULL_WAIT_MS } from "./redacting.ts";

/** Lets promises that are due run. */
const turn = () => new Promise(setImmediate);
const bytes = (text: string) => new TextEncoder().encode(text);

/** Redaction of which a test says when, and in which order, it is done. */
class SlowRedaction implements Redaction {
  readonly waiting: { text: string; finish: (result: PackedPayload | null) => void }[] = [];
  isFull = false;
  payloads = true;
  maxEvents = 10;
  markers: Redaction["markers"] = (_id, markers) => markers.map((marker) => ({ ...marker, text: "[Filtered]" }));
  start: Redaction["start"] = (_id, start) => ({ ...start, title: "[Filtered]" });
  update: Redaction["update"] = (_id, update) => ({ ...update, title: "[Filtered]" });
  events: Redaction["events"] = (_id, events) => events.length <= this.maxEvents;
  readsPayloads: Redaction["readsPayloads"] = () => this.payloads;

  payload(_id: number, packed: PackedPayload): Promise<PackedPayload | null> | null {
    if (this.isFull) return null;
    return new Promise((finish) => this.waiting.push({ text: new TextDecoder().decode(packed.payload), finish }));
  }

  /** The `index`th that waits is done. */
  async finish(index = 0, isReadable = true): Promise<void> {
    const [one] = this.waiting.splice(index, 1);
    const payload = bytes('[{"type":3,"timestamp":9}]');
    one?.finish(isReadable ? { encoding: "json", rawBytes: payload.length, payload } : null);
    await turn();
  }
}

async function openRoom(start: Record<string, unknown> = {}) {
  const redaction = new SlowRedaction();
  const room = createIngestRoom({ redaction });
  const tracker = await room.open(start);
  const stored = () => room.store.pending.map(({ seq }) => seq);
  return { redaction, room, tracker, stored };
}

describe("redaction on the way in", () => {
  it("PRV-5 markers and facts are redacted before they are forwarded and stored", async () => {
    const { redaction, room, tracker } = await openRoom({ title: "Ada's account" });
    redaction.payloads = false;
    tracker.batch(0, { markers: [{ kind: "custom", at: 1, text: "secret" }] });
    expect(room.store.pending[0]?.markers).toEqual([{ kind: "custom", at: 1, text: "[Filtered]" }]);
    expect(room.store.openings[0]?.facts.title).toBe("[Filtered]");
    tracker.say("session_update", { title: "secret" });
    room.clock.advance(1_000);
    await turn();
    expect(room.store.progress.at(-1)?.session.title).toBe("[Filtered]");
  });

  it("PRV-8 batches are forwarded and stored in their order, whatever is done first", async () => {
    const { redaction, room, tracker, stored } = await openRoom();
    for (const seq of [0, 1, 2]) tracker.batch(seq);
    expect(redaction.waiting).toHaveLength(3);
    await redaction.finish(2);
    await redaction.finish(1);
    expect(stored()).toEqual([]);
    expect(room.notes.filter(({ kind }) => kind === "batch")).toEqual([]);
    await redaction.finish(0);
    expect(stored()).toEqual([0, 1, 2]);
    expect(new TextDecoder().decode(room.store.pending[1]?.payload ?? bytes(""))).toBe('[{"type":3,"timestamp":9}]');
    expect(tracker.heard("ack")).toEqual([]);
    room.store.commit();
    expect(tracker.heard("ack")).toEqual([{ tab: "tab1", upto: 2 }]);
    expect(room.ingest.status().heldBytes).toBe(0);
  });

  it("PRV-8 what follows a batch waits for it, the end of the session included", async () => {
    const { redaction, room, tracker, stored } = await openRoom();
    tracker.batch(0);
    tracker.say("session_end", {});
    await turn();
    expect(room.store.ends).toEqual([]);
    await redaction.finish();
    expect(stored()).toEqual([0]);
    room.store.commit();
    await turn();
    expect(room.store.ends).toHaveLength(1);
  });

  it("PRV-8 duplicates and holes mean what they meant", async () => {
    const { redaction, room, tracker, stored } = await openRoom();
    tracker.batch(0);
    tracker.batch(0);
    tracker.batch(2);
    while (redaction.waiting.length > 0) await redaction.finish();
    expect(stored()).toEqual([0]);
    expect(room.ingest.status()).toMatchObject({ duplicates: 1 });
    expect(tracker.heard("resend")).toMatchObject([{ tab: "tab1", fromSeq: 1 }]);
    tracker.batch(1);
    await redaction.finish();
    expect(stored()).toEqual([0, 1, 2]);
    tracker.batch(1);
    expect(redaction.waiting).toEqual([]);
    expect(room.ingest.status()).toMatchObject({ duplicates: 2 });
  });

  it("PRV-8 what a tracker sent before it went away is kept, and settling waits for it", async () => {
    const { redaction, room, tracker, stored } = await openRoom();
    tracker.batch(0);
    tracker.batch(1);
    let isSettled = false;
    void tracker.connection.settled().then(() => (isSettled = true));
    tracker.connection.closed();
    await turn();
    expect(isSettled).toBe(false);
    await redaction.finish();
    await redaction.finish();
    expect(stored()).toEqual([0, 1]);
    const told = tracker.told.length;
    room.store.commit();
    await turn();
    expect(isSettled).toBe(true);
    expect(tracker.told).toHaveLength(told);
    expect(room.ingest.status().connections).toBe(0);
  });

  it("PRV-9 where there is no room the tracker is told from where, and when, to send again", async () => {
    const { redaction, room, tracker, stored } = await openRoom();
    tracker.batch(0);
    redaction.isFull = true;
    tracker.batch(1);
    tracker.batch(2);
    expect(tracker.heard("resend")).toEqual([{ tab: "tab1", fromSeq: 1, afterMs: REDACTION_FULL_WAIT_MS }]);
    redaction.isFull = false;
    tracker.batch(3);
    expect(redaction.waiting).toHaveLength(1);
    await redaction.finish();
    room.clock.advance(REDACTION_FULL_WAIT_MS);
    for (const seq of [1, 2, 3]) tracker.batch(seq);
    while (redaction.waiting.length > 0) await redaction.finish();
    expect(stored()).toEqual([0, 1, 2, 3]);
    expect(room.ingest.status()).toMatchObject({ overloads: 1, gaps: 0, heldBytes: 0 });
  });

  it("PRV-10 an empty batch takes the place of what cannot be read; its markers stay, and the tracker is told", async () => {
    const { redaction, room, tracker } = await openRoom();
    tracker.batch(0, { checkout: true, markers: [{ kind: "error", at: 1, text: "boom" }] });
    tracker.batch(1);
    await redaction.finish(0, false);
    await redaction.finish();
    expect(room.store.pending.map(({ seq, count, checkout }) => ({ seq, count, checkout }))).toEqual([
      { seq: 0, count: 0, checkout: false },
      { seq: 1, count: 2, checkout: false },
    ]);
    expect(new TextDecoder().decode(room.store.pending[0]?.payload ?? bytes(""))).toBe("[]");
    expect(room.store.pending[0]?.markers).toHaveLength(1);
    expect(tracker.heard("error")).toMatchObject([{ code: "malformed" }]);
    room.store.commit();
    expect(tracker.heard("ack")).toEqual([{ tab: "tab1", upto: 1 }]);
  });

  it("PRV-6 large plain batches go by a thread, small ones do not, and both keep their order", async () => {
    const { redaction, room, tracker } = await openRoom();
    const events = (count: number, at: number) => Array.from({ length: count }, (_, n) => ({ type: 3, timestamp: at + n }));
    tracker.say("events_batch", { events: events(11, 100) });
    tracker.say("events_batch", { events: events(2, 200) });
    expect(room.store.pending).toEqual([]);
    await redaction.finish();
    expect(room.store.pending.map(({ count, firstAt }) => ({ count, firstAt }))).toEqual([
      { count: 1, firstAt: 9 },
      { count: 2, firstAt: 200 },
    ]);
    redaction.isFull = true;
    tracker.say("events_batch", { events: events(11, 300) });
    expect(tracker.heard("error")).toMatchObject([{ code: "overload", retryAfterMs: REDACTION_FULL_WAIT_MS }]);
  });

  it("PRV-12 a project without it passes by", async () => {
    const { redaction, tracker, stored } = await openRoom();
    redaction.payloads = false;
    for (const seq of [0, 1]) tracker.batch(seq);
    expect(redaction.waiting).toEqual([]);
    expect(stored()).toEqual([0, 1]);
  });
});
