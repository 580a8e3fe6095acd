/**
 * Builds server, tracker and viewer into `dist/`, each with the `vite.config.ts` of its folder. What is fresh is skipped: `dist/<part>.hash`
 * holds the hash of the sources it was made from. A part is built beside the old one and swapped in when it is whole.
 *
 * `node bin/build.mjs [--quiet] [--force] [part…]`
 */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { withLock } from "./lib/lock.mjs";
import { hashSources, parts, root } from "./lib/parts.mjs";

/** The most that a page pays for the tracker. */
const MAX_TRACKER_GZIP_BYTES = 30_000;

const flags = new Set(process.argv.slice(2).filter((argument) => argument.startsWith("--")));
const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const quiet = flags.has("--quiet");
const dist = join(root, "dist");

const unknown = names.filter((name) => !parts.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`Unknown part ${unknown.join(", ")}; there are ${parts.map((part) => part.name).join(", ")}.`);
  process.exit(2);
}

/** What a build that is interrupted takes away again. */
const unfinished = new Set();
process.once("exit", () => {
  for (const folder of unfinished) rmSync(folder, { recursive: true, force: true });
});
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

try {
  await withLock(dist, async () => {
    for (const part of parts) if (names.length === 0 || names.includes(part.name)) await buildPart(part);
  });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function buildPart(part) {
  const hash = hashSources(part);
  const stamp = join(dist, `${part.name}.hash`);
  const home = join(dist, part.name);
  if (
    !flags.has("--force") &&
    existsSync(join(home, part.product)) &&
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === hash
  ) {
    if (!quiet) console.log(`${part.name}: fresh`);
    return;
  }
  const started = performance.now();
  const made = join(dist, `.${part.name}-${process.pid}`);
  const old = join(dist, `.${part.name}-${process.pid}-old`);
  unfinished.add(made);
  try {
    // Only now: looking whether all is fresh must cost nothing.
    const { build } = await import("vite");
    await build({
      root: join(root, part.name),
      configFile: join(root, part.name, "vite.config.ts"),
      logLevel: "warn",
      build: { outDir: made, emptyOutDir: true },
    });
    if (!existsSync(join(made, part.product))) throw new Error(`${part.name}: the build made no ${part.product}`);
    if (part.name === "tracker") checkTracker(made);
    mkdirSync(home, { recursive: true });
    rmSync(stamp, { force: true });
    renameSync(home, old);
    renameSync(made, home);
    writeFileSync(stamp, hash);
  } finally {
    unfinished.delete(made);
    rmSync(made, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
  const bytes = statSync(join(home, part.product)).size;
  console.log(`${part.name}: built in ${((performance.now() - started) / 1000).toFixed(1)} s (${part.product} ${kib(bytes)})`);
}

function checkTracker(folder) {
  for (const file of ["tracker.js", "tracker.mjs"]) {
    const bytes = readFileSync(join(folder, file));
    const gzip = gzipSync(bytes, { level: 9 }).length;
    console.log(`tracker: ${file} ${kib(bytes.length)}, gzip ${kib(gzip)}, brotli ${kib(brotliCompressSync(bytes).length)}`);
    if (gzip > MAX_TRACKER_GZIP_BYTES) {
      throw new Error(`tracker: ${file} is ${gzip} bytes behind gzip; at most ${MAX_TRACKER_GZIP_BYTES} are allowed`);
    }
  }
}

function kib(bytes) {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
