/** Files that are served: read once, compressed once, and read again only when they have changed on disk. */

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** A file as it is sent. */
export interface Asset {
  contentType: string;
  etag: string;
  plain: Uint8Array;
  /** Where compressing makes it smaller. */
  br: Uint8Array | null;
  gzip: Uint8Array | null;
}

export interface Assets {
  /**
   * The file, after `change` where one is given; null where it is not there.
   * @param path absolute; the caller has made sure that it lies where it may
   */
  get(path: string, change?: (text: string) => string): Promise<Asset | null>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
};

const COMPRESSIBLE = /^text\/|json|svg/;
const MIN_COMPRESSED_BYTES = 1_024;
const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** An empty cache. Its size is that of what is built, because only files that exist get in. */
export function createAssets(): Assets {
  const cache = new Map<string, { stamp: string; asset: Promise<Asset> }>();
  return {
    async get(path, change) {
      const facts = await stat(path).catch(() => null);
      if (!facts?.isFile()) {
        cache.delete(path);
        return null;
      }
      const stamp = `${facts.mtimeMs} ${facts.size}`;
      let entry = cache.get(path);
      if (entry?.stamp !== stamp) {
        entry = { stamp, asset: load(path, change) };
        cache.set(path, entry);
        entry.asset.catch(() => cache.delete(path));
      }
      return entry.asset;
    },
  };
}

/** The form that the peer takes: brotli, gzip or as it is. */
export function pickEncoding(asset: Asset, acceptEncoding: string): { bytes: Uint8Array; encoding: "br" | "gzip" | null } {
  if (asset.br && /\bbr\b(?!;\s*q=0(?:\.0*)?(?:,|$))/.test(acceptEncoding)) return { bytes: asset.br, encoding: "br" };
  if (asset.gzip && /\bgzip\b(?!;\s*q=0(?:\.0*)?(?:,|$))/.test(acceptEncoding)) return { bytes: asset.gzip, encoding: "gzip" };
  return { bytes: asset.plain, encoding: null };
}

async function load(path: string, change?: (text: string) => string): Promise<Asset> {
  const read = await readFile(path);
  const plain = change ? Buffer.from(change(read.toString("utf8"))) : read;
  const contentType = CONTENT_TYPES[extname(path).toLowerCase()] ?? "application/octet-stream";
  const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
  if (plain.length < MIN_COMPRESSED_BYTES || !COMPRESSIBLE.test(contentType)) {
    return { contentType, etag, plain, br: null, gzip: null };
  }
  const [br, gz] = await Promise.all([
    compressBrotli(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } }),
    compressGzip(plain, { level: 9 }),
  ]);
  return { contentType, etag, plain, br: smaller(br, plain), gzip: smaller(gz, plain) };
}

function smaller(compressed: Uint8Array, plain: Uint8Array): Uint8Array | null {
  return compressed.length < plain.length ? compressed : null;
}
