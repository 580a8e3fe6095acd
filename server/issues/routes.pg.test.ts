import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { digestedOf, frameOf } from "../../test/harness/digested.ts";
import { type IssuesRoom, openIssuesRoom, ROOM_STARTS } from "../../test/harness/issues-room.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";

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

const explain = async (eventId: string) => {
  const { errorId } = digestedOf({ eventId });
  const { status, json } = await room.call("GET", `errors/${errorId}/grouping`);
  expect(status).toBe(200);
  return json;
};

describe("an issue", () => {
  it("ISS-22 by its id or short id: texts, times, counts, trend, tags, releases, and what was done", async () => {
    const cart = { type: "RangeError", message: "no item 1\nmore", culprit: "sum(cart.ts)" };
    await room.write(
      {
        ...cart,
        level: "error",
        receivedAt: T0,
        release: "1.0",
        environment: "eu",
        tags: { browser: "Safari" },
        sessionId: "s1",
      },
      {
        ...cart,
        level: "fatal",
        receivedAt: ROOM_STARTS,
        release: "1.1",
        environment: "eu",
        tags: { browser: "Safari" },
        userId: "u1",
      },
      {
        ...cart,
        message: "no item 2",
        level: "error",
        receivedAt: T0 + 5,
        release: "1.0",
        environment: "us",
        tags: { browser: "Chrome" },
      },
    );
    const issue = await room.read("shop-1");
    expect(issue).toEqual(await room.read(issue.issueId));
    expect(issue).toMatchObject({
      shortId: "SHOP-1",
      title: "RangeError: no item 1",
      culprit: "sum(cart.ts)",
      level: "fatal",
      firstSeen: T0,
      lastSeen: ROOM_STARTS,
      firstRelease: "1.0",
      lastRelease: "1.1",
      occurrenceCount: 3,
      sessionCount: 1,
      userCount: 1,
      trend: Array.from({ length: 24 }, (_, index) => (index === 20 ? 2 : index === 23 ? 1 : 0)),
      releases: [
        { release: "1.1", count: 1, firstSeen: ROOM_STARTS, lastSeen: ROOM_STARTS },
        { release: "1.0", count: 2, firstSeen: T0, lastSeen: T0 + 5 },
      ],
      activity: [{ kind: "first_seen", by: null, text: "1.0" }],
    });
    expect(issue["tags"]).toEqual([
      {
        name: "browser",
        values: [
          { value: "Safari", count: 2 },
          { value: "Chrome", count: 1 },
        ],
      },
      {
        name: "environment",
        values: [
          { value: "eu", count: 2 },
          { value: "us", count: 1 },
        ],
      },
    ]);
    for (const id of ["99", "SHOP-2", "BLOG-1", "x", "0"]) expect((await room.call("GET", `issues/${id}`)).status, id).toBe(404);
  });

  it("ISS-22 what is late changes neither the level nor the newest release", async () => {
    await room.write({ level: "fatal", release: "2.0", receivedAt: T0 + 10_000 });
    await room.write({ level: "info", release: "1.0", receivedAt: T0 });
    expect(await room.read(1)).toMatchObject({ level: "fatal", lastRelease: "2.0", firstSeen: T0, lastSeen: T0 + 10_000 });
  });

  it("ISS-23 priority, assignee and comments are changed by members, and written down", async () => {
    await room.write({});
    expect((await room.call("PATCH", "issues/SHOP-1", { priority: "high", assigneeId: 3 })).status).toBe(200);
    expect((await room.call("POST", "issues/1/comments", { text: "  mine <b>\u0000 " })).status).toBe(200);
    await room.call("PATCH", "issues/1", { assigneeId: null });
    const by = { userId: 2, email: "member@example.com" };
    expect(await room.read(1)).toMatchObject({
      priority: "high",
      assignee: null,
      activity: [
        { kind: "assignee", by, text: "nobody" },
        { kind: "comment", by, text: "mine <b>" },
        { kind: "assignee", by, text: "admin@example.com" },
        { kind: "priority", by, text: "high" },
        { kind: "first_seen" },
      ],
    });
    expect((await room.call("PATCH", "issues/1", { assigneeId: 5 })).status).toBe(400);
    for (const text of ["", "  ", "x".repeat(10_001)]) {
      expect((await room.call("POST", "issues/1/comments", { text })).status).toBe(400);
    }
    expect((await room.call("PATCH", "issues/1", { priority: "low" }, "viewer")).status).toBe(403);
    expect((await room.call("POST", "issues/1/comments", { text: "x" }, "viewer")).status).toBe(403);
  });

  it("ISS-24 several issues are changed together, all of them or none, at most 500", async () => {
    await room.write({ message: "a" }, { message: "b" }, { message: "c" }, { message: "theirs", projectId: 2 });
    const all = await room.call("PATCH", "issues", { ids: [1, 2, 2], status: "ignored", priority: "low" });
    expect(all).toMatchObject({ status: 200, json: { issues: [{ status: "ignored" }, { status: "ignored" }] } });
    expect(await room.ids("status=open")).toBe("SHOP-3");
    const refused = [
      { ids: [3, 4], status: "resolved" },
      { ids: [3, 99], status: "resolved" },
      { ids: [3], status: "resolved", assigneeId: 5 },
      { ids: [], status: "resolved" },
      { ids: Array.from({ length: 501 }, (_, index) => index + 1), status: "resolved" },
    ];
    for (const body of refused) expect([400, 404]).toContain((await room.call("PATCH", "issues", body)).status);
    expect((await room.call("PATCH", "issues", { ids: [3], status: "resolved" }, "viewer")).status).toBe(403);
    expect(await room.read(3)).toMatchObject({ status: "open", assignee: null, activity: [{ kind: "first_seen" }] });
  });
});

describe("why", () => {
  it("ISS-13 words: the line, what was taken out, the key, and where each key leads", async () => {
    await room.write({ eventId: "e1", message: "\nUser 7 is gone", transaction: "/cart" });
    expect(await explain("e1")).toMatchObject({
      grouping: {
        because: expect.stringContaining("same type of error") as unknown,
        by: "exception",
        line: "User 7 is gone",
        words: "User <number> is gone",
        replaced: [{ what: "number", count: 1 }],
        route: "/cart",
        routeSplits: true,
        key: { mechanism: "v1", parts: ["exception", "Error", "User <number> is gone", "/cart"], shortId: "SHOP-1" },
        keys: [{ mechanism: "v1", leadsTo: { shortId: "SHOP-1" } }],
      },
    });
    expect((await room.call("GET", `errors/${digestedOf({ eventId: "none" }).errorId}/grouping`)).status).toBe(404);
    await room.write({ eventId: "e9", projectId: 2 });
    expect((await room.call("GET", `errors/${digestedOf({ eventId: "e9", projectId: 2 }).errorId}/grouping`)).status).toBe(404);
  });

  it("ISS-13 a fingerprint, a place, and a merge are said", async () => {
    const frames = [frameOf("src/cart.ts", "return cart.total;", { function: "sum" })];
    await room.write({ eventId: "f1", detail: { fingerprint: ["mine"] } });
    await room.write({
      eventId: "p1",
      type: "TypeError",
      message: "undefined is not an object (evaluating 'a.total')",
      detail: { frames },
    });
    const message = "Cannot read properties of undefined (reading 'total')";
    await room.write({ eventId: "p2", type: "TypeError", message, detail: { frames } });
    expect(await room.read(2)).toMatchObject({ occurrenceCount: 2 });
    expect(JSON.stringify(await explain("f1"))).toContain("same fingerprint");
    expect(await explain("p2")).toMatchObject({
      grouping: {
        key: { mechanism: "frames1" },
        engineFault: { kind: "nullish", name: "total" },
        place: { inner: { file: "cart.ts", function: "sum" } },
      },
    });
    await room.call("POST", "issues/1/merge", { ids: [2] });
    expect(JSON.stringify(await explain("p2"))).toContain("It came for SHOP-2, which was merged into this issue by hand.");
  });

  it("ISS-12 a route that splits no more: issues of before go on, new routes join one of them", async () => {
    const at = (transaction: string) => room.write({ message: "gone", transaction });
    await at("/a");
    await at("/b");
    expect((await room.list()).total).toBe(2);
    await room.set({ routeSplits: false });
    await at("/a");
    await at("/c");
    expect(await room.read(1)).toMatchObject({ occurrenceCount: 3 });
    expect((await room.list()).total).toBe(2);
    await room.set({ routeSplits: true });
    await at("/b");
    expect(await room.read(2)).toMatchObject({ occurrenceCount: 2 });
  });

  it("ISS-17 a dry run tells what would be one issue and what would come apart, and writes nothing", async () => {
    for (const transaction of ["/a", "/b", "/b"]) await room.write({ message: "gone", transaction });
    await room.write({ message: "other" });
    const before = await test.database.query("SELECT * FROM groupings ORDER BY 1, 2, 3");
    const run = (body: object, role: "member" | "viewer" = "member") =>
      room.call("POST", "projects/1/grouping/dry-run", body, role);
    expect((await run({ routeSplits: false })).json).toMatchObject({
      settings: { routeSplits: false, placeJoins: true },
      occurrences: 4,
      isPartial: false,
      issuesNow: 3,
      issuesThen: 2,
      splits: [],
      joins: [{ then: { count: 3, routes: ["/a", "/b"], issueIds: [1, 2] }, now: [{ count: 1 }, { count: 2 }] }],
    });
    expect((await run({})).json).toMatchObject({ issuesNow: 3, issuesThen: 3, joins: [], splits: [] });
    expect((await run({ colour: true })).status).toBe(400);
    expect((await run({}, "viewer")).status).toBe(403);
    expect(await test.database.query("SELECT * FROM groupings ORDER BY 1, 2, 3")).toEqual(before);
  });
});
