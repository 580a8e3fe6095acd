import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Marker } from "../../protocol/markers.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { insertBatch, insertProject, insertSession, insertTab, textEvent } from "../../test/harness/stored-session.ts";
import type { Identity, Role } from "../auth/auth.ts";
import { systemClock } from "../clock.ts";
import { createSearch, findPage, parseSessionListing, type Search, writeCursor } from "./search.ts";

const DAY = "2026-11-20";
const T0 = Date.parse("2026-11-20T10:00:00Z");
const COUNT = 120;
const AGENTS = {
  Firefox: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
  Safari:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
};

/** A session as it was made up, to say without SQL whether it fits. */
interface Sample {
  id: string;
  project: number;
  startedAt: number;
  durationMs: number;
  user: string;
  country: string;
  browser: keyof typeof AGENTS;
  plan: string;
  release: string;
  path: string;
  message: string;
  mark: string;
  rage: number;
  dead: number;
}

let test: TestDatabase;
let shop: number;
let blog: number;
let search: Search;
let issueId: number;
const samples: Sample[] = [];
const seed = Math.floor(Math.random() * 1e9);
const erased: { projectId: number; ids: readonly string[] }[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
  search = createSearch({
    db: test.database,
    clock: systemClock,
    log: quietLog,
    eraser: {
      eraseSessions(projectId, ids) {
        erased.push({ projectId, ids });
        return Promise.resolve({ sessions: ids.length, batches: 0, bytes: 0 });
      },
    },
  });
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  for (let n = 0; n < COUNT; n++) {
    samples.push({
      id: `visit-${n}`,
      project: random() < 0.7 ? shop : blog,
      // Several begin at the same moment.
      startedAt: T0 + Math.floor(random() * 40) * 1_000,
      durationMs: Math.floor(random() * 5) * 10_000,
      user: `user-${Math.floor(random() * 10)}`,
      country: pick(["DE", "AT", "US", ""]),
      browser: pick(["Firefox", "Safari"]),
      plan: pick(["Free", "Pro"]),
      release: pick(["1.0", "1.1", ""]),
      path: pick(["cart", "Checkout/payment", "100%_sale"]),
      message: pick(["", "Payment timed out", "order failed"]),
      mark: pick(["", "Signed up", "Paid"]),
      rage: Math.floor(random() * 3),
      dead: random() < 0.3 ? 1 : 0,
    });
  }
  for (const sample of samples) await store(sample);
  await search.foldDue();
  const [issue] = await test.database.query<{ id: number }>(
    "INSERT INTO issues (project_id, number, title, first_seen, last_seen) VALUES ($1, 1, 'x', now(), now()) RETURNING issue_id AS id",
    [shop],
  );
  issueId = issue?.id ?? 0;
  await test.database.query(
    "INSERT INTO issue_sessions (issue_id, session_id, last_at) SELECT $1, session_id, now() FROM sessions WHERE user_id = 'user-3'",
    [issueId],
  );
}, 60_000);

afterAll(async () => {
  await test.drop();
});

async function store(sample: Sample): Promise<void> {
  const { id: sessionId, project: projectId, startedAt } = sample;
  const url = `https://shop.example/last?of=${sessionId}`;
  await insertSession(test.database, {
    sessionId,
    projectId,
    startedOn: DAY,
    startedAt,
    lastAt: startedAt + sample.durationMs,
    userId: sample.user,
    url,
  });
  await test.database.query(
    "UPDATE sessions SET user_agent = $2, country = $3, release = $4, traits = $5 WHERE session_id = $1",
    [sessionId, AGENTS[sample.browser], sample.country, sample.release, JSON.stringify({ plan: sample.plan })],
  );
  await insertTab(test.database, sessionId, "main", startedAt);
  const at = startedAt;
  const markers: Marker[] = [{ kind: "page_load", at, name: `https://shop.example/${sample.path}` }];
  if (sample.message !== "") markers.push({ kind: "console_error", at, text: sample.message });
  if (sample.mark !== "") markers.push({ kind: "custom", at, name: sample.mark });
  for (let n = 0; n < sample.rage; n++) markers.push({ kind: "rage_click", at });
  if (sample.dead > 0) markers.push({ kind: "dead_click", at });
  await insertBatch(test.database, {
    sessionId,
    startedOn: DAY,
    projectId,
    tab: "main",
    seq: 0,
    events: [textEvent(at, "a")],
    markers,
  });
}

/** Every filter with what it means, told without SQL. */
const FILTERS: readonly (readonly [query: string, fits: (sample: Sample) => boolean])[] = [
  ["user=user-3", ({ user }) => user === "user-3"],
  ["q=USER-1", ({ user }) => user === "user-1"],
  ["q=visit-11", ({ id }) => id.includes("visit-11")],
  ["url=last?of=visit-2", ({ id }) => id.includes("visit-2")],
  ["page=checkout/", ({ path }) => path.startsWith("Checkout")],
  ["page=100%25_", ({ path }) => path.startsWith("100%_")],
  ["page=%25%25%25", () => false],
  ["trait=PLAN%3Dpro", ({ plan }) => plan === "Pro"],
  ["trait=plan", () => true],
  ["trait=plan&trait=nothing", () => false],
  ["country=DE&country=AT", ({ country }) => country === "DE" || country === "AT"],
  ["browser=Firefox", ({ browser }) => browser === "Firefox"],
  ["os=iOS&os=Android", ({ browser }) => browser === "Safari"],
  ["device=desktop", ({ browser }) => browser === "Firefox"],
  ["release=1.1", ({ release }) => release === "1.1"],
  ["console=TIMED", ({ message }) => message.includes("timed")],
  ["mark=Signed%20up", ({ mark }) => mark === "Signed up"],
  ["mark=signed%20up", () => false],
  ["has=rage_click", ({ rage }) => rage > 0],
  ["has=rage_click&has=dead_click", ({ rage, dead }) => rage > 0 && dead > 0],
  ["minDurationMs=20000", ({ durationMs }) => durationMs >= 20_000],
  ["maxDurationMs=20000", ({ durationMs }) => durationMs <= 20_000],
  ["maxActiveMs=0", () => true],
  ["status=ended", () => true],
  ["status=live", () => false],
  ["hasErrors=false", () => true],
  [`from=${T0 + 10_000}&to=${T0 + 30_000}`, ({ startedAt }) => startedAt >= T0 + 10_000 && startedAt < T0 + 30_000],
];

const KEYS: Readonly<Record<string, (sample: Sample) => number>> = {
  started: ({ startedAt }) => startedAt,
  duration: ({ durationMs }) => durationMs,
  rage: ({ rage }) => rage,
  errors: () => 0,
};

function expected(fits: (sample: Sample) => boolean, projects: readonly number[], sort = "started", order = "desc"): string[] {
  const key = KEYS[sort] ?? (() => 0);
  const found = samples.filter((sample) => projects.includes(sample.project) && fits(sample));
  found.sort((a, b) => key(b) - key(a) || (a.id < b.id ? 1 : -1));
  if (order === "asc") found.reverse();
  return found.map(({ id }) => id);
}

async function findAll(query: string, projects: readonly number[], limit: number): Promise<string[]> {
  const seen: string[] = [];
  let cursor = "";
  for (;;) {
    const listing = parseSessionListing(new URLSearchParams(`${query}&limit=${limit}&cursor=${cursor}`));
    const page = await findPage(test.database, projects, listing);
    seen.push(...page.sessionIds);
    if (page.next === null) return seen;
    cursor = writeCursor(page.next, listing.sort);
  }
}

describe("search", () => {
  it.each(FILTERS)("SEA-1 finds what fits, and nothing else: %s", async (query, fits) => {
    expect(await findAll(query, [shop], 200), `seed ${seed}`).toEqual(expected(fits, [shop]));
    expect(await findAll(query, [shop, blog], 200), `seed ${seed}`).toEqual(expected(fits, [shop, blog]));
  });

  it("SEA-2 filters hold together in any combination, in every order, and page by page", async () => {
    const random = createRandom(seed + 1);
    for (let n = 0; n < 60; n++) {
      const chosen = FILTERS.filter(() => random() < 0.12);
      const names = chosen.flatMap(([query]) => [...new URLSearchParams(query).keys()]);
      // What may be there once is the last of two in an address: two such make another question.
      if (names.some((name, at) => names.indexOf(name) !== at && !["has", "trait"].includes(name))) continue;
      const sort = Object.keys(KEYS)[Math.floor(random() * 4)] ?? "started";
      const order = random() < 0.5 ? "desc" : "asc";
      const query = [...chosen.map(([each]) => each), `sort=${sort}`, `order=${order}`].join("&");
      const projects = random() < 0.5 ? [shop] : [shop, blog];
      const fits = (sample: Sample) => chosen.every(([, each]) => each(sample));
      expect(await findAll(query, projects, 1 + Math.floor(random() * 9)), `${query}, seed ${seed}`).toEqual(
        expected(fits, projects, sort, order),
      );
    }
  });

  it("SEA-1 an issue means its sessions, also where it was merged into it, and only in its project", async () => {
    const mine = expected(({ user }) => user === "user-3", [shop]);
    expect(await findAll(`issue=${issueId}`, [shop], 50)).toEqual(mine);
    expect(await findAll(`issue=${issueId}`, [blog], 50)).toEqual([]);
    const [into] = await test.database.query<{ id: number }>(
      "INSERT INTO issues (project_id, number, title, first_seen, last_seen) VALUES ($1, 2, 'y', now(), now()) RETURNING issue_id AS id",
      [shop],
    );
    await test.database.query("UPDATE issues SET merged_into = $1 WHERE issue_id = $2", [into?.id, issueId]);
    expect(await findAll(`issue=${into?.id ?? 0}`, [shop], 50)).toEqual(mine);
  });

  it("SEA-3 what few have is found behind thousands that have it not", async () => {
    await test.database.query(
      `INSERT INTO sessions (session_id, project_id, started_on, resume_hash, started_at, last_at, url)
       SELECT 'many-' || n, $1, '${DAY}', '\\x00', to_timestamp($2::float8 / 1000) + n * interval '1 second', now(), 'https://many.example'
       FROM generate_series(1, 4500) n`,
      [shop, T0 + 3_600_000],
    );
    expect(await findAll("page=checkout/", [shop], 7)).toEqual(expected(({ path }) => path.startsWith("Checkout"), [shop]));
    expect(await findAll("q=many.example", [shop, blog], 200)).toHaveLength(4_500);
    expect(await findAll("q=visit-3", [shop, blog], 4)).toEqual(expected(({ id }) => id.includes("visit-3"), [shop, blog]));
    await test.database.query("DELETE FROM sessions WHERE session_id LIKE 'many-%'");
    await test.database.query("DELETE FROM session_facts WHERE session_id LIKE 'many-%'");
    await test.database.query("DELETE FROM session_words WHERE session_id LIKE 'many-%'");
  });

  it("SEA-4 counts what fits, and how it spreads, of one's own projects", async () => {
    const call = createCaller(search.routes);
    const answer = await call("GET", `/v1/sessions/facets?project=${shop}&has=rage_click`, { identity: person("viewer") });
    const fits = expected(({ rage }) => rage > 0, [shop]);
    const inDe = expected(({ rage, country }) => rage > 0 && country === "DE", [shop]);
    expect(answer.json).toMatchObject({ count: fits.length, withErrors: 0, live: 0 });
    expect(answer.json).toMatchObject({
      facets: { country: expect.arrayContaining([{ value: "DE", count: inDe.length }]) as unknown },
    });
    expect((await call("GET", `/v1/sessions/facets?project=${blog}`, { identity: person("viewer") })).status).toBe(404);
    const all = await call("GET", "/v1/sessions/facets", { identity: person("viewer") });
    expect(all.json).toMatchObject({ count: expected(() => true, [shop]).length });
  });
});

describe("erasing what fits", () => {
  it("SEA-9 takes an admin, says how many first, and does it only where there are as many still", async () => {
    const call = createCaller(search.routes);
    const body = { project: shop, query: "has=dead_click" };
    const fits = expected(({ dead }) => dead > 0, [shop]);
    expect((await call("POST", "/v1/sessions/erase", { identity: person("member"), body })).status).toBe(403);
    const asked = await call("POST", "/v1/sessions/erase", { identity: person("admin"), body });
    expect(asked.json).toEqual({ erased: false, count: fits.length });
    const wrong = await call("POST", "/v1/sessions/erase", {
      identity: person("admin"),
      body: { ...body, count: fits.length + 1 },
    });
    expect([wrong.status, erased]).toEqual([400, []]);
    await test.database.query("UPDATE sessions SET pinned_at = now() WHERE session_id = $1", [fits[0]]);
    const rest = fits.slice(1);
    const done = await call("POST", "/v1/sessions/erase", { identity: person("admin"), body: { ...body, count: rest.length } });
    expect(done.json).toMatchObject({ erased: true, sessions: rest.length });
    expect(erased).toEqual([{ projectId: shop, ids: rest }]);
  });

  it("SEA-9 by ids takes all of them or none, and tells nothing of those of another project", async () => {
    const call = createCaller(search.routes);
    const [mine = "", theirs = ""] = [expected(() => true, [shop])[0], expected(() => true, [blog])[0]];
    const ask = (sessionIds: readonly string[]) =>
      call("POST", "/v1/sessions/erase", { identity: person("admin"), body: { project: shop, sessionIds } });
    expect((await ask([mine, mine])).json).toEqual({ erased: false, count: 1 });
    expect((await ask([mine, theirs])).status).toBe(404);
    expect(await ask([mine, theirs])).toEqual(await ask([mine, "nobody"]));
    const foreign = { project: blog, query: "" };
    expect((await call("POST", "/v1/sessions/erase", { identity: person("admin"), body: foreign })).status).toBe(404);
    for (const odd of [
      { project: shop },
      { project: shop, query: "", sessionIds: [mine] },
      { project: shop, query: "status=odd" },
    ]) {
      expect((await call("POST", "/v1/sessions/erase", { identity: person("admin"), body: odd })).status).toBe(400);
    }
  });
});

describe("saved searches", () => {
  it("SEA-11 are one's own, or shared by a member; who sees none of it gets the answer for nothing", async () => {
    await test.database.query(
      "INSERT INTO users (email, password_hash) SELECT 'p' || n || '@example.com', '' FROM generate_series(1, 3) n",
    );
    const call = createCaller(search.routes);
    const path = `/v1/projects/${shop}/searches`;
    const [one, other] = [person("viewer", 1), person("viewer", 2)];
    const query = "?country=DE&has=rage_click&project=99&cursor=x&limit=5&nonsense=1&sort=active".slice(1);
    const saved = await call("POST", path, { identity: one, body: { name: " Rage ", query } });
    expect([saved.status, saved.json]).toMatchObject([
      201,
      { name: "Rage", query: "country=DE&has=rage_click&sort=active", isShared: false, isMine: true },
    ]);
    const id = (saved.json as { searchId: number }).searchId;
    expect((await call("GET", path, { identity: other })).json).toEqual({ searches: [] });
    for (const method of ["PATCH", "DELETE"] as const) {
      expect((await call(method, `${path}/${id}`, { identity: other, body: { name: "mine" } })).status).toBe(404);
    }
    expect((await call("POST", path, { identity: one, body: { name: "x", query: "", isShared: true } })).status).toBe(403);
    expect((await call("POST", path, { identity: one, body: { name: "x", query: "status=odd" } })).status).toBe(400);
    const member = person("member", 3);
    const shared = await call("POST", path, { identity: member, body: { name: "All", query: "", isShared: true } });
    const sharedId = (shared.json as { searchId: number }).searchId;
    expect((await call("GET", path, { identity: other })).json).toMatchObject({ searches: [{ name: "All", isMine: false }] });
    expect((await call("DELETE", `${path}/${sharedId}`, { identity: other })).status).toBe(403);
    expect(
      (await call("PATCH", `${path}/${sharedId}`, { identity: person("admin", 1), body: { name: "Every" } })).json,
    ).toMatchObject({
      name: "Every",
    });
    expect((await call("DELETE", `${path}/${id}`, { identity: one })).json).toEqual({ removed: true });
    expect((await call("GET", path, { identity: one })).json).toMatchObject({ searches: [{ name: "Every" }] });
  });
});

function person(role: Role, userId = 1): Identity {
  return { kind: "user", userId, email: `${userId}@example.com`, isAdmin: false, signInId: "", roles: new Map([[shop, role]]) };
}

function createRandom(from: number): () => number {
  let state = from;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
