import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
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
import { Random } from "../../test/loss/random.ts";
import type { Identity } from "../auth/auth.ts";
import { createErrorRoutes } from "./error-routes.ts";

const DAY = "2026-11-20";
const START = Date.parse(`${DAY}T10:00:00Z`);
const SECONDS = 120;
const WORLDS = 20;

let test: TestDatabase;
let projectId: number;
let member: Identity;
let call: ReturnType<typeof createCaller>;

beforeAll(async () => {
  test = await createTestDatabase();
  projectId = (await insertProject(test.database, "shop")).id;
  const roles = new Map([[projectId, "viewer" as const]]);
  member = { kind: "user", userId: 1, email: "a@example.com", isAdmin: false, signInId: "", roles };
  call = createCaller(createErrorRoutes(test.database, noViews));
});
afterAll(async () => {
  await test.drop();
});

/** A page context as it happens: what it shows since when, and the batches that hold it. */
interface Page {
  tab: string;
  group: string;
  shows: { at: number; text: string }[];
  batches: { events: RrwebEvent[]; errors: number[] }[];
  open: { events: RrwebEvent[]; errors: number[] };
  lastCheckoutAt: number;
}

interface HappenedError {
  id: string;
  at: number;
  page: Page;
}

/** A visit of browser tabs that are opened, used, reloaded, left and come back to; errors at any moment. */
function happen(random: Random, sessionId: string): { pages: Page[]; errors: HappenedError[] } {
  const pages: Page[] = [];
  const errors: HappenedError[] = [];
  let words = 0;

  const cut = (page: Page): void => {
    if (page.open.events.length === 0) return;
    page.batches.push(page.open);
    page.open = { events: [], errors: [] };
  };
  const checkout = (page: Page, at: number): void => {
    cut(page);
    const text = page.shows.at(-1)?.text ?? `page ${++words}`;
    page.shows.push({ at, text });
    page.open.events.push(...checkoutEvents(at, text));
    page.lastCheckoutAt = at;
  };
  const load = (group: string, at: number): Page => {
    const tab = `t${pages.length}`;
    const page: Page = { tab, group, shows: [], batches: [], open: { events: [], errors: [] }, lastCheckoutAt: at };
    pages.push(page);
    checkout(page, at);
    return page;
  };

  const tabs: Page[] = [load("g0", START)];
  let active = tabs[0] ?? load("g0", START);
  for (let at = START + 50; at < START + SECONDS * 1_000; at += random.between(5, 900)) {
    const what = random.next();
    if (what < 0.03 && tabs.length < 5) {
      // Another browser tab, by a link.
      active = load(`g${tabs.length}`, at);
      tabs.push(active);
    } else if (what < 0.08) {
      // A page load: it takes a while before the next one draws.
      cut(active);
      const place = tabs.indexOf(active);
      at += random.between(0, 3_000);
      active = load(active.group, at);
      tabs[place] = active;
    } else if (what < 0.14) active = tabs[random.between(0, tabs.length - 1)] ?? active;
    else if (what < 0.19) {
      active.open.errors.push(at);
      const ordinal = active.open.errors.length - 1;
      if (active.open.events.length === 0)
        active.open.events.push({ type: RRWEB.custom, timestamp: at, data: { tag: "tick", payload: {} } });
      errors.push({ id: errorIdOf(sessionId, active.tab, active.batches.length, ordinal), at, page: active });
      if (random.next() < 0.7) cut(active);
    } else {
      const text = `words ${++words}`;
      active.shows.push({ at, text });
      active.open.events.push(textEvent(at, text));
      if (random.next() < 0.5) cut(active);
    }
    if (at - active.lastCheckoutAt > 30_000 || random.next() < 0.01) checkout(active, at);
  }
  for (const page of pages) cut(page);
  return { pages, errors };
}

/** Stores it: batches in any order, as connections come and go. `serverAhead`: by how much the server's clock is. */
async function store(random: Random, sessionId: string, pages: readonly Page[], serverAhead: number): Promise<void> {
  await insertSession(test.database, { sessionId, projectId, startedOn: DAY, startedAt: START });
  for (const page of pages) await insertTab(test.database, sessionId, page.tab, START, page.group);
  const rows = pages.flatMap((page) => page.batches.map((batch, seq) => ({ tab: page.tab, seq, ...batch })));
  for (let at = rows.length - 1; at > 0; at--) {
    const other = random.between(0, at);
    [rows[at], rows[other]] = [rows[other], rows[at]] as [(typeof rows)[0], (typeof rows)[0]];
  }
  for (const { tab, seq, events, errors } of rows) {
    const lastAt = Math.max(...events.map(({ timestamp }) => timestamp));
    await insertBatch(test.database, {
      ...{ sessionId, projectId, startedOn: DAY, tab, seq, events, receivedAt: lastAt + serverAhead + random.between(20, 400) },
      markers: errors.map((at) => ({ kind: "error", at })),
    });
  }
}

interface Clip {
  startsAt: number;
  events: RrwebEvent[];
  at: number;
  from: number;
  to: number;
  tab: string;
  gaps: unknown[];
  reason: string;
}

/** What the page shows at a moment of a clip, played from its first event. */
function shownAt({ events }: Clip, at: number): string {
  let shown = "";
  for (const { type, timestamp, data } of events) {
    if (timestamp > at) break;
    const said = JSON.stringify(data);
    if (type === RRWEB.fullSnapshot) shown = /"textContent":"([^"]*)"/.exec(said)?.[1] ?? "";
    else if (type === RRWEB.incremental) shown = /"value":"([^"]*)"/.exec(said)?.[1] ?? shown;
  }
  return shown;
}

function expectWhole(clip: Clip, why: string): void {
  expect(clip.reason, why).toBe("");
  expect(clip.gaps, why).toEqual([]);
  expect(
    clip.events.slice(0, 2).map(({ type }) => type),
    why,
  ).toEqual([RRWEB.meta, RRWEB.fullSnapshot]);
  expect(clip.events[0]?.timestamp, why).toBe(clip.startsAt);
  expect(clip.startsAt <= clip.from || clip.startsAt === START, `${why}: starts at ${clip.startsAt - START}`).toBe(true);
  const times = clip.events.map(({ timestamp }) => timestamp);
  expect(times, why).toEqual([...times].sort((a, b) => a - b));
  expect(times.at(-1), why).toBeLessThanOrEqual(clip.to);
}

const seeds = [1, 2, 3, Math.floor(Math.random() * 2 ** 31)];

describe("clips of any visit", () => {
  it.each(seeds)("REP-11 REP-13 REP-17 always start early enough, and show what the page showed (seed %i)", async (seed) => {
    const random = new Random(seed);
    for (let world = 0; world < WORLDS / seeds.length; world++) {
      const sessionId = `visit-${seed}-${world}`;
      const { pages, errors } = happen(random, sessionId);
      await store(random, sessionId, pages, 0);
      for (const { id, at, page } of errors) {
        const why = `${sessionId}, error at ${at - START} in ${page.tab}`;
        const before = [10, 10, 3, 60][random.between(0, 3)] ?? 10;
        const clip = (await call("GET", `/v1/errors/${id}/clip?before=${before}&after=5`, { identity: member })).json as Clip;
        expectWhole(clip, why);
        const known = (await call("GET", `/v1/errors/${id}`, { identity: member })).json as { clip: { available: boolean } };
        expect(known.clip.available, why).toBe(true);
        for (const moment of [at, at + 2_000]) {
          const next = pages.find(
            ({ group, shows }) => group === page.group && (shows[0]?.at ?? 0) > at && (shows[0]?.at ?? 0) <= moment,
          );
          const shows = (next ?? page).shows.findLast((one) => one.at <= moment);
          if (!next) expect(shownAt(clip, moment), `${why}, ${moment - at} ms later`).toBe(shows?.text);
        }
      }
    }
  });

  it.each(seeds)(
    "REP-18 a backend's error finds the tab that was used last, whatever the page's clock says (seed %i)",
    async (seed) => {
      const random = new Random(seed);
      const sessionId = `backend-${seed}`;
      const { pages } = happen(random, sessionId);
      const serverAhead = random.next() < 0.3 ? 0 : random.between(-7_200_000, 7_200_000);
      await store(random, sessionId, pages, serverAhead);
      for (let round = 0; round < 30; round++) {
        const at = START + random.between(1_000, SECONDS * 1_000);
        const id = await insertOccurrence({ sessionId, at: at + serverAhead });
        const why = `${sessionId}, error at ${at - START}, the server ${serverAhead} ms ahead`;
        const clip = (await call("GET", `/v1/errors/${id}/clip`, { identity: member })).json as Clip;
        expectWhole(clip, why);
        // The way of a batch is no more than it takes: the clock is known that well.
        expect(Math.abs(clip.at - at), why).toBeLessThanOrEqual(400);
      }
    },
  );
});

async function insertOccurrence(facts: {
  sessionId: string | null;
  at: number;
  platform?: string;
  tab?: string;
  projectId?: number;
}): Promise<string> {
  const [row] = await test.database.query<{ id: string }>(
    `INSERT INTO occurrences (error_id, project_id, issue_id, event_id, source, received_at, at, session_id, tab, platform)
     VALUES (gen_random_uuid(), $1, 1, gen_random_uuid()::text, 'sdk', to_timestamp($2 / 1000.0), $2, $3, $4, $5) RETURNING error_id AS id`,
    [facts.projectId ?? projectId, facts.at, facts.sessionId, facts.tab ?? null, facts.platform ?? "node"],
  );
  return row?.id ?? "";
}

describe("an error that an SDK reported", () => {
  const read = async (id: string) => {
    const error = (await call("GET", `/v1/errors/${id}`, { identity: member })).json as {
      error: { source: string };
      clip: { available: boolean; reason: string; at: number | null; tab: string | null };
    };
    const clip = (await call("GET", `/v1/errors/${id}/clip`, { identity: member })).json as Clip;
    return { ...error, playable: clip.events.length > 0, reason: clip.reason };
  };

  it("REP-18 says why there is no clip", async () => {
    const foreign = (await insertProject(test.database, "blog")).id;
    const day = { startedOn: DAY, startedAt: START };
    await insertSession(test.database, { sessionId: "theirs", projectId: foreign, ...day });
    await insertTab(test.database, "theirs", "t", START);
    await insertBatch(test.database, {
      ...{ sessionId: "theirs", projectId: foreign, startedOn: DAY, tab: "t", seq: 0 },
      events: checkoutEvents(START, "secret of another tenant"),
    });
    await insertSession(test.database, { sessionId: "empty", projectId, ...day });
    await insertSession(test.database, { sessionId: "short", projectId, ...day });
    await insertTab(test.database, "short", "t", START);
    await insertBatch(test.database, {
      ...{ sessionId: "short", projectId, startedOn: DAY, tab: "t", seq: 0 },
      events: [...checkoutEvents(START, "short"), textEvent(START + 1_000, "end")],
    });
    await test.database.query("INSERT INTO tombstones (session_id, project_id) VALUES ('erased', $1)", [projectId]);
    const reasonOf = async (sessionId: string | null, at = START + 500) => {
      const { clip, playable, reason } = await read(await insertOccurrence({ sessionId, at }));
      expect([clip.available, playable, reason]).toEqual([false, false, clip.reason]);
      return reason;
    };
    expect(await reasonOf(null)).toContain("did not say in which session");
    expect(await reasonOf("never-seen")).toContain("not stored");
    expect(await reasonOf("theirs")).toBe(await reasonOf("never-seen"));
    expect(await reasonOf("erased")).toContain("erased");
    expect(await reasonOf("empty")).toContain("Nothing of the session");
    expect(await reasonOf("short", START - 60_000)).toContain("before the recording");
    expect(await reasonOf("short", START + 32 * 60_000)).toContain("after the recording");
    expect((await read(await insertOccurrence({ sessionId: "short", at: START + 20 * 60_000 }))).clip).toMatchObject({
      ...{ available: true, reason: "", tab: "t" },
    });
  });

  it("REP-18 is taken by the page's own clock where it is of a page, and in the tab that it names", async () => {
    const where = { sessionId: "two-tabs", projectId, startedOn: DAY };
    await insertSession(test.database, { ...where, startedAt: START });
    for (const [tab, at] of [
      ["one", START],
      ["two", START + 20_000],
    ] as const) {
      await insertTab(test.database, "two-tabs", tab, at, tab);
      const events = [...checkoutEvents(at, tab), textEvent(at + 30_000, `${tab} later`)];
      await insertBatch(test.database, { ...where, tab, seq: 0, events, receivedAt: at + 3_630_000 });
    }
    const at = START + 40_000;
    const ofPage = await read(await insertOccurrence({ sessionId: "two-tabs", at, platform: "javascript", tab: "one" }));
    expect(ofPage.clip).toEqual({ available: true, reason: "", at, tab: "one" });
    const ofBackend = await read(await insertOccurrence({ sessionId: "two-tabs", at: at + 3_600_000 }));
    expect(ofBackend.clip).toMatchObject({ available: true, at, tab: "two" });
    // A tab that is none of the session's is no tab.
    expect(
      (await read(await insertOccurrence({ sessionId: "two-tabs", at, platform: "javascript", tab: "gone" }))).clip.tab,
    ).toBe("two");
  });
});
