/** A server that keeps what Sentry SDKs send, byte for byte; by itself, in front of another server, or as the tunnel to one. */

import { createServer, IncomingMessage, request as sendRequest, type IncomingHttpHeaders } from "node:http";
import { once } from "node:events";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";

/** One request of an SDK. */
export interface Captured {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingHttpHeaders;
  /** As it travelled: compressed where the SDK compressed it. */
  body: Buffer;
  /** What was answered. */
  status: number;
}

/** One item of an envelope. */
export interface CapturedItem {
  header: Record<string, unknown>;
  payload: Buffer;
}

/** An envelope, taken apart. */
export interface CapturedEnvelope {
  header: Record<string, unknown>;
  items: CapturedItem[];
}

/** A listening server that captures. */
export interface CaptureServer {
  /** `http://127.0.0.1:port`, without a closing slash. */
  origin: string;
  /** DSN for an SDK. */
  dsn(key?: string, projectId?: number): string;
  /** Everything so far, in order of arrival; preflights included. */
  requests: readonly Captured[];
  close(): Promise<void>;
}

/** What may be said of a capturing server. */
export interface CaptureOptions {
  /** Address that each body is passed on to, as it is: what an application's own tunnel does. */
  tunnelTo?: string;
  /** Origin that each request is passed on to, with its path and headers, chunked where it came chunked. */
  proxyTo?: string;
}

/** Key of {@link CaptureServer.dsn} where none is named. */
export const CAPTURE_KEY = "00000000000000000000000000000abc";

const PIECE_BYTES = 8 * 1024;
const CORS = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*" };

/** Starts one on a free port. */
export async function startCapture(options: CaptureOptions = {}): Promise<CaptureServer> {
  const requests: Captured[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then(async (body) => {
      const { method = "GET", url = "/", headers } = request;
      const answer = await answerTo(options, { method, url, headers, body });
      requests.push({ method, url, headers, body, status: answer.status });
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  const host = `127.0.0.1:${address.port}`;
  return {
    origin: `http://${host}`,
    dsn: (key = CAPTURE_KEY, projectId = 1) => `http://${key}@${host}/${projectId}`,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The body as it is meant: with its content encoding taken off. */
export function bodyOf({ headers, body }: Captured): Buffer {
  switch (headers["content-encoding"]) {
    case "gzip":
      return gunzipSync(body);
    case "deflate":
      return inflateSync(body);
    case "br":
      return brotliDecompressSync(body);
    default:
      return body;
  }
}

/** Takes an envelope apart; for tests that look at what was captured, and with no bounds of its own. */
export function readEnvelope(bytes: Buffer): CapturedEnvelope {
  let at = 0;
  const line = () => {
    const end = bytes.indexOf(10, at);
    const piece = bytes.subarray(at, end < 0 ? bytes.length : end);
    at = end < 0 ? bytes.length : end + 1;
    return piece;
  };
  const header = toObject(line());
  const items: CapturedItem[] = [];
  while (at < bytes.length) {
    const head = toObject(line());
    const length = head["length"];
    if (typeof length === "number") {
      items.push({ header: head, payload: bytes.subarray(at, at + length) });
      at += length + 1;
    } else items.push({ header: head, payload: line() });
  }
  return { header, items };
}

/** Items of one type out of everything that was captured. */
export function itemsOf(requests: readonly Captured[], type: string): CapturedItem[] {
  return requests
    .filter(({ method, url }) => method === "POST" && !url.includes("/store/"))
    .flatMap((request) => readEnvelope(bodyOf(request)).items)
    .filter(({ header }) => header["type"] === type);
}

/** The rrweb events in a `replay_recording` item, in the order in which they were sent. */
export function recordedEvents({ payload }: CapturedItem): Record<string, unknown>[] {
  const rest = payload.subarray(payload.indexOf(10) + 1);
  const events: unknown = JSON.parse((rest[0] === 0x78 ? inflateSync(rest) : rest).toString("utf8"));
  const list: readonly unknown[] = Array.isArray(events) ? events : [];
  return list.map((event) => (typeof event === "object" && event !== null ? { ...event } : {}));
}

/** The JSON object in some bytes. */
export function toObject(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  if (typeof value !== "object" || value === null) throw new Error(`expected an object, got ${JSON.stringify(value)}`);
  return { ...value };
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

async function answerTo(options: CaptureOptions, request: Omit<Captured, "status">): Promise<Answer> {
  const own: Answer = { status: 200, headers: { ...CORS, "Content-Type": "application/json" }, body: Buffer.from("{}") };
  if (options.proxyTo !== undefined) return pass(options.proxyTo + request.url, request.method, request.headers, request.body);
  if (options.tunnelTo === undefined || request.method !== "POST") return own;
  const encoding = request.headers["content-encoding"];
  const headers = encoding === undefined ? {} : { "content-encoding": encoding };
  const answer = await pass(options.tunnelTo, "POST", headers, request.body);
  return { ...own, status: answer.status };
}

/** Sends a request as it came; in pieces where it has no length. */
async function pass(address: string, method: string, headers: IncomingHttpHeaders, body: Buffer): Promise<Answer> {
  const { host: _host, connection: _connection, ...rest } = headers;
  const request = sendRequest(address, { method, headers: rest });
  for (let at = 0; at < body.length; at += PIECE_BYTES) request.write(body.subarray(at, at + PIECE_BYTES));
  request.end();
  const answered = once(request, "response");
  const response: unknown = (await answered)[0];
  if (!(response instanceof IncomingMessage)) throw new Error("no answer");
  const kept = Object.entries(response.headers).filter(([name]) => name !== "transfer-encoding" && name !== "connection");
  return { status: response.statusCode ?? 0, headers: Object.fromEntries(kept), body: await readBody(response) };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) if (piece instanceof Buffer) pieces.push(piece);
  return Buffer.concat(pieces);
}
