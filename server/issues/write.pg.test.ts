import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { IssueNews } from "../digested.ts";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { type DigestedFacts, digestedOf, frameOf } from "../../test/harness/digested.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { createIssues, type Issues } from "./issues.ts";

const T0 = Date.UTC(2026, 10, 21, 12);

let test: TestDatabase;
let clock: TestClock;
let issues: Issues;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

beforeEach(async () => {
  await test.database.query(
    `TRUNCATE projects, issues, issue_numbers, groupings, occurrences, issue_hours, issue_sessions, issue_users, issue_releases,
       project_releases, issue_activity RESTART IDENTITY CASCADE`,
  );
  await test.database.query(
    "INSERT INTO projects (id, name, slug) OVERRIDING SYSTEM VALUE VALUES (1, 'Shop', 'shop'), (2, 'Blog', 'blog')",
  );
  clock = createTestClock(T0 + 60_000);
  issues = createIssues({ db: test.database, clock });
});

const write = (...facts: DigestedFacts[]): Promise<IssueNews[]> =>
  test.database.transaction((tx) => issues.write(tx, facts.map(digestedOf)));

interface Row {
  number: number;
  title: string;
  status: string;
  occurrences: number;
  sessions: number;
  users: number;
}

const read = () =>
  test.database.query<Row>(
    `SELECT number, title, status, occurrence_count AS occurrences, session_count AS sessions, user_count AS users
     FROM issues ORDER BY project_id, number`,
  );

describe("writing", () => {
  it("ISS-1 the same error again and again is one issue, and every number of it is counted", async () => {
    const news = await write(
      { message: "User 1 is gone", sessionId: "s1", userId: "u1" },
      { message: "User 2 is gone", sessionId: "s1", userId: "u1" },
      { message: "User 3 is gone", sessionId: "s2", userId: "u2" },
      { message: "something else" },
    );
    expect(await read()).toEqual([
      { number: 1, title: "Error: User 1 is gone", status: "open", occurrences: 3, sessions: 2, users: 2 },
      { number: 2, title: "Error: something else", status: "open", occurrences: 1, sessions: 0, users: 0 },
    ]);
    expect(news.map(({ kind, shortId }) => `${kind} ${shortId}`)).toEqual([
      "new SHOP-1",
      "occurrence SHOP-1",
      "occurrence SHOP-1",
      "promoted SHOP-1",
      "new SHOP-2",
    ]);
    const hours = await test.database.query<{ count: number }>("SELECT count FROM issue_hours ORDER BY issue_id");
    expect(hours.map(({ count }) => count)).toEqual([3, 1]);
  });

  it("ISS-2 an occurrence that is written already changes nothing, in the same group, later, and at the same time", async () => {
    const one = digestedOf({ sessionId: "s1", userId: "u1" });
    const again = () => test.database.transaction((tx) => issues.write(tx, [one, one]));
    await Promise.all([again(), again(), again()]);
    expect(await again()).toEqual([]);
    expect(await read()).toMatchObject([{ occurrences: 1, sessions: 1, users: 1 }]);
  });

  it("ISS-3 many processes that meet a new bug at once make one issue of it, and none waits for another for ever", async () => {
    const group = (n: number) => ["a", "b", "c", "d"].map((word) => ({ message: `bug ${word}`, sessionId: `s${n}` }));
    await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        write(...(n % 2 === 0 ? group(n) : group(n).reverse()), { message: `only ${"x".repeat(n)}` }),
      ),
    );
    const rows = await read();
    expect(rows.filter(({ title }) => title.includes("bug")).map(({ occurrences }) => occurrences)).toEqual([12, 12, 12, 12]);
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_row, index) => index + 1));
  });

  it("ISS-4 the same error of two projects is two issues", async () => {
    await write({ projectId: 1, eventId: "same" }, { projectId: 2, eventId: "same" });
    const rows = await test.database.query("SELECT project_id FROM issues ORDER BY project_id");
    expect(rows).toEqual([{ project_id: 1 }, { project_id: 2 }]);
  });

  it("ISS-5 a bug that three browsers word differently is one issue, where its source is known", async () => {
    const frames = [frameOf("src/cart.ts", "return cart.total;", { before: "function sum(cart) {" })];
    const wordings = [
      "Cannot read properties of undefined (reading 'total')",
      'can\'t access property "total", e is undefined',
      "undefined is not an object (evaluating 'e.total')",
    ];
    for (const message of wordings) await write({ type: "TypeError", message, detail: { frames } });
    expect(await read()).toMatchObject([{ occurrences: 3 }]);
    const elsewhere = [frameOf("src/list.ts", "return order.total;", { before: "function sum(order) {" })];
    for (const message of [...wordings].reverse()) await write({ type: "TypeError", message, detail: { frames: elsewhere } });
    expect(await read()).toMatchObject([{ occurrences: 3 }, { occurrences: 3 }]);
  });
});
