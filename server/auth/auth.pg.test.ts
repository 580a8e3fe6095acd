import { hashSync } from "@node-rs/argon2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import { createAudit } from "../audit/audit.ts";
import { type Auth, createAuth, ensureSecret, type Identity } from "./auth.ts";

const PASSWORD = "a long enough password";
const START = Date.UTC(2026, 10, 20, 12);

let test: TestDatabase;
let clock: TestClock;
let auth: Auth;
let call: ReturnType<typeof createCaller>;
let shop: number;
let blog: number;

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
});

afterAll(async () => {
  await test.drop();
});

beforeEach(async () => {
  await test.database.query("TRUNCATE users, sign_ins, tokens, project_members, setup_links, invitations, attempts CASCADE");
  clock = createTestClock(START);
  auth = build("");
  call = createCaller(auth.routes);
});

function build(createSuperuser: string, publicUrl = "http://localhost:8080/"): Auth {
  const audit = createAudit({ db: test.database, clock, log: quietLog });
  return createAuth({ db: test.database, clock, log: quietLog, audit, publicUrl, createSuperuser });
}

async function insertUser(email: string, isAdmin = false, hash = hashSync(PASSWORD)): Promise<number> {
  const rows = await test.database.query<{ id: number }>(
    "INSERT INTO users (email, password_hash, is_admin) VALUES ($1, $2, $3) RETURNING id",
    [email, hash, isAdmin],
  );
  return rows[0]?.id ?? 0;
}

async function join(userId: number, projectId: number): Promise<void> {
  await test.database.query("INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, 'member')", [
    projectId,
    userId,
  ]);
}

/** Signs in and returns the `Cookie` header of a browser that kept what it was told. */
async function signIn(email: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await call("POST", "/auth/login", { body: { email, password: PASSWORD }, headers });
  expect(answer.status).toBe(200);
  return (answer.headers["Set-Cookie"] ?? "").split(";")[0] ?? "";
}

async function newToken(identity: Identity, wanted: object): Promise<{ id: number; token: string; status: number }> {
  const answer = await call("POST", "/v1/tokens", { identity, body: { name: "ci", ...wanted } });
  return { status: answer.status, id: 0, token: "", ...(answer.json as object) };
}

function visible(identity: Identity): number[] {
  return identity.kind === "nobody" ? [] : [...identity.roles.keys()].sort((a, b) => a - b);
}

describe("signing in", () => {
  it("AUT-5 AUT-18 gives a cookie that identifies the person, whose secret the database does not hold", async () => {
    const userId = await insertUser("Ada@Example.com");
    await join(userId, shop);
    const cookie = await signIn("ada@example.COM");
    const identity = await auth.identify({ cookie });
    expect(identity).toMatchObject({ kind: "user", userId, email: "Ada@Example.com", isAdmin: false });
    expect(visible(identity)).toEqual([shop]);
    const me = await call("GET", "/auth/me", { identity });
    expect(me.json).toEqual({
      user: { id: userId, email: "Ada@Example.com", isAdmin: false, projectIds: [shop], roles: { [String(shop)]: "member" } },
    });
    const secret = cookie.split("=")[1] ?? "";
    const [row] = await test.database.query<{ all: string }>("SELECT string_agg(s::text, '') AS all FROM sign_ins s");
    expect(row?.all).not.toContain(secret);
    expect(row?.all).not.toContain(Buffer.from(secret).toString("hex"));
  });

  it("AUT-5 makes a new secret each time and ends the browser's former one", async () => {
    await insertUser("ada@example.com");
    const first = await signIn("ada@example.com");
    const second = await signIn("ada@example.com", { cookie: first });
    const elsewhere = await signIn("ada@example.com");
    expect(second).not.toBe(first);
    expect(await auth.identify({ cookie: first })).toEqual({ kind: "nobody" });
    expect(await auth.identify({ cookie: second })).toMatchObject({ kind: "user" });
    expect(await auth.identify({ cookie: elsewhere })).toMatchObject({ kind: "user" });
  });

  it("AUT-2 answers a wrong password, an unknown address and a disabled account alike", async () => {
    await insertUser("ada@example.com");
    await insertUser("gone@example.com");
    await test.database.query("UPDATE users SET disabled_at = now() WHERE email = 'gone@example.com'");
    const answers = await Promise.all([
      call("POST", "/auth/login", { body: { email: "ada@example.com", password: "wrong" } }),
      call("POST", "/auth/login", { body: { email: "nobody@example.com", password: PASSWORD } }),
      call("POST", "/auth/login", { body: { email: "gone@example.com", password: PASSWORD } }),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([401, 401, 401]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.json))).size).toBe(1);
  });

  it("AUT-4 refuses the eleventh wrong password of an account with the time to wait, whoever sends it", async () => {
    await insertUser("ada@example.com");
    const attempt = (n: number, password: string) =>
      call("POST", "/auth/login", { body: { email: "ada@example.com", password }, peer: `10.0.0.${n}` });
    for (let n = 0; n < 10; n++) expect((await attempt(n, "wrong")).status).toBe(401);
    expect((await attempt(11, PASSWORD)).status).toBe(429);
    clock.advance(30_000);
    expect((await attempt(11, PASSWORD)).status).toBe(200);
  });

  it("AUT-4 limits one address over many accounts", async () => {
    const attempt = (n: number) => call("POST", "/auth/login", { body: { email: `u${n}@example.com`, password: "x" } });
    const answers = await Promise.all(Array.from({ length: 31 }, (_, n) => attempt(n)));
    expect(answers.filter((answer) => answer.status === 429).length).toBe(1);
  });

  it("AUT-1 replaces a hash with lower parameters", async () => {
    await insertUser("ada@example.com", false, hashSync(PASSWORD, { memoryCost: 8_192, timeCost: 1 }));
    await signIn("ada@example.com");
    const [row] = await test.database.query<{ password_hash: string }>("SELECT password_hash FROM users");
    expect(row?.password_hash).toContain("m=19456,t=2");
    await signIn("ada@example.com");
  });

  it("AUT-7 ends by logout at once, after 30 days, and with its user within 5 s", async () => {
    const userId = await insertUser("ada@example.com");
    const [left, old, mine] = [await signIn("ada@example.com"), await signIn("ada@example.com"), await signIn("ada@example.com")];
    expect(await auth.identify({ cookie: left })).toMatchObject({ kind: "user" });
    const answer = await call("POST", "/auth/logout", { headers: { cookie: left } });
    expect(answer.headers["Set-Cookie"]).toContain("Max-Age=0");
    expect(await auth.identify({ cookie: left })).toEqual({ kind: "nobody" });

    expect(await auth.identify({ cookie: mine })).toMatchObject({ kind: "user" });
    await test.database.query("UPDATE users SET disabled_at = now() WHERE id = $1", [userId]);
    clock.advance(4_000);
    expect(await auth.identify({ cookie: mine })).toEqual({ kind: "nobody" });
    await test.database.query("UPDATE users SET disabled_at = NULL WHERE id = $1", [userId]);
    clock.advance(30 * 86_400_000);
    expect(await auth.identify({ cookie: old })).toEqual({ kind: "nobody" });
  });

  it("AUT-16 writes the last use behind", async () => {
    await insertUser("ada@example.com");
    const cookie = await signIn("ada@example.com");
    auth.start();
    clock.advance(60_000);
    await auth.identify({ cookie });
    await auth.stop();
    const [row] = await test.database.query<{ at: Date }>("SELECT last_seen_at AS at FROM sign_ins");
    expect(row?.at.getTime()).toBe(START + 60_000);
  });
});

describe("the first administrator", () => {
  it("AUT-8 comes from CREATE_SUPERUSER, once", async () => {
    auth = build(`root@example.com:${PASSWORD}:with:colons`);
    expect(await auth.prepareFirstAdministrator()).toEqual({ createdEmail: "root@example.com" });
    expect(await auth.prepareFirstAdministrator()).toBeNull();
    expect(await build("other@example.com:x").prepareFirstAdministrator()).toBeNull();
    call = createCaller(auth.routes);
    const answer = await call("POST", "/auth/login", {
      body: { email: "root@example.com", password: `${PASSWORD}:with:colons` },
    });
    expect(answer.json).toMatchObject({ user: { email: "root@example.com", isAdmin: true } });
  });

  it("AUT-9 comes through a link that works once and signs him in, seeing every project", async () => {
    const prepared = await auth.prepareFirstAdministrator();
    const url = new URL(prepared && "setupUrl" in prepared ? prepared.setupUrl : "");
    expect(url.href).toMatch(/^http:\/\/localhost:8080\/setup#token=[\w-]{43}$/);
    const token = url.hash.slice("#token=".length);
    expect((await call("POST", "/v1/setup/look", { body: { token } })).json).toEqual({ isOpen: true });
    expect((await call("POST", "/v1/setup/look", { body: { token: "guess" } })).json).toEqual({ isOpen: false });
    const body = { token, email: "root@example.com", password: PASSWORD };
    expect((await call("POST", "/v1/setup", { body: { ...body, password: "short" } })).status).toBe(400);
    expect((await call("POST", "/v1/setup", { body: { ...body, token: "guess" } })).status).toBe(403);
    const answer = await call("POST", "/v1/setup", { body });
    expect(answer.status).toBe(201);
    const identity = await auth.identify({ cookie: (answer.headers["Set-Cookie"] ?? "").split(";")[0] });
    expect(identity).toMatchObject({ kind: "user", isAdmin: true });
    expect(visible(identity)).toEqual([shop, blog]);
    expect((await call("POST", "/v1/setup/look", { body: { token } })).json).toEqual({ isOpen: false });
    expect((await call("POST", "/v1/setup", { body: { ...body, email: "second@example.com" } })).status).toBe(403);
    expect(await auth.prepareFirstAdministrator()).toBeNull();
  });

  it("AUT-9 is made by one of two links that are used at the same moment", async () => {
    const links = [await auth.prepareFirstAdministrator(), await auth.prepareFirstAdministrator()];
    const answers = await Promise.all(
      links.map((link, n) => {
        const token = new URL(link && "setupUrl" in link ? link.setupUrl : "").hash.slice("#token=".length);
        return call("POST", "/v1/setup", { body: { token, email: `root${n}@example.com`, password: PASSWORD } });
      }),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 403]);
    expect(await test.database.query("SELECT 1 FROM users")).toHaveLength(1);
  });

  it("AUT-9 is not made by a link of yesterday", async () => {
    const prepared = await auth.prepareFirstAdministrator();
    const token = new URL(prepared && "setupUrl" in prepared ? prepared.setupUrl : "").hash.slice("#token=".length);
    clock.advance(25 * 3_600_000);
    const answer = await call("POST", "/v1/setup", { body: { token, email: "root@example.com", password: PASSWORD } });
    expect(answer.status).toBe(403);
  });
});

describe("bearer tokens", () => {
  let ada: Identity;
  let root: Identity;

  beforeEach(async () => {
    const adaId = await insertUser("ada@example.com");
    await join(adaId, shop);
    await insertUser("root@example.com", true);
    ada = await auth.identify({ cookie: await signIn("ada@example.com") });
    root = await auth.identify({ cookie: await signIn("root@example.com") });
  });

  it("AUT-10 are shown once, identify in every way a token can be shown, and are kept as a hash", async () => {
    const { token, id } = await newToken(ada, {});
    expect(token).toMatch(/^[0-9a-f]{40}$/);
    for (const credentials of [{ authorization: `Bearer ${token}` }, { authorization: `bearer ${token}` }, { token }]) {
      const identity = await auth.identify(credentials);
      expect(identity).toMatchObject({ kind: "token", tokenId: id, isAdmin: false });
      expect(visible(identity)).toEqual([shop]);
    }
    const list = await call("GET", "/v1/tokens", { identity: ada });
    expect(list.json).toMatchObject({ tokens: [{ id, name: "ci", scopes: ["read"], projectId: null, hint: token.slice(0, 4) }] });
    expect(JSON.stringify(list.json)).not.toContain(token);
  });

  it("AUT-10 stop working when revoked or expired", async () => {
    const revoked = await newToken(ada, {});
    const expiring = await newToken(ada, { expiresAt: START + 60_000 });
    expect(await auth.identify({ token: revoked.token })).toMatchObject({ kind: "token" });
    expect(await auth.identify({ token: expiring.token })).toMatchObject({ kind: "token" });
    const other = build("");
    expect(await other.identify({ token: revoked.token })).toMatchObject({ kind: "token" });
    expect((await call("DELETE", `/v1/tokens/${revoked.id}`, { identity: ada })).status).toBe(200);
    expect(await auth.identify({ token: revoked.token })).toEqual({ kind: "nobody" });
    clock.advance(4_999);
    expect(await other.identify({ token: revoked.token })).toEqual({ kind: "nobody" });
    clock.advance(60_000);
    expect(await auth.identify({ token: expiring.token })).toEqual({ kind: "nobody" });
  });

  it("AUT-11 are bound to a project where they say so, and to what their owner may see", async () => {
    const bound = await newToken(root, { projectId: blog, scopes: ["read", "admin"] });
    const identity = await auth.identify({ token: bound.token });
    expect(visible(identity)).toEqual([blog]);
    expect(identity).toMatchObject({ isAdmin: false });
    expect((await newToken(ada, { projectId: blog })).status).toBe(404);
    expect((await newToken(ada, { projectId: 99_999 })).status).toBe(404);
    const wide = await newToken(ada, {});
    await test.database.query("DELETE FROM project_members");
    clock.advance(4_000);
    expect(visible(await auth.identify({ token: wide.token }))).toEqual([]);
  });

  it("AUT-12 give no more than their maker has, and make no tokens", async () => {
    expect((await newToken(ada, { scopes: ["admin"] })).status).toBe(403);
    expect((await newToken(ada, { scopes: ["everything"] })).status).toBe(400);
    const strong = await auth.identify({ token: (await newToken(root, { scopes: ["admin"] })).token });
    expect(strong).toMatchObject({ kind: "token", isAdmin: true });
    expect((await newToken(strong, {})).status).toBe(403);
    expect((await call("GET", "/v1/tokens", { identity: strong })).status).toBe(403);
  });

  it("AUT-13 are their owner's: others neither see nor revoke them, but administrators may revoke", async () => {
    const own = await newToken(root, {});
    const mine = await newToken(ada, {});
    expect((await call("GET", "/v1/tokens", { identity: ada })).json).toMatchObject({ tokens: [{ id: mine.id }] });
    const foreign = await call("DELETE", `/v1/tokens/${own.id}`, { identity: ada });
    const unknown = await call("DELETE", "/v1/tokens/99999", { identity: ada });
    expect([foreign.status, foreign.json]).toEqual([404, unknown.json]);
    expect((await call("DELETE", `/v1/tokens/${mine.id}`, { identity: root })).status).toBe(200);
  });

  it("AUT-14 win over a cookie even where they are wrong; other schemes are ignored", async () => {
    const cookie = await signIn("ada@example.com");
    expect(await auth.identify({ cookie, authorization: "Bearer wrong" })).toEqual({ kind: "nobody" });
    expect(await auth.identify({ cookie, authorization: `Bearer ${"0".repeat(40)}` })).toEqual({ kind: "nobody" });
    expect(await auth.identify({ cookie, authorization: "Basic cHJveHk6cHJveHk=" })).toMatchObject({ kind: "user" });
  });

  it("AUT-16 have their last use written behind", async () => {
    const { token, id } = await newToken(ada, {});
    auth.start();
    clock.advance(5_000);
    await auth.identify({ token });
    clock.advance(10_000);
    await auth.stop();
    const [row] = await test.database.query<{ at: Date }>("SELECT last_used_at AS at FROM tokens WHERE id = $1", [id]);
    expect(row?.at.getTime()).toBe(START + 5_000);
  });

  it("AUT-16 keep a last use that could not be written for the next time", async () => {
    const { token, id } = await newToken(ada, {});
    await auth.identify({ token });
    await test.database.query("ALTER TABLE tokens RENAME TO tokens_away");
    await auth.stop();
    await test.database.query("ALTER TABLE tokens_away RENAME TO tokens");
    await auth.stop();
    const [row] = await test.database.query<{ at: Date }>("SELECT last_used_at AS at FROM tokens WHERE id = $1", [id]);
    expect(row?.at.getTime()).toBe(START);
  });
});

describe("secrets", () => {
  it("AUT-17 are what the configuration gives, or made once for all", async () => {
    expect(await ensureSecret(test.database, "given", "from the configuration")).toBe("from the configuration");
    const made = await Promise.all([1, 2, 3].map(() => ensureSecret(test.database, "made", "")));
    expect(made[0]).toMatch(/^[\w-]{43}$/);
    expect(new Set(made).size).toBe(1);
  });
});
