import { afterAll, beforeAll, expect, it } from "vitest";
import { encodeBinary } from "../../protocol/codec.ts";
import { joinFrames } from "../../protocol/frames.ts";
import { EMAIL, openClient, postJson, readObject, runApp, type RunningApp } from "./running-app.ts";

let app: RunningApp;
let admin: string;

beforeAll(async () => {
  app = await runApp();
  admin = await app.signIn();
});
afterAll(() => app.stop());

const cookieOf = (response: Response) => response.headers.get("set-cookie")?.split(";")[0] ?? "";
const get = async (path: string, cookie: string) => readObject(await fetch(app.base + path, { headers: { Cookie: cookie } }));

it("AUT-46 over HTTP: invited, accepted, promoted, and removed, which cuts the live socket within 5 s", async () => {
  const invited = await postJson(
    `${app.base}/v1/projects/1/invitations`,
    { email: "nina@example.com", role: "viewer" },
    { Cookie: admin },
  );
  expect(invited.status).toBe(201);
  const { url } = (await invited.json()) as { url: string };
  const token = new URL(url).hash.slice("#token=".length);
  expect(await readObject(await postJson(`${app.base}/auth/invitation/look`, { token }))).toMatchObject({
    kind: "invitation",
    role: "viewer",
    hasAccount: false,
  });
  const accepted = await postJson(`${app.base}/auth/invitation`, { token, password: "nina's own password" });
  expect(accepted.status).toBe(200);
  const nina = cookieOf(accepted);
  const { user } = (await get("/auth/me", nina)) as { user: { id: number } };
  expect(user).toMatchObject({ email: "nina@example.com", roles: { 1: "viewer" } });
  const member = `${app.base}/v1/projects/1/members/${user.id}`;
  const body = JSON.stringify({ role: "member" });
  const headers = { "Content-Type": "application/json" };
  expect((await fetch(member, { method: "PATCH", headers: { ...headers, Cookie: nina }, body })).status).toBe(403);
  expect((await fetch(member, { method: "PATCH", headers: { ...headers, Cookie: admin }, body })).status).toBe(200);
  const viewer = await openClient(app.base, "type=viewer", { headers: { Cookie: nina, Origin: app.base } });
  const startedAt = performance.now();
  expect((await postJson(`${app.base}/auth/logout-everywhere`, {}, { Cookie: nina })).status).toBe(200);
  await viewer.closed;
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect((await fetch(member, { method: "DELETE", headers: { Cookie: admin } })).status).toBe(200);
  const again = await postJson(`${app.base}/auth/login`, { email: "nina@example.com", password: "nina's own password" });
  expect(await get("/auth/me", cookieOf(again))).toMatchObject({ user: { projectIds: [], roles: {} } });
});

it("AUT-46 over HTTP: too many attempts are told how long to wait", async () => {
  const attempt = () => postJson(`${app.base}/auth/login`, { email: "somebody@example.com", password: "wrong" });
  const statuses: number[] = [];
  for (let n = 0; n < 10; n++) statuses.push((await attempt()).status);
  expect(new Set(statuses)).toEqual(new Set([401]));
  const refused = await attempt();
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(30);
  expect(await get("/auth/me", admin)).toMatchObject({ user: { email: EMAIL } });
});

it("AUT-47 a program sends batches with a token of scope ingest, into the projects of its owner, and no other token does", async () => {
  const other = await readObject(await postJson(`${app.base}/v1/projects`, { name: "Other" }, { Cookie: admin }));
  const make = async (wanted: object) => {
    const answer = await postJson(`${app.base}/v1/tokens`, { name: "program", ...wanted }, { Cookie: admin });
    return String((await readObject(answer))["token"]);
  };
  const post = (token: string, query = "", sessionId = "by-a-program") => {
    const body = joinFrames([encodeBinary("session_start", { sessionId, tab: "t", url: "https://shop.example/" })]);
    return fetch(`${app.base}/v1/ingest${query}`, { method: "POST", headers: { Authorization: `Bearer ${token}` }, body });
  };
  const bound = await make({ scopes: ["ingest"], projectId: 1 });
  const sent = await post(bound);
  expect(sent.status).toBe(200);
  expect(await sent.text()).toContain("session_started");
  const foreign = await post(bound, `?project=${String(other["id"])}`);
  const unknown = await post(bound, "?project=99999");
  expect([foreign.status, await foreign.text()]).toEqual([404, await unknown.text()]);
  const wide = await make({ scopes: ["ingest"] });
  expect((await post(wide)).status).toBe(400);
  expect((await post(wide, `?project=${String(other["id"])}`, "by-another")).status).toBe(200);
  const reading = await make({ scopes: ["read", "sourcemaps"], projectId: 1 });
  expect((await post(reading)).status).toBe(404);
  expect((await post("0".repeat(40))).status).toBe(401);
  expect((await fetch(`${app.base}/v1/ingest`, { method: "POST", headers: { Cookie: admin } })).status).toBe(401);
  expect((await fetch(`${app.base}/v1/sessions`, { headers: { Authorization: `Bearer ${bound}` } })).status).toBe(200);
  expect(
    await readObject(await fetch(`${app.base}/v1/sessions`, { headers: { Authorization: `Bearer ${bound}` } })),
  ).toMatchObject({
    sessions: [],
  });
});
