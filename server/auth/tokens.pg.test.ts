import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Browser, createPeople, type People } from "../../test/harness/people.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import { roleIn } from "./auth.ts";

let test: TestDatabase;
let people: People;
let shop: number;
let blog: number;
let adam: Browser;
let mia: Browser;
let vera: Browser;
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
  await people.join(await people.insertUser("adam@example.com"), shop, "admin");
  await people.join(await people.insertUser("mia@example.com"), shop, "member");
  await people.join(await people.insertUser("vera@example.com"), shop, "viewer");
  await people.join(await people.insertUser("bob@example.com"), blog, "owner");
  adam = await people.signIn("adam@example.com");
  mia = await people.signIn("mia@example.com");
  vera = await people.signIn("vera@example.com");
  bob = await people.signIn("bob@example.com");
});

async function make(by: Browser, wanted: object) {
  const answer = await by.call("POST", "/v1/tokens", { name: "ci", ...wanted });
  const { id = 0, token = "" } = answer.json as { id?: number; token?: string };
  return { status: answer.status, id, token, identity: await people.auth.identify({ token }) };
}

describe("bearer tokens of a project", () => {
  it("AUT-42 of scope admin are given by its admins, bound to it, and act as their maker there and nowhere else", async () => {
    expect((await make(adam, { scopes: ["admin"] })).status).toBe(403);
    expect((await make(mia, { scopes: ["admin"], projectId: shop })).status).toBe(403);
    const { status, identity, token } = await make(adam, { scopes: ["admin"], projectId: shop });
    expect(status).toBe(201);
    expect(identity).toMatchObject({ kind: "token", isAdmin: false });
    expect([roleIn(identity, shop), roleIn(identity, blog)]).toEqual(["admin", null]);
    await people.join(identity.kind === "token" ? identity.userId : 0, blog, "owner");
    await people.auth.rightsChanged();
    expect(roleIn(await people.auth.identify({ token }), blog)).toBeNull();
  });

  it("AUT-42 act as a viewer with the scope read, and see nothing with the others, whoever owns them", async () => {
    const scopes = { read: "viewer", ingest: null, sourcemaps: null };
    for (const [scope, role] of Object.entries(scopes)) {
      const { identity } = await make(adam, { scopes: [scope], projectId: shop });
      expect([scope, roleIn(identity, shop)]).toEqual([scope, role]);
    }
    expect((await make(vera, { scopes: ["read"], projectId: shop })).status).toBe(201);
    for (const scope of ["ingest", "sourcemaps"]) {
      expect((await make(vera, { scopes: [scope], projectId: shop })).status).toBe(403);
      expect((await make(mia, { scopes: [scope], projectId: shop })).status).toBe(201);
    }
  });

  it("AUT-43 are seen by its admins with their owners, and revoked by them, at once", async () => {
    const { id, token } = await make(mia, { projectId: shop });
    const wide = await make(mia, {});
    expect((await mia.call("GET", `/v1/projects/${shop}/tokens`)).status).toBe(403);
    const list = await adam.call("GET", `/v1/projects/${shop}/tokens`);
    expect(list.json).toMatchObject({ tokens: [{ id, name: "ci", ownerEmail: "mia@example.com", hint: token.slice(0, 4) }] });
    expect(JSON.stringify(list.json)).not.toContain(token);
    expect((await adam.call("DELETE", `/v1/tokens/${wide.id}`)).status).toBe(404);
    expect((await vera.call("DELETE", `/v1/tokens/${id}`)).status).toBe(404);
    let heard = 0;
    people.auth.onRightsChanged(() => heard++);
    expect((await adam.call("DELETE", `/v1/tokens/${id}`)).status).toBe(200);
    expect(heard).toBe(1);
    expect(await people.auth.identify({ token })).toEqual({ kind: "nobody" });
    expect((await people.deeds()).slice(-3)).toMatchObject([
      { action: "token_made", actorName: "mia@example.com", projectId: shop, subject: `token ${id}`, data: { scopes: ["read"] } },
      { action: "token_made", projectId: null },
      { action: "token_revoked", actorName: "adam@example.com", projectId: shop, subject: `token ${id}` },
    ]);
    expect(JSON.stringify(await people.deeds())).not.toContain(token);
  });

  it("AUT-24 of another project look as if they did not exist", async () => {
    const { id } = await make(bob, { projectId: blog });
    const answers = [
      await adam.call("DELETE", `/v1/tokens/${id}`),
      await adam.call("DELETE", "/v1/tokens/99999"),
      await adam.call("GET", `/v1/projects/${blog}/tokens`),
      await adam.call("GET", "/v1/projects/99999/tokens"),
      await adam.call("POST", "/v1/tokens", { name: "x", projectId: blog }),
      await adam.call("POST", "/v1/tokens", { name: "x", scopes: ["admin"], projectId: 99_999 }),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404, 404, 404, 404]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.json))).size).toBe(1);
  });

  it("AUT-10 are no good once they have expired, and cannot be made so", async () => {
    const { token } = await make(adam, { expiresAt: people.clock.now() + 1_000 });
    expect((await make(adam, { expiresAt: people.clock.now() })).status).toBe(400);
    expect(await people.auth.identify({ token })).toMatchObject({ kind: "token" });
    people.clock.advance(1_000);
    expect(await people.auth.identify({ token })).toEqual({ kind: "nobody" });
  });

  it("AUT-18 tell in /auth/me what they may see, by the role they act with", async () => {
    const { identity } = await make(adam, { projectId: shop });
    const route = people.auth.routes.find(({ path }) => path === "/auth/me");
    const answer = await route?.handle({
      method: "GET",
      path: "/auth/me",
      params: {},
      query: new URLSearchParams(),
      headers: {},
      identity,
      peer: "",
      body: new Uint8Array(0),
      signal: new AbortController().signal,
    });
    expect(answer).toMatchObject({
      json: {
        user: { email: "adam@example.com", isAdmin: false, projectIds: [shop], roles: { [String(shop)]: "viewer" } },
        token: { scopes: ["read"] },
      },
    });
  });
});
