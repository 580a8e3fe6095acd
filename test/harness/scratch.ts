/** Folders of a test's own. */

import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/**
 * Makes a temporary folder that every account may pass through: as root without user namespaces the embedded Postgres runs as
 * another account, which has to reach its files.
 */
export function makeScratch(prefix: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), prefix));
  chmodSync(folder, 0o711);
  return folder;
}
