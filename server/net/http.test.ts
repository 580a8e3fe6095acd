import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBareNet, type BareNet } from "../../test/harness/bare-net.ts";
import { AppError } from "../app-error.ts";
import type { Route } from "./route.ts";

/** Pieces of a long answer, counted as they are asked for. */
let piecesMade = 0;
async function* longStream(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < 200; i++) {
    piecesMade++;
    await Promise.resolve();
    yield new Uint8Array(64 * 1024).fill(i);
  }
}

const echo = (method: Route["method"], path: string, extra: Partial<Route> = {}): Route => ({
  method,
  path,
  access: "open",
  summary: "echo",
  handle: (request) => ({
    json: {
      params: request.params,
      query: Object.fromEntries(request.query),
      body: Buffer.from(request.body).toString(),
      identity: request.identity.kind,
      peer: request.peer,
    },
  }),
  ...extra,
});

const routes: Route[] = [
  echo("GET", "/echo/:id/part/:other"),
  echo("POST", "/echo", { maxBodyBytes: 100_000 }),
  echo("POST", "/any", { anyBody: true, cors: true }),
  echo("POST", "/signed", { access: "signed-in" }),
  echo("GET", "/signed", { access: "signed-in" }),
  echo("GET", "/admin", { access: "admin" }),
  { ...echo("GET", "/stream"), handle: () => ({ stream: longStream(), contentType: "application/octet-stream" }) },
  {
    ...echo("GET", "/broken-stream"),
    handle: () => ({
      contentType: "text/plain",
      stream: (async function* () {
        yield new TextEncoder().encode("begin");
        await Promise.resolve();
        throw new Error("half-way");
      })(),
    }),
  },
  {
    ...echo("GET", "/throws"),
    handle: () => {
      throw new Error("secret detail");
    },
  },
  {
    ...echo("GET", "/limited"),
    handle: () => {
      throw new AppError("limit", "slower", { retryAfterMs: 1_500 });
    },
  },
];

let bare: BareNet;
let base = "";

beforeAll(async () => {
  bare = await startBareNet(routes);
  base = bare.base;
});
afterAll(() => bare.stop());

const body = async (response: Response): Promise<Record<string, unknown>> => {
  const value: unknown = await response.json();
  return Object.fromEntries(Object.entries(value as object));
};

describe("HTTP", () => {
  it("NET-11 gives routes their decoded params and query", async () => {
    const response = await fetch(`${base}/echo/a%20b/part/%C3%BC?x=1&y=%26`);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await body(response)).toMatchObject({
      params: { id: "a b", other: "ü" },
      query: { x: "1", y: "&" },
      peer: "127.0.0.1",
    });
    expect((await fetch(`${base}/echo/a/part/%ff`)).status).toBe(400);
  });

  it("NET-12 bounds bodies by counting them, chunked ones too", async () => {
    const post = (size: number, init: RequestInit = {}) =>
      fetch(`${base}/echo`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: "x".repeat(size),
        ...init,
      });
    expect((await post(100_000)).status).toBe(200);
    expect((await post(100_001)).status).toBe(413);
    const chunks = (count: number) =>
      new ReadableStream({
        start(controller) {
          for (let i = 0; i < count; i++) controller.enqueue(new Uint8Array(10_000).fill(97));
          controller.close();
        },
      });
    const chunked = (count: number) => ({ body: chunks(count), duplex: "half" }) as RequestInit;
    expect((await post(0, chunked(9))).status).toBe(200);
    expect((await post(0, chunked(11))).status).toBe(413);
    expect((await post(10)).status).toBe(200);
  });

  it("NET-13 takes only JSON bodies, unless the route takes any", async () => {
    const post = (path: string, type: string) =>
      fetch(base + path, { method: "POST", headers: { "Content-Type": type }, body: "{}" });
    expect((await post("/echo", "text/plain")).status).toBe(415);
    expect((await post("/echo", "application/json; charset=utf-8")).status).toBe(200);
    const any = await post("/any", "text/plain");
    expect(any.status).toBe(200);
    expect(any.headers.get("access-control-allow-origin")).toBe("*");
  });

  it("NET-14 answers faults as {error:{code,message}} and gives no detail of a bug away", async () => {
    const bug = await fetch(`${base}/throws`);
    expect(bug.status).toBe(500);
    expect(await bug.text()).not.toContain("secret detail");
    const limited = await fetch(`${base}/limited`);
    expect(limited.status).toBe(429);
    expect(limited.headers.get("retry-after")).toBe("2");
    expect(await body(limited)).toEqual({ error: { code: "limit", message: "slower", retryAfterMs: 1_500 } });
    expect((await fetch(`${base}/nothing`)).status).toBe(404);
    const wrong = await fetch(`${base}/stream`, { method: "DELETE" });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get("allow")).toBe("GET");
    const head = await fetch(`${base}/limited`, { method: "HEAD" });
    expect(head.status).toBe(429);
  });

  it("NET-15 asks who is calling, and refuses cookies from other origins", async () => {
    const call = (path: string, method: string, headers: Record<string, string>) => fetch(base + path, { method, headers });
    expect((await call("/signed", "GET", {})).status).toBe(401);
    expect((await call("/signed", "GET", { Cookie: "in=1" })).status).toBe(200);
    expect((await call("/signed", "POST", { Cookie: "in=1", Origin: "http://theirs" })).status).toBe(403);
    expect((await call("/signed", "POST", { Cookie: "in=1", Origin: "http://ours" })).status).toBe(200);
    expect((await call("/echo", "POST", { Origin: "http://theirs" })).status).toBe(403);
    expect((await call("/any", "POST", { Origin: "http://theirs" })).status).toBe(200);
    expect((await call("/signed", "GET", { Authorization: "Bearer good" })).status).toBe(200);
    expect((await call("/signed", "POST", { Authorization: "Bearer good" })).status).toBe(403);
    expect((await call("/admin", "GET", { Cookie: "in=1" })).status).toBe(403);
  });

  it("NET-53 is not moved by the Authorization of a proxy, which a browser adds to whatever any page sends", async () => {
    const call = (path: string, headers: Record<string, string>) =>
      fetch(base + path, { method: "POST", headers: { Authorization: "Basic cHJveHk6c2VjcmV0", ...headers } });
    expect((await call("/echo", { Origin: "http://theirs" })).status).toBe(403);
    expect((await call("/signed", { Cookie: "in=1", Origin: "http://theirs" })).status).toBe(403);
    expect((await call("/signed", { Cookie: "in=1", Origin: "http://ours" })).status).toBe(200);
  });

  it("NET-16 streams as fast as the peer reads, and stops when he goes away", async () => {
    const response = await fetch(`${base}/stream`);
    expect((await response.arrayBuffer()).byteLength).toBe(200 * 64 * 1024);

    piecesMade = 0;
    const socket = connect(Number(new URL(base).port), "127.0.0.1");
    socket.write("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    await expect.poll(() => piecesMade).toBeGreaterThan(1);
    const before = piecesMade;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(piecesMade).toBeLessThan(200);
    expect(piecesMade - before).toBeLessThan(100);
    socket.destroy();

    await expect(fetch(`${base}/broken-stream`).then((broken) => broken.text())).rejects.toThrow();
  });
});
