/** The three parts that are built, and what each is made from. */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout: where `package.json` is. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");

/** `sources` are folders and files whose change makes a build stale; `product` is the file that must be there after it. */
export const parts = [
  { name: "server", sources: ["server", "protocol"], product: "main.js" },
  { name: "tracker", sources: ["tracker", "protocol"], product: "tracker.js" },
  { name: "viewer", sources: ["viewer", "protocol"], product: "index.html" },
];

const SHARED = ["package.json", "package-lock.json", "tsconfig.json"];

/**
 * A hash of everything a part is made from; tests and notes do not count.
 * @param {{ name: string, sources: string[], product: string } | undefined} part
 * @returns {string}
 */
export function hashSources(part) {
  const hash = createHash("sha256").update(process.version.split(".")[0]);
  for (const file of [...SHARED, ...(part?.sources ?? []).flatMap(listFiles)]) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(`\0${file}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}

/**
 * Files below a folder of the checkout, in a fixed order, as paths with `/`.
 * @param {string} folder
 */
function listFiles(folder) {
  const files = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
    const path = relative(root, join(entry.parentPath ?? entry.path, entry.name))
      .split(sep)
      .join("/");
    if (entry.isFile() && !/\.test\.ts$|\.md$/.test(path)) files.push(path);
  }
  return files.sort();
}
