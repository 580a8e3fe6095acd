import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KEY, runApp, type RunningApp } from "../integration/running-app.ts";
import { exchange, handshake, openRawPeer, type RawPeer } from "./raw-peer.ts";
import { CASES, type Outcome } from "./rfc6455-cases.ts";
import { frame } from "./wire.ts";

const TARGET = `/ws?type=tracker&key=${KEY}`;
const PING = 9;
const PONG = 10;
const CLOSE = 8;

let app: RunningApp;
let port: number;

beforeAll(async () => {
  app = await runApp();
  port = Number(new URL(app.base).port);
});
afterAll(() => app.stop());

async function isAlive(peer: RawPeer): Promise<boolean> {
  const payload = Buffer.from("still there?");
  peer.write(frame(PING, payload));
  return peer.until((frames) => frames.some(({ opcode, payload: back }) => opcode === PONG && back.equals(payload)));
}

async function check(peer: RawPeer, outcome: Outcome): Promise<void> {
  if (outcome === "pong") expect(await isAlive(peer), "a ping is answered").toBe(true);
  else if (outcome === "answer") {
    expect(await peer.until((frames) => frames.some(({ opcode }) => opcode === 1 || opcode === 2)), "an answer").toBe(true);
    expect(await isAlive(peer), "it lives").toBe(true);
  } else {
    expect(await peer.ended(), "the server ends it").toBe(true);
    if (typeof outcome === "object") {
      const closed = peer.frames.find(({ opcode }) => opcode === CLOSE);
      expect(closed?.payload.readUInt16BE(0)).toBe(outcome.close);
    }
  }
}

describe("RFC 6455, frames", () => {
  it.each(CASES)("FUZ-3 $section $what", async ({ pieces, outcome }) => {
    const peer = await openRawPeer(port, TARGET);
    for (const piece of pieces) peer.write(piece);
    await check(peer, outcome);
    peer.reset();
  });

  it("FUZ-3 what the server sends is whole, unmasked and in its right opcode", async () => {
    const peer = await openRawPeer(port, TARGET);
    peer.write(frame(1, Buffer.from('{"type":"session_start","data":{"url":"https://shop.example/"}}')));
    await peer.until((frames) => frames.length > 0);
    expect(peer.frames[0]).toMatchObject({ opcode: 1, fin: true });
    expect(JSON.parse(peer.frames[0]?.payload.toString() ?? "")).toMatchObject({ type: "session_started" });
    peer.reset();
  });
});

const isWhole = (text: string) => text.includes("\r\n\r\n");
const shake = (changes: Record<string, string | null>, method = "GET") =>
  exchange(port, handshake(port, TARGET, changes, method), isWhole);

describe("RFC 6455, section 4: the handshake", () => {
  it("FUZ-4 is answered with the accept key that the client's key makes", async () => {
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    const answer = await shake({ "Sec-WebSocket-Key": key });
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).toContain(`Sec-WebSocket-Accept: ${accept}`);
  });

  it("FUZ-4 names of headers and their values are taken in any case", async () => {
    expect(await shake({ Upgrade: "WebSocket", Connection: "keep-alive, Upgrade" })).toMatch(/^HTTP\/1\.1 101 /);
  });

  it("FUZ-4 no extension and no protocol is agreed to that we do not have", async () => {
    const answer = await shake({
      "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
      "Sec-WebSocket-Protocol": "chat",
    });
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer.toLowerCase()).not.toContain("sec-websocket-extensions");
  });

  it.each([
    ["without a key", { "Sec-WebSocket-Key": null }],
    ["without Upgrade", { Upgrade: null }],
    ["with another Upgrade", { Upgrade: "h2c" }],
    ["with an empty key", { "Sec-WebSocket-Key": "" }],
    ["with a short key", { "Sec-WebSocket-Key": "abc" }],
  ])("FUZ-4 a request %s opens no socket", async (_what, changes) => {
    expect(await shake(changes)).not.toMatch(/^HTTP\/1\.1 101 /);
  });

  it.each(["POST", "PUT", "DELETE"])("FUZ-4 %s opens no socket", async (method) => {
    expect(await shake({ "Content-Length": "0" }, method)).not.toMatch(/^HTTP\/1\.1 101 /);
  });

  it("FUZ-4 another path, an unknown type and an unknown key open no socket", async () => {
    for (const target of [
      "/other",
      "/ws",
      "/ws?type=x",
      "/ws?type=tracker&key=x",
      "/ws?type=viewer",
      `/ws?type=tracker&key=${"0".repeat(32)}`,
    ]) {
      expect(await exchange(port, handshake(port, target), isWhole), target).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
  });

  it("FUZ-4 half a handshake harms nobody", async () => {
    await exchange(port, handshake(port, TARGET).slice(0, 60), isWhole, 200);
    expect(await shake({})).toMatch(/^HTTP\/1\.1 101 /);
  });
});

describe("HTTP", () => {
  it("FUZ-5 an answer that has no body tells no length, so that the next answer of the connection is found", async () => {
    const head = "Host: x\r\n\r\n";
    const text = await exchange(port, `OPTIONS /auth/login HTTP/1.1\r\n${head}GET /health HTTP/1.1\r\n${head}`, (all) =>
      all.includes("200 OK"),
    );
    expect(text).toMatch(/^HTTP\/1\.1 204 /);
    expect(text.slice(0, text.indexOf("\r\n\r\n"))).not.toMatch(/content-length/i);
  });
});
