import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { buryAbandoned, claimReplay, giveBack, MAX_ATTEMPTS, nextDueMs, recordFault } from "./intake-rows.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(() => test.database.query("TRUNCATE intake"));

async function insert(dueInSeconds: number, { kind = "replay", attempts = 0, body = "x" } = {}): Promise<number> {
  const [row] = await test.database.query<{ id: number }>(
    `INSERT INTO intake (project_id, kind, head, body, due_at, attempts)
     VALUES (1, $1, '{}', convert_to($2, 'UTF8'), now() + $3 * interval '1 second', $4) RETURNING intake_id AS id`,
    [kind, body, dueInSeconds, attempts],
  );
  return row?.id ?? 0;
}

describe("segments that wait", () => {
  it("RPL-3 are looked for again when the next is due, and never where none waits", async () => {
    expect(await nextDueMs(test.database)).toBeNull();
    await insert(-60, { kind: "event" });
    expect(await nextDueMs(test.database)).toBeNull();
    await insert(100);
    const inMs = await nextDueMs(test.database);
    expect(inMs).toBeGreaterThan(50_000);
    expect(inMs).toBeLessThanOrEqual(100_000);
    const due = await insert(-5);
    expect(await nextDueMs(test.database)).toBe(0);
    await recordFault(test.database, due, "broken", null);
    expect(await nextDueMs(test.database)).toBeGreaterThan(50_000);
  });

  it("RPL-4 are claimed one at a time, the longest waiting first, whole however long they are", async () => {
    const long = "0123456789".repeat(120_000);
    const second = await insert(-5, { body: long });
    const first = await insert(-10);
    await insert(-20, { kind: "event" });
    await insert(60);
    const claimed = [await claimReplay(test.database), await claimReplay(test.database)];
    expect(claimed.map((row) => row?.intake_id)).toEqual([first, second]);
    expect(claimed[1]?.body?.toString()).toBe(long);
    expect(await claimReplay(test.database)).toBeNull();
  });

  it("RPL-5 are dead where they ended the process again and again, and untried where nothing was wrong with them", async () => {
    const bad = await insert(-10, { attempts: MAX_ATTEMPTS });
    const good = await insert(-5);
    await buryAbandoned(test.database);
    expect((await claimReplay(test.database))?.intake_id).toBe(good);
    await giveBack(test.database, good, 0);
    expect(await claimReplay(test.database)).toMatchObject({ intake_id: good, attempts: 1 });
    const dead = await test.database.query("SELECT intake_id, fault FROM intake WHERE dead_at IS NOT NULL");
    expect(dead).toEqual([{ intake_id: bad, fault: "the process ended while it was read" }]);
  });
});
