import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { cleanEnvironment, ensureBuilt, freePort, startApp, type TestApp } from "../harness/app.ts";
import { makeScratch } from "../harness/scratch.ts";
import { root } from "../harness/tree.ts";
import { waitFor } from "../harness/wait.ts";

const scratch = makeScratch("wb start ");
const apps: TestApp[] = [];

beforeAll(ensureBuilt);

afterEach(async () => {
  for (const app of apps.splice(0)) await app.remove();
});

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** A product with its embedded Postgres, by the very script of `npm start`. */
async function start(dataDir: string, administrator = false): Promise<TestApp> {
  const app = await startApp({ database: "embedded", dataDir, entry: "bin/start.mjs", administrator });
  apps.push(app);
  return app;
}

/** Runs `npm start`'s script and waits for its end. */
async function startInVain(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const child: ChildProcess = spawn(process.execPath, [path.join(root, "bin/start.mjs")], {
    cwd: scratch,
    env: { ...cleanEnvironment(), LOG_DIR: path.join(scratch, "logs"), ...env },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (piece: string) => (said += piece));
  await once(child, "close");
  return { code: child.exitCode, said };
}

/** The number in Postgres' lock file, or null where there is none. */
function postmasterPid(dataDir: string): number | null {
  const file = path.join(dataDir, "pg-18", "postmaster.pid");
  return existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Records one event by the plain dialect and waits for its acknowledgement. */
async function recordOneEvent(app: TestApp, sessionId: string, timestamp: number): Promise<void> {
  const socket = new WebSocket(`ws://localhost:${app.port}/ws?type=tracker&key=${app.projectKey}`);
  await once(socket, "open");
  let acked = false;
  socket.on("message", (data: Buffer) => {
    if (data.toString().includes('"ack"')) acked = true;
  });
  socket.send(JSON.stringify({ type: "session_start", data: { sessionId, url: "http://example.com/" } }));
  socket.send(JSON.stringify({ type: "events_batch", data: { events: [{ type: 3, timestamp, data: { survived: true } }] } }));
  await waitFor(() => acked, { what: () => "an acknowledgement" });
  socket.close();
}

/** What a process said last may be read after its end is known. */
function hasSaidStopped(app: TestApp): Promise<true> {
  return waitFor(() => app.output().includes("Stopped."), { what: () => `its last word; it said:\n${app.output()}` });
}

describe("npm start", { timeout: 180_000 }, () => {
  it("BIN-2 brings all up in a folder with a space, prints what to do next, and ends on Ctrl-C with its Postgres", async () => {
    const dataDir = path.join(scratch, "data of one");
    const app = await start(dataDir);
    expect(app.output()).toMatch(/Viewer\s+http:\/\/localhost:\d+\//);
    expect(app.output()).toMatch(/First visit\s+http:\/\/localhost:\d+\/setup#token=\S+/);
    expect(app.output()).toMatch(/Demo page\s+http:\/\/localhost:\d+\/demo/);
    expect(app.output()).toContain(`<script src="${app.baseUrl}/tracker.js" data-key="${app.projectKey}" async></script>`);
    for (const target of ["/", "/demo", "/tracker.js", "/demo/demo.js", "/demo/frame.html"]) {
      const answer = await fetch(app.baseUrl + target, { headers: { Accept: "text/html" } });
      expect([target, answer.status]).toEqual([target, 200]);
    }
    const postmaster = postmasterPid(dataDir) ?? 0;
    expect(isAlive(postmaster)).toBe(true);
    expect(await app.stop("SIGINT")).toEqual({ code: 0, signal: null });
    await hasSaidStopped(app);
    expect(isAlive(postmaster)).toBe(false);
    expect(postmasterPid(dataDir)).toBeNull();
  });

  it("BIN-3 says so when the port or the data folder is taken, and harms nobody", async () => {
    const dataDir = path.join(scratch, "data of two");
    const app = await start(dataDir);
    const samePort = await startInVain({ PORT: String(app.port), DATA_DIR: path.join(scratch, "other data") });
    expect(samePort.code).toBe(1);
    expect(samePort.said).toContain(`Port ${app.port}`);
    const sameFolder = await startInVain({ PORT: String(await freePort()), DATA_DIR: dataDir });
    expect(sameFolder.code).toBe(1);
    expect(sameFolder.said).toContain(dataDir);
    for (const { said } of [samePort, sameFolder]) expect(said).not.toMatch(/^\s+at .*\(/m);
    expect((await fetch(`${app.baseUrl}/health`)).status).toBe(200);
  });

  it("BIN-4 recovers after kill -9 with everything that was acknowledged", async () => {
    const dataDir = path.join(scratch, "data of three");
    const app = await start(dataDir, true);
    const timestamp = Date.now();
    await recordOneEvent(app, "survivor", timestamp);
    await app.kill9();
    await app.start();
    expect(await app.getJson("/sessions/survivor/events")).toEqual({
      sessionId: "survivor",
      fromIndex: 0,
      nextIndex: 1,
      events: [{ type: 3, timestamp, data: { survived: true } }],
    });
    expect(await app.stop("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(postmasterPid(dataDir)).toBeNull();
  });

  it("BIN-2 stops in the same way where its terminal is closed", async () => {
    const dataDir = path.join(scratch, "data of four");
    const app = await start(dataDir);
    expect(await app.stop("SIGHUP")).toEqual({ code: 0, signal: null });
    await hasSaidStopped(app);
    expect(postmasterPid(dataDir)).toBeNull();
  });

  it("BIN-9 stops where npm is stopped, though the shell between them passes no signal on", async () => {
    const dataDir = path.join(scratch, "data of five");
    const port = await freePort();
    const env = { ...cleanEnvironment(), PORT: String(port), DATA_DIR: dataDir, LOG_DIR: path.join(scratch, "logs") };
    const npm = spawn("npm", ["start"], { cwd: root, env, stdio: "ignore" });
    const health = () => fetch(`http://localhost:${port}/health`).catch(() => null);
    await waitFor(async () => (await health())?.ok === true, { timeoutMs: 60_000 });
    npm.kill("SIGTERM");
    await waitFor(() => npm.exitCode !== null || npm.signalCode !== null);
    await waitFor(() => postmasterPid(dataDir) === null);
    expect(await health()).toBeNull();
  });

  it("BIN-5 names every bad variable at once", async () => {
    const { code, said } = await startInVain({ PORT: "eighty", LOG_LEVEL: "loud", DEFAULT_PROJECT_KEY: "short" });
    expect(code).toBe(1);
    for (const name of ["PORT", "LOG_LEVEL", "DEFAULT_PROJECT_KEY"]) expect(said).toContain(name);
  });
});
