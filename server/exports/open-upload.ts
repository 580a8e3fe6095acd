/**
 * A file that somebody hands in, as the bytes of the session's JSON inside: the JSON itself, the same behind gzip, or a page that we exported.
 * The bytes come in pieces, inflated no further than is asked for and never past a bound.
 */

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { SESSION_FILE_ELEMENT, SESSION_FILE_FORMAT } from "../../protocol/session-file.ts";
import { AppError } from "../app-error.ts";

/** Characters of base64 decoded at once; divisible by four. */
const BASE64_PIECE = 256 * 1024;
/** A page is looked for its recording element by element; so many are more than the largest file has. */
const MAX_ELEMENTS = 100_000;
/** A byte order mark and white space before the file begins. */
const MAX_LEAD = 64;

/** How somebody handed it in. */
export type UploadForm = "json" | "html";

/** The JSON inside of a file, and what the file was. */
export interface OpenedUpload {
  form: UploadForm;
  json: AsyncIterable<Uint8Array>;
}

/**
 * Opens a file; what is inside is read when it is asked for.
 * @param maxBytes how far it may inflate
 * @throws AppError `protocol` for what is none of the three, also while it is read; `too_large` past the bound
 */
export async function openUpload(body: Uint8Array, maxBytes: number): Promise<OpenedUpload> {
  const plain = isGzip(body) ? await peek(inflate(body, maxBytes)) : await peek([body]);
  const first = firstCharacter(plain.start);
  if (first === "{") return { form: "json", json: plain.all };
  if (first !== "<") throw notOurs();
  const html = Buffer.concat(await collect(plain.all));
  return { form: "html", json: inflate(fromPage(html), maxBytes) };
}

function notOurs(): AppError {
  return new AppError(
    "protocol",
    `this is no session file: neither data (.json) with the format ${SESSION_FILE_FORMAT}, nor a web page (.html) that a Watchback exported`,
  );
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function firstCharacter(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, MAX_LEAD))
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .trimStart()
    .slice(0, 1);
}

/** The first piece, and all of them. */
async function peek(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<{ start: Uint8Array; all: AsyncIterable<Uint8Array> }> {
  const iterator = toAsync(source);
  const first = await iterator.next();
  const start = first.done === true ? new Uint8Array(0) : first.value;
  async function* all(): AsyncGenerator<Uint8Array> {
    yield start;
    yield* iterator;
  }
  return { start, all: all() };
}

async function* toAsync(source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* source;
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return pieces;
}

async function* inflate(packed: Uint8Array | Iterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  const zip = createGunzip();
  const source = packed instanceof Uint8Array ? [packed] : packed;
  const done = pipeline(Readable.from(source), zip).catch((error: unknown) => {
    zip.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  let bytes = 0;
  try {
    for await (const piece of zip) {
      if (!(piece instanceof Uint8Array)) continue;
      bytes += piece.length;
      if (bytes > maxBytes) throw new AppError("too_large", "the recording in the file is too large");
      yield piece;
    }
  } catch (error) {
    throw error instanceof AppError ? error : new AppError("protocol", "the file is damaged", { cause: error });
  } finally {
    zip.destroy();
    await done;
  }
}

/** What the elements of a page hold, decoded piece by piece. */
function* fromPage(html: Buffer): Generator<Uint8Array> {
  const opening = Buffer.from(`<script type="${SESSION_FILE_ELEMENT}">`);
  const closing = Buffer.from("</script>");
  let at = 0;
  for (let count = 0; count < MAX_ELEMENTS; count++) {
    const begin = html.indexOf(opening, at);
    if (begin < 0) {
      if (count === 0) throw notOurs();
      return;
    }
    const from = begin + opening.length;
    const end = html.indexOf(closing, from);
    if (end < 0) throw new AppError("protocol", "the file ends before its end");
    for (let next = from; next < end; next += BASE64_PIECE) {
      yield Buffer.from(html.toString("latin1", next, Math.min(end, next + BASE64_PIECE)), "base64");
    }
    at = end + closing.length;
  }
  throw new AppError("too_large", "the recording in the file is too large");
}
