import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { createPeople, PASSWORD } from "../../test/harness/people.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { AppError } from "../app-error.ts";
import { accountName, createAttempts } from "./attempts.ts";

let test: TestDatabase;
let clock: TestClock;

beforeAll(async () => {
  test = await createTestDatabase();
});

afterAll(async () => {
  await test.drop();
});

beforeEach(async () => {
  await test.database.query("TRUNCATE attempts");
  clock = createTestClock(1_000_000);
});

const build = (kind = "account") => createAttempts({ db: test.database, clock, kind, burst: 2, refillMs: 1_000 });

/** The wait that a try is told; 0 where it was let through. */
async function waitOf(taken: Promise<void>): Promise<number> {
  try {
    await taken;
    return 0;
  } catch (error) {
    if (error instanceof AppError && error.kind === "limit") return error.retryAfterMs ?? -1;
    throw error;
  }
}

describe("attempts", () => {
  it("AUT-4 come in a burst, then one more after each interval, and are forgiven", async () => {
    const attempts = build();
    const take = (name: string) => waitOf(attempts.take(name));
    expect([await take("a"), await take("a"), await take("a")]).toEqual([0, 0, 1_000]);
    expect(await take("b")).toBe(0);
    clock.advance(400);
    expect(await take("a")).toBe(600);
    clock.advance(600);
    expect([await take("a"), await take("a")]).toEqual([0, 1_000]);
    await attempts.giveBack("a");
    expect([await take("a"), await take("a")]).toEqual([0, 1_000]);
    await attempts.forgive("a");
    expect([await take("a"), await take("a"), await take("a")]).toEqual([0, 0, 1_000]);
  });

  it("AUT-40 are counted over restarts and processes, one after the other where they come at once", async () => {
    expect(await waitOf(build().take("a"))).toBe(0);
    const waits = await Promise.all([1, 2, 3, 4].map(() => waitOf(build().take("a"))));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(1);
    expect(await waitOf(build("address").take("a"))).toBe(0);
  });

  it("AUT-40 are kept without the name", async () => {
    await build().take("hunter2@example.com");
    const [row] = await test.database.query<{ all: string }>("SELECT string_agg(a::text, '') AS all FROM attempts a");
    expect(row?.all).not.toContain("hunter2");
  });

  it("AUT-4 at an account count together however its address is spelled", async () => {
    for (const text of ["VİCTİM@X.IO", "ΝΙΚΟΣ@x.gr", "\u212Aim@x", "Straße@x", "ÄÖ@x", "plain@x", "😀@x"]) {
      expect(await test.database.query("SELECT lower($1) AS name", [text])).toEqual([{ name: accountName(text) }]);
    }
    expect(accountName("vİctim@x.io")).toBe(accountName("Victim@x.io"));
  });

  it("AUT-41 at other accounts are not bought by signing in to one's own", async () => {
    const people = await createPeople(test.database, 0);
    await people.insertUser("mallory@example.com");
    const mallory = people.open({ peer: "10.6.6.6" });
    const statuses: number[] = [];
    for (let n = 0; n < 40; n++) {
      await mallory.call("POST", "/auth/login", { email: "mallory@example.com", password: PASSWORD });
      const { status } = await mallory.call("POST", "/auth/login", { email: `victim${n}@example.com`, password: "password1" });
      statuses.push(status);
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(30);
    expect(statuses.at(-1)).toBe(429);
  });

  it("AUT-41 from one IPv6 network count together", async () => {
    const people = await createPeople(test.database, 0);
    const statuses = await Promise.all(
      Array.from({ length: 31 }, async (_, n) => {
        const browser = people.open({ peer: `2001:db8:1:2:0:0:0:${n.toString(16)}` });
        return (await browser.call("POST", "/auth/login", { email: `u${n}@example.com`, password: "x" })).status;
      }),
    );
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
  });
});
