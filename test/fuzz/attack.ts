/** The attackers: each sends hostile input over connections of its own, and notices whether it was answered or cut, and never left hanging. */

import type { Random } from "../loss/random.ts";
import { hostileBody, hostileFrames, hostileMessage, startMessage, type Speaker } from "./messages.ts";
import { concat } from "./nasty.ts";
import { exchange, openRawPeer } from "./raw-peer.ts";
import { frame, hostileFrame } from "./wire.ts";

const PING = 9;
const PONG = 10;
/** Frames of one connection: after 20 that make no sense it is closed anyway. */
const FRAMES_EACH = 16;
/** Nothing of ours may take longer than this to be answered or cut; generous, for machines with other work. */
const HANG_MS = 30_000;

/** How long an answer may take to what may rightly have none. */
const SWALLOWED_MS = 100;

/** What an attack came to. */
export interface Tally {
  frames: number;
  requests: number;
  /** Answers by status; 0 where the connection was ended without one. */
  statuses: Map<number, number>;
  /** Connections that were neither answered nor ended, and 500s: what must not be. */
  faults: string[];
}

/** The server under attack. */
export interface Target {
  port: number;
  key: string;
  /** Sign-in cookie, and bearer tokens. */
  cookie: string;
  tokens: readonly string[];
  /** Routes of the server: method and path with `:names`. */
  routes: readonly { method: string; path: string }[];
  /** Ids that exist, to be put into paths. */
  ids: readonly string[];
}

/** Sends one connection's worth of frames as a tracker or a viewer. */
export async function attackSocket(target: Target, random: Random, tally: Tally): Promise<void> {
  const isTracker = random.chance(0.75);
  const token = random.pick(target.tokens);
  const query = isTracker ? `type=tracker&key=${target.key}` : `type=viewer&token=${token}`;
  const speaker: Speaker = {
    kind: isTracker ? "tracker" : "viewer",
    about: isTracker ? `tab-${random.between(0, 5)}` : random.pick(target.ids),
    seq: random.pick([0, 0, 1, 2, 5_000, 2 ** 31 - 1]),
  };
  const peer = await openRawPeer(target.port, `/ws?${query}`).catch((error: unknown) => {
    throw new Error(`a ${speaker.kind} was turned away`, { cause: error });
  });
  const pieces: Uint8Array[] = [];
  if (isTracker && random.chance(0.8)) {
    const { isBinary, bytes } = startMessage(speaker.about, random.chance(0.5));
    pieces.push(frame(isBinary ? 2 : 1, bytes));
  }
  for (let i = 0; i < FRAMES_EACH; i++) {
    pieces.push(hostileFrame(random, hostileMessage(random, speaker)));
    if (speaker.seq < 1_000) speaker.seq++;
  }
  tally.frames += FRAMES_EACH;
  const bytes = concat(...pieces, frame(PING));
  if (random.chance(0.2)) {
    const at = random.between(1, bytes.length - 1);
    peer.write(bytes.subarray(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    peer.write(bytes.subarray(at));
  } else peer.write(bytes);
  // What claims to be longer than it is swallows the ping: then nobody answers, and rightly so.
  await peer.until((frames) => peer.isClosed || frames.some(({ opcode }) => opcode === PONG), SWALLOWED_MS);
  peer.reset();
}

/** Sends one request, and reads its answer. */
export async function attackHttp(target: Target, random: Random, tally: Tally): Promise<void> {
  const request = hostileRequest(target, random);
  tally.requests++;
  const isEnough = request.what.startsWith("HEAD") ? hasHead : isWhole;
  const answer = await exchange(target.port, request.bytes, isEnough, request.isBroken ? SWALLOWED_MS : HANG_MS);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
  tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
  if (status === 500) tally.faults.push(`500 to ${request.what}: ${answer.slice(-200)}`);
  if (status === 0 && !request.isBroken) tally.faults.push(`no answer to ${request.what}`);
}

function hostileRequest(target: Target, random: Random): { what: string; bytes: Uint8Array; isBroken: boolean } {
  if (random.chance(0.3)) return ingestRequest(target, random);
  const route = random.pick(target.routes);
  const path = `${fillPath(route.path, target, random)}${random.chance(0.4) ? `?${hostileQuery(target, random)}` : ""}`;
  const method = random.chance(0.95) ? route.method : random.pick(["PUT", "OPTIONS", "HEAD", "TRACE", "BREW", "GET", "DELETE"]);
  const body = method === "GET" || method === "HEAD" ? new Uint8Array(0) : hostileBody(random);
  const isBroken = random.chance(0.05);
  const headers = [
    `Host: 127.0.0.1:${target.port}`,
    random.pick([
      `Cookie: ${target.cookie}`,
      `Authorization: Bearer ${random.pick(target.tokens)}`,
      "Authorization: Bearer x",
      "X-Nothing: 1",
    ]),
    `Content-Type: ${random.chance(0.9) ? "application/json" : random.pick(["text/plain", "", "application/json; charset=utf-16"])}`,
    ...(isBroken ? brokenHeaders(random) : [`Content-Length: ${body.length}`]),
  ];
  const head = `${method} ${path} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`;
  return {
    what: `${method} ${path.slice(0, 200)}`,
    bytes: concat(Buffer.from(head, "latin1"), body),
    isBroken: isBroken || !/^\/[\x21-\x7e]*$/.test(path),
  };
}

function ingestRequest(target: Target, random: Random): { what: string; bytes: Uint8Array; isBroken: boolean } {
  const body = hostileFrames(random, `tab-${random.between(0, 5)}`);
  const key = random.chance(0.95) ? target.key : random.pick(["", "x", "0".repeat(32)]);
  const head = `POST /v1/ingest?key=${key} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
  return { what: "POST /v1/ingest", bytes: concat(Buffer.from(head), body), isBroken: false };
}

function fillPath(path: string, target: Target, random: Random): string {
  return path.replaceAll(/:[^/]+/g, () =>
    random.pick([
      ...target.ids,
      "0",
      "-1",
      "999999999",
      "99999999999999999999",
      "x",
      "%00",
      "%ff",
      "..%2f..%2f",
      "a".repeat(300),
      "%F0%9F%92%A9",
      "1;--",
    ]),
  );
}

function hostileQuery(target: Target, random: Random): string {
  const names = [
    "project",
    "from",
    "to",
    "limit",
    "fromIndex",
    "cursor",
    "q",
    "user",
    "url",
    "status",
    "hasErrors",
    "before",
    "after",
    "tab",
    "token",
    "action",
  ];
  const values = [
    ...target.ids,
    "",
    "NaN",
    "-1",
    "1e309",
    "9".repeat(40),
    "%00",
    "%ud800",
    "[]",
    "true",
    "a".repeat(2_000),
    "eyJhIjoxfQ",
    "(a%2B)%2B%24",
    "%25%25",
  ];
  return Array.from({ length: random.between(1, 4) }, () => `${random.pick(names)}=${random.pick(values)}`).join("&");
}

function brokenHeaders(random: Random): string[] {
  return random.pick([
    ["Content-Length: -1"],
    ["Content-Length: 99999999999999999999"],
    ["Content-Length: 5", "Content-Length: 6"],
    ["Content-Length: 5", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked"],
    ["Content-Length: 10000000"],
    [`X-Long: ${"a".repeat(60_000)}`],
    Array.from({ length: 300 }, (_, i) => `X-${i}: ${i}`),
    ["No colon here"],
    ["X\0Y: z"],
  ]);
}

function hasHead(text: string): boolean {
  return text.includes("\r\n\r\n");
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1];
  return length === undefined
    ? text.endsWith("0\r\n\r\n") || / (?:204|304) /.test(text.slice(0, 16))
    : text.length >= end + 4 + Number(length);
}
