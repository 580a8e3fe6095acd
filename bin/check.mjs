/** `npm run check`: types of every folder, lint, format, and the rules of the house. Prints what failed, and all of what it said. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lib/parts.mjs";

const bin = (name) => join(root, "node_modules", name);
const tsc = bin("typescript/bin/tsc");

/** One check: a name and the Node script that does it, with its arguments. */
const checks = [
  ...["protocol", "server", "tracker", "test", "bench"].map((folder) => [`types of ${folder}`, tsc, "-p", folder]),
  [
    "types of viewer",
    bin("svelte-check/bin/svelte-check"),
    "--workspace",
    "viewer",
    "--tsconfig",
    "./tsconfig.json",
    "--output",
    "human",
  ],
  ["lint", bin("eslint/bin/eslint.js"), "--max-warnings=0", "."],
  ["format", bin("prettier/bin/prettier.cjs"), "--check", "--log-level=warn", "."],
  ["house rules", bin("vitest/vitest.mjs"), "run", "--project=house", "--reporter=default"],
];

const AT_ONCE = 2;
const queue = [...checks];
const failed = [];
await Promise.all(Array.from({ length: AT_ONCE }, work));

if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(", ")}`);
  process.exit(1);
}
console.log("\nEverything holds.");

async function work() {
  for (let check = queue.shift(); check; check = queue.shift()) await runCheck(check);
}

async function runCheck([name, script, ...args]) {
  const started = performance.now();
  const { code, output } = await run(script, args);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (code === 0) return;
  failed.push(name);
  console.log(output.trimEnd());
}

function run(script, args) {
  if (!existsSync(script)) return Promise.resolve({ code: 1, output: `${script} is missing. Run: npm ci` });
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (piece) => (output += piece));
    child.stderr.on("data", (piece) => (output += piece));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
