import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  EMAIL,
  KEY,
  openClient,
  PASSWORD,
  postJson,
  readObject,
  refusedUpgrade,
  runApp,
  type RunningApp,
} from "./running-app.ts";

let app: RunningApp;
let cookie: string;

beforeAll(async () => {
  app = await runApp();
  cookie = await app.signIn();
});
afterAll(() => app.stop());

const get = (path: string, headers: Record<string, string> = {}) => fetch(app.base + path, { headers });

describe("who may do what", () => {
  it("NET-36 signs in with the first administrator's password, by an httpOnly cookie, and out again", async () => {
    expect((await postJson(`${app.base}/auth/login`, { email: EMAIL, password: "wrong" })).status).toBe(401);
    const response = await postJson(`${app.base}/auth/login`, { email: EMAIL, password: PASSWORD });
    expect(response.status).toBe(200);
    expect(response.headers.get("set-cookie")).toMatch(/HttpOnly/i);
    const mine = response.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(await readObject(await get("/auth/me", { Cookie: mine }))).toMatchObject({ user: { email: EMAIL, isAdmin: true } });
    await postJson(`${app.base}/auth/logout`, {}, { Cookie: mine });
    expect((await get("/auth/me", { Cookie: mine })).status).toBe(401);
    expect(
      (await postJson(`${app.base}/auth/login`, { email: EMAIL, password: PASSWORD }, { Origin: "https://evil.example" })).status,
    ).toBe(403);
  });

  it("NET-37 data routes refuse everybody who is not signed in", async () => {
    const described = await readObject(await get("/v1/openapi.json"));
    const open = new Set(["/", "/health", "/v1/openapi.json", "/v1/ingest"]);
    let checked = 0;
    for (const [path, methods] of Object.entries(described["paths"] as Record<string, Record<string, object>>)) {
      for (const [method, facts] of Object.entries(methods)) {
        if (open.has(path) || path.startsWith("/auth/") || path.startsWith("/v1/auth/")) continue;
        if (!("security" in facts)) continue;
        const url = app.base + path.replace(/\{[^}]+\}/g, "1");
        const response = await fetch(url, { method: method.toUpperCase() });
        expect(response.status, `${method} ${path}`).toBe(401);
        expect(await readObject(response)).toHaveProperty("error.code", "unauthorized");
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(10);
    for (const path of ["/stats", "/metrics", "/sessions/active", "/v1/sessions", "/v1/projects"]) {
      expect((await get(path)).status, path).toBe(401);
      expect((await get(path, { Cookie: cookie })).status, path).toBe(200);
    }
  });

  it("NET-38 a bearer token opens what its user may read, and nothing that changes something", async () => {
    const { token } = await readObject(await postJson(`${app.base}/v1/tokens`, { name: "ci" }, { Cookie: cookie }));
    const secret = typeof token === "string" ? token : (token as { token: string }).token;
    expect(secret).toMatch(/^[0-9a-f]{40}$/);
    const bearer = { Authorization: `Bearer ${secret}` };
    expect((await get("/v1/sessions", bearer)).status).toBe(200);
    expect((await get("/metrics", bearer)).headers.get("content-type")).toContain("text/plain");
    expect((await fetch(`${app.base}/v1/sessions/some-session`, { method: "DELETE", headers: bearer })).status).toBe(403);
    const viewer = await openClient(app.base, `type=viewer&token=${secret}`);
    await viewer.close();
  });

  it("NET-39 upgrades are refused with the status that says why", async () => {
    expect(await refusedUpgrade(app.base, "type=tracker&key=00000000000000000000000000000000")).toBe(401);
    expect(await refusedUpgrade(app.base, "type=viewer")).toBe(401);
    expect(await refusedUpgrade(app.base, "type=viewer", { Cookie: cookie, Origin: "https://evil.example" })).toBe(403);
    expect(await refusedUpgrade(app.base, "type=viewer", { Cookie: cookie })).toBe(403);
    expect(await refusedUpgrade(app.base, "")).toBe(400);
  });

  it("NET-40 tells what it is, how it is, and its figures", async () => {
    expect(await readObject(await get("/"))).toMatchObject({ name: "watchback", protocolVersion: expect.any(Number) as number });
    expect(await readObject(await get("/health"))).toMatchObject({
      status: "ok",
      database: "up",
      writer: { state: "ok" },
      live: { viewers: 0 },
    });
    expect(await readObject(await get("/stats", { Cookie: cookie }))).toMatchObject({ ingest: {}, live: {}, store: {} });
    expect(await (await get("/metrics", { Cookie: cookie })).text()).toContain("watchback_store_committed_batches");
    const tracker = await openClient(app.base, `type=tracker&key=${KEY}`);
    expect(await (await get("/metrics", { Cookie: cookie })).text()).toContain("watchback_sockets 1");
    await tracker.close();
  });
});
