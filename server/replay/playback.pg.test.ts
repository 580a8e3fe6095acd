import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ViewerBatch } from "../../protocol/batch.ts";
import { decodeBinary, parseMessage } from "../../protocol/codec.ts";
import { FrameReader } from "../../protocol/frames.ts";
import { MAX_FRAME_BYTES } from "../../protocol/limits.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { toViewer } from "../../protocol/viewer-messages.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller, type RouteAnswer } from "../../test/harness/route-caller.ts";
import {
  checkoutEvents,
  errorIdOf,
  insertBatch,
  insertProject,
  insertSession,
  insertTab,
  textEvent,
} from "../../test/harness/stored-session.ts";
import { noViews } from "../../test/harness/views.ts";
import type { Identity } from "../auth/auth.ts";
import { inflateEvents } from "./inflate.ts";
import { createReplay } from "./replay.ts";

const DAY = "2026-11-20";
const T0 = Date.parse("2026-11-20T10:00:00Z");
/** The page's clock is not ours: everything in page time is an hour ahead. */
const PAGE = T0 + 3_600_000;
const LONG_BATCHES = 2_400;

let test: TestDatabase;
let projectId: number;
let member: Identity;
let call: ReturnType<typeof createCaller>;

beforeAll(async () => {
  test = await createTestDatabase();
  projectId = (await insertProject(test.database, "shop")).id;
  member = {
    kind: "user",
    userId: 1,
    email: "a@example.com",
    isAdmin: false,
    signInId: "",
    roles: new Map([[projectId, "viewer"]]),
  };
  const { routes } = createReplay({
    db: test.database,
    live: { activeSessions: () => [] },
    views: noViews,
  });
  call = createCaller(routes);
});

afterAll(async () => {
  await test.drop();
});

async function openSession(sessionId: string, ...tabs: [tab: string, tabGroup: string][]) {
  const where = { sessionId, startedOn: DAY, projectId };
  await insertSession(test.database, { ...where, startedAt: PAGE, lastAt: PAGE + 60_000 });
  for (const [tab, tabGroup] of tabs) await insertTab(test.database, sessionId, tab, PAGE, tabGroup);
  return where;
}

function batchesOf(answer: RouteAnswer): ViewerBatch[] {
  const reader = new FrameReader(MAX_FRAME_BYTES);
  const batches = answer.pieces
    .flatMap((piece) => reader.push(piece))
    .map((bytes) => {
      const message = parseMessage(toViewer, decodeBinary(bytes));
      if (message.type !== "events_batch" || !("payload" in message.data)) throw new Error(`not a packed batch: ${message.type}`);
      return message.data;
    });
  expect(reader.isWhole).toBe(true);
  return batches;
}

interface ClipAnswer {
  errorId: string;
  sessionId: string;
  tab: string;
  at: number;
  from: number;
  to: number;
  startsAt: number | null;
  events: RrwebEvent[];
  gaps: unknown[];
}

async function readClip(errorId: string, query = ""): Promise<ClipAnswer> {
  const answer = await call("GET", `/v1/errors/${errorId}/clip${query}`, { identity: member });
  expect(answer.status).toBe(200);
  return answer.json as ClipAnswer;
}

/** What rrweb needs to play by itself: Meta, then a full snapshot, and time that does not go back. */
function expectPlayable(events: readonly RrwebEvent[]): void {
  expect(events[0]?.type).toBe(RRWEB.meta);
  expect(events[1]?.type).toBe(RRWEB.fullSnapshot);
  for (const [index, event] of events.entries()) {
    expect(event.timestamp).toBeGreaterThanOrEqual(events[index - 1]?.timestamp ?? 0);
  }
}

const texts = (events: readonly RrwebEvent[]) =>
  events.flatMap((event) => /"value":"([^"]+)"/.exec(JSON.stringify(event))?.[1] ?? []);

describe("batches", () => {
  it("REP-6 come byte for byte, from the last checkout at or before `from`, up to `to`", async () => {
    const where = { ...(await openSession("bytes", ["main", ""])), tab: "main" };
    for (let seq = 0; seq < 30; seq++) {
      const at = PAGE + seq * 1_000;
      const events =
        seq % 10 === 0 ? [...checkoutEvents(at, `c${seq}`), textEvent(at + 500, `t${seq}`)] : [textEvent(at, `t${seq}`)];
      await insertBatch(test.database, { ...where, seq, events, encoding: seq % 2 ? "json" : "deflate-raw" });
    }
    const range = await call("GET", `/v1/sessions/bytes/batches?from=${PAGE + 15_500}&to=${PAGE + 18_000}`, { identity: member });
    const batches = batchesOf(range);
    expect(batches.map((batch) => batch.seq)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18]);
    expect(batches[0]).toMatchObject({ sessionId: "bytes", tab: "main", checkout: true, count: 3, firstAt: PAGE + 10_000 });
    const stored = await test.database.query<{ payload: Buffer }>(
      "SELECT payload FROM session_events WHERE session_id = 'bytes' AND seq BETWEEN 10 AND 18 ORDER BY seq",
    );
    expect(batches.map((batch) => Buffer.from(batch.payload))).toEqual(stored.map((row) => row.payload));
    const all = batchesOf(await call("GET", "/v1/sessions/bytes/batches", { identity: member }));
    expect(all).toHaveLength(30);
    expect(texts((await Promise.all(all.map(inflateEvents))).flat())).toHaveLength(30);
    const exact = await call("GET", `/v1/sessions/bytes/batches?from=${PAGE + 20_000}&to=${PAGE + 20_000}`, { identity: member });
    expect(batchesOf(exact).map((batch) => batch.seq)).toEqual([20]);
  });

  it("REP-6 come of each tab group from where it can start, or of one tab", async () => {
    const where = await openSession("groups", ["a", "left"], ["b", "left"], ["c", "right"]);
    const put = (tab: string, seq: number, at: number, isCheckout: boolean) =>
      insertBatch(test.database, { ...where, tab, seq, events: isCheckout ? checkoutEvents(at, tab) : [textEvent(at, tab)] });
    await put("a", 0, PAGE, true);
    await put("a", 1, PAGE + 1_000, false);
    await put("b", 0, PAGE + 2_000, true);
    await put("b", 1, PAGE + 9_000, true);
    await put("c", 0, PAGE + 500, true);
    await put("c", 1, PAGE + 9_500, false);
    const read = async (query: string) =>
      batchesOf(await call("GET", `/v1/sessions/groups/batches?${query}`, { identity: member })).map(
        (one) => `${one.tab}${one.seq}`,
      );
    expect((await read(`from=${PAGE + 3_000}&to=${PAGE + 20_000}`)).sort()).toEqual(["b0", "b1", "c0", "c1"]);
    expect(await read(`from=${PAGE + 3_000}&to=${PAGE + 20_000}&tab=b`)).toEqual(["b0", "b1"]);
    expect(await read(`from=${PAGE + 1_500}&to=${PAGE + 2_500}&tab=a`)).toEqual(["a0", "a1"]);
    expect(await read("tab=unknown")).toEqual([]);
    expect((await call("GET", "/v1/sessions/groups/batches?tab=no%20tab", { identity: member })).status).toBe(400);
  });

  it("REP-7 REP-8 of any moment of a six-hour session are few, and all of it comes in pieces", async () => {
    const where = await openSession("long", ["main", ""]);
    await test.database.query(
      `INSERT INTO session_events (session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding,
         raw_bytes, payload)
       SELECT $1, 'main', seq, $2::date, now(), $3 + seq * 9000.0, $3 + seq * 9000.0 + 8999, 20, seq % 10 = 0, 1, 6000,
         decode(repeat('00', 4000), 'hex')
       FROM generate_series(0, $4::integer - 1) AS seq`,
      [where.sessionId, where.startedOn, PAGE, LONG_BATCHES],
    );
    const moment = PAGE + 5 * 3_600_000 + 12_345;
    const seek = await call("GET", `/v1/sessions/long/batches?from=${moment}&to=${moment + 10_000}`, { identity: member });
    const batches = batchesOf(seek);
    expect(batches.length).toBeLessThanOrEqual(12);
    expect(batches[0]?.checkout).toBe(true);
    expect(batches[0]?.firstAt).toBeLessThanOrEqual(moment);
    const whole = await call("GET", "/v1/sessions/long/batches", { identity: member });
    expect(batchesOf(whole)).toHaveLength(LONG_BATCHES);
    expect(Math.max(...whole.pieces.map((piece) => piece.length))).toBeLessThan(1_400_000);
    const detail = await call("GET", "/v1/sessions/long", { identity: member });
    expect((detail.json as { checkouts: unknown[] }).checkouts).toHaveLength(LONG_BATCHES / 10);
  });

  it("REP-8 stop when the peer goes away", async () => {
    const abort = new AbortController();
    abort.abort();
    const answer = await call("GET", "/v1/sessions/long/batches", { identity: member, signal: abort.signal });
    expect(answer.pieces).toEqual([]);
  });
});

describe("events by index", () => {
  const read = async (id: string, fromIndex: number, limit: number) => {
    const answer = await call("GET", `/sessions/${id}/events?fromIndex=${fromIndex}&limit=${limit}`, { identity: member });
    expect(answer.status).toBe(200);
    return answer.json as { sessionId: string; fromIndex: number; nextIndex: number; events: RrwebEvent[] };
  };
  const readAll = async (id: string, limit: number) => {
    const all: RrwebEvent[] = [];
    for (let index = 0; ;) {
      const page = await read(id, index, limit);
      expect(page.fromIndex).toBe(index);
      all.push(...page.events);
      if (page.nextIndex === index) return all;
      index = page.nextIndex;
    }
  };

  it("REP-9 come in order of arrival, each once, whatever the page size", async () => {
    const where = await openSession("indexed", ["a", ""], ["b", ""]);
    let n = 0;
    for (let seq = 0; seq < 12; seq++) {
      const tab = seq % 3 === 2 ? "b" : "a";
      const events = Array.from({ length: 1 + (seq % 4) }, () => textEvent(PAGE + 1_000 - n, `e${n++}`));
      await insertBatch(test.database, { ...where, tab, seq, receivedAt: T0 + seq, events });
    }
    const expected = Array.from({ length: n }, (_, index) => `e${index}`);
    for (const limit of [1, 2, 3, 7, 1_000]) expect(texts(await readAll("indexed", limit))).toEqual(expected);
    expect(await read("indexed", n + 50, 10)).toEqual({ sessionId: "indexed", fromIndex: n + 50, nextIndex: n + 50, events: [] });
  });

  it("REP-9 leave out and repeat nothing where a header lies about its count", async () => {
    const where = { ...(await openSession("liar", ["main", ""])), tab: "main" };
    const of = (...names: string[]) => names.map((name, index) => textEvent(PAGE + index, name));
    await insertBatch(test.database, { ...where, seq: 0, receivedAt: T0, events: of("a", "b", "c", "d"), claims: { count: 2 } });
    await insertBatch(test.database, { ...where, seq: 1, receivedAt: T0 + 1, events: of("e"), claims: { count: 5 } });
    await insertBatch(test.database, { ...where, seq: 2, receivedAt: T0 + 2, events: of("f", "g") });
    for (const limit of [1, 2, 3, 100]) expect(texts(await readAll("liar", limit))).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
  });

  it("REP-9 REP-10 are bounded in bytes, and a damaged batch is a hole", async () => {
    const where = { ...(await openSession("heavy", ["main", ""])), tab: "main" };
    const big = "x".repeat(6 * 1024 * 1024);
    for (let seq = 0; seq < 4; seq++) {
      const events = [{ ...textEvent(PAGE + seq, `h${seq}`), filler: big }];
      await insertBatch(test.database, { ...where, seq, receivedAt: T0 + seq, events });
    }
    const bomb = deflateRawSync(`[${" ".repeat(9_000_000)}]`);
    await insertBatch(test.database, {
      ...where,
      seq: 4,
      receivedAt: T0 + 4,
      events: [textEvent(PAGE, "bomb")],
      payload: bomb,
      claims: { rawBytes: 500 },
    });
    await insertBatch(test.database, { ...where, seq: 5, receivedAt: T0 + 5, events: [textEvent(PAGE + 9, "after")] });
    const first = await read("heavy", 0, 1_000);
    expect(first.events).toHaveLength(2);
    expect(first.nextIndex).toBe(2);
    expect(texts(await readAll("heavy", 1_000))).toEqual(["h0", "h1", "h2", "h3", "after"]);
  });

  it("REP-9 refuse an index that is none", async () => {
    for (const query of ["fromIndex=-1", "fromIndex=x", "fromIndex=1.5", "limit=0"]) {
      expect((await call("GET", `/sessions/indexed/events?${query}`, { identity: member })).status).toBe(400);
    }
  });
});

describe("a clip", () => {
  it("REP-11 REP-12 starts at the checkout before its window, for a second error 200 ms later as well", async () => {
    const where = { ...(await openSession("failing", ["main", ""])), tab: "main" };
    const first = PAGE + 42_000;
    for (let seq = 0; seq < 60; seq++) {
      const at = PAGE + seq * 1_000;
      const events = seq % 30 === 0 ? [...checkoutEvents(at, "c"), textEvent(at + 1, `s${seq}`)] : [textEvent(at, `s${seq}`)];
      const markers =
        seq === 42
          ? [first, first + 200].map((moment) => ({ kind: "error" as const, at: moment, name: "Error", text: "no" }))
          : [];
      await insertBatch(test.database, { ...where, seq, events, markers });
    }
    for (const [ordinal, at] of [first, first + 200].entries()) {
      const id = errorIdOf("failing", "main", 42, ordinal);
      const error = await call("GET", `/v1/errors/${id}`, { identity: member });
      expect(error.json).toMatchObject({
        error: { id, errorId: id, issueId: 0, sessionId: "failing", projectId, tab: "main", at, type: "Error", message: "no" },
        clip: { available: true, reason: "", at, tab: "main" },
      });
      const clip = await readClip(id);
      expect(clip).toMatchObject({
        errorId: id,
        sessionId: "failing",
        tab: "main",
        at,
        from: at - 10_000,
        to: at + 5_000,
        gaps: [],
      });
      expectPlayable(clip.events);
      expect(clip.startsAt).toBe(PAGE + 30_000);
      expect(texts(clip.events).at(-1)).toBe("s47");
      expect(texts(clip.events)).toHaveLength(18);
    }
    const wide = await readClip(errorIdOf("failing", "main", 42, 0), "?before=20&after=0");
    expect(wide.startsAt).toBe(PAGE);
    expect(texts(wide.events).at(-1)).toBe("s42");
    expect(
      (await call("GET", `/v1/errors/${errorIdOf("failing", "main", 42, 0)}/clip?before=-1`, { identity: member })).status,
    ).toBe(400);
  });

  it("REP-11 starts at the session's beginning where the error came in its first seconds", async () => {
    const where = { ...(await openSession("early", ["main", ""])), tab: "main" };
    const events = [
      { type: RRWEB.domContentLoaded, timestamp: PAGE, data: {} },
      ...checkoutEvents(PAGE + 5, "c"),
      textEvent(PAGE + 900, "t"),
    ];
    await insertBatch(test.database, { ...where, seq: 0, events, markers: [{ kind: "error", at: PAGE + 900, name: "Error" }] });
    const clip = await readClip(errorIdOf("early", "main", 0, 0));
    expect(clip.startsAt).toBe(PAGE + 5);
    expectPlayable(clip.events);
    expect(texts(clip.events)).toEqual(["t"]);
  });

  it("REP-13 goes on over a page load in the same browser tab, and shows no other", async () => {
    const where = await openSession("loads", ["one", "g"], ["two", "g"], ["other", "h"]);
    await insertBatch(test.database, { ...where, tab: "one", seq: 0, events: checkoutEvents(PAGE, "c") });
    await insertBatch(test.database, { ...where, tab: "one", seq: 1, events: [textEvent(PAGE + 8_000, "before")] });
    await insertBatch(test.database, {
      ...where,
      tab: "other",
      seq: 0,
      events: [...checkoutEvents(PAGE + 1, "o"), textEvent(PAGE + 9_000, "other")],
    });
    await insertBatch(test.database, { ...where, tab: "two", seq: 0, events: checkoutEvents(PAGE + 10_000, "d") });
    await insertBatch(test.database, {
      ...where,
      tab: "two",
      seq: 1,
      events: [textEvent(PAGE + 12_000, "after")],
      markers: [{ kind: "error", at: PAGE + 12_000, name: "Error" }],
    });
    const clip = await readClip(errorIdOf("loads", "two", 1, 0));
    expect(clip.startsAt).toBe(PAGE);
    expectPlayable(clip.events);
    expect(texts(clip.events)).toEqual(["before", "after"]);
    expect(clip.events.filter((event) => event.type === RRWEB.fullSnapshot)).toHaveLength(2);
  });

  it("REP-14 lists holes and damaged batches as gaps, and plays what is there", async () => {
    const where = { ...(await openSession("torn", ["main", ""])), tab: "main" };
    await insertBatch(test.database, { ...where, seq: 0, events: checkoutEvents(PAGE, "c") });
    await insertBatch(test.database, {
      ...where,
      seq: 1,
      events: [textEvent(PAGE + 500, "bad")],
      payload: Buffer.from("damaged"),
    });
    await insertBatch(test.database, {
      ...where,
      seq: 5,
      events: [textEvent(PAGE + 2_000, "good")],
      markers: [{ kind: "error", at: PAGE + 2_000, name: "Error" }],
    });
    const clip = await readClip(errorIdOf("torn", "main", 5, 0));
    expect(clip.gaps).toEqual([
      { tab: "main", fromSeq: 1, toSeq: 1 },
      { tab: "main", fromSeq: 2, toSeq: 4 },
    ]);
    expectPlayable(clip.events);
    expect(texts(clip.events)).toEqual(["good"]);
  });

  it("REP-11 is empty, and says so, where nothing playable was stored", async () => {
    const where = { ...(await openSession("blind", ["main", ""])), tab: "main" };
    await insertBatch(test.database, {
      ...where,
      seq: 4,
      events: [textEvent(PAGE, "x")],
      markers: [{ kind: "error", at: PAGE, name: "Error" }],
    });
    expect(await readClip(errorIdOf("blind", "main", 4, 0))).toMatchObject({ startsAt: null, events: [] });
  });
});
