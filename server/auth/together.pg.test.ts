import { afterAll, beforeAll, expect, it } from "vitest";
import { createPeople, PASSWORD } from "../../test/harness/people.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import { waitFor } from "../../test/harness/wait.ts";
import type { Queryable } from "../db/db.ts";

const ROUNDS = 20;
const AT_ONCE = 6;

let test: TestDatabase;
let shop: number;

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
});

afterAll(async () => {
  await test.drop();
});

/** Whole numbers below `below`, the same for the same seed (Park and Miller, 1988). */
function createRandom(seed: number) {
  let state = (seed % 2_147_483_646) + 1;
  return (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

it.each([1, Date.now() % 1_000_000])(
  "AUT-48 deeds at the same time never wait for each other in a ring: seed %i",
  async (seed) => {
    const random = createRandom(seed);
    const people = await createPeople(test.database, Date.UTC(2026, 10, 20, 12));
    const adaId = await people.insertUser("ada@example.com");
    await people.insertUser("root@example.com", true);
    const root = await people.signIn("root@example.com");
    const ada = await people.signIn("ada@example.com");
    const linkOf = async (asked: ReturnType<typeof root.call>) => {
      const { url = "" } = (await asked).json as { url?: string };
      return ada.call("POST", "/auth/invitation", { token: url.split("#token=")[1] ?? "", password: PASSWORD });
    };
    const member = `/v1/projects/${shop}/members/${adaId}`;
    const deeds = [
      () => ada.call("POST", "/auth/login", { email: "ada@example.com", password: PASSWORD }),
      () => ada.call("POST", "/auth/password", { current: PASSWORD, next: PASSWORD }),
      () => ada.call("POST", "/auth/logout"),
      () => ada.call("POST", "/auth/logout-everywhere"),
      () => ada.call("POST", "/v1/tokens", { name: "t" }),
      () => root.call("PATCH", `/v1/users/${adaId}`, { disabled: random(4) === 0, isAdmin: random(2) === 0 }),
      () => root.call("PATCH", member, { role: random(2) === 0 ? "admin" : "viewer" }),
      () => root.call("DELETE", member),
      () => linkOf(root.call("POST", `/v1/users/${adaId}/reset-link`)),
      () => linkOf(root.call("POST", `/v1/projects/${shop}/invitations`, { email: "ada@example.com", role: "admin" })),
      () => ada.call("POST", `/v1/projects/${shop}/invitations`, { email: `${random(3)}@example.com`, role: "viewer" }),
      async () => {
        await people.auth.stop();
        return { status: 200 };
      },
    ];
    for (let round = 0; round < ROUNDS; round++) {
      await test.database.query("TRUNCATE attempts");
      const chosen = Array.from({ length: AT_ONCE }, () => deeds[random(deeds.length)] ?? deeds[0]);
      const answers = await Promise.all(chosen.map((deed) => deed?.() ?? Promise.resolve({ status: 500 })));
      expect(answers.map(({ status }) => status).filter((status) => status >= 500)).toEqual([]);
    }
  },
);

/** Does `first` in a transaction, lets `meanwhile` begin and wait for it, does `second`, and commits. */
async function inBetween<T>(
  first: (tx: Queryable) => Promise<unknown>,
  meanwhile: () => Promise<T>,
  second: (tx: Queryable) => Promise<unknown>,
): Promise<T> {
  const begun: Promise<T>[] = [];
  await test.database.transaction(async (tx) => {
    await first(tx);
    begun.push(meanwhile());
    await waitFor(async () => {
      const rows = await test.database.query(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return rows.length > 0;
    });
    await second(tx);
  });
  const [answer] = await Promise.all(begun);
  if (answer === undefined) throw new Error("nothing was begun");
  return answer;
}

const lockAda = (tx: Queryable) => tx.query("SELECT 1 FROM users WHERE email = 'ada@example.com' FOR NO KEY UPDATE");

it("AUT-48 who signs in again while his sign-ins are ended waits, and ends nothing first", async () => {
  const people = await createPeople(test.database, 0);
  const adaId = await people.insertUser("ada@example.com");
  const ada = await people.signIn("ada@example.com");
  const answer = await inBetween(
    lockAda,
    () => ada.call("POST", "/auth/login", { email: "ada@example.com", password: PASSWORD }),
    (tx) => tx.query("DELETE FROM sign_ins WHERE user_id = $1", [adaId]),
  );
  expect(answer.status).toBe(200);
});

it("AUT-48 who uses a link to a new password while he is disabled, or an invitation while it is taken back, comes too late", async () => {
  const people = await createPeople(test.database, 0);
  const adaId = await people.insertUser("ada@example.com");
  await people.insertUser("root@example.com", true);
  const root = await people.signIn("root@example.com");
  const secretOf = async (asked: ReturnType<typeof root.call>) =>
    ((await asked).json as { url: string }).url.split("#token=")[1] ?? "";
  const use = (token: string) => people.open().call("POST", "/auth/invitation", { token, password: PASSWORD });
  const revoke = (tx: Queryable) => tx.query("UPDATE invitations SET revoked_at = now() WHERE used_at IS NULL");
  const reset = await secretOf(root.call("POST", `/v1/users/${adaId}/reset-link`));
  expect((await inBetween(lockAda, () => use(reset), revoke)).status).toBe(404);
  const email = "nina@example.com";
  const invitation = await secretOf(root.call("POST", `/v1/projects/${shop}/invitations`, { email, role: "viewer" }));
  const lockShop = (tx: Queryable) => tx.query("SELECT 1 FROM projects WHERE id = $1 FOR NO KEY UPDATE", [shop]);
  expect((await inBetween(lockShop, () => use(invitation), revoke)).status).toBe(404);
});
