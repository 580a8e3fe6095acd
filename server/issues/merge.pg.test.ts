import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DigestedFacts } from "../../test/harness/digested.ts";
import { type IssuesRoom, openIssuesRoom } from "../../test/harness/issues-room.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { Random } from "../../test/loss/random.ts";

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

const post = async (path: string, body: object) => {
  const { status, json } = await room.call("POST", path, body);
  return { status, json };
};
const merge = (into: number, ...ids: number[]) => post(`issues/${into}/merge`, { ids });
const split = (from: number, issueId: number) => post(`issues/${from}/split`, { issueId });

/** All that is counted of every issue, in an order. */
const counted = async () => ({
  issues: await test.database.query(
    `SELECT issue_id, occurrence_count, session_count, user_count, first_seen, last_seen, first_release, last_release, merged_into
     FROM issues ORDER BY 1`,
  ),
  hours: await test.database.query("SELECT * FROM issue_hours ORDER BY 1, 2"),
  sessions: await test.database.query("SELECT * FROM issue_sessions ORDER BY 1, 2"),
  users: await test.database.query("SELECT * FROM issue_users ORDER BY 1, 2"),
  releases: await test.database.query("SELECT * FROM issue_releases ORDER BY 1, 2, 3"),
  keys: await test.database.query("SELECT issue_id, mechanism, key, made_for FROM groupings ORDER BY 1, 2, 3"),
  occurrences: await test.database.query("SELECT event_id, issue_id FROM occurrences ORDER BY 1"),
});
/** What the counts of the issues should be, by what is stored. */
const isExact = async () => {
  const wrong = await test.database.query(
    `SELECT i.issue_id, i.occurrence_count, i.session_count, i.user_count, o.* FROM issues i CROSS JOIN LATERAL (
       SELECT count(*) AS occurrences, count(DISTINCT session_id) AS sessions, count(DISTINCT user_id) AS users,
         (SELECT coalesce(sum(count), 0)::bigint FROM issue_hours h WHERE h.issue_id = i.issue_id) AS hours,
         (SELECT coalesce(sum(count), 0)::bigint FROM issue_releases r WHERE r.issue_id = i.issue_id) AS releases,
         (SELECT count(*) FROM issue_sessions s WHERE s.issue_id = i.issue_id) AS session_rows,
         (SELECT count(*) FROM issue_users u WHERE u.issue_id = i.issue_id) AS user_rows
       FROM occurrences WHERE issue_id = i.issue_id) o
     WHERE i.merged_into IS NULL AND (occurrence_count, session_count, user_count, occurrences, occurrences, sessions, users)
       <> (occurrences, sessions, users, hours, releases, session_rows, user_rows)`,
  );
  expect(wrong).toEqual([]);
};

describe("merging and splitting", () => {
  it("ISS-14 a merge adds up, a split puts all back as it was, and the numbers of the merged lead to the one that stays", async () => {
    const at = (minutes: number) => T0 + minutes * 60_000;
    await room.write(
      { message: "one", sessionId: "s1", userId: "u1", release: "1.0", receivedAt: at(10) },
      { message: "one", sessionId: "s2", userId: "u2", release: "1.1", receivedAt: at(80) },
      { message: "two", sessionId: "s2", userId: "u2", release: "1.0", receivedAt: at(0) },
      { message: "two", sessionId: "s3", userId: null, release: "1.2", environment: "eu", receivedAt: at(200) },
      { message: "three", receivedAt: at(1) },
    );
    await isExact();
    const before = await counted();
    const order = await room.list("sort=firstSeen");
    const byTitle = (title: string) => order.issues.find((issue) => issue["title"] === `Error: ${title}`)?.issueId ?? 0;
    const [one, two, three] = [byTitle("one"), byTitle("two"), byTitle("three")];
    expect((await merge(one, two, three)).status).toBe(200);
    await isExact();
    const merged = await room.read(one);
    expect(merged).toMatchObject({ occurrenceCount: 5, sessionCount: 3, userCount: 2, firstRelease: "1.0", lastRelease: "1.2" });
    expect(merged).toMatchObject({ firstSeen: at(0), lastSeen: at(200), merged: [{ issueId: two }, { issueId: three }] });
    expect((await room.list()).issues).toHaveLength(1);
    expect((await room.read(two)).issueId).toBe(one);
    expect((await split(one, two)).status).toBe(200);
    expect((await split(one, three)).status).toBe(200);
    expect(await counted()).toEqual(before);
  });

  it("ISS-14 what comes for a merged issue goes to the one that stays, and leaves with it, also what was received before the merge", async () => {
    await room.write({ message: "one", sessionId: "s1", userId: "u1" }, { message: "two", sessionId: "s1", userId: "u1" });
    await merge(1, 2);
    room.clock.advance(60_000);
    const news = await room.write(
      { message: "two", sessionId: "s2", userId: "u2", receivedAt: room.clock.now() },
      { message: "two", sessionId: "s1", userId: "u1", receivedAt: T0 },
    );
    expect(news.map(({ kind, shortId }) => `${kind} ${shortId}`)).toEqual([
      "occurrence SHOP-1",
      "occurrence SHOP-1",
      "promoted SHOP-1",
    ]);
    await isExact();
    expect(await room.read(1)).toMatchObject({ occurrenceCount: 4, sessionCount: 2, userCount: 2 });
    await split(1, 2);
    await isExact();
    expect(await room.read(1)).toMatchObject({ occurrenceCount: 1, sessionCount: 1, userCount: 1 });
    expect(await room.read(2)).toMatchObject({ occurrenceCount: 3, sessionCount: 2, userCount: 2, shortId: "SHOP-2" });
    await room.write({ message: "two" });
    expect(await room.read(2)).toMatchObject({ occurrenceCount: 4 });
  });

  it("ISS-15 some keys of an issue become an issue of their own, before all others; a merge undoes it", async () => {
    const fingerprint = (...parts: string[]): DigestedFacts => ({ detail: { fingerprint: parts } });
    await room.write({ message: "one", ...fingerprint("a") }, { message: "two", ...fingerprint("b") });
    const before = await counted();
    await room.set({ routeSplits: false });
    await room.write({ message: "x", transaction: "/a", sessionId: "s1", release: "1", receivedAt: T0 });
    await room.set({ routeSplits: true });
    await room.write({ message: "x", transaction: "/a", sessionId: "s2", release: "2" });
    expect((await room.list()).issues).toHaveLength(4);
    await merge(3, 4);
    const { json } = await room.call("GET", "issues/3/keys");
    expect(json).toMatchObject({ keys: [{ madeFor: null }, { madeFor: "SHOP-4" }] });
    expect((await post("issues/3/split", { keys: ["0".repeat(64)] })).status).toBe(400);
    expect((await counted()).issues.slice(0, 2)).toEqual(before.issues);
  });

  it("ISS-15 keys that joined two bugs are taken apart, with what came by them", async () => {
    const wordings = [
      "Cannot read properties of undefined (reading 'total')",
      "undefined is not an object (evaluating 'e.total')",
    ];
    const frames = [
      {
        file: "src/cart.ts",
        function: "sum",
        line: 3,
        column: 1,
        inApp: true,
        context: { before: [], line: "return c.total", after: [] },
      },
    ];
    const say = (message: string, sessionId: string) => room.write({ type: "TypeError", message, sessionId, detail: { frames } });
    for (const [index, message] of wordings.entries()) await say(message, `s${index}`);
    expect(await room.ids()).toBe("SHOP-1");
    const rows = await test.database.query<{ hash: string; mechanism: string; key: string[] }>(
      "SELECT encode(key_hash, 'hex') AS hash, mechanism, key FROM groupings",
    );
    const places = rows.filter(({ mechanism }) => mechanism === "frames1").map(({ hash }) => hash);
    const all = rows.map(({ hash }) => hash);
    expect((await post("issues/1/split", { keys: all })).status).toBe(400);
    expect((await room.list()).total).toBe(1);
    const answer = await post("issues/1/split", { keys: places });
    expect(answer).toMatchObject({ status: 200, json: { issue: { occurrenceCount: 1 } } });
    await isExact();
    const made = await room.read("SHOP-2");
    expect(made).toMatchObject({ occurrenceCount: 1, title: `TypeError: ${wordings[1] ?? ""}` });
    await say(wordings[1] ?? "", "s9");
    expect(await room.read("shop-2")).toMatchObject({ occurrenceCount: 2 });
    await merge(1, made.issueId);
    await isExact();
    await say(wordings[1] ?? "", "s10");
    expect(await room.read(1)).toMatchObject({ occurrenceCount: 4, sessionCount: 4 });
  });

  it("ISS-14 keys that came with a merge leave with it only, so that nothing is taken out twice", async () => {
    await room.write({ message: "one" }, { message: "two" }, { message: "two" });
    await merge(1, 2);
    const [key] = await test.database.query<{ hash: string }>(
      "SELECT encode(key_hash, 'hex') AS hash FROM groupings WHERE made_for = 2",
    );
    expect((await post("issues/1/split", { keys: [key?.hash] })).status).toBe(400);
    await split(1, 2);
    await isExact();
  });

  it("ISS-14 a mute holds for as many more as before, through merges and splits", async () => {
    await room.write({ message: "one" }, { message: "two", userId: "u1" }, { message: "two", userId: "u2" });
    await room.call("PATCH", "issues/1", { mutedUntil: { count: 2, users: 2 } });
    const rest = { mutedUntil: { count: 2, users: 2 } };
    await merge(1, 2);
    expect(await room.read(1)).toMatchObject({ status: "muted", ...rest });
    await split(1, 2);
    expect(await room.read(1)).toMatchObject({ status: "muted", ...rest });
  });

  it("ISS-14 what cannot be merged or split is refused whole", async () => {
    await room.write({ message: "one" }, { message: "two" }, { message: "three" }, { projectId: 2, message: "theirs" });
    const before = await counted();
    expect((await merge(1, 2, 4)).status).toBe(404);
    expect((await merge(1, 2, 99)).status).toBe(404);
    expect((await split(1, 2)).status).toBe(404);
    expect((await room.call("POST", "issues/1/merge", { ids: [2] }, "viewer")).status).toBe(403);
    expect(await counted()).toEqual(before);
  });

  it("ISS-16 merges nest, in any order and while errors come, and come apart again without a count lost", async () => {
    const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
    const random = new Random(seed);
    const bugs = ["a", "b", "c", "d", "e"];
    const some = () =>
      room.write(
        ...Array.from({ length: random.between(1, 6) }, () => ({
          message: random.pick(bugs),
          sessionId: random.chance(0.7) ? `s${random.between(1, 5)}` : null,
          userId: random.chance(0.7) ? `u${random.between(1, 4)}` : null,
          release: random.pick(["", "1.0", "2.0"]),
          receivedAt: T0 + random.between(0, 5 * 3_600_000),
        })),
      );
    await room.write(...bugs.map((message) => ({ message })));
    const done: [number, number][] = [];
    const open = new Set([1, 2, 3, 4, 5]);
    for (let round = 0; round < 4; round++) {
      await some();
      const into = random.pick([...open]);
      const from = random.pick([...open].filter((id) => id !== into));
      expect((await merge(into, from)).status, `seed ${seed}`).toBe(200);
      open.delete(from);
      done.push([into, from]);
    }
    await some();
    for (const [into, from] of done.reverse()) {
      expect((await split(into, from)).status, `seed ${seed}`).toBe(200);
      await some();
    }
    await isExact();
    const mixed = await test.database.query("SELECT issue_id FROM occurrences GROUP BY 1 HAVING count(DISTINCT message) > 1");
    expect(mixed, `seed ${seed}`).toEqual([]);
    expect(await test.database.query("SELECT FROM issues WHERE merged_into IS NOT NULL"), `seed ${seed}`).toEqual([]);
  });

  it("ISS-16 errors that come during a merge and a split are counted once", async () => {
    await room.write({ message: "one" }, { message: "two" });
    const stream = async () => {
      for (let n = 0; n < 15; n++)
        await room.write({ message: n % 2 ? "one" : "two", sessionId: `s${n % 4}`, userId: `u${n % 3}` });
    };
    await Promise.all([
      stream(),
      stream(),
      (async () => {
        for (let n = 0; n < 5; n++) {
          expect((await merge(1, 2)).status).toBe(200);
          expect((await split(1, 2)).status).toBe(200);
        }
      })(),
    ]);
    await isExact();
    const [all] = await test.database.query("SELECT sum(occurrence_count)::bigint AS count FROM issues");
    expect(all).toEqual({ count: 32 });
  });
});
