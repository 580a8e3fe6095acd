/**
 * A session as one HTML file that plays by itself: the player's page, and the JSON of the session behind gzip and base64 in elements that run
 * nothing. Base64 has no `<`, so nothing that was recorded can end an element or begin a comment.
 *
 * The page's policy lets its one script run, by its hash, and loads nothing: no connection, no frame, no image or font that is not inside.
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { SESSION_FILE_ELEMENT } from "../../protocol/session-file.ts";
import { AppError } from "../app-error.ts";

/** Bytes of one element before base64; divisible by three, so that each is whole by itself. */
const PIECE_BYTES = 768 * 1024;

const utf8 = new TextEncoder();

/** The player's page as it was built. */
export interface PageFiles {
  script: string;
  style: string;
}

/**
 * Reads the page's script and style, made safe to stand inside their elements.
 * @throws AppError `not_found` where the viewer is not built
 */
export async function readPageFiles(root: string): Promise<PageFiles> {
  const folder = join(root, "dist", "viewer", "export");
  try {
    const [script, style] = await Promise.all(["page.js", "page.css"].map((name) => readFile(join(folder, name), "utf8")));
    return { script: quietScript(script ?? ""), style: quietStyle(style ?? "") };
  } catch (error) {
    throw new AppError("not_found", 'the page of exports is not built yet: run "npm run build"', { cause: error });
  }
}

/** In strings and regular expressions, where alone these can be, an escape of a letter or `!` changes nothing. */
function quietScript(script: string): string {
  return script.replace(/<(?=\/script|script)/gi, "\\x3c").replace(/<(?=!--)/g, "\\x3c");
}

function quietStyle(style: string): string {
  return style.replace(/<(?=\/style)/gi, "\\3c ");
}

/** The policy of an exported page; a `meta` element can say all of it but `sandbox` and `frame-ancestors`. */
export function exportPolicy(script: string): string {
  const hash = createHash("sha256").update(script).digest("base64");
  return [
    "default-src 'none'",
    `script-src 'sha256-${hash}'`,
    "style-src 'unsafe-inline'",
    "img-src data: blob:",
    "font-src data:",
    "media-src 'none'",
    "connect-src 'none'",
    "frame-src 'none'",
    "object-src 'none'",
    "worker-src 'none'",
    "manifest-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/** The bytes of the page around the bytes of a session's JSON. */
export async function* writeHtmlFile(
  files: PageFiles,
  title: string,
  json: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield utf8.encode(
    [
      "<!doctype html>",
      '<html lang="en"><head><meta charset="utf-8">',
      `<meta http-equiv="Content-Security-Policy" content="${exportPolicy(files.script)}">`,
      '<meta http-equiv="x-dns-prefetch-control" content="off">',
      '<meta name="referrer" content="no-referrer">',
      '<meta name="viewport" content="width=device-width, initial-scale=1">',
      `<title>${escapeHtml(title)}</title>`,
      '<link rel="icon" href="data:,">',
      `<style>${files.style}</style></head>`,
      '<body><main id="root"><p class="wait">Reading the recording …</p></main>',
      "<noscript><p>This page needs JavaScript to play the recording that is inside it.</p></noscript>",
      "",
    ].join("\n"),
  );
  for await (const piece of inPieces(gzip(json), PIECE_BYTES)) {
    yield utf8.encode(`<script type="${SESSION_FILE_ELEMENT}">${piece.toString("base64")}</script>\n`);
  }
  yield utf8.encode(`<script>${files.script}</script>\n</body></html>\n`);
}

async function* gzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const zip = createGzip({ level: 6 });
  // What goes wrong with the source is thrown where the pieces are taken: the pipeline destroys the zip with it.
  const done = pipeline(Readable.from(source), zip).catch(() => undefined);
  try {
    for await (const piece of zip) if (piece instanceof Uint8Array) yield piece;
  } finally {
    zip.destroy();
    await done;
  }
}

/** The same bytes in pieces of this length; the last one is what is left. */
async function* inPieces(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source) {
    held.push(piece);
    length += piece.length;
    while (length >= bytes) {
      const all = Buffer.concat(held, length);
      yield all.subarray(0, bytes);
      held = [all.subarray(bytes)];
      length -= bytes;
    }
  }
  if (length > 0) yield Buffer.concat(held, length);
}

/** Text for an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
