/** Where the checkout (or the installed package) is, whatever file this code was bundled into. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "./app-error.ts";

/**
 * The folder that holds `package.json`: the first one upwards from this file.
 * @throws AppError `config` where there is none
 */
export function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new AppError("config", "package.json is missing above the server's files");
    folder = parent;
  }
  return folder;
}

/** Version of this program, from `package.json`. */
export function readVersion(root: string): string {
  const parsed: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return typeof parsed === "object" && parsed !== null && "version" in parsed ? String(parsed.version) : "unknown";
}
