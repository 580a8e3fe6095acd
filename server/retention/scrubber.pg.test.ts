import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { withDatabase } from "../db/connection.ts";
import { createScrubber } from "./scrubber.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

it("RET-26 what could not be cleaned is tried again by itself, until it is clean", async () => {
  await test.database.query("INSERT INTO days_to_scrub (started_on) VALUES ('2026-11-11')");
  const clock = createTestClock(Date.parse("2026-11-20T12:00:00Z"));
  const connection = { ...withDatabase(test.connection, "a_database_that_is_not_there") };
  const scrubber = createScrubber({ db: test.database, connection, clock, log: quietLog, isEmbedded: false });
  scrubber.start();
  for (let tries = 0; tries < 2; tries++) {
    expect(scrubber.status()).toMatchObject({ state: "due", last: null });
    clock.advance(15_000);
    await expect.poll(() => scrubber.status().state).toBe("due");
  }
  Object.assign(connection, test.connection);
  clock.advance(15_000);
  await expect.poll(() => scrubber.status()).toMatchObject({ state: "idle", last: { days: ["2026-11-11"] } });
  expect(await test.database.query("SELECT FROM days_to_scrub")).toEqual([]);
  await scrubber.stop();
});
