/** The files of the checkout, for tests that look at the code itself. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of `package.json`. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");

const LEFT_OUT = new Set(["node_modules", "dist", "data", "logs", "coverage", ".git"]);

/** One file of ours: its path from the root, with `/`, and its text. */
export interface SourceFile {
  path: string;
  text: string;
}

/** Every file of ours whose path matches, in order. */
export function sourceFiles(pattern: RegExp): SourceFile[] {
  return walk(root)
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => ({ path: file, text: readFileSync(path.join(root, file), "utf8") }));
}

/** Every path in the text of a module that it imports, as written. */
export function importsOf(text: string): { from: string; isType: boolean }[] {
  const found = text.matchAll(
    /^\s*(?:import|export)\s+(type\s+)?(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm,
  );
  return [...found].map((match) => ({ from: match[2] ?? match[3] ?? "", isType: match[1] !== undefined }));
}

/** A relative import as a path from the root. */
export function resolveImport(file: string, from: string): string {
  return path.posix.join(path.posix.dirname(file), from);
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (LEFT_OUT.has(entry.name)) return [];
    const full = path.join(folder, entry.name);
    return entry.isDirectory() ? walk(full) : [path.relative(root, full).split(path.sep).join("/")];
  });
}
