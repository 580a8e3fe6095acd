/** A server that keeps what Sentry SDKs send, byte for byte, and answers as the test says; and a tunnel to another one. */

import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
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
  /** Where each body is passed on to, as it is: what an application's own tunnel does. The answer is that of the target. */
  forwardTo?: string;
}

/** Key of {@link CaptureServer.dsn} where none is named. */
export const CAPTURE_KEY = "00000000000000000000000000000abc";

const CORS = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*" };

/** Starts one on a free port. */
export async function startCapture(options: CaptureOptions = {}): Promise<CaptureServer> {
  const requests: Captured[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then(async (body) => {
      const { method = "GET", url = "/", headers } = request;
      requests.push({ method, url, headers, body });
      const status = options.forwardTo === undefined || method !== "POST" ? 200 : await forward(options.forwardTo, headers, body);
      response.writeHead(status, { ...CORS, "Content-Type": "application/json" }).end("{}");
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

/** The JSON object in some bytes. */
export function toObject(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  if (typeof value !== "object" || value === null) throw new Error(`expected an object, got ${JSON.stringify(value)}`);
  return { ...value };
}

async function forward(target: string, headers: IncomingHttpHeaders, body: Buffer): Promise<number> {
  const encoding = headers["content-encoding"];
  const answer = await fetch(target, {
    method: "POST",
    headers: encoding === undefined ? {} : { "Content-Encoding": encoding },
    body: new Uint8Array(body),
  });
  await answer.arrayBuffer();
  return answer.status;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) if (piece instanceof Buffer) pieces.push(piece);
  return Buffer.concat(pieces);
}
