/** What a page pays for the tracker. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { ROOT } from "../processes.ts";
import type { Figure } from "../report.ts";

const MAX_GZIP_BYTES = 30_000;
/** Loaded once somebody helps the visitor. */
const MAX_ASSIST_GZIP_BYTES = 25_000;

/** Sizes of the built script, as it is served. Others, behind gzip: Sentry with replay 75 KB, OpenReplay 60, PostHog 122 + 73. */
export function trackerSize(): Figure {
  const sizes = ["tracker.js", "tracker.mjs", "tracker-assist.js"].map((name) => {
    const bytes = readFileSync(path.join(ROOT, "dist/tracker", name));
    return { name, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
  });
  return {
    name: "tracker-size",
    title: "Tracker, all of it, in bytes",
    head: ["file", "raw", "gzip", "brotli"],
    rows: sizes.map(({ name, raw, gzip, brotli }) => [name, raw, gzip, brotli]),
    checks: sizes.map(({ name, gzip }) => ({
      what: `${name} behind gzip`,
      value: gzip,
      unit: "B",
      bar: { atMost: name === "tracker-assist.js" ? MAX_ASSIST_GZIP_BYTES : MAX_GZIP_BYTES },
    })),
  };
}
