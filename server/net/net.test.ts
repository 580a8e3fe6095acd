import { connect } from "node:net";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { joinFrames } from "../../protocol/frames.ts";
import { decodeBinary, encodeBinary, type Envelope } from "../../protocol/codec.ts";
import { AppError } from "../app-error.ts";
import type { Identity } from "../auth/auth.ts";
import { systemClock } from "../clock.ts";
import type { TrackerPort } from "../ingest/ingest.ts";
import { silentLogger } from "../log.ts";
import { createMetrics } from "../metrics.ts";
import { createNet, type Net, type NetDeps } from "./net.ts";
import type { Route } from "./route.ts";
import { createWire } from "./wire.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const user: Identity = { kind: "user", userId: 1, email: "a@b.c", isAdmin: false, signInId: "s", projectIds: new Set([1]) };
const reader: Identity = {
  kind: "token",
  tokenId: 1,
  userId: 1,
  isAdmin: false,
  scopes: new Set(["read"]),
  projectIds: new Set([1]),
};
const seen: Envelope[] = [];
const ports: TrackerPort[] = [];
let closedCount = 0;
let base = "";
let net: Net;

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

beforeAll(async () => {
  const root = mkdtempSync(join(tmpdir(), "wb-net-"));
  mkdirSync(join(root, "dist", "viewer", "assets"), { recursive: true });
  mkdirSync(join(root, "dist", "tracker"));
  mkdirSync(join(root, "demo"));
  writeFileSync(join(root, "dist", "viewer", "index.html"), "<!doctype html><title>viewer</title>");
  writeFileSync(join(root, "dist", "viewer", "assets", "app-1a2b.js"), "export const x = 1;\n".repeat(500));
  writeFileSync(join(root, "dist", "tracker", "tracker.js"), "var watchback={};\n".repeat(200));
  writeFileSync(join(root, "demo", "index.html"), '<script src="/tracker.js" data-key="%PROJECT_KEY%"></script>');
  writeFileSync(join(root, "secret.txt"), "secret");
  const status = {
    state: "ok" as const,
    pendingBatches: 0,
    pendingBytes: 0,
    maxPendingBytes: 1,
    lastCommitMs: 1,
    committedBatches: 0,
    committedBytes: 0,
    conflicts: 0,
    refusedBatches: 0,
  };
  const project = { id: 1, name: "p", slug: "p", keys: [KEY], createdAt: 0 };
  const identify: NetDeps["auth"]["identify"] = (credentials) => {
    if (credentials.cookie === "in=1") return Promise.resolve(user);
    const token = credentials.token ?? credentials.authorization?.replace("Bearer ", "");
    return Promise.resolve(token === "good" ? reader : { kind: "nobody" });
  };
  const deps = {
    auth: { identify, isTrustedOrigin: (origin: string | undefined) => origin === undefined || origin === "http://ours" },
    projects: { findByKey: (key: string) => Promise.resolve(key === KEY ? project : null) },
    ingest: {
      connect(port: TrackerPort) {
        ports.push(port);
        return {
          receive(envelope: Envelope) {
            seen.push(envelope);
            if (envelope.type === "ack_me") port.send({ type: "ack", data: { tab: "t", upto: 3 } });
            if (envelope.type === "session_start") port.send({ type: "watchers", data: { count: 2 } });
          },
          settled: () => Promise.resolve(),
          closed() {
            closedCount++;
          },
        };
      },
      status: () => ({ connections: 0 }),
    },
    live: {
      connect: (port: { send(frame: string): boolean; subscribe(topic: string): void; form: string }) => ({
        receive(envelope: Envelope) {
          if (envelope.type === "subscribe") port.subscribe("topic");
          port.send(JSON.stringify({ type: "heard", data: envelope.type }));
        },
        drained: () => undefined,
        dropped: () => undefined,
        closed: () => undefined,
      }),
      status: () => ({ viewers: 0, feeds: 0, sessions: 0, tailBytes: 0, resyncs: 0 }),
    },
  };
  const wire = createWire();
  // Only the parts of the rooms that net touches; the whole app has its own tests.
  const roomDeps = deps as unknown as Pick<NetDeps, "auth" | "projects" | "ingest" | "live">;
  net = createNet(wire, {
    ...roomDeps,
    db: { isUp: () => Promise.resolve(true) },
    store: { status: () => status },
    routes,
    clock: systemClock,
    logger: silentLogger,
    metrics: createMetrics(),
    version: "0.0.0",
    publicUrl: "http://localhost",
    root,
    demoKey: () => KEY,
    trackerPaths: ["/w.js"],
    rateLimit: { perSecond: 1_000, burst: 2_000 },
    trustProxy: false,
  });
  base = `http://127.0.0.1:${await wire.listen("127.0.0.1", 0)}`;
});

afterAll(() => net.stop());

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
    expect(await body(limited)).toEqual({ error: { code: "limit", message: "slower" } });
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

describe("files", () => {
  it("NET-17 serves the tracker to every origin, with ETag and a short age, also under the operator's path", async () => {
    for (const path of ["/tracker.js", "/w.js"]) {
      const response = await fetch(base + path);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(response.headers.get("content-type")).toContain("javascript");
      const etag = response.headers.get("etag") ?? "";
      expect((await fetch(base + path, { headers: { "If-None-Match": etag } })).status).toBe(304);
    }
    expect((await fetch(`${base}/tracker.mjs`)).status).toBe(404);
  });

  it("NET-18 serves the viewer under the strict policy, its pages by any path, hashed assets for ever", async () => {
    const html = { Accept: "text/html,*/*" };
    for (const path of ["/", "/sessions/abc"]) {
      const page = await fetch(base + path, { headers: html });
      expect(await page.text()).toContain("viewer");
      expect(page.headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self';");
    }
    expect(await body(await fetch(`${base}/`))).toMatchObject({ name: "watchback" });
    const asset = await fetch(`${base}/assets/app-1a2b.js`, { headers: { "Accept-Encoding": "br" } });
    expect(asset.headers.get("cache-control")).toContain("immutable");
    expect(asset.headers.get("content-encoding")).toBe("br");
    expect(await asset.text()).toContain("export const x");
    expect((await fetch(`${base}/assets/gone.js`, { headers: html })).status).toBe(404);
    expect((await fetch(`${base}/v1/gone`, { headers: html })).status).toBe(404);
  });

  it("NET-19 serves the demo page under default-src 'self', with the project's key in it", async () => {
    for (const path of ["/demo", "/demo/"]) {
      const page = await fetch(base + path);
      expect(page.headers.get("content-security-policy")).toBe("default-src 'self'");
      expect(await page.text()).toContain(KEY);
    }
  });

  it("NET-20 never leaves its folders", async () => {
    const raw = (path: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(Number(new URL(base).port), "127.0.0.1");
        let text = "";
        socket.on("data", (chunk) => (text += chunk.toString()));
        socket.on("close", () => resolve(text));
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        socket.setTimeout(500, () => socket.destroy());
      });
    for (const path of [
      "/../secret.txt",
      "/demo/../../secret.txt",
      "/demo/%2e%2e/secret.txt",
      "/demo/..%2fsecret.txt",
      "/demo/%00",
      "/.env",
    ]) {
      const text = await raw(path);
      expect(text, path).toContain("404");
      expect(text).not.toContain("secret");
    }
  });
});

const open = (query: string, options: object = {}) => new WebSocket(`${base.replace("http", "ws")}/ws?${query}`, options);
const statusOf = (socket: WebSocket) =>
  new Promise<number>((resolve, reject) => {
    socket.on("unexpected-response", (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on("open", () => reject(new Error("was let in")));
    socket.on("error", () => undefined);
  });
const nextMessage = (socket: WebSocket) =>
  new Promise<{ data: Buffer; isBinary: boolean }>((resolve) => {
    socket.once("message", (data, isBinary) => resolve({ data: data as Buffer, isBinary }));
  });
const closeOf = (socket: WebSocket) => new Promise<number>((resolve) => socket.once("close", resolve));
const opened = (socket: WebSocket) => new Promise((resolve) => socket.once("open", resolve));

describe("sockets", () => {
  it("NET-21 refuses upgrades with the right status", async () => {
    expect(await statusOf(open("type=tracker&key=ffff"))).toBe(401);
    expect(await statusOf(open("type=tracker"))).toBe(401);
    expect(await statusOf(open("type=robot"))).toBe(400);
    expect(await statusOf(open("type=viewer"))).toBe(401);
    expect(await statusOf(open("type=viewer&token=bad"))).toBe(401);
    expect(await statusOf(open("type=viewer", { headers: { Cookie: "in=1" } }))).toBe(403);
    expect(await statusOf(open("type=viewer", { headers: { Cookie: "in=1", Origin: "http://theirs" } }))).toBe(403);
    expect((await fetch(`${base}/ws?type=viewer`)).status).toBe(404);
  });

  it("NET-22 lets viewers in with a cookie from our origin, a bearer token, or a token in the address", async () => {
    for (const [query, options] of [
      ["type=viewer", { headers: { Cookie: "in=1", Origin: "http://ours" } }],
      ["type=viewer", { headers: { Authorization: "Bearer good" } }],
      ["type=viewer&token=good", {}],
    ] as const) {
      const socket = open(query, options);
      await opened(socket);
      socket.send(JSON.stringify({ type: "hello" }));
      expect(JSON.parse((await nextMessage(socket)).data.toString())).toEqual({ type: "heard", data: "hello" });
      socket.terminate();
    }
  });

  it("NET-23 answers a tracker in the form of its first message", async () => {
    for (const isBinary of [true, false]) {
      const socket = open(`type=tracker&key=${KEY}`);
      await opened(socket);
      const message = { type: "ack_me", data: { n: 1 } };
      socket.send(isBinary ? encodeBinary(message.type, message.data) : JSON.stringify(message));
      const answer = await nextMessage(socket);
      expect(answer.isBinary).toBe(isBinary);
      const decoded: unknown = isBinary ? decodeBinary(answer.data) : JSON.parse(answer.data.toString());
      expect(decoded).toEqual({ type: "ack", data: { tab: "t", upto: 3 } });
      // The other form is understood as well, at any time.
      socket.send(isBinary ? JSON.stringify(message) : encodeBinary(message.type, message.data));
      expect((await nextMessage(socket)).isBinary).toBe(isBinary);
      socket.close();
      await closeOf(socket);
    }
  });

  it("NET-24 answers what makes no sense with an error, and closes a peer that goes on", async () => {
    const socket = open(`type=tracker&key=${KEY}`);
    await opened(socket);
    socket.send("{");
    expect(JSON.parse((await nextMessage(socket)).data.toString())).toMatchObject({ type: "error", data: { code: "malformed" } });
    for (let i = 0; i < 30; i++) socket.send(Buffer.from([0xc1]));
    expect(await closeOf(socket)).toBe(4000);
    const big = open(`type=tracker&key=${KEY}`);
    await opened(big);
    big.send(JSON.stringify({ type: "session_start", data: { url: "x".repeat(70_000) } }));
    expect(JSON.parse((await nextMessage(big)).data.toString())).toMatchObject({ type: "error", data: { code: "malformed" } });
    big.terminate();
  });

  it("NET-25 tells a tracker that sends too fast, and drops what is over the limit", async () => {
    const socket = open(`type=tracker&key=${KEY}`);
    await opened(socket);
    const before = seen.length;
    for (let i = 0; i < 4_000; i++) socket.send('{"type":"noise"}');
    const answer: unknown = JSON.parse((await nextMessage(socket)).data.toString());
    expect(answer).toMatchObject({ type: "error", data: { code: "limit" } });
    expect(seen.length - before).toBeLessThan(3_500);
    socket.close();
    await closeOf(socket);
  });

  it("NET-26 keeps bytes that it hands on: the library takes its own back", async () => {
    const socket = open(`type=tracker&key=${KEY}`);
    await opened(socket);
    for (const size of [100, 100_000]) {
      const payload = new Uint8Array(size).fill(7);
      const before = seen.length;
      socket.send(encodeBinary("events_batch", { payload }));
      socket.send(encodeBinary("events_batch", { payload: new Uint8Array(size).fill(9) }));
      await expect.poll(() => seen.length).toBe(before + 2);
      const { payload: got } = seen[before]?.data as { payload: Uint8Array };
      expect(Buffer.compare(got, payload)).toBe(0);
    }
    socket.close();
    await closeOf(socket);
  });

  it("NET-27 takes a tracker's messages over HTTP and answers with what the socket would have sent", async () => {
    const post = (bytes: Uint8Array<ArrayBuffer>, key = KEY) =>
      fetch(`${base}/v1/ingest?key=${key}`, { method: "POST", body: bytes });
    const start = encodeBinary("session_start", {});
    const response = await post(joinFrames([start, encodeBinary("ack_me", {})]));
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await body(response)).toEqual({
      messages: [
        { type: "watchers", data: { count: 2 } },
        { type: "ack", data: { tab: "t", upto: 3 } },
      ],
    });
    expect((await post(joinFrames([start]), "ffff")).status).toBe(401);
    expect((await post(joinFrames([encodeBinary("ack_me", {})]))).status).toBe(400);
    expect((await post(joinFrames([start]).slice(0, -1))).status).toBe(400);
    expect((await post(new Uint8Array(9 * 1024 * 1024))).status).toBe(413);
  });

  it("NET-28 describes every route", async () => {
    const described = await body(await fetch(`${base}/v1/openapi.json`));
    expect(Object.keys(described["paths"] as object)).toEqual(
      expect.arrayContaining(["/", "/health", "/stats", "/metrics", "/v1/ingest", "/echo/{id}/part/{other}"]),
    );
  });

  it("NET-29 refuses a port that is taken", async () => {
    const port = Number(new URL(base).port);
    await expect(createWire().listen("127.0.0.1", port)).rejects.toThrow(`Port ${port} on 127.0.0.1`);
  });

  it("NET-30 a drain refuses what is new, ends sockets with 1012, and forgets every connection", async () => {
    const socket = open(`type=tracker&key=${KEY}`);
    await opened(socket);
    socket.send('{"type":"ack_me"}');
    await nextMessage(socket);
    const before = closedCount;
    net.refuseNew();
    const code = closeOf(socket);
    await net.closeSockets();
    expect(await code).toBe(1012);
    expect(closedCount).toBe(before + 1);
    // What a room says to a socket that is gone goes nowhere.
    ports.at(-1)?.send({ type: "watchers", data: { count: 1 } });
  });
});
