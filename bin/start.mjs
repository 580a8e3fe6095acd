/** `npm start`: builds what is missing or stale, then runs the server in this very process, so that signals reach it. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nodeVersionFault } from "./lib/node-version.mjs";
import { whenShellEnds } from "./lib/parent.mjs";

const fault = nodeVersionFault(process.versions.node) ?? missingPackages();
if (fault) {
  console.error(fault);
  process.exit(1);
}

whenShellEnds(() => process.kill(process.pid, "SIGTERM"));

// In a process of its own: the builder's memory is not the server's.
const built = spawnSync(process.execPath, [fileURLToPath(new URL("./build.mjs", import.meta.url)), "--quiet"], {
  stdio: "inherit",
});
if (built.status !== 0) {
  if (built.signal) process.kill(process.pid, built.signal);
  process.exit(built.status ?? 1);
}

await import("../dist/server/main.js");

function missingPackages() {
  return existsSync(new URL("../node_modules/vite/package.json", import.meta.url))
    ? null
    : "The packages are not installed yet. Run: npm ci";
}
