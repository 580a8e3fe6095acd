import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Browser, createPeople, type People } from "../../test/harness/people.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import type { Role } from "./auth.ts";

let test: TestDatabase;
let people: People;
let shop: number;
let blog: number;
/** Of the shop. */
let olga: { id: number; browser: Browser };
let adam: { id: number; browser: Browser };
let mia: { id: number; browser: Browser };
/** Owner of the blog. */
let bob: { id: number; browser: Browser };

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
});

afterAll(async () => {
  await test.drop();
});

beforeEach(async () => {
  people = await createPeople(test.database, Date.UTC(2026, 10, 20, 12));
  const member = async (email: string, projectId: number, role: Role) => {
    const id = await people.insertUser(email);
    await people.join(id, projectId, role);
    return { id, browser: await people.signIn(email) };
  };
  olga = await member("olga@example.com", shop, "owner");
  adam = await member("adam@example.com", shop, "admin");
  mia = await member("mia@example.com", shop, "member");
  bob = await member("bob@example.com", blog, "owner");
});

const change = (by: Browser, userId: number, role: string, projectId = shop) =>
  by.call("PATCH", `/v1/projects/${projectId}/members/${userId}`, { role });
const remove = (by: Browser, userId: number, projectId = shop) =>
  by.call("DELETE", `/v1/projects/${projectId}/members/${userId}`);

async function roleOf(userId: number): Promise<string | null> {
  const rows = await test.database.query<{ role: string }>(
    "SELECT role FROM project_members WHERE project_id = $1 AND user_id = $2",
    [shop, userId],
  );
  return rows[0]?.role ?? null;
}

describe("members", () => {
  it("AUT-20 are seen by every member, and by nobody else", async () => {
    const answer = await mia.browser.call("GET", `/v1/projects/${shop}/members`);
    expect(answer.json).toMatchObject({
      members: [
        { userId: adam.id, email: "adam@example.com", role: "admin", isAdmin: false, disabled: false },
        { userId: mia.id, role: "member" },
        { userId: olga.id, role: "owner" },
      ],
    });
    const foreign = await bob.browser.call("GET", `/v1/projects/${shop}/members`);
    const unknown = await bob.browser.call("GET", "/v1/projects/99999/members");
    expect([foreign.status, foreign.json]).toEqual([404, unknown.json]);
  });

  it("AUT-21 get another role at once, which is written down and heard", async () => {
    let heard = 0;
    people.auth.onRightsChanged(() => heard++);
    expect((await change(adam.browser, mia.id, "viewer")).json).toEqual({ userId: mia.id, role: "viewer" });
    expect(heard).toBe(1);
    expect((await mia.browser.call("GET", "/auth/me")).json).toMatchObject({ user: { roles: { [String(shop)]: "viewer" } } });
    expect((await people.deeds()).at(-1)).toMatchObject({
      action: "member_role_changed",
      actor: "user",
      actorName: "adam@example.com",
      peer: "10.0.0.1",
      projectId: shop,
      subject: `user ${mia.id}`,
      data: { email: "mia@example.com", from: "member", to: "viewer" },
    });
    expect((await change(adam.browser, mia.id, "viewer")).status).toBe(200);
    expect(heard).toBe(1);
  });

  it("AUT-21 are changed by nobody below admin, and nobody gives or takes what is above his own role", async () => {
    expect((await change(mia.browser, mia.id, "admin")).status).toBe(403);
    expect((await change(adam.browser, adam.id, "owner")).status).toBe(403);
    expect((await change(adam.browser, mia.id, "owner")).status).toBe(403);
    expect((await change(adam.browser, olga.id, "member")).status).toBe(403);
    expect((await remove(adam.browser, olga.id)).status).toBe(403);
    expect((await remove(mia.browser, adam.id)).status).toBe(403);
    expect((await change(adam.browser, mia.id, "king")).status).toBe(400);
    expect([await roleOf(olga.id), await roleOf(adam.id), await roleOf(mia.id)]).toEqual(["owner", "admin", "member"]);
    expect((await change(adam.browser, mia.id, "admin")).status).toBe(200);
  });

  it("AUT-22 the last owner is neither demoted nor removed, by himself or by an administrator", async () => {
    await people.insertUser("root@example.com", true);
    const root = await people.signIn("root@example.com");
    for (const by of [olga.browser, root]) {
      expect((await change(by, olga.id, "admin")).status).toBe(403);
      expect((await remove(by, olga.id)).status).toBe(403);
    }
    expect((await change(root, adam.id, "owner")).status).toBe(200);
    expect((await change(olga.browser, olga.id, "viewer")).status).toBe(200);
    expect((await remove(olga.browser, olga.id)).status).toBe(200);
    expect((await remove(adam.browser, adam.id)).status).toBe(403);
  });

  it("AUT-22 an owner who is disabled does not count as one", async () => {
    expect((await change(olga.browser, adam.id, "owner")).status).toBe(200);
    await test.database.query("UPDATE users SET disabled_at = now() WHERE id = $1", [adam.id]);
    expect((await remove(olga.browser, olga.id)).status).toBe(403);
  });

  it("AUT-22 of two owners who remove each other at once, one stays", async () => {
    expect((await change(olga.browser, adam.id, "owner")).status).toBe(200);
    const answers = await Promise.all([remove(olga.browser, adam.id), remove(adam.browser, olga.id)]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 404]);
  });

  it("AUT-21 acts by the role that the database has, not by one that is remembered", async () => {
    const stale = await adam.browser.identity();
    await test.database.query("UPDATE project_members SET role = 'viewer' WHERE user_id = $1", [adam.id]);
    expect(await adam.browser.identity()).toEqual(stale);
    expect((await change(adam.browser, mia.id, "viewer")).status).toBe(403);
    await test.database.query("DELETE FROM project_members WHERE user_id = $1", [adam.id]);
    expect((await remove(adam.browser, mia.id)).status).toBe(404);
    expect(await roleOf(mia.id)).toBe("member");
  });

  it("AUT-23 who is removed sees nothing at once, and his tokens of the project are revoked for good", async () => {
    const bound = await mia.browser.call("POST", "/v1/tokens", { name: "bound", projectId: shop });
    const wide = await mia.browser.call("POST", "/v1/tokens", { name: "wide" });
    const { token } = bound.json as { token: string };
    expect(await people.auth.identify({ token })).toMatchObject({ kind: "token" });
    expect((await remove(adam.browser, mia.id)).status).toBe(200);
    expect((await mia.browser.call("GET", `/v1/projects/${shop}/members`)).status).toBe(404);
    expect(await people.auth.identify({ token })).toEqual({ kind: "nobody" });
    expect((await people.deeds()).at(-1)).toMatchObject({ action: "member_removed", data: { role: "member", tokensRevoked: 1 } });
    await people.join(mia.id, shop, "member");
    await people.auth.rightsChanged();
    expect(await people.auth.identify({ token })).toEqual({ kind: "nobody" });
    expect(await people.auth.identify({ token: (wide.json as { token: string }).token })).toMatchObject({ kind: "token" });
  });

  it("AUT-23 anybody may leave, and a lower role takes the tokens of scope admin with it", async () => {
    expect((await remove(mia.browser, mia.id)).status).toBe(200);
    const strong = await adam.browser.call("POST", "/v1/tokens", { name: "a", scopes: ["admin"], projectId: shop });
    const weak = await adam.browser.call("POST", "/v1/tokens", { name: "r", scopes: ["read"], projectId: shop });
    expect((await change(olga.browser, adam.id, "member")).status).toBe(200);
    expect(await people.auth.identify({ token: (strong.json as { token: string }).token })).toEqual({ kind: "nobody" });
    expect(await people.auth.identify({ token: (weak.json as { token: string }).token })).toMatchObject({ kind: "token" });
  });

  it("AUT-24 a person or project of another tenant looks like one that does not exist", async () => {
    const answers = await Promise.all([
      change(adam.browser, bob.id, "viewer"),
      change(adam.browser, 99_999, "viewer"),
      remove(adam.browser, bob.id),
      change(adam.browser, bob.id, "viewer", blog),
      remove(adam.browser, bob.id, 99_999),
      adam.browser.call("PATCH", `/v1/projects/${blog}/members/${bob.id}`, { role: "king" }),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404, 404, 404, 404]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.json))).size).toBe(1);
    const low = [await remove(mia.browser, bob.id), await remove(mia.browser, 99_999), await remove(mia.browser, adam.id)];
    expect(low.map((answer) => answer.status)).toEqual([403, 403, 403]);
  });
});
