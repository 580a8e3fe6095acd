/** `npm run dev`: builds all parts again as their sources change, and restarts the server when its part is new. */

import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { parts, root } from "./lib/parts.mjs";

/** @type {import("node:child_process").ChildProcess | null} */
let server = null;
let starting = Promise.resolve();
let stopping = false;

function stopServer() {
  const running = server;
  server = null;
  if (!running || running.exitCode !== null || running.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    running.once("exit", resolve);
    running.kill("SIGTERM");
  });
}

function restartServer() {
  starting = starting.then(async () => {
    await stopServer();
    if (stopping) return;
    // A process group of its own: Ctrl-C reaches us alone, and the server is asked once, not twice, which would cut its drain short.
    server = spawn(process.execPath, [join(root, "dist/server/main.js")], { cwd: root, stdio: "inherit", detached: true });
    server.once("exit", (code) => {
      if (code) console.log(`The server ended with ${code}; it starts again when a source changes.`);
    });
  });
}

const watchers = [];
const ready = new Set();

for (const part of parts) {
  // What is built here follows the sources by itself; `npm start` has to look again.
  rmSync(join(root, "dist", `${part.name}.hash`), { force: true });
  const watcher = await build({
    root: join(root, part.name),
    configFile: join(root, part.name, "vite.config.ts"),
    logLevel: "warn",
    // The server's file is written over in place: emptied first, it would not be there for a start in between.
    build: { outDir: join(root, "dist", part.name), emptyOutDir: part.name !== "server", watch: {} },
  });
  watchers.push(watcher);
  watcher.on("event", (event) => {
    if (event.code === "ERROR") console.error(`${part.name}: ${event.error.message}`);
    if (event.code !== "BUNDLE_END") return;
    console.log(`${part.name}: built`);
    ready.add(part.name);
    if (ready.size === parts.length && (part.name === "server" || server === null)) restartServer();
  });
}

process.once("exit", () => server?.kill("SIGTERM"));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    stopping = true;
    void Promise.all([starting.then(stopServer), ...watchers.map((watcher) => watcher.close())]).then(() => process.exit(0));
  });
}
