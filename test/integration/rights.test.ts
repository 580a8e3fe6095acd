/** Rights that are withdrawn reach open sockets: over the whole app, with real sockets, by the routes that people use. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { joinFrames } from "../../protocol/frames.ts";
import { encodeBinary } from "../../protocol/codec.ts";
import { createTestDatabase, type TestDatabase } from "../harness/postgres.ts";
import {
  openClient,
  PASSWORD,
  postJson,
  readObject,
  refusedUpgrade,
  rrwebEvents,
  runApp,
  type Client,
  type RunningApp,
} from "./running-app.ts";

/** The bar of the issue. */
const CUT_MS = 5_000;
/** What ends by itself does so after this: long enough to begin with it on a busy machine. */
const ENDING_MS = 8_000;

let database: TestDatabase;
let app: RunningApp;
/** Another process on the same database, as far as memory goes. */
let elsewhere: RunningApp;
let admin: string;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await runApp({ DATABASE_URL: database.url });
  elsewhere = await runApp({ DATABASE_URL: database.url });
  admin = await app.signIn();
});
afterAll(async () => {
  await app.stop();
  await elsewhere.stop();
  await database.drop();
});

async function ask(method: string, path: string, cookie: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(app.base + path, {
    method,
    headers: { Cookie: cookie, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return readObject(response);
}

async function makeProject(name: string): Promise<{ id: number; key: string }> {
  const made = (await ask("POST", "/v1/projects", admin, { name })) as { id: number; keys: string[] };
  return { id: made.id, key: made.keys[0] ?? "" };
}

let people = 0;

/** Somebody with a role, by an invitation; signed in. */
async function invite(projectId: number, role: string): Promise<{ userId: number; email: string; cookie: string }> {
  const email = `person${++people}@example.com`;
  const { url } = (await ask("POST", `/v1/projects/${projectId}/invitations`, admin, { email, role })) as { url: string };
  const token = new URL(url).hash.replace("#token=", "");
  await postJson(`${app.base}/auth/invitation`, { token, password: PASSWORD });
  const cookie = await signIn(email);
  const me = (await ask("GET", "/auth/me", cookie)) as { user: { id: number } };
  return { userId: me.user.id, email, cookie };
}

async function signIn(email: string): Promise<string> {
  const response = await postJson(`${app.base}/auth/login`, { email, password: PASSWORD });
  expect(response.status).toBe(200);
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

/** A visit that goes on, and somebody who watches it and the list of its project. */
async function visit(key: string, sessionId: string, base = app.base): Promise<Client> {
  const tracker = await openClient(base, `type=tracker&key=${key}`);
  tracker.say("session_start", { sessionId, url: "https://shop.example/" });
  await tracker.next("session_started");
  tracker.say("events_batch", { events: rrwebEvents(Date.now()) });
  await tracker.next("ack");
  return tracker;
}

async function watch(
  credentials: { cookie?: string; token?: string },
  sessionId: string,
  projectId: number,
  base = app.base,
): Promise<Client> {
  const { cookie, token } = credentials;
  const viewer = await openClient(
    base,
    token === undefined ? "type=viewer" : `type=viewer&token=${token}`,
    cookie === undefined ? {} : { headers: { Cookie: cookie, Origin: base } },
  );
  viewer.say("watch_live_sessions", { projectId });
  await viewer.next("live_sessions");
  viewer.say("viewer_join_session", { sessionId });
  await viewer.next("session_joined");
  await viewer.next("events_batch");
  return viewer;
}

/** The close code, and that it came in time. */
async function cutWithin(viewer: Client, withdraw: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  const [code] = await Promise.all([viewer.closed, withdraw()]);
  expect(performance.now() - startedAt).toBeLessThan(CUT_MS);
  return code;
}

describe("a right that is withdrawn", () => {
  it("NET-55 by signing out cuts the sockets of that sign-in, and no other", async () => {
    const shop = await makeProject("Sign out");
    const person = await invite(shop.id, "viewer");
    const otherCookie = await signIn(person.email);
    const tracker = await visit(shop.key, "visit-out");
    const [viewer, other] = [
      await watch(person, "visit-out", shop.id),
      await watch({ cookie: otherCookie }, "visit-out", shop.id),
    ];
    expect(await cutWithin(viewer, () => ask("POST", "/auth/logout", person.cookie, {}))).toBe(4001);
    tracker.say("events_batch", { events: rrwebEvents(Date.now()) });
    await other.next("events_batch");
    // Signing out everywhere cuts what is left.
    const third = await signIn(person.email);
    expect(await cutWithin(other, () => ask("POST", "/auth/logout-everywhere", third, {}))).toBe(4001);
    await tracker.close();
  });

  it("NET-55 by removing a member ends what he follows there, with no more said than of an unknown id, and cuts him", async () => {
    const [shop, blog] = [await makeProject("Members"), await makeProject("Members too")];
    const person = await invite(shop.id, "member");
    const trackers = [await visit(shop.key, "visit-member"), await visit(blog.key, "visit-blog")];
    const viewer = await watch(person, "visit-member", shop.id);
    const admins = await watch({ cookie: admin }, "visit-member", shop.id);
    expect(await cutWithin(viewer, () => ask("DELETE", `/v1/projects/${shop.id}/members/${person.userId}`, admin))).toBe(4003);
    const errors = viewer.heard.filter(({ type }) => type === "error").map(({ data }) => data);
    const said = { code: "not_found", message: "there is nothing here under this id" };
    expect(errors).toEqual([
      { ...said, sessionId: "visit-member" },
      { ...said, projectId: shop.id },
    ]);
    // He is signed in still: a new socket knows nothing of it.
    const again = await openClient(app.base, "type=viewer", { headers: { Cookie: person.cookie, Origin: app.base } });
    again.say("viewer_join_session", { sessionId: "visit-member" });
    expect(await again.next("error")).toEqual(said);
    trackers[0]?.say("events_batch", { events: rrwebEvents(Date.now()) });
    await admins.next("events_batch");
    for (const client of [again, admins, ...trackers]) await client.close();
  });

  it("NET-55 in one project leaves alone who follows only another", async () => {
    const [shop, blog] = [await makeProject("Left"), await makeProject("Kept")];
    const person = await invite(shop.id, "viewer");
    const { url } = (await ask("POST", `/v1/projects/${blog.id}/invitations`, admin, {
      email: person.email,
      role: "viewer",
    })) as { url: string };
    const token = new URL(url).hash.replace("#token=", "");
    const accepted = await postJson(`${app.base}/auth/invitation`, { token, password: PASSWORD }, { Cookie: person.cookie });
    expect(accepted.status).toBeLessThan(300);
    const cookie = await signIn(person.email);
    const [shopVisit, blogVisit] = [await visit(shop.key, "visit-left"), await visit(blog.key, "visit-kept")];
    const [inShop, inBlog] = [await watch({ cookie }, "visit-left", shop.id), await watch({ cookie }, "visit-kept", blog.id)];
    expect(await cutWithin(inShop, () => ask("DELETE", `/v1/projects/${shop.id}/members/${person.userId}`, admin))).toBe(4003);
    blogVisit.say("events_batch", { events: rrwebEvents(Date.now()) });
    await inBlog.next("events_batch");
    for (const client of [inBlog, shopVisit, blogVisit]) await client.close();
  });

  it("NET-55 by a lower role cuts, so that he comes back with what is left; a higher one does not", async () => {
    const shop = await makeProject("Roles");
    const person = await invite(shop.id, "member");
    const tracker = await visit(shop.key, "visit-role");
    const path = `/v1/projects/${shop.id}/members/${person.userId}`;
    const viewer = await watch(person, "visit-role", shop.id);
    await ask("PATCH", path, admin, { role: "admin" });
    tracker.say("events_batch", { events: rrwebEvents(Date.now()) });
    await viewer.next("events_batch");
    expect(await cutWithin(viewer, () => ask("PATCH", path, admin, { role: "viewer" }))).toBe(4003);
    const again = await watch(person, "visit-role", shop.id);
    for (const client of [again, tracker]) await client.close();
  });

  it("NET-55 by removing the project cuts its viewers and its trackers, and its key is refused", async () => {
    const shop = await makeProject("Removed");
    const person = await invite(shop.id, "viewer");
    const tracker = await visit(shop.key, "visit-removed");
    const viewer = await watch(person, "visit-removed", shop.id);
    const [code, trackerCode] = await Promise.all([
      cutWithin(viewer, () => ask("DELETE", `/v1/projects/${shop.id}`, admin)),
      cutWithin(tracker, () => Promise.resolve()),
    ]);
    expect([code, trackerCode]).toEqual([4003, 4001]);
    expect(await tracker.next("error")).toMatchObject({ code: "unauthorized" });
    expect(await refusedUpgrade(app.base, `type=tracker&key=${shop.key}`)).toBe(401);
    const posted = await fetch(`${app.base}/v1/ingest?key=${shop.key}`, {
      method: "POST",
      body: joinFrames([encodeBinary("session_start", { sessionId: "visit-late", url: "" })]),
    });
    expect(posted.status).toBe(401);
  });

  it("NET-55 by revoking a token, or by its end, cuts what was opened with it", async () => {
    const shop = await makeProject("Tokens");
    const tracker = await visit(shop.key, "visit-token");
    const make = (more: object = {}) =>
      ask("POST", "/v1/tokens", admin, { name: "watch", scopes: ["read"], projectId: shop.id, ...more }) as Promise<{
        id: number;
        token: string;
      }>;
    const { id, token } = await make();
    const viewer = await watch({ token }, "visit-token", shop.id);
    expect(await cutWithin(viewer, () => ask("DELETE", `/v1/tokens/${id}`, admin))).toBe(4001);
    const expiresAt = Date.now() + ENDING_MS;
    const ending = await make({ expiresAt });
    const last = await watch(ending, "visit-token", shop.id);
    expect(await last.closed).toBe(4001);
    expect(Date.now() - expiresAt).toBeLessThan(CUT_MS);
    expect(await refusedUpgrade(app.base, `type=viewer&token=${ending.token}`)).toBe(401);
    await tracker.close();
  });

  it("NET-55 by disabling a person cuts him", async () => {
    const shop = await makeProject("Disabled");
    const person = await invite(shop.id, "owner");
    const tracker = await visit(shop.key, "visit-disabled");
    const viewer = await watch(person, "visit-disabled", shop.id);
    expect(await cutWithin(viewer, () => ask("PATCH", `/v1/users/${person.userId}`, admin, { disabled: true }))).toBe(4001);
    await tracker.close();
  });

  it("NET-50 by revoking a key closes its trackers for good, not those of the project's other keys", async () => {
    const shop = await makeProject("Keys");
    const { key } = (await ask("POST", `/v1/projects/${shop.id}/keys`, admin, { name: "second" })) as { key: string };
    const [first, second] = [await visit(shop.key, "visit-key-1"), await visit(key, "visit-key-2")];
    expect(await cutWithin(second, () => ask("DELETE", `/v1/projects/${shop.id}/keys/${key}`, admin))).toBe(4001);
    first.say("events_batch", { events: rrwebEvents(Date.now()) });
    await first.next("ack");
    await first.close();
  });
});

describe("a right that is withdrawn by another process", () => {
  it("NET-55 cuts sockets here as well: a sign-in, a member, a token, and NET-50 a project with its trackers", async () => {
    const shop = await makeProject("Elsewhere");
    const [out, removed] = [await invite(shop.id, "viewer"), await invite(shop.id, "viewer")];
    const { id, token } = (await ask("POST", "/v1/tokens", admin, { name: "t", scopes: ["read"] })) as {
      id: number;
      token: string;
    };
    const tracker = await visit(shop.key, "visit-far", elsewhere.base);
    const there = (credentials: { cookie?: string; token?: string }) => watch(credentials, "visit-far", shop.id, elsewhere.base);
    const [one, two, three, four] = [
      await there(out),
      await there(removed),
      await there({ token }),
      await there({ cookie: admin }),
    ];
    expect(await cutWithin(one, () => ask("POST", "/auth/logout", out.cookie, {}))).toBe(4001);
    expect(await cutWithin(two, () => ask("DELETE", `/v1/projects/${shop.id}/members/${removed.userId}`, admin))).toBe(4003);
    expect(await cutWithin(three, () => ask("DELETE", `/v1/tokens/${id}`, admin))).toBe(4001);
    const codes = await Promise.all([
      cutWithin(four, () => ask("DELETE", `/v1/projects/${shop.id}`, admin)),
      cutWithin(tracker, () => Promise.resolve()),
    ]);
    expect(codes).toEqual([4003, 4001]);
    expect(await refusedUpgrade(elsewhere.base, `type=tracker&key=${shop.key}`)).toBe(401);
  });

  it("NET-50 closes the trackers of a key that was revoked in the database by hand, without news", async () => {
    const shop = await makeProject("By hand");
    const tracker = await visit(shop.key, "visit-hand");
    const revoke = () => database.database.query("UPDATE project_keys SET revoked_at = now() WHERE key = $1", [shop.key]);
    expect(await cutWithin(tracker, revoke)).toBe(4001);
  });
});

describe("settings of a project", () => {
  it("ING-41 reach the next session_start, and PRJ-11 the next page", async () => {
    const shop = await makeProject("Settings");
    const settings = { sampleRate: 0.5, privacy: { maskText: "all" }, allowedOrigins: ["https://shop.example"] };
    await ask("PATCH", `/v1/projects/${shop.id}`, admin, { settings });
    const query = `type=tracker&key=${shop.key}`;
    const tracker = await openClient(app.base, query, { headers: { Origin: "https://shop.example" } });
    tracker.say("session_start", { sessionId: "visit-settings", url: "https://shop.example/" });
    expect(await tracker.next("session_started")).toMatchObject({ settings: { sampleRate: 0.5, maskText: "all" } });
    expect(await refusedUpgrade(app.base, query, { Origin: "https://other.example" })).toBe(403);
    await tracker.close();
  });
});

describe("a viewer's upgrade", () => {
  it("NET-54 needs the cookie and our own origin, or a bearer token, whatever the browser says besides", async () => {
    const { token } = (await ask("POST", "/v1/tokens", admin, { name: "t", scopes: ["read"] })) as { token: string };
    const host = new URL(app.base).host;
    const evil = "https://evil.example";
    const foreign: Record<string, string>[] = [
      {},
      { Origin: evil },
      { Origin: "null" },
      { Origin: "" },
      { Origin: `${app.base}.evil.example` },
      { Origin: `http://evil.example/${host}` },
      { Origin: `http://${host}@evil.example` },
      { Origin: "http://127.0.0.1:1" },
      { Origin: evil, "Sec-Fetch-Site": "cross-site" },
      { Origin: evil, "Sec-Fetch-Site": "same-site" },
      { Origin: app.base, "Sec-Fetch-Site": "cross-site" },
      { Origin: evil, Host: "evil.example", "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "cross-site" },
      { Origin: evil, Authorization: "Basic cHJveHk6c2VjcmV0" },
      { Origin: evil, "X-Forwarded-Host": "evil.example" },
    ];
    for (const headers of foreign) {
      expect([headers, await refusedUpgrade(app.base, "type=viewer", { Cookie: admin, ...headers })]).toEqual([headers, 403]);
      expect([headers, await refusedUpgrade(app.base, "type=viewer", headers)]).toEqual([headers, 401]);
    }
    // A token that is wrong is not made good by a cookie.
    const wrong = { Cookie: admin, Origin: app.base, Authorization: `Bearer ${"0".repeat(40)}` };
    expect(await refusedUpgrade(app.base, "type=viewer", wrong)).toBe(401);
    expect(await refusedUpgrade(app.base, `type=viewer&token=${"0".repeat(40)}`, { Cookie: admin, Origin: app.base })).toBe(401);
    for (const [query, headers] of [
      ["type=viewer", { Cookie: admin, Origin: app.base }],
      ["type=viewer", { Cookie: admin, Origin: app.base, "Sec-Fetch-Site": "same-origin" }],
      ["type=viewer", { Cookie: admin, Origin: app.base, Authorization: "Basic cHJveHk6c2VjcmV0" }],
      ["type=viewer", { Authorization: `Bearer ${token}` }],
      [`type=viewer&token=${token}`, { Origin: evil }],
    ] as const) {
      const socket = await openClient(app.base, query, { headers });
      await socket.close();
    }
  });
});
