import { hash, verify } from "@node-rs/argon2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createPeople, PASSWORD, type People } from "../../test/harness/people.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { createAudit } from "../audit/audit.ts";
import { makeRecoveryLink } from "./recovery.ts";

const START = Date.UTC(2026, 10, 20, 12);
const NEW_PASSWORD = "another long password";

let test: TestDatabase;
let people: People;
let adaId: number;

beforeAll(async () => {
  test = await createTestDatabase();
});

afterAll(async () => {
  await test.drop();
});

beforeEach(async () => {
  people = await createPeople(test.database, START);
  adaId = await people.insertUser("ada@example.com");
});

const nobody = { kind: "nobody" };

describe("a password", () => {
  it("AUT-30 is changed by who knows it; all other sign-ins end, and this one gets a new cookie", async () => {
    const [here, there] = [await people.signIn("ada@example.com"), await people.signIn("ada@example.com")];
    const before = here.cookie;
    let heard = 0;
    people.auth.onRightsChanged(() => heard++);
    expect((await here.call("POST", "/auth/password", { current: PASSWORD, next: NEW_PASSWORD })).status).toBe(200);
    expect(heard).toBe(1);
    expect(await here.identity()).toMatchObject({ kind: "user", userId: adaId });
    expect(await there.identity()).toEqual(nobody);
    expect(await people.auth.identify({ cookie: before })).toEqual(nobody);
    await expect(people.signIn("ada@example.com")).rejects.toThrow("401");
    await people.signIn("ada@example.com", NEW_PASSWORD);
    const deeds = await people.deeds();
    expect(deeds.find(({ action }) => action === "password_changed")).toMatchObject({
      actorName: "ada@example.com",
      data: { by: "himself", ended: 2 },
    });
    expect(JSON.stringify(deeds)).not.toContain(PASSWORD);
    expect(JSON.stringify(deeds)).not.toContain(NEW_PASSWORD);
  });

  it("AUT-30 is not changed by who does not know it, who may try no more often than at sign-in", async () => {
    const thief = await people.signIn("ada@example.com");
    const attempt = (current: string, next = NEW_PASSWORD) => thief.call("POST", "/auth/password", { current, next });
    expect((await attempt(PASSWORD, "short")).status).toBe(400);
    for (let n = 0; n < 10; n++) expect((await attempt(`guess number ${n}`)).status).toBe(403);
    expect((await attempt(PASSWORD)).status).toBe(429);
    expect(await thief.identity()).toMatchObject({ kind: "user" });
    people.clock.advance(30_000);
    await people.signIn("ada@example.com");
  });

  it("AUT-30 that is changed while somebody signs in with the old one leaves him no sign-in", async () => {
    const here = await people.signIn("ada@example.com");
    const other = people.open({ peer: "10.0.0.2" });
    const [changed] = await Promise.all([
      here.call("POST", "/auth/password", { current: PASSWORD, next: NEW_PASSWORD }),
      other.call("POST", "/auth/login", { email: "ada@example.com", password: PASSWORD }),
    ]);
    expect(changed.status).toBe(200);
    await people.auth.rightsChanged();
    expect(await other.identity()).toEqual(nobody);
    expect(await here.identity()).toMatchObject({ kind: "user" });
  });

  it("AUT-31 is set anew by a link of an administrator, once and for a day; every sign-in of before ends", async () => {
    await people.insertUser("root@example.com", true);
    const root = await people.signIn("root@example.com");
    const ada = await people.signIn("ada@example.com");
    const link = async () => {
      const answer = await root.call("POST", `/v1/users/${adaId}/reset-link`);
      expect(answer.status).toBe(201);
      const { url } = answer.json as { url: string };
      expect(url).toMatch(/^http:\/\/localhost:8080\/invite#token=[\w-]{43}$/);
      return url.split("#token=")[1] ?? "";
    };
    expect((await ada.call("POST", `/v1/users/${adaId}/reset-link`)).status).toBe(403);
    expect((await root.call("POST", "/v1/users/99999/reset-link")).status).toBe(404);
    const [first, second] = [await link(), await link()];
    const use = (token: string, password: string) => people.open().call("POST", "/auth/invitation", { token, password });
    expect((await use(first, NEW_PASSWORD)).status).toBe(404);
    const fresh = people.open();
    expect((await fresh.call("POST", "/auth/invitation/look", { token: second })).json).toMatchObject({
      kind: "password_reset",
      email: "ada@example.com",
      needsPassword: true,
    });
    expect((await fresh.call("POST", "/auth/invitation", { token: second, password: "short" })).status).toBe(400);
    expect((await fresh.call("POST", "/auth/invitation", { token: second, password: NEW_PASSWORD })).status).toBe(200);
    expect(await fresh.identity()).toMatchObject({ userId: adaId });
    expect(await ada.identity()).toEqual(nobody);
    expect((await use(second, NEW_PASSWORD)).status).toBe(404);
    await people.signIn("ada@example.com", NEW_PASSWORD);
    const late = await link();
    people.clock.advance(86_400_000);
    expect((await use(late, NEW_PASSWORD)).status).toBe(404);
    expect((await people.deeds()).map(({ action }) => action)).toEqual(
      expect.arrayContaining(["password_reset_link_made", "password_changed"]),
    );
  });

  it("AUT-31 a link of an administrator who is none any more is worth nothing, nor one after a change of the password", async () => {
    const rootId = await people.insertUser("root@example.com", true);
    await people.insertUser("chief@example.com", true);
    const [root, chief] = [await people.signIn("root@example.com"), await people.signIn("chief@example.com")];
    const link = async () => {
      const { url } = (await root.call("POST", `/v1/users/${adaId}/reset-link`)).json as { url: string };
      return url.split("#token=")[1] ?? "";
    };
    const use = async (token: string) =>
      (await people.open().call("POST", "/auth/invitation", { token, password: NEW_PASSWORD })).status;
    const first = await link();
    const ada = await people.signIn("ada@example.com");
    await ada.call("POST", "/auth/password", { current: PASSWORD, next: PASSWORD });
    expect(await use(first)).toBe(404);
    const second = await link();
    await chief.call("PATCH", `/v1/users/${rootId}`, { isAdmin: false });
    expect(await use(second)).toBe(404);
  });

  it("AUT-45 is set anew by a link made on the machine, where every administrator has lost his", async () => {
    const publicUrl = "https://watch.example.com/";
    const { clock } = people;
    const audit = createAudit({ db: test.database, clock, log: quietLog });
    const make = (email: string) => makeRecoveryLink({ db: test.database, clock, audit, publicUrl }, email);
    await expect(make("nobody@example.com")).rejects.toThrow("nobody who can sign in");
    const link = await make("ADA@example.com");
    expect(link).toMatch(/^https:\/\/watch\.example\.com\/invite#token=[\w-]{43}$/);
    const late = await make("ada@example.com");
    const use = async (url: string) => {
      const body = { token: url.split("#token=")[1], password: NEW_PASSWORD };
      return (await people.open().call("POST", "/auth/invitation", body)).status;
    };
    expect(await use(link)).toBe(404);
    clock.advance(3_600_000);
    expect(await use(late)).toBe(404);
    expect(await use(await make("ada@example.com"))).toBe(200);
    await people.signIn("ada@example.com", NEW_PASSWORD);
    expect((await people.deeds())[0]).toMatchObject({
      action: "password_reset_link_made",
      actor: "system",
      subject: `user ${adaId}`,
    });
  });

  it("AUT-2 is checked by the same work for an address that nobody has, a disabled account, and a wrong password", async () => {
    const work: string[] = [];
    people = await createPeople(test.database, START, {
      passwordEngine: {
        hash: (password, parameters) => {
          work.push("hash");
          return hash(password, parameters);
        },
        verify: (stored, password) => {
          work.push(`verify ${/^\$argon2id\$v=19\$[^$]+/.exec(stored)?.[0] ?? "nothing"}`);
          return verify(stored, password);
        },
      },
    });
    await people.insertUser("ada@example.com");
    await people.insertUser("gone@example.com");
    await test.database.query("UPDATE users SET disabled_at = now() WHERE email = 'gone@example.com'");
    const browser = people.open();
    for (const email of ["nobody@example.com", "gone@example.com", "ada@example.com"]) {
      work.length = 0;
      expect((await browser.call("POST", "/auth/login", { email, password: "wrong" })).status).toBe(401);
      expect(work).toEqual(["verify $argon2id$v=19$m=19456,t=2,p=1"]);
    }
    expect((await people.deeds()).map(({ action, actor, actorName }) => [action, actor, actorName])).toEqual([
      ["sign_in_failed", "nobody", "nobody@example.com"],
      ["sign_in_failed", "nobody", "gone@example.com"],
      ["sign_in_failed", "nobody", "ada@example.com"],
    ]);
  });
});

describe("sign-ins", () => {
  it("AUT-5 a secret that somebody planted in the browser is not taken over, and worth nothing after", async () => {
    const mallory = await people.insertUser("mallory@example.com");
    const planted = await people.signIn("mallory@example.com");
    const before = planted.cookie;
    expect((await planted.call("POST", "/auth/login", { email: "ada@example.com", password: PASSWORD })).status).toBe(200);
    expect(planted.cookie).not.toBe(before);
    expect(await people.auth.identify({ cookie: before })).toEqual(nobody);
    expect(await planted.identity()).toMatchObject({ userId: adaId });
    expect(await test.database.query("SELECT 1 FROM sign_ins WHERE user_id = $1", [mallory])).toEqual([]);
    const invented = `wb_sign_in=${"A".repeat(43)}`;
    const secrets = new Set([invented, before, planted.cookie]);
    for (let n = 0; n < 3; n++) secrets.add((await people.signIn("ada@example.com")).cookie);
    expect(secrets.size).toBe(6);
    expect(await people.auth.identify({ cookie: invented })).toEqual(nobody);
  });

  it("AUT-6 come in a cookie that is HttpOnly, Lax and bound to the whole host, and on https Secure with __Host-", async () => {
    for (const [publicUrl, name, end] of [
      ["http://localhost:8080", "wb_sign_in", ""],
      ["https://watch.example.com", "__Host-wb_sign_in", "; Secure"],
    ] as const) {
      people = await createPeople(test.database, START, { publicUrl });
      await people.insertUser("ada@example.com");
      const browser = people.open();
      const answer = await browser.call("POST", "/auth/login", { email: "ada@example.com", password: PASSWORD });
      const set = answer.headers["Set-Cookie"] ?? "";
      expect(set.replace(/=[\w-]{43};/, "=…;")).toBe(`${name}=…; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax${end}`);
      expect(await browser.identity()).toMatchObject({ kind: "user" });
      const other = browser.cookie.replace(/^[^=]+/, publicUrl.startsWith("https") ? "wb_sign_in" : "__Host-wb_sign_in");
      expect(await people.auth.identify({ cookie: other })).toEqual(nobody);
    }
  });

  it("AUT-32 are listed for their person only, and ended one by one", async () => {
    await people.insertUser("bob@example.com");
    const bob = await people.signIn("bob@example.com");
    const laptop = people.open({ peer: "10.0.0.7", userAgent: "Laptop/1" });
    const phone = people.open({ peer: "10.0.0.8", userAgent: "Phone/1" });
    for (const browser of [laptop, phone])
      await browser.call("POST", "/auth/login", { email: "ada@example.com", password: PASSWORD });
    const { signIns } = (await laptop.call("GET", "/auth/sign-ins")).json as { signIns: { id: number; isCurrent: boolean }[] };
    expect(signIns).toHaveLength(2);
    expect(signIns.find((one) => one.isCurrent)).toMatchObject({ userAgent: "Laptop/1", peer: "10.0.0.7", createdAt: START });
    const other = signIns.find((one) => !one.isCurrent);
    expect(Object.keys(other ?? {}).sort()).toEqual(["createdAt", "id", "isCurrent", "lastSeenAt", "peer", "userAgent"]);
    const foreign = await bob.call("DELETE", `/auth/sign-ins/${other?.id ?? 0}`);
    const unknown = await bob.call("DELETE", "/auth/sign-ins/99999");
    expect([foreign.status, foreign.json]).toEqual([404, unknown.json]);
    expect(await phone.identity()).toMatchObject({ kind: "user" });
    expect((await laptop.call("DELETE", `/auth/sign-ins/${other?.id ?? 0}`)).status).toBe(200);
    expect(await phone.identity()).toEqual(nobody);
    expect(await laptop.identity()).toMatchObject({ kind: "user" });
    expect((await people.deeds()).at(-1)).toMatchObject({ action: "sign_in_ended", actorName: "ada@example.com" });
  });

  it("AUT-33 end everywhere at once, this one included, and nobody else's", async () => {
    await people.insertUser("bob@example.com");
    const bob = await people.signIn("bob@example.com");
    const all = [await people.signIn("ada@example.com"), await people.signIn("ada@example.com")];
    for (const one of all) expect(await one.identity()).toMatchObject({ kind: "user" });
    const [first] = all;
    const cookies = all.map((one) => one.cookie);
    expect((await first?.call("POST", "/auth/logout-everywhere"))?.json).toEqual({ signedOut: true, ended: 2 });
    expect(first?.cookie).toBe("");
    for (const cookie of cookies) expect(await people.auth.identify({ cookie })).toEqual(nobody);
    expect(await bob.identity()).toMatchObject({ kind: "user" });
    expect((await people.deeds()).at(-1)).toMatchObject({ action: "sign_out_everywhere", data: { ended: 2 } });
  });

  it("AUT-34 belong to people: a token sees none, ends none, and changes no password", async () => {
    const ada = await people.signIn("ada@example.com");
    const { token } = (await ada.call("POST", "/v1/tokens", { name: "t" })).json as { token: string };
    const identity = await people.auth.identify({ token });
    const routes = people.auth.routes.filter(
      ({ path, access }) => path.startsWith("/auth/") && access !== "open" && path !== "/auth/me",
    );
    expect(routes.map(({ path }) => path)).toHaveLength(4);
    for (const route of routes) {
      await expect(
        Promise.resolve().then(() =>
          route.handle({
            method: route.method,
            path: route.path,
            params: { id: "1" },
            query: new URLSearchParams(),
            headers: {},
            identity,
            peer: "",
            body: new TextEncoder().encode(JSON.stringify({ current: PASSWORD, next: NEW_PASSWORD })),
            signal: new AbortController().signal,
          }),
        ),
      ).rejects.toThrow("not a token");
    }
    expect(await ada.identity()).toMatchObject({ kind: "user" });
  });

  it("AUT-35 every sign-in, failure and sign-out is written down with its address", async () => {
    const ada = await people.signIn("ada@example.com");
    await people.open({ peer: "10.6.6.6" }).call("POST", "/auth/login", { email: "ada@example.com", password: "wrong" });
    await ada.call("POST", "/auth/logout");
    await people.open().call("POST", "/auth/logout");
    expect((await people.deeds()).map(({ action, actor, actorName, peer }) => [action, actor, actorName, peer])).toEqual([
      ["sign_in", "user", "ada@example.com", "10.0.0.1"],
      ["sign_in_failed", "nobody", "ada@example.com", "10.6.6.6"],
      ["sign_out", "user", "ada@example.com", "10.0.0.1"],
    ]);
  });
});
