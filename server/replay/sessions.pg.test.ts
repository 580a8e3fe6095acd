import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionSummary } from "../../protocol/session.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { noViews } from "../../test/harness/views.ts";
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
import type { Identity } from "../auth/auth.ts";
import type { BatchRow } from "../store/store.ts";
import { createReplay, type Replay } from "./replay.ts";

const DAY = "2026-11-20";
const T0 = Date.parse("2026-11-20T10:00:00Z");

let test: TestDatabase;
let shop: number;
let blog: number;
let member: Identity;
let stranger: Identity;
let admin: Identity;
let liveNow: SessionSummary[] = [];
let replay: Replay;
let call: ReturnType<typeof createCaller>;

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
  member = person(1, false, shop);
  stranger = person(2, false, blog);
  admin = person(3, true, shop, blog);
  replay = createReplay({
    db: test.database,
    live: { activeSessions: (ids) => liveNow.filter((session) => !ids || ids.has(session.projectId)) },
    views: noViews,
  });
  call = createCaller(replay.routes);
  for (let n = 0; n < 12; n++) {
    await insertSession(test.database, {
      sessionId: `shop-${n}`,
      projectId: shop,
      startedOn: DAY,
      // Pairs share a start, so that the id has to decide.
      startedAt: T0 + Math.floor(n / 2) * 1_000 + 0.25,
      status: n === 11 ? "live" : "ended",
      userId: n % 3 === 0 ? "ada" : "bob",
      url: n === 4 ? "https://shop.example/100%_sale" : `https://shop.example/page-${n}`,
      title: n === 5 ? "Checkout" : "Shop",
    });
  }
  await insertSession(test.database, { sessionId: "blog-0", projectId: blog, startedOn: DAY, startedAt: T0 + 2_500 });
  for (const [id, project] of [
    ["shop-7", shop],
    ["blog-0", blog],
  ] as const) {
    await insertTab(test.database, id, "main", T0);
    const where = { sessionId: id, startedOn: DAY, projectId: project, tab: "main" };
    const error = { kind: "error" as const, at: T0 + 1_500, name: "TypeError", text: "x is not a function", stack: "at y" };
    await insertBatch(test.database, { ...where, seq: 0, events: [...checkoutEvents(T0, id), textEvent(T0 + 500, "a")] });
    await insertBatch(test.database, {
      ...where,
      seq: 1,
      events: [textEvent(T0 + 1_500, "b")],
      markers: [{ kind: "click", at: T0 + 1_400, name: "button", data: { x: 1, y: 2 } }, error],
    });
    await insertBatch(test.database, { ...where, seq: 4, events: [...checkoutEvents(T0 + 4_000, id)], encoding: "json" });
  }
});

afterAll(async () => {
  await test.drop();
});

function person(userId: number, isAdmin: boolean, ...projectIds: number[]): Identity {
  return {
    kind: "user",
    userId,
    email: `${userId}@example.com`,
    isAdmin,
    signInId: "",
    roles: new Map(projectIds.map((id) => [id, isAdmin ? "owner" : "viewer"])),
  };
}

interface List {
  sessions: SessionSummary[];
  nextCursor: string | null;
}

async function list(query: string, identity = member): Promise<List> {
  const answer = await call("GET", `/v1/sessions?${query}`, { identity });
  expect(answer.status).toBe(200);
  return answer.json as List;
}

const ids = ({ sessions }: List) => sessions.map((session) => session.sessionId);

describe("the list", () => {
  it("REP-2 pages through everything once, newest first, while sessions are added", async () => {
    const all = ids(await list(""));
    expect(all).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((n) => `shop-${n}`).sort(byStart));
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: List = await list(`limit=5&cursor=${cursor}`);
      seen.push(...ids(page));
      cursor = page.nextCursor;
      await insertSession(test.database, {
        sessionId: `late-${seen.length}`,
        projectId: shop,
        startedOn: DAY,
        startedAt: T0 + 60_000,
      });
    }
    expect(seen).toEqual(all);
    await test.database.query("DELETE FROM sessions WHERE session_id LIKE 'late-%'");
  });

  it("REP-1 shows each person his projects only, and an administrator all of them, merged by start", async () => {
    expect(ids(await list("", stranger))).toEqual(["blog-0"]);
    const all = ids(await list("", admin));
    expect(all).toHaveLength(13);
    expect(all.slice(5, 8)).toEqual(["shop-6", "blog-0", "shop-5"]);
    expect(ids(await list(`project=${blog}`, admin))).toEqual(["blog-0"]);
    const foreign = await call("GET", `/v1/sessions?project=${blog}`, { identity: member });
    const unknown = await call("GET", "/v1/sessions?project=99999", { identity: member });
    expect([foreign.status, foreign.json]).toEqual([404, unknown.json]);
    expect(ids(await list("", person(9, false)))).toEqual([]);
  });

  it("REP-3 filters by user, text, address, status, errors and time", async () => {
    expect(ids(await list("user=ada")).sort()).toEqual(["shop-0", "shop-3", "shop-6", "shop-9"]);
    expect(ids(await list("q=checkout"))).toEqual(["shop-5"]);
    expect(ids(await list("q=SHOP-7"))).toEqual(["shop-7"]);
    expect(ids(await list("url=page-3"))).toEqual(["shop-3"]);
    expect(ids(await list(`url=${encodeURIComponent("100%_sale")}`))).toEqual(["shop-4"]);
    expect(ids(await list(`url=${encodeURIComponent("%page%")}`))).toEqual([]);
    expect(ids(await list("status=live"))).toEqual(["shop-11"]);
    expect(ids(await list("hasErrors=true"))).toEqual(["shop-7"]);
    expect(ids(await list("hasErrors=false&user=ada"))).toHaveLength(4);
    expect(ids(await list(`from=${T0 + 1_000}&to=${T0 + 2_000}`)).sort()).toEqual(["shop-2", "shop-3"]);
  });

  it("REP-4 lets the live edge speak for what is live", async () => {
    const stored = (await list("q=shop-11")).sessions[0];
    liveNow = stored ? [{ ...stored, eventCount: 4_711, watchers: 3, url: "https://shop.example/now" }] : [];
    expect((await list("q=shop-11")).sessions[0]).toEqual(liveNow[0]);
    const active = await call("GET", "/sessions/active", { identity: member });
    expect(active.json).toEqual({ sessions: liveNow, count: 1 });
    expect((await call("GET", "/sessions/active", { identity: stranger })).json).toEqual({ sessions: [], count: 0 });
    liveNow = stored ? [{ ...stored, status: "away", live: false }] : [];
    expect(ids(await list("status=live"))).toEqual([]);
    liveNow = [];
  });
});

function byStart(a: string, b: string): number {
  const [left, right] = [Number(a.slice(5)), Number(b.slice(5))];
  return Math.floor(right / 2) - Math.floor(left / 2) || (a < b ? 1 : -1);
}

describe("one session", () => {
  it("REP-5 comes with tabs, markers, errors, checkouts and gaps", async () => {
    const answer = await call("GET", "/v1/sessions/shop-7", { identity: member });
    const errorId = errorIdOf("shop-7", "main", 1, 1);
    expect(answer.json).toMatchObject({
      session: {
        sessionId: "shop-7",
        projectId: shop,
        eventCount: 6,
        batchCount: 3,
        errorCount: 1,
        tabCount: 1,
        durationMs: 60_000,
      },
      tabs: [{ tab: "main", tabGroup: "main", upto: 4 }],
      markers: [
        { kind: "click", at: T0 + 1_400, name: "button", data: { x: 1, y: 2 }, tab: "main", seq: 1, errorId: null },
        { kind: "error", at: T0 + 1_500, name: "TypeError", text: "x is not a function", errorId },
      ],
      errors: [{ id: errorId, tab: "main", seq: 1, at: T0 + 1_500, type: "TypeError", message: "x is not a function" }],
      checkouts: [
        { tab: "main", seq: 0, at: T0 },
        { tab: "main", seq: 4, at: T0 + 4_000 },
      ],
      gaps: [{ tab: "main", fromSeq: 2, toSeq: 3, fromAt: T0 + 1_500, toAt: T0 + 4_000 }],
    });
  });

  it("REP-5 calls a missing beginning a gap as well", async () => {
    await insertSession(test.database, { sessionId: "headless", projectId: blog, startedOn: DAY, startedAt: T0 });
    await insertTab(test.database, "headless", "main", T0);
    const where = { sessionId: "headless", startedOn: DAY, projectId: blog, tab: "main" };
    await insertBatch(test.database, { ...where, seq: 3, events: [textEvent(T0 + 3_000, "x")] });
    const answer = await call("GET", "/v1/sessions/headless", { identity: stranger });
    expect(answer.json).toMatchObject({ gaps: [{ fromSeq: 0, toSeq: 2, fromAt: T0, toAt: T0 + 3_000 }] });
  });

  it("REP-1 REP-11 answers alike for an unknown and a foreign id, on every route", async () => {
    const foreignError = errorIdOf("blog-0", "main", 1, 1);
    const unknownError = errorIdOf("none", "main", 1, 1);
    for (const [foreign, unknown] of [
      ["/v1/sessions/blog-0", "/v1/sessions/none"],
      ["/v1/sessions/blog-0", "/v1/sessions/%00"],
      ["/v1/sessions/blog-0", `/v1/sessions/${"x".repeat(5_000)}`],
      ["/v1/sessions/blog-0/batches", "/v1/sessions/none/batches"],
      ["/sessions/blog-0/events", "/sessions/none/events"],
      [`/v1/errors/${foreignError}`, `/v1/errors/${unknownError}`],
      [`/v1/errors/${foreignError}/clip`, "/v1/errors/not-an-id/clip"],
    ]) {
      const answers = [
        await call("GET", foreign ?? "", { identity: member }),
        await call("GET", unknown ?? "", { identity: member }),
      ];
      expect(answers.map((answer) => answer.status)).toEqual([404, 404]);
      expect(answers[0]).toEqual(answers[1]);
      expect((await call("GET", foreign ?? "", { identity: stranger })).status).toBe(200);
      expect((await call("GET", foreign ?? "")).status).toBe(401);
    }
  });
});

describe("for the live edge", () => {
  it("REP-6 reads batches of a tab with their markers, its checkouts, and sessions", async () => {
    const found = await replay.history.findSession("shop-7");
    expect(found).toMatchObject({ startedOn: DAY, session: { sessionId: "shop-7" }, tabs: [{ tab: "main", upto: 4 }] });
    expect(await replay.history.findSession("none")).toBeNull();
    const session = { sessionId: "shop-7", startedOn: DAY };
    const batches: BatchRow[] = [];
    for await (const batch of replay.history.readBatches(session, "main", 1, 4)) batches.push(batch);
    expect(batches.map((batch) => batch.seq)).toEqual([1, 4]);
    expect(batches[0]).toMatchObject({
      projectId: shop,
      count: 1,
      encoding: "deflate-raw",
      markers: [
        { kind: "click", at: T0 + 1_400, name: "button", data: { x: 1, y: 2 } },
        { kind: "error", at: T0 + 1_500, name: "TypeError", text: "x is not a function", stack: "at y" },
      ],
    });
    expect(batches[1]).toMatchObject({ checkout: true, encoding: "json", markers: [] });
    expect(await replay.history.findCheckout(session, "main")).toBe(4);
    expect(await replay.history.findCheckout(session, "main", T0 + 3_999)).toBe(0);
    expect(await replay.history.findCheckout(session, "main", T0 - 1)).toBeNull();
  });
});
