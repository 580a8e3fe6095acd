import { afterAll, beforeAll, expect, it } from "vitest";
import type { Marker } from "../../protocol/markers.ts";
import { createTestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { createSharingRoom, type SharingRoom, somebody, textOf } from "../../test/harness/sharing-room.ts";
import {
  checkoutEvents,
  insertBatch,
  insertProject,
  insertSession,
  insertTab,
  textEvent,
} from "../../test/harness/stored-session.ts";

const DAY = "2026-11-20";
const T = Date.parse(`${DAY}T12:00:00Z`);
/** What is shown: from 15 to 30 seconds after the beginning. */
const RANGE = { fromAt: T + 15_000, toAt: T + 30_000 };
/** What is nowhere in it: in a page that was left before, in tabs that were closed before or opened later, and behind its end. */
const OUTSIDE = ["w-left", "w-closed", "w-later", "w-after"];

let test: TestDatabase;
let room: SharingRoom;

beforeAll(async () => {
  test = await createTestDatabase();
  const shop = (await insertProject(test.database, "shop")).id;
  room = createSharingRoom(test, createTestClock(T + 3_600_000));
  await insertSession(test.database, {
    ...{ sessionId: "visit", projectId: shop, startedOn: DAY, startedAt: T, lastAt: T + 60_000 },
    ...{ url: "https://shop.example/w-after", title: "w-after" },
  });
  const tab = async (name: string, group: string, from: number, to: number, title: string): Promise<void> => {
    await insertTab(test.database, "visit", name, T + from, group);
    await test.database.query(
      "UPDATE session_tabs SET last_at = to_timestamp($2 / 1000.0), url = 'https://shop.example/' || $3, title = $3 WHERE tab = $1",
      [name, T + to, title],
    );
  };
  await tab("left", "main", 0, 5_000, "w-left");
  await tab("closed", "aside", 0, 4_000, "w-closed");
  // The visit goes on: its row is not as new as its batches.
  await tab("now", "main", 10_000, 10_000, "w-after");
  await tab("later", "later", 50_000, 51_000, "w-later");
  const batch = (name: string, seq: number, at: number, text: string, markers: Marker[] = []) =>
    insertBatch(test.database, {
      ...{ sessionId: "visit", startedOn: DAY, projectId: shop, tab: name, seq, markers },
      events: seq === 0 ? checkoutEvents(T + at, text) : [textEvent(T + at, text)],
    });
  const page = (kind: "page_load" | "navigation", at: number, path: string): Marker => ({
    kind,
    at: T + at,
    name: `https://shop.example/${path}`,
    text: `Page ${path}`,
  });
  await batch("left", 0, 0, "w-left");
  await batch("left", 1, 5_000, "w-left");
  await batch("closed", 0, 0, "w-closed");
  await batch("now", 0, 10_000, "w-begins", [page("page_load", 10_000, "cart?voucher=1")]);
  await batch("now", 1, 20_000, "w-inside", [page("navigation", 22_000, "pay?card=2")]);
  // Batch 2 is missing: a gap that reaches behind the end.
  await batch("now", 3, 40_000, "w-after", [page("navigation", 41_000, "w-after")]);
  await batch("later", 0, 50_000, "w-later");
});

afterAll(async () => {
  await room.end();
  await test.drop();
});

async function link(wish: object): Promise<unknown> {
  const { json } = await room.as(somebody(1, 1, "member"), "POST", "/v1/sessions/visit/share-links", wish);
  return (json as { secret: string }).secret;
}

it("SHA-4 what is told of a range are its own tabs, pages, gaps and checkouts, whatever came before and after", async () => {
  for (const [showsPanels, url] of [
    [false, "https://shop.example/pay"],
    [true, "https://shop.example/pay?card=2"],
  ] as const) {
    const answer = await room.asGuest(await link({ ...RANGE, showsPanels }), "/v1/guest/session");
    expect(answer.status).toBe(200);
    for (const word of OUTSIDE) expect(textOf(answer), word).not.toContain(word);
    expect(answer.json).toMatchObject({
      session: { url: "", title: "", tabCount: 1, byteCount: 0, startedAt: RANGE.fromAt, lastAt: RANGE.toAt },
      gaps: [{ tab: "now", fromSeq: 2, toSeq: 2, fromAt: T + 20_000, toAt: RANGE.toAt }],
      checkouts: [{ tab: "now", seq: 0 }],
    });
    const { tabs } = answer.json as { tabs: unknown[] };
    expect(tabs).toMatchObject([{ tab: "now", url, title: "Page pay?card=2", upto: 1 }]);
    expect(tabs).toHaveLength(1);
  }
});

it("SHA-4 whichever part and tab is asked for, no page leaves that was not there in the range", async () => {
  const secret = await link({ ...RANGE, showsPanels: true });
  const queries = ["", "from=0", `from=0&to=${T + 1e9}`, `from=${T + 29_000}`, `from=${T + 45_000}`, `to=${T + 1_000}`];
  for (const tab of ["", "left", "closed", "now", "later", "none"]) {
    for (const query of queries) {
      const path = `/v1/guest/batches?${query}${tab === "" ? "" : `&tab=${tab}`}`;
      const answer = await room.asGuest(secret, path);
      expect(answer.status, path).toBe(200);
      for (const word of OUTSIDE) expect(textOf(answer), path).not.toContain(word);
      if (tab !== "" && tab !== "now") expect(answer.pieces, path).toEqual([]);
      if (query === "" && (tab === "" || tab === "now"))
        for (const word of ["w-begins", "w-inside"]) expect(textOf(answer), path).toContain(word);
    }
  }
});

it("SHA-4 of the whole session nothing is left out", async () => {
  const secret = await link({});
  const text = textOf(await room.asGuest(secret, "/v1/guest/batches")) + textOf(await room.asGuest(secret, "/v1/guest/session"));
  for (const word of [...OUTSIDE, "w-begins", "w-inside"]) expect(text, word).toContain(word);
  expect(textOf(await room.asGuest(secret, "/v1/guest/batches?tab=left"))).toContain("w-left");
});

it("SHA-14 to one network at most 40 answers are under way, whichever of its addresses ask", async () => {
  const secret = await link({});
  const route = room.routes.find(({ path }) => path === "/v1/guest/batches");
  const ask = async (peer: string): Promise<AsyncIterator<Uint8Array>> => {
    const answer = await route?.handle({
      ...{ method: "GET", path: "/v1/guest/batches", params: {}, query: new URLSearchParams(), identity: { kind: "nobody" } },
      ...{
        headers: { authorization: `Guest ${String(secret)}` },
        peer,
        body: new Uint8Array(0),
        signal: new AbortController().signal,
      },
    });
    if (!answer || !("stream" in answer)) throw new Error("no stream");
    return answer.stream[Symbol.asyncIterator]();
  };
  const open: AsyncIterator<Uint8Array>[] = [];
  for (let n = 1; n <= 40; n++) {
    const stream = await ask(`2001:db8:0:1::${n.toString(16)}`);
    expect((await stream.next()).done).toBe(false);
    open.push(stream);
  }
  await expect((await ask("2001:db8:0:1:ffff::1")).next()).rejects.toMatchObject({ kind: "limit" });
  expect((await (await ask("2001:db8:0:2::1")).next()).done).toBe(false);
  await open[0]?.return?.();
  expect((await (await ask("2001:db8:0:1:ffff::1")).next()).done).toBe(false);
  for (const stream of open) await stream.return?.();
});
