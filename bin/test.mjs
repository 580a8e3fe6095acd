/**
 * `npm test`: builds, runs every test, and ends with one line: `N passed, N failed` (and `, N skipped` where there are any).
 * Arguments go to vitest: `npm test -- protocol`, `npm test -- --project unit`.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeVersionFault } from "./lib/node-version.mjs";
import { root } from "./lib/parts.mjs";
import { countTests } from "./lib/test-counts.mjs";

const fault = nodeVersionFault(process.versions.node);
if (fault) {
  console.error(fault);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "watchback-test-"));
const report = join(folder, "report.json");
let status = run("bin/build.mjs");
let counts = { passed: 0, failed: 1, skipped: 0 };
if (status === 0) {
  status = run(
    "node_modules/vitest/vitest.mjs",
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  );
  counts = countTests(readReport(), status);
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = status === 0 && counts.failed === 0 ? 0 : 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ""}`);

function run(file, ...args) {
  return spawnSync(process.execPath, [join(root, file), ...args], { cwd: root, stdio: "inherit" }).status ?? 1;
}

function readReport() {
  try {
    return JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return null;
  }
}
