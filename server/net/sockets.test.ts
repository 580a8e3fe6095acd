import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { decodeBinary, encodeBinary } from "../../protocol/codec.ts";
import { HELLO_TIMEOUT_MS } from "../../protocol/limits.ts";
import { createTestClock } from "../../test/harness/clock.ts";
import { joinFrames } from "../../protocol/frames.ts";
import { BARE_KEY as KEY, startBareNet, type BareNet } from "../../test/harness/bare-net.ts";
import { createWire } from "./wire.ts";

let bare: BareNet;
let base = "";

beforeAll(async () => {
  bare = await startBareNet();
  base = bare.base;
});
afterAll(() => bare.stop());

const body = async (response: Response): Promise<Record<string, unknown>> => {
  const value: unknown = await response.json();
  return Object.fromEntries(Object.entries(value as object));
};

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
    const before = bare.seen.length;
    for (let i = 0; i < 4_000; i++) socket.send('{"type":"noise"}');
    const answer: unknown = JSON.parse((await nextMessage(socket)).data.toString());
    expect(answer).toMatchObject({ type: "error", data: { code: "limit" } });
    expect(bare.seen.length - before).toBeLessThan(3_500);
    socket.close();
    await closeOf(socket);
  });

  it("NET-26 keeps bytes that it hands on: the library takes its own back", async () => {
    const socket = open(`type=tracker&key=${KEY}`);
    await opened(socket);
    for (const size of [100, 100_000]) {
      const payload = new Uint8Array(size).fill(7);
      const before = bare.seen.length;
      socket.send(encodeBinary("events_batch", { payload }));
      socket.send(encodeBinary("events_batch", { payload: new Uint8Array(size).fill(9) }));
      await expect.poll(() => bare.seen.length).toBe(before + 2);
      const { payload: got } = bare.seen[before]?.data as { payload: Uint8Array };
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

  it("NET-44 keeps a socket whose upgrade had to wait for the database", async () => {
    // With another socket open, the library has no reason to complain on standard error.
    const holder = open("type=viewer&token=good");
    await opened(holder);
    bare.delays.lookUpMs = 20;
    for (let round = 0; round < 20; round++) {
      const sockets = Array.from({ length: 10 }, () => open("type=viewer&token=good"));
      await Promise.all(
        sockets.map(async (socket) => {
          await opened(socket);
          socket.send('{"type":"hello"}');
          await nextMessage(socket);
          socket.close();
          await closeOf(socket);
        }),
      );
    }
    bare.delays.lookUpMs = 0;
    holder.close();
    await closeOf(holder);
  });

  it("NET-51 refuses trackers of pages that the project's list does not have, by socket and by HTTP, and says why", async () => {
    const { settings } = bare.project;
    settings.allowedOrigins = ["https://shop.example", "https://*.shop.example"];
    const query = `type=tracker&key=${KEY}`;
    const post = (Origin?: string) =>
      fetch(`${base}/v1/ingest?key=${KEY}`, {
        method: "POST",
        body: joinFrames([encodeBinary("session_start", {})]),
        headers: Origin === undefined ? {} : { Origin },
      });
    for (const Origin of ["https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example"]) {
      expect([Origin, await statusOf(open(query, { headers: { Origin } }))]).toEqual([Origin, 403]);
      const response = await post(Origin);
      expect([Origin, response.status]).toEqual([Origin, 403]);
      expect((await body(response))["error"]).toMatchObject({
        code: "forbidden",
        message: expect.stringContaining("pages of this origin") as string,
      });
    }
    for (const Origin of ["https://shop.example", "https://a.shop.example", undefined]) {
      const socket = open(query, Origin === undefined ? {} : { headers: { Origin } });
      await opened(socket);
      socket.terminate();
      expect((await post(Origin)).status).toBe(200);
    }
    settings.allowedOrigins = [];
  });

  it("NET-50 closes the sockets of a key that was revoked, which is final for a tracker, and lets no other in", async () => {
    const sockets = Array.from({ length: 5 }, () => open(`type=tracker&key=${KEY}`));
    await Promise.all(sockets.map(opened));
    sockets[0]?.send('{"type":"ack_me"}');
    const codes = sockets.map(closeOf);
    const told = nextMessage(sockets[1] ?? open(""));
    bare.access.isKeyGood = false;
    bare.changeRights();
    expect(await Promise.all(codes)).toEqual([4001, 4001, 4001, 4001, 4001]);
    expect(JSON.parse((await told).data.toString())).toMatchObject({ type: "error", data: { code: "unauthorized" } });
    expect(await statusOf(open(`type=tracker&key=${KEY}`))).toBe(401);
    bare.access.isKeyGood = true;
  });

  it("NET-52 lets one too many with a key in, to tell it when to come back", async () => {
    bare.project.settings.limits.maxSocketsPerKey = 2;
    const held = [open(`type=tracker&key=${KEY}`), open(`type=tracker&key=${KEY}`)];
    await Promise.all(held.map(opened));
    const third = open(`type=tracker&key=${KEY}`);
    const [told, code] = await Promise.all([nextMessage(third), closeOf(third)]);
    expect(told.isBinary).toBe(false);
    expect(JSON.parse(told.data.toString())).toEqual({
      type: "error",
      data: { code: "limit", message: "too many connections with this project key", retryAfterMs: 10_000 },
    });
    expect(code).toBe(4029);
    held[0]?.close();
    const fourth = async () => {
      const socket = open(`type=tracker&key=${KEY}`);
      const message = nextMessage(socket);
      await opened(socket);
      socket.send('{"type":"ack_me"}');
      const { type } = JSON.parse((await message).data.toString()) as { type: string };
      socket.terminate();
      return type;
    };
    await expect.poll(fourth).toBe("ack");
    bare.project.settings.limits.maxSocketsPerKey = null;
    for (const socket of held) socket.terminate();
  });

  it("NET-52 bounds how many sockets one address keeps, and how fast it opens them", async () => {
    const small = await startBareNet([], {
      maxTrackersPerAddress: 2,
      maxViewersPerAddress: 1,
      upgrades: { perSecond: 1, burst: 6 },
    });
    const at = (query: string) => new WebSocket(`${small.base.replace("http", "ws")}/ws?${query}`);
    const held = [at(`type=tracker&key=${KEY}`), at(`type=tracker&key=${KEY}`), at("type=viewer&token=good")];
    await Promise.all(held.map(opened));
    const [tracker, viewer] = [at(`type=tracker&key=${KEY}`), at("type=viewer&token=good")];
    const [toTracker, toViewer] = await Promise.all([nextMessage(tracker), nextMessage(viewer)]);
    const expected = { code: "limit", message: "too many connections from this address", retryAfterMs: 10_000 };
    expect(JSON.parse(toTracker.data.toString())).toEqual({ type: "error", data: expected });
    expect(decodeBinary(toViewer.data)).toEqual({ type: "error", data: expected });
    expect(await statusOf(at("type=viewer"))).toBe(401);
    const refused = await new Promise<IncomingMessage>((resolve) => {
      const socket = at(`type=tracker&key=${KEY}`);
      socket.on("error", () => undefined);
      socket.on("unexpected-response", (_request, response) => {
        resolve(response);
        socket.terminate();
      });
    });
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([429, "1"]);
    for (const socket of held) socket.terminate();
    small.stop();
  });

  it("NET-46 tells a tracker that sends too many bytes, and refuses bodies of an address that does", async () => {
    const rate = { perSecond: 1_000, burst: 1_000 };
    const small = await startBareNet([], {
      connection: { ...rate, bytesPerSecond: 1_000, burstBytes: 100_000 },
      address: { ...rate, bytesPerSecond: 1_000, burstBytes: 150_000 },
    });
    const socket = new WebSocket(`${small.base.replace("http", "ws")}/ws?type=tracker&key=${KEY}`);
    await opened(socket);
    for (let i = 0; i < 4; i++) socket.send(encodeBinary("events_batch", { payload: new Uint8Array(60_000) }));
    const told = decodeBinary((await nextMessage(socket)).data) as { data: { retryAfterMs: number } };
    expect(told).toMatchObject({ type: "error", data: { code: "limit" } });
    expect(told.data.retryAfterMs).toBeGreaterThan(10_000);
    expect(small.seen).toHaveLength(2);
    const post = () => fetch(`${small.base}/v1/ingest?key=${KEY}`, { method: "POST", body: new Uint8Array(60_000) });
    expect((await post()).status).toBe(400);
    const refused = await post();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(10);
    expect(refused.headers.get("access-control-expose-headers")).toBe("Retry-After");
    socket.terminate();
    small.stop();
  });

  it("NET-56 closes a tracker that does not say session_start in time, and no other", async () => {
    const clock = createTestClock(1_000_000);
    const still = await startBareNet([], {}, clock);
    const at = () => new WebSocket(`${still.base.replace("http", "ws")}/ws?type=tracker&key=${KEY}`);
    const [silent, chatty, good] = [at(), at(), at()];
    await Promise.all([silent, chatty, good].map(opened));
    chatty.send('{"type":"ack_me"}');
    good.send('{"type":"session_start","data":{}}');
    await Promise.all([nextMessage(chatty), nextMessage(good)]);
    clock.advance(HELLO_TIMEOUT_MS - 1_000);
    good.send('{"type":"ack_me"}');
    await nextMessage(good);
    expect([silent.readyState, chatty.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
    const codes = [closeOf(silent), closeOf(chatty)];
    clock.advance(2_000);
    expect(await Promise.all(codes)).toEqual([4008, 4008]);
    good.send('{"type":"ack_me"}');
    await nextMessage(good);
    good.terminate();
    still.stop();
  });

  it("NET-53 takes the cookie of a viewer who comes with a proxy's Authorization as well", async () => {
    const Authorization = `Basic ${Buffer.from("proxy:secret").toString("base64")}`;
    const socket = open("type=viewer", { headers: { Cookie: "in=1", Origin: "http://ours", Authorization } });
    await opened(socket);
    socket.terminate();
    expect(await statusOf(open("type=viewer", { headers: { Cookie: "in=1", Origin: "http://theirs", Authorization } }))).toBe(
      403,
    );
    expect(await statusOf(open("type=viewer", { headers: { Cookie: "in=1", Authorization } }))).toBe(403);
  });

  it("NET-45 skips what a viewer is too slow for, says so to its feed, and says when he has caught up", async () => {
    const socket = open("type=viewer&token=good");
    await opened(socket);
    socket.send('{"type":"subscribe"}');
    await nextMessage(socket);
    socket.pause();
    const before = { ...bare.counts };
    for (let i = 0; i < 100 && bare.counts.viewerDropped === before.viewerDropped; i++) {
      bare.wire.publisher.publish("topic", new Uint8Array(1024 * 1024));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bare.counts.viewerDropped).toBeGreaterThan(before.viewerDropped);
    socket.resume();
    await expect.poll(() => bare.counts.viewerDrained).toBeGreaterThan(before.viewerDrained);
    socket.close();
    await closeOf(socket);
  });

  it("NET-28 describes every route", async () => {
    const described = await body(await fetch(`${base}/v1/openapi.json`));
    expect(Object.keys(described["paths"] as object)).toEqual(
      expect.arrayContaining(["/", "/health", "/stats", "/metrics", "/v1/ingest"]),
    );
  });

  it("NET-29 refuses a port that is taken, and an address that is not there, each with its reason", async () => {
    const port = Number(new URL(base).port);
    await expect(createWire().listen("127.0.0.1", port)).rejects.toThrow(`Port ${port} on 127.0.0.1 cannot be opened: another`);
    // An address for documentation (RFC 5737), which no machine has.
    await expect(createWire().listen("192.0.2.1", port)).rejects.toThrow("this machine has no such address. Set HOST");
  });

  it("NET-30 a drain refuses what is new, ends sockets with 1012, and forgets every connection", async () => {
    const socket = open(`type=tracker&key=${KEY}`);
    await opened(socket);
    socket.send('{"type":"ack_me"}');
    await nextMessage(socket);
    const before = bare.counts.trackersClosed;
    bare.net.refuseNew();
    const code = closeOf(socket);
    await bare.net.closeSockets();
    expect(await code).toBe(1012);
    expect(bare.counts.trackersClosed).toBe(before + 1);
    // What a room says to a socket that is gone goes nowhere.
    bare.ports.at(-1)?.send({ type: "watchers", data: { count: 1 } });
  });
});
