import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type IssuesRoom, openIssuesRoom, ROOM_STARTS } from "../../test/harness/issues-room.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import type { Queryable } from "../db/db.ts";
import { ISSUE_SORTS, parseIssueFilter } from "./issue-filter.ts";
import { listIssues } from "./list-queries.ts";

const T0 = Date.UTC(2026, 10, 21, 9);

let test: TestDatabase;
let room: IssuesRoom;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  room = await openIssuesRoom(test);
});

/** Three issues that differ in everything, and one of another project. */
async function fill(): Promise<void> {
  await room.write(
    {
      message: "cart is empty",
      culprit: "sum(cart.ts)",
      sessionId: "s1",
      userId: "u1",
      receivedAt: T0,
      release: "1.0",
      environment: "eu",
    },
    {
      message: "cart is empty",
      culprit: "sum(cart.ts)",
      sessionId: "s2",
      userId: "u2",
      receivedAt: T0 + 9_000,
      tags: { browser: "Safari" },
    },
    { type: "TypeError", message: "100%_of \\ it", level: "fatal", receivedAt: T0 + 1_000, release: "2.0", environment: "us" },
    { type: "TypeError", message: "100%_of \\ it", level: "fatal", receivedAt: T0 + 2_000 },
    {
      type: "TypeError",
      message: "100%_of \\ it",
      level: "fatal",
      receivedAt: T0 + 3_000,
      tags: { browser: "Chrome", "a:b": "c:d" },
    },
    {
      type: "",
      message: "hello",
      level: "info",
      sessionId: "s9",
      userId: "u9",
      receivedAt: T0 + 5_000,
      release: "1.0",
      environment: "us",
    },
    { projectId: 2, message: "cart of theirs" },
  );
  await room.call("PATCH", "issues/2", { priority: "high", assigneeId: 2 });
  await room.call("PATCH", "issues/3", { priority: "low", assigneeId: 3, status: "resolved" });
}

describe("the list", () => {
  it.each([
    ["", "1 3 2"],
    ["q=CART", "1"],
    ["q=sum(cart", "1"],
    ["q=100%25_", "2"],
    ["q=%5C it", "2"],
    ["q=_", "2"],
    ["q=shop-3", "3"],
    ["q=SHOP-2", "2"],
    ["q=3", "3"],
    ["q=blog-1", ""],
    ["q=nothing", ""],
    ["status=resolved", "3"],
    ["status=open,resolved", "1 3 2"],
    ["status=muted", ""],
    ["level=fatal", "2"],
    ["level=info,error", "1 3"],
    ["assignee=me", "2"],
    ["assignee=3", "3"],
    ["assignee=ADMIN@example.com", "3"],
    ["assignee=none", "1"],
    ["release=1.0", "1 3"],
    ["environment=us", "3 2"],
    ["release=1.0&environment=us", "3"],
    ["tag=browser:Chrome", "2"],
    ["tag=browser:Opera", ""],
    ["promoted=true", "1"],
    ["promoted=false", "3 2"],
    ["hasSession=true", "1 3"],
    ["hasSession=false", "2"],
    [`from=${T0 + 4_000}`, "1 3"],
    [`to=${T0 + 1_000}`, "1"],
    [`from=${T0 + 9_001}`, ""],
    ["project=1", "1 3 2"],
    ["sort=firstSeen", "3 2 1"],
    ["sort=count", "2 1 3"],
    ["sort=users", "1 3 2"],
    ["sort=sessions", "1 3 2"],
    ["sort=priority", "2 1 3"],
    ["sort=count&status=open&level=error,fatal", "2 1"],
  ])("ISS-25 %s", async (query, expected) => {
    await fill();
    const ids = expected.split(" ").filter((id) => id !== "");
    const { issues, total } = await room.list(query);
    expect(issues.map(({ shortId }) => shortId)).toEqual(ids.map((id) => `SHOP-${id}`));
    expect(total).toBe(ids.length);
  });

  it("ISS-25 what makes no sense is refused by its name, and a project that is not one's own is not there", async () => {
    for (const name of ["status", "level", "promoted", "hasSession", "sort", "tag", "cursor", "limit", "project", "from"]) {
      const answer = await room.call("GET", `issues?${name}=!`);
      expect(answer.status, name).toBe(400);
      expect(JSON.stringify(answer.json)).toContain(name);
    }
    expect((await room.call("GET", "issues?limit=201")).status).toBe(400);
    expect((await room.call("GET", "issues?project=2")).status).toBe(404);
  });

  it.each(ISSUE_SORTS)(
    "ISS-26 pages by %s hold each issue once, also where many are equal, and while new ones come",
    async (sort) => {
      const priorities = ["low", "medium", "high"];
      await room.write(
        ...Array.from({ length: 60 }, (_, n) => ({
          message: `bug ${"x".repeat(n)}`,
          receivedAt: T0 + Math.floor(n / 7),
          sessionId: n % 3 ? `s${n}` : null,
          userId: n % 4 ? `u${n}` : null,
        })),
      );
      for (const [index, priority] of priorities.entries())
        await test.database.query("UPDATE issues SET priority = $1 WHERE issue_id % 3 = $2", [priority, index]);
      const all = (await room.list(`sort=${sort}&limit=200`)).issues.map(({ issueId }) => issueId);
      const seen: number[] = [];
      for (let cursor: string | null = "", round = 0; cursor !== null; round++) {
        const page = await room.list(`sort=${sort}&limit=7&cursor=${cursor}`);
        expect(page.total === undefined).toBe(round > 0);
        seen.push(...page.issues.map(({ issueId }) => issueId));
        cursor = page.nextCursor;
        const last = seen.at(-1) ?? 0;
        // New ones, and one that was seen already and comes again.
        await room.write({ message: `new ${"y".repeat(round)}`, receivedAt: T0 + 100 + round, sessionId: "n1" });
        const again = all.indexOf(last) < 20 ? await room.read(seen[0] ?? 0) : null;
        if (again) await room.write({ message: String(again["value"]), receivedAt: T0 + 200 });
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((id) => id <= 60).sort((a, b) => a - b)).toEqual([...all].sort((a, b) => a - b));
      if (sort !== "count" && sort !== "users" && sort !== "sessions") expect(seen.filter((id) => id <= 60)).toEqual(all);
    },
  );

  it("ISS-26 several projects are one list, in one order", async () => {
    await room.write(
      { message: "a", receivedAt: T0 },
      { message: "b", receivedAt: T0 + 1, projectId: 2 },
      { message: "c", receivedAt: T0 + 2 },
    );
    await test.database.query("INSERT INTO project_members (project_id, user_id, role) VALUES (2, 2, 'viewer')");
    const both = { identity: { ...room.identityOf("member"), roles: new Map([[1, "member"] as const, [2, "viewer"] as const]) } };
    const first = await room.caller("GET", "/v1/issues?limit=2", both);
    expect(first.json).toMatchObject({ issues: [{ shortId: "SHOP-2" }, { shortId: "BLOG-1" }], total: 3 });
  });

  it("ISS-29 every order comes by an index: a page of a large project reads a page", async () => {
    await test.database.query(
      `INSERT INTO issues (project_id, number, title, first_seen, last_seen, occurrence_count, user_count, session_count)
       SELECT 1, n, 'bug ' || n, now() - n * interval '1 minute', now() - n * interval '1 second', n % 977, n % 97, n % 89
       FROM generate_series(1, 20000) n`,
    );
    await test.database.query("ANALYZE issues");
    for (const sort of ISSUE_SORTS) {
      const cursor = (await room.list(`sort=${sort}`)).nextCursor ?? "";
      const plans: string[] = [];
      // The list's own statement, explained.
      const explaining: Queryable = {
        ...test.database,
        async query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
          if (sql.startsWith("WITH page")) plans.push(JSON.stringify(await test.database.query(`EXPLAIN ${sql}`, values)));
          return test.database.query<Row>(sql, values);
        },
      };
      const filter = parseIssueFilter(new URLSearchParams({ sort, cursor }), 1);
      expect((await listIssues(explaining, [1], filter, Date.now())).issues).toHaveLength(50);
      expect(plans, sort).toHaveLength(1);
      expect(plans[0], sort).toMatch(/Index (?:Only )?Scan using issues_/);
      expect(plans[0], sort).not.toContain("Seq Scan on issues");
    }
  });

  it("ISS-27 the hours, oldest first, and the states; merged issues are counted once", async () => {
    await fill();
    const hour = 3_600_000;
    await room.write(
      { message: "old", receivedAt: ROOM_STARTS - 30 * hour },
      { message: "cart is empty", receivedAt: ROOM_STARTS },
    );
    await room.call("POST", "issues/1/merge", { ids: [2] });
    const { json } = await room.call("GET", "issues/stats?hours=24");
    const now = Math.floor(ROOM_STARTS / hour) * hour;
    const hours = Array.from({ length: 24 }, (_, index) => ({
      at: now - (23 - index) * hour,
      count: index === 20 ? 6 : index === 23 ? 1 : 0,
    }));
    expect(json).toEqual({
      hours,
      occurrences: 7,
      open: 2,
      resolved: 1,
      ignored: 0,
      muted: 0,
      new: 2,
      regressed: 0,
      promoted: 1,
    });
    expect((await room.call("GET", "issues/stats")).json).toEqual(json);
    expect((await room.call("GET", "issues/stats?hours=48")).json).toMatchObject({ occurrences: 8, new: 3 });
    expect((await room.call("GET", "issues/stats?hours=0")).status).toBe(400);
    expect((await room.call("GET", "issues/stats?project=2")).status).toBe(404);
  });

  it("ISS-28 an issue is promoted from two distinct sessions on, or as many as the project says, and that is told once", async () => {
    const loop = Array.from({ length: 50 }, () => ({ message: "loop", sessionId: "s1" }));
    expect((await room.write(...loop)).filter(({ kind }) => kind === "promoted")).toEqual([]);
    expect(await room.ids("promoted=true")).toBe("");
    expect((await room.write({ message: "loop", sessionId: "s2" })).map(({ kind }) => kind)).toEqual(["occurrence", "promoted"]);
    expect((await room.write({ message: "loop", sessionId: "s3" })).map(({ kind }) => kind)).toEqual(["occurrence"]);
    expect(await room.ids("promoted=true")).toBe("SHOP-1");
    await room.set({ promoteAfterSessions: 4 });
    expect(await room.read(1)).toMatchObject({ isPromoted: false });
    await room.set({ promoteAfterSessions: 3 });
    expect(await room.read(1)).toMatchObject({ isPromoted: true, sessionCount: 3 });
  });
});
