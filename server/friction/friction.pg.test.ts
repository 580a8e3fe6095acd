import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Marker } from "../../protocol/markers.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertBatch, insertProject, insertSession, insertTab, textEvent } from "../../test/harness/stored-session.ts";
import { listPages, MAX_MARKERS, readHeatMap } from "./friction-queries.ts";

const DAY = "2026-11-20";
const T0 = Date.parse("2026-11-20T10:00:00Z");
const SHOP = "https://shop.example";

let test: TestDatabase;
let project: number;

beforeAll(async () => {
  test = await createTestDatabase();
  project = (await insertProject(test.database, "shop")).id;
});
afterAll(() => test.drop());

async function insert(sessionId: string, markers: readonly Marker[], checkoutsAt: readonly number[] = []): Promise<void> {
  await insertSession(test.database, { sessionId, projectId: project, startedOn: DAY, startedAt: T0 });
  await insertTab(test.database, sessionId, "a", T0);
  const batch = { sessionId, startedOn: DAY, projectId: project, tab: "a" };
  await insertBatch(test.database, { ...batch, seq: 0, events: [textEvent(T0, "x")], markers });
  for (const [index, at] of checkoutsAt.entries()) {
    const events = [
      { type: 4, timestamp: at, data: { href: SHOP, width: 800, height: 600 } },
      { type: 2, timestamp: at, data: { node: {}, initialOffset: { top: 0, left: 0 } } },
    ];
    await insertBatch(test.database, { ...batch, seq: index + 1, events });
  }
}

const load = (at: number, path: string): Marker => ({ kind: "page_load", at, name: `${SHOP}${path}` });
const click = (at: number, data: Marker["data"], kind: Marker["kind"] = "click"): Marker => ({ kind, at, name: "a", data });
const place = (path: string, ex: number, ey: number) => ({ x: 1, y: 1, path, ex, ey });

describe("friction", () => {
  it("FRI-1 clicks and depth belong to the address at which they were, whatever is behind ? and #", async () => {
    await insert("one", [
      load(T0, "/?from=mail"),
      click(T0 + 10, place("#buy", 0.501, 0.25)),
      click(T0 + 11, place("#buy", 0.499, 0.25)),
      click(T0 + 12, place("#buy", 0.499, 0.25), "dead_click"),
      { kind: "navigation", at: T0 + 20, name: `${SHOP}/cart#top`, data: { from: `${SHOP}/?from=mail`, depth: 0.5 } },
      click(T0 + 30, place("main>button:2", 0, 1), "rage_click"),
      { kind: "web_vitals", at: T0 + 40, name: `${SHOP}/cart#top`, data: { depth: 1 } },
    ]);
    await insert("two", [load(T0, "/"), { kind: "web_vitals", at: T0 + 5, name: `${SHOP}/`, data: { depth: 0.1 } }]);
    const { pages, isCut } = await listPages(test.database, ["one", "two"]);
    expect(isCut).toBe(false);
    expect(pages).toEqual([
      { address: `${SHOP}/`, views: 2, clicks: 2, rageClicks: 0, deadClicks: 1, errorClicks: 0, depth: 0.3 },
      { address: `${SHOP}/cart`, views: 1, clicks: 0, rageClicks: 1, deadClicks: 0, errorClicks: 0, depth: 1 },
    ]);
    const map = await readHeatMap(test.database, ["one", "two"], `${SHOP}/`);
    expect(map).toMatchObject({ views: 2, unplaced: 0, depthViews: 2, isCut: false });
    expect(map.points).toEqual([
      { path: "#buy", x: 0.5, y: 0.25, kind: "click", count: 2 },
      { path: "#buy", x: 0.5, y: 0.25, kind: "dead_click", count: 1 },
    ]);
    expect([map.depths[0], map.depths[2], map.depths[3], map.depths[10], map.depths[11]]).toEqual([2, 2, 1, 1, 0]);
    const cart = await readHeatMap(test.database, ["one"], `${SHOP}/ca*`);
    expect(cart.points).toEqual([{ path: "main>button:2", x: 0, y: 1, kind: "rage_click", count: 1 }]);
  });

  it("FRI-2 only of the sessions that were chosen; signs in an address mean themselves", async () => {
    expect((await readHeatMap(test.database, ["two"], `${SHOP}/`)).points).toEqual([]);
    expect((await readHeatMap(test.database, ["one"], "%")).views).toBe(0);
    expect((await readHeatMap(test.database, [], `${SHOP}/`)).views).toBe(0);
    expect((await listPages(test.database, [])).pages).toEqual([]);
  });

  it("FRI-2 what is looked at and told is bounded, and it says where more was there", { timeout: 60_000 }, async () => {
    await insert("huge", []);
    await test.database.query(
      `INSERT INTO session_markers (session_id, tab, seq, ordinal, started_on, project_id, kind, at, name, text, data)
       SELECT 'huge', 'a', 1 + n / 1000, n % 1000, $1::date, $2, CASE WHEN n % 400 = 0 THEN 'page_load' ELSE 'click' END, $3::float8 + n,
         $4 || '/page-' || n / 400, '', jsonb_build_object('path', 'main>p:' || n, 'ex', 0.5, 'ey', 0.5)
       FROM generate_series(0, $5::integer) n`,
      [DAY, project, T0, SHOP, MAX_MARKERS + 500],
    );
    const { pages, isCut } = await listPages(test.database, ["huge"]);
    expect([pages.length, isCut]).toEqual([200, true]);
    const map = await readHeatMap(test.database, ["huge"], `${SHOP}/page-*`);
    expect(map).toMatchObject({ isCut: true, views: expect.any(Number) as unknown });
    expect(map.points).toHaveLength(5_000);
    // The first 100,000: 250 pages, and all of the rest are clicks, each in a place of its own.
    expect([map.views, map.unplaced]).toEqual([250, MAX_MARKERS - 250 - 5_000]);
    await test.database.query("DELETE FROM session_markers WHERE session_id = 'huge'");
  });

  it("FRI-3 what a page says falsely of a place is counted and not placed", async () => {
    await insert("hostile", [
      load(T0, "/hostile"),
      click(T0 + 1, { path: "a[onclick],*{}", ex: 0.5, ey: 0.5 }),
      click(T0 + 2, { path: "a", ex: "0.5", ey: true }),
      click(T0 + 3, { path: "a", ex: -7, ey: 1e300 }),
      click(T0 + 4, {}),
      { kind: "web_vitals", at: T0 + 5, name: "x", data: { depth: "all" } },
    ]);
    const map = await readHeatMap(test.database, ["hostile"], `${SHOP}/hostile`);
    expect(map.points).toEqual([{ path: "a", x: 0, y: 1, kind: "click", count: 1 }]);
    expect(map).toMatchObject({ unplaced: 3, depthViews: 0 });
  });

  it("FRI-4 it is drawn over the last checkout of a view of that page", async () => {
    await insert(
      "drawn",
      [load(T0, "/drawn"), load(T0 + 60_000, "/other"), load(T0 + 120_000, "/drawn")],
      [T0 + 100, T0 + 30_000, T0 + 70_000],
    );
    const { backdrops } = await readHeatMap(test.database, ["drawn"], `${SHOP}/drawn`);
    expect(backdrops).toEqual([{ sessionId: "drawn", tab: "a", at: T0 + 30_000, viewport: null }]);
  });
});
