import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { createPeople } from "../../test/harness/people.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import { waitFor } from "../../test/harness/wait.ts";
import type { Queryable } from "../db/db.ts";
import { createRights, type Rights } from "./rights.ts";

let test: TestDatabase;
let clock: TestClock;

beforeAll(async () => {
  test = await createTestDatabase();
});

afterAll(async () => {
  await test.drop();
});

beforeEach(() => {
  clock = createTestClock(0);
});

/** One process: its rights, what it heard, and how often it has looked. */
function startProcess(db: Queryable = test.database) {
  const seen = { heard: 0, looks: 0 };
  const counting: Queryable = {
    async query(sql, values) {
      const isLook = sql.startsWith("SELECT");
      try {
        return await db.query(sql, values);
      } finally {
        if (isLook) seen.looks++;
      }
    },
  };
  const rights = createRights({ db: counting, clock, log: quietLog });
  rights.onChange(() => {
    seen.heard++;
  });
  rights.start();
  return { rights, seen };
}

/** Moves the clock to the next look, and waits until it is over. */
async function nextLook(...processes: { rights: Rights; seen: { looks: number } }[]): Promise<void> {
  const before = processes.map(({ seen }) => seen.looks);
  clock.advance(1_000);
  await waitFor(() => processes.every(({ seen }, index) => seen.looks > (before[index] ?? 0)), { everyMs: 5 });
}

async function firstLook(...processes: { seen: { looks: number } }[]): Promise<void> {
  await waitFor(() => processes.every(({ seen }) => seen.looks > 0), { everyMs: 5 });
}

describe("changed rights", () => {
  it("AUT-19 are heard in the process that changed them before the change is answered, and in another within a second", async () => {
    const [here, there] = [startProcess(), startProcess()];
    await firstLook(here, there);
    await here.rights.changed();
    expect([here.seen.heard, there.seen.heard]).toEqual([1, 0]);
    await nextLook(here, there);
    await waitFor(() => there.seen.heard === 1, { everyMs: 5 });
    const before = { ...there.seen };
    await nextLook(here, there);
    await nextLook(here, there);
    expect(there.seen.heard).toBe(before.heard);
    here.rights.stop();
    there.rights.stop();
  });

  it("AUT-19 are heard once for many, and no longer after a stop", async () => {
    const [here, there] = [startProcess(), startProcess()];
    await firstLook(here, there);
    await Promise.all([here.rights.changed(), here.rights.changed(), here.rights.changed()]);
    await nextLook(there);
    await waitFor(() => there.seen.heard === 1, { everyMs: 5 });
    there.rights.stop();
    await here.rights.changed();
    await nextLook(here);
    expect(there.seen.heard).toBe(1);
    here.rights.stop();
  });

  it("AUT-19 in a database that was away are heard when it is back", async () => {
    const away = { is: false };
    const flaky: Queryable = {
      query: (sql, values) => (away.is ? Promise.reject(new Error("away")) : test.database.query(sql, values)),
    };
    const [here, there] = [startProcess(), startProcess(flaky)];
    await firstLook(here, there);
    away.is = true;
    await here.rights.changed();
    await nextLook(there);
    expect(there.seen.heard).toBe(0);
    await there.rights.changed();
    expect(there.seen.heard).toBe(1);
    away.is = false;
    await nextLook(there);
    await waitFor(() => there.seen.heard === 2, { everyMs: 5 });
    here.rights.stop();
    there.rights.stop();
  });

  it("AUT-19 reach every listener, though one of them throws", async () => {
    const { rights, seen } = startProcess();
    const stop = rights.onChange(() => {
      throw new Error("a listener of a test");
    });
    let later = 0;
    rights.onChange(() => later++);
    await rights.changed();
    expect([seen.heard, later]).toEqual([1, 1]);
    stop();
    rights.stop();
  });

  it("AUT-19 AUT-7 end what another process remembers: a sign-out there is one here within a second", async () => {
    const { id: projectId } = await insertProject(test.database, "shop");
    const here = await createPeople(test.database, 0);
    let looking = 0;
    const counting: Queryable = {
      async query(sql, values) {
        const isLook = sql.startsWith("SELECT value FROM settings");
        if (isLook) looking++;
        try {
          return await test.database.query(sql, values);
        } finally {
          if (isLook) looking--;
        }
      },
    };
    const there = await createPeople({ ...test.database, ...counting }, 0, { keep: true });
    await here.join(await here.insertUser("ada@example.com"), projectId, "viewer");
    const ada = await here.signIn("ada@example.com");
    const { cookie } = ada;
    let heard = 0;
    there.auth.onRightsChanged(() => heard++);
    there.auth.start();
    // It has looked for the first time when it hears of anything at all.
    await waitFor(async () => {
      await here.auth.rightsChanged();
      there.clock.advance(1_000);
      return heard > 0;
    });
    // A look that is under way would stand in for the one that must see the sign-out.
    await waitFor(() => looking === 0);
    expect(await there.auth.identify({ cookie })).toMatchObject({ kind: "user" });
    await ada.call("POST", "/auth/logout");
    there.clock.advance(1_000);
    await waitFor(async () => (await there.auth.identify({ cookie })).kind === "nobody");
    await there.auth.stop();
  });
});
