import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Browser, createPeople, PASSWORD, type People } from "../../test/harness/people.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertProject } from "../../test/harness/stored-session.ts";

let test: TestDatabase;
let people: People;
let shop: number;
let root: Browser;
let rootId: number;
let ada: Browser;
let adaId: number;

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
});

afterAll(async () => {
  await test.drop();
});

beforeEach(async () => {
  people = await createPeople(test.database, Date.UTC(2026, 10, 20, 12));
  rootId = await people.insertUser("root@example.com", true);
  adaId = await people.insertUser("ada@example.com");
  await people.join(adaId, shop, "admin");
  root = await people.signIn("root@example.com");
  ada = await people.signIn("ada@example.com");
});

const change = (by: Browser, userId: number, wanted: object) => by.call("PATCH", `/v1/users/${userId}`, wanted);

describe("people", () => {
  it("AUT-36 are listed for administrators only, with what they may do, and without a hash", async () => {
    expect((await ada.call("GET", "/v1/users")).status).toBe(403);
    const answer = await root.call("GET", "/v1/users");
    expect(answer.json).toMatchObject({
      users: [
        { id: adaId, email: "ada@example.com", isAdmin: false, disabled: false, roles: { [String(shop)]: "admin" } },
        { id: rootId, email: "root@example.com", isAdmin: true, roles: {} },
      ],
    });
    expect(JSON.stringify(answer.json)).not.toContain("argon2");
  });

  it("AUT-37 who is disabled is signed out everywhere at once, cannot sign in, and has lost his tokens when he is enabled again", async () => {
    const { token } = (await ada.call("POST", "/v1/tokens", { name: "t" })).json as { token: string };
    expect(await people.auth.identify({ token })).toMatchObject({ kind: "token" });
    expect((await change(root, adaId, { disabled: true })).json).toMatchObject({ id: adaId, disabled: true });
    expect(await ada.identity()).toEqual({ kind: "nobody" });
    expect(await people.auth.identify({ token })).toEqual({ kind: "nobody" });
    await expect(people.signIn("ada@example.com")).rejects.toThrow("401");
    expect((await root.call("POST", `/v1/users/${adaId}/reset-link`)).status).toBe(403);
    expect((await change(root, adaId, { disabled: false })).json).toMatchObject({ disabled: false });
    expect(await ada.identity()).toEqual({ kind: "nobody" });
    expect(await people.auth.identify({ token })).toEqual({ kind: "nobody" });
    await people.signIn("ada@example.com");
    expect((await people.deeds()).filter(({ subject }) => subject === `user ${adaId}`)).toMatchObject([
      { action: "user_disabled", actorName: "root@example.com", data: { email: "ada@example.com", ended: 1, tokensRevoked: 1 } },
      { action: "user_enabled" },
    ]);
  });

  it("AUT-37 a link for a new password ends with its account", async () => {
    const { url } = (await root.call("POST", `/v1/users/${adaId}/reset-link`)).json as { url: string };
    await change(root, adaId, { disabled: true });
    await change(root, adaId, { disabled: false });
    const body = { token: url.split("#token=")[1], password: PASSWORD };
    expect((await people.open().call("POST", "/auth/invitation", body)).status).toBe(404);
  });

  it("AUT-38 administrators are made and unmade by administrators, at once", async () => {
    expect((await change(ada, adaId, { isAdmin: true })).status).toBe(403);
    let heard = 0;
    people.auth.onRightsChanged(() => heard++);
    expect((await change(root, adaId, { isAdmin: true })).json).toMatchObject({ isAdmin: true });
    expect((await ada.call("GET", "/v1/users")).status).toBe(200);
    const { token } = (await ada.call("POST", "/v1/tokens", { name: "t", scopes: ["admin"] })).json as { token: string };
    expect(await people.auth.identify({ token })).toMatchObject({ isAdmin: true });
    expect((await change(root, adaId, { isAdmin: false })).json).toMatchObject({ isAdmin: false });
    expect(await people.auth.identify({ token })).toEqual({ kind: "nobody" });
    expect((await ada.call("GET", "/v1/users")).status).toBe(403);
    expect((await change(root, adaId, { isAdmin: false })).status).toBe(200);
    expect(heard).toBe(2);
    expect((await people.deeds()).map(({ action }) => action)).toEqual(
      expect.arrayContaining(["administrator_made", "administrator_unmade"]),
    );
    expect((await change(root, 99_999, { isAdmin: true })).status).toBe(404);
    expect((await change(root, adaId, { isAdmin: "yes" })).status).toBe(400);
  });

  it("AUT-39 the last administrator is neither unmade nor disabled, and of two who unmake each other one stays", async () => {
    expect((await change(root, rootId, { isAdmin: false })).status).toBe(403);
    expect((await change(root, rootId, { disabled: true })).status).toBe(403);
    await change(root, adaId, { isAdmin: true });
    await ada.identity();
    const answers = await Promise.all([change(root, adaId, { isAdmin: false }), change(ada, rootId, { isAdmin: false })]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 403]);
    expect(await test.database.query("SELECT 1 FROM users WHERE is_admin")).toHaveLength(1);
  });

  it("AUT-34 are no business of tokens, an administrator's included", async () => {
    const { token } = (await root.call("POST", "/v1/tokens", { name: "t", scopes: ["admin"] })).json as { token: string };
    const identity = await people.auth.identify({ token });
    expect(identity).toMatchObject({ kind: "token", isAdmin: true });
    const changing = people.auth.routes.filter(
      ({ method, path }) => method !== "GET" && /^\/v1\/(users|projects\/:id\/(members|invitations))/.test(path),
    );
    expect(changing).toHaveLength(6);
    for (const route of changing) {
      await expect(
        Promise.resolve().then(() =>
          route.handle({
            method: route.method,
            path: route.path,
            params: { id: String(shop), userId: String(adaId), invitationId: "1" },
            query: new URLSearchParams(),
            headers: {},
            identity,
            peer: "",
            body: new TextEncoder().encode("{}"),
            signal: new AbortController().signal,
          }),
        ),
      ).rejects.toThrow("not a token");
    }
  });
});
