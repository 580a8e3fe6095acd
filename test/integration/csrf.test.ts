import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readObject, runApp, type RunningApp } from "./running-app.ts";

let app: RunningApp;
let cookie: string;
/** Every route of an unsafe method, with its path filled in. */
let unsafe: { method: string; path: string }[];

/** Routes that any page may call: they read no cookie. */
const FOR_ANY_PAGE = /^POST \/(?:v1\/ingest|api\/\{id\}\/(?:envelope|store|security)\/?)$/;
/** Routes whose body is no JSON: that it comes from our own page is all that is asked there. */
const OF_FILES = /\/(?:chunk-upload\/|source-maps|imports)$/;

beforeAll(async () => {
  // Every route is asked many times in a moment.
  app = await runApp({ RATE_LIMIT_REQUESTS_PER_SEC: "100000", RATE_LIMIT_BURST: "100000" });
  cookie = await app.signIn();
  const described = await readObject(await fetch(`${app.base}/v1/openapi.json`));
  const paths = described["paths"] as Record<string, Record<string, object>>;
  unsafe = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .map((method) => method.toUpperCase())
      .filter((method) => method !== "GET" && !FOR_ANY_PAGE.test(`${method} ${path}`))
      .map((method) => ({ method, path: path.replace(/\{[^}]+\}/g, "999999") })),
  );
});
afterAll(() => app.stop());

/** Sends exactly these headers: `fetch` would add some of its own. */
function send(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number; text: string }> {
  const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const sent = request(`${app.base}${path}`, { method, headers: { ...headers, ...length } }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (text += piece));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const JSON_TYPE = { "Content-Type": "application/json" };

describe("cross-site requests", () => {
  it.each([
    ["a stranger's page", { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" }],
    ["a stranger's page in an old browser", { Origin: "https://evil.example" }],
    ["a page of another port", { Origin: "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site" }],
    ["a sandboxed frame", { Origin: "null", "Sec-Fetch-Site": "cross-site" }],
    ["a sandboxed frame in an old browser", { Origin: "null" }],
    ["a browser that hides the origin", { "Sec-Fetch-Site": "cross-site" }],
    [
      "a stranger's page behind a proxy with passwords",
      { Origin: "https://evil.example", Authorization: "Basic cHJveHk6cHJveHk=" },
    ],
    ["a stranger's page with another host", { Origin: "https://evil.example", Host: "localhost" }],
  ])("AUT-44 from %s change nothing, on every route of an unsafe method", async (_who, headers) => {
    expect(unsafe.length).toBeGreaterThan(20);
    for (const { method, path } of unsafe) {
      for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
        const answer = await send(method, path, { Cookie: cookie, "Content-Type": type, ...headers }, "{}");
        expect([`${method} ${path}`, answer.status], type).toEqual([`${method} ${path}`, 403]);
        expect(answer.text).toContain("another origin");
      }
    }
    expect((await send("GET", "/auth/me", { Cookie: cookie })).status).toBe(200);
  });

  it("AUT-44 our own page sends JSON, and nothing that a form could send", async () => {
    const own = { Cookie: cookie, Origin: app.base, "Sec-Fetch-Site": "same-origin" };
    for (const { method, path } of unsafe.filter(
      (route) => route.path !== "/auth/logout-everywhere" && !OF_FILES.test(route.path),
    )) {
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "",
      ]) {
        const headers = { ...own, ...(type === "" ? {} : { "Content-Type": type }) };
        const answer = await send(method, path, headers, '{"disabled":true}');
        expect([`${method} ${path}`, answer.status], type).toEqual([`${method} ${path}`, 415]);
      }
    }
    const made = await send("POST", "/v1/tokens", { ...own, "Content-Type": "application/json; charset=utf-8" }, '{"name":"x"}');
    expect(made.status).toBe(201);
  });

  it("AUT-44 a bearer token needs no origin, and a safe method no proof", async () => {
    const made = await send("POST", "/v1/tokens", { Cookie: cookie, ...JSON_TYPE }, '{"name":"x","scopes":["admin"]}');
    const { token } = JSON.parse(made.text) as { token: string };
    const bearer = { Authorization: `Bearer ${token}`, Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    const project = await send("POST", "/v1/projects", { ...bearer, ...JSON_TYPE }, '{"name":"By a program"}');
    expect(project.status).toBe(201);
    expect((await send("GET", "/auth/me", { Cookie: cookie, Origin: "https://evil.example" })).status).toBe(200);
  });
});
