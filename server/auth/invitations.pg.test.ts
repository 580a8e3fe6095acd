import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Browser, createPeople, PASSWORD, type People } from "../../test/harness/people.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import type { Role } from "./auth.ts";
import { createCleanUp } from "./clean-up.ts";

const DAY_MS = 86_400_000;

let test: TestDatabase;
let people: People;
let shop: number;
let blog: number;
let olga: Browser;
let adam: Browser;
let adamId: number;
let bob: Browser;

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
    return id;
  };
  await member("olga@example.com", shop, "owner");
  adamId = await member("adam@example.com", shop, "admin");
  await member("bob@example.com", blog, "owner");
  olga = await people.signIn("olga@example.com");
  adam = await people.signIn("adam@example.com");
  bob = await people.signIn("bob@example.com");
});

async function invite(by: Browser, email: string, role: string, projectId = shop) {
  const answer = await by.call("POST", `/v1/projects/${projectId}/invitations`, { email, role });
  const { id = 0, url = "" } = answer.json as { id?: number; url?: string };
  return { status: answer.status, id, url, token: url.split("#token=")[1] ?? "" };
}

const look = (by: Browser, token: string) => by.call("POST", "/auth/invitation/look", { token });
const accept = (by: Browser, token: string, password?: string) => by.call("POST", "/auth/invitation", { token, password });

describe("invitations", () => {
  it("AUT-25 bring a new person in by a link that is shown once, and sign him in", async () => {
    const { status, id, url, token } = await invite(adam, "nina@example.com", "member");
    expect(status).toBe(201);
    expect(url).toMatch(/^http:\/\/localhost:8080\/invite#token=[\w-]{43}$/);
    const list = await adam.call("GET", `/v1/projects/${shop}/invitations`);
    expect(list.json).toMatchObject({
      invitations: [{ id, email: "nina@example.com", role: "member", madeBy: "adam@example.com" }],
    });
    expect(JSON.stringify(list.json)).not.toContain(token);
    const [row] = await test.database.query<{ all: string }>("SELECT string_agg(i::text, '') AS all FROM invitations i");
    expect(row?.all).not.toContain(token);
    expect(row?.all).not.toContain(Buffer.from(token).toString("hex"));

    const nina = people.open();
    expect((await look(nina, token)).json).toMatchObject({
      kind: "invitation",
      email: "nina@example.com",
      projectName: "shop",
      role: "member",
      hasAccount: false,
      needsPassword: true,
    });
    expect((await accept(nina, token)).status).toBe(400);
    expect((await accept(nina, token, "short")).status).toBe(400);
    expect((await accept(nina, token, "nina's own password")).json).toMatchObject({
      user: { email: "nina@example.com", isAdmin: false },
      projectId: shop,
    });
    expect((await nina.call("GET", "/auth/me")).json).toMatchObject({ user: { roles: { [String(shop)]: "member" } } });
    await people.signIn("nina@example.com", "nina's own password");
    expect((await people.deeds()).map(({ action, actorName }) => `${action} ${actorName}`).slice(-5)).toEqual([
      "invitation_made adam@example.com",
      "invitation_accepted nina@example.com",
      "member_added nina@example.com",
      "sign_in nina@example.com",
      "sign_in nina@example.com",
    ]);
    expect(JSON.stringify(await people.deeds())).not.toContain(token);
  });

  it("AUT-25 work once: of several who use the same link at once, one does", async () => {
    const { token } = await invite(adam, "nina@example.com", "viewer");
    const answers = await Promise.all([1, 2, 3].map((n) => accept(people.open(), token, `password number ${n}`)));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    expect(await test.database.query("SELECT 1 FROM users WHERE email = 'nina@example.com'")).toHaveLength(1);
    expect((await look(people.open(), token)).status).toBe(404);
  });

  it("AUT-25 stop after seven days, when taken back, and when a newer one takes their place, and all look as if they never were", async () => {
    const old = await invite(adam, "old@example.com", "viewer");
    people.clock.advance(7 * DAY_MS);
    const revoked = await invite(adam, "revoked@example.com", "viewer");
    expect((await adam.call("DELETE", `/v1/projects/${shop}/invitations/${revoked.id}`)).status).toBe(200);
    const replaced = await invite(adam, "nina@example.com", "viewer");
    const newer = await invite(adam, "Nina@example.com", "member");
    const never = await look(people.open(), "x".repeat(43));
    for (const { token } of [old, revoked, replaced]) {
      expect((await look(people.open(), token)).json).toEqual(never.json);
      const answer = await accept(people.open(), token, PASSWORD);
      expect([answer.status, answer.json]).toEqual([404, never.json]);
    }
    const list = await adam.call("GET", `/v1/projects/${shop}/invitations`);
    expect((list.json as { invitations: { id: number }[] }).invitations.map(({ id }) => id)).toEqual([newer.id]);
  });

  it("AUT-26 ask a person who has an account for its password, unless he is signed in with it", async () => {
    const forBob = await invite(adam, "BOB@example.com", "viewer");
    const stranger = people.open({ peer: "10.9.9.9" });
    expect((await look(stranger, forBob.token)).json).toMatchObject({ hasAccount: true, needsPassword: true });
    expect((await accept(stranger, forBob.token)).status).toBe(401);
    expect((await accept(stranger, forBob.token, "a guess of a password")).status).toBe(401);
    expect((await accept(adam, forBob.token)).status).toBe(401);
    expect((await look(bob, forBob.token)).json).toMatchObject({ needsPassword: false });
    const before = bob.cookie;
    expect((await accept(bob, forBob.token)).status).toBe(200);
    expect(bob.cookie).not.toBe(before);
    expect(await people.auth.identify({ cookie: before })).toEqual({ kind: "nobody" });
    expect((await bob.call("GET", "/auth/me")).json).toMatchObject({
      user: { roles: { [String(shop)]: "viewer", [String(blog)]: "owner" } },
    });
  });

  it("AUT-26 are no way around the limit of attempts at a password", async () => {
    const { token } = await invite(adam, "bob@example.com", "viewer");
    const guess = (n: number) => accept(people.open({ peer: `10.0.1.${n}` }), token, `guess number ${n}`);
    for (let n = 0; n < 10; n++) expect((await guess(n)).status).toBe(401);
    expect((await guess(11)).status).toBe(429);
  });

  it("AUT-26 never lower a role that somebody has", async () => {
    const high = await invite(olga, "nina@example.com", "admin");
    const nina = people.open();
    await accept(nina, high.token, "nina's own password");
    await test.database.query("DELETE FROM project_members WHERE role = 'admin' AND user_id <> $1", [adamId]);
    const low = await invite(olga, "nina@example.com", "viewer");
    const ninaId = ((await nina.call("GET", "/auth/me")).json as { user: { id: number } }).user.id;
    await people.join(ninaId, shop, "member");
    expect((await accept(nina, low.token)).status).toBe(200);
    expect((await nina.call("GET", "/auth/me")).json).toMatchObject({ user: { roles: { [String(shop)]: "member" } } });
  });

  it("AUT-27 are made by admins and owners, for no role above their own, and not for members", async () => {
    expect((await invite(adam, "x@example.com", "owner")).status).toBe(403);
    expect((await invite(olga, "x@example.com", "owner")).status).toBe(201);
    expect((await invite(adam, "olga@example.com", "viewer")).status).toBe(400);
    expect((await invite(adam, "no address", "viewer")).status).toBe(400);
    await test.database.query("UPDATE project_members SET role = 'member' WHERE user_id = $1", [adamId]);
    expect((await invite(adam, "y@example.com", "viewer")).status).toBe(403);
    await people.auth.rightsChanged();
    expect((await adam.call("GET", `/v1/projects/${shop}/invitations`)).status).toBe(403);
  });

  it("AUT-27 of somebody who was demoted, removed or disabled are taken back, as far as he could not make them any more", async () => {
    const asAdmin = await invite(adam, "a@example.com", "admin");
    const byOlga = await invite(olga, "b@example.com", "viewer");
    await olga.call("PATCH", `/v1/projects/${shop}/members/${adamId}`, { role: "member" });
    expect((await look(people.open(), asAdmin.token)).status).toBe(404);
    expect((await look(people.open(), byOlga.token)).status).toBe(200);
  });

  it("AUT-24 of another project look as if they did not exist", async () => {
    const foreign = await invite(bob, "nina@example.com", "viewer", blog);
    const answers = await Promise.all([
      adam.call("DELETE", `/v1/projects/${shop}/invitations/${foreign.id}`),
      adam.call("DELETE", `/v1/projects/${shop}/invitations/99999`),
      adam.call("DELETE", `/v1/projects/${blog}/invitations/${foreign.id}`),
      adam.call("GET", `/v1/projects/${blog}/invitations`),
      adam.call("POST", `/v1/projects/${blog}/invitations`, {}),
      adam.call("POST", "/v1/projects/99999/invitations", { email: "a@b", role: "viewer" }),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404, 404, 404, 404]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.json))).size).toBe(1);
    expect((await look(people.open(), foreign.token)).status).toBe(200);
  });

  it("AUT-28 into a project that was removed, or for somebody who was disabled, are worth nothing", async () => {
    const gone = (await insertProject(test.database, "gone")).id;
    await people.insertUser("root@example.com", true);
    const root = await people.signIn("root@example.com");
    const intoGone = await invite(root, "nina@example.com", "viewer", gone);
    await test.database.query("UPDATE projects SET removed_at = now() WHERE id = $1", [gone]);
    expect((await accept(people.open(), intoGone.token, PASSWORD)).status).toBe(404);
    const forBob = await invite(adam, "bob@example.com", "viewer");
    await test.database.query("UPDATE users SET disabled_at = now() WHERE email = 'bob@example.com'");
    expect((await accept(people.open(), forBob.token, PASSWORD)).status).toBe(401);
  });

  it("AUT-29 links that are long over are removed, and bring nobody's address back", async () => {
    await invite(adam, "nina@example.com", "viewer");
    people.clock.advance(36 * DAY_MS);
    const cleanUp = createCleanUp({ db: test.database, clock: people.clock, log: quietLog });
    await cleanUp.run();
    expect(await test.database.query("SELECT 1 FROM invitations")).toHaveLength(1);
    cleanUp.start();
    people.clock.advance(2 * DAY_MS);
    await cleanUp.stop();
    expect(await test.database.query("SELECT 1 FROM invitations")).toEqual([]);
    expect(await test.database.query("SELECT 1 FROM sign_ins")).toEqual([]);
    expect(await test.database.query("SELECT 1 FROM attempts")).toEqual([]);
  });
});
