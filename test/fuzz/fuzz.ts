/**
 * A fuzzing run: the built server as a process of its own, hostile frames and bodies from many connections at once, and innocents beside
 * them. What must hold: the process lives, nothing is left hanging, no 500, nobody else is disturbed, memory stays bounded, and the
 * log shows no fault of ours. Everything that is drawn comes from the seed.
 */

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { readRss } from "../../bench/processes.ts";
import { startApp, type TestApp } from "../harness/app.ts";
import { makeScratch } from "../harness/scratch.ts";
import { Random } from "../loss/random.ts";
import { attackHttp, attackSocket, type Tally, type Target } from "./attack.ts";
import { bringInnocents } from "./innocent.ts";

const LANES = 48;
/** Share of the connections that speak HTTP. */
const HTTP_SHARE = 0.7;
/** Inputs between two looks at the innocents and at the memory. */
const LOOK_EVERY = 5_000;
const MIB = 1024 * 1024;

export interface FuzzOptions {
  seed: number;
  /** Frames and bodies, together. */
  inputs: number;
  /** Default: a database of the tests' Postgres. */
  database?: "test" | "embedded";
  onProgress?: (text: string) => void;
}

export interface FuzzReport {
  seed: number;
  frames: number;
  requests: number;
  /** Answers over HTTP by status; 0: ended without one, as malformed HTTP is. */
  statuses: Record<string, number>;
  /** Resident memory after a tenth of the inputs, at most, and at the end. */
  rssEarlyMib: number;
  rssPeakMib: number;
  rssEndMib: number;
  /** How often the innocents were looked at; each time all was well with them. */
  looks: number;
  seconds: number;
  /** What must not be: empty. */
  faults: string[];
}

/** Runs it, with a server and a database of its own. */
export async function fuzz({ seed, inputs, database = "test", onProgress }: FuzzOptions): Promise<FuzzReport> {
  const logs = path.join(makeScratch("wb-fuzz-"), "logs");
  const app = await startApp({ database, env: { ...OPEN_GATES, LOG_DIR: logs, LOG_LEVEL: "info" } });
  try {
    return await attackAll(app, logs, seed, inputs, onProgress ?? (() => undefined));
  } finally {
    await app.remove();
  }
}

/** One address makes all of it, so the limits of an address would stop it at once. */
const OPEN_GATES = {
  RATE_LIMIT_REQUESTS_PER_SEC: "1000000",
  RATE_LIMIT_BURST: "10000000",
  RATE_LIMIT_KB_PER_SEC: "100000000",
  RATE_LIMIT_KB_BURST: "100000000",
  RATE_LIMIT_SOCKETS_PER_SEC: "1000000",
  RATE_LIMIT_SOCKETS_BURST: "10000000",
  MAX_EVENTS_PER_SESSION: "1000000000",
};

async function attackAll(
  app: TestApp,
  logs: string,
  seed: number,
  inputs: number,
  onProgress: (text: string) => void,
): Promise<FuzzReport> {
  const startedAt = performance.now();
  const random = new Random(seed);
  const pid = app.pid() ?? 0;
  const token = await app.createToken();
  const target = await findTarget(app, token);
  const innocents = await bringInnocents(app.port, app.projectKey, token);
  const tally: Tally = { frames: 0, requests: 0, statuses: new Map(), faults: [] };
  const rss = { early: 0, peak: 0 };
  let looks = 0;
  let nextLook = LOOK_EVERY;
  const done = () => tally.frames + tally.requests;
  const isOver = () => done() >= inputs || tally.faults.length >= 20;

  const look = async (): Promise<void> => {
    nextLook = done() + LOOK_EVERY;
    await innocents.check().catch((error: unknown) => tally.faults.push(`innocents: ${String(error)}`));
    const health = await fetch(`${app.baseUrl}/health`).catch(() => null);
    if (health?.status !== 200) tally.faults.push(`health: ${health?.status ?? "no answer"}`);
    if (app.pid() !== pid || !isRunning(pid)) tally.faults.push(`the process ended:\n${app.output().slice(-2_000)}`);
    const now = readRss(pid) / MIB;
    rss.peak = Math.max(rss.peak, now);
    if (rss.early === 0 && done() >= inputs / 10) rss.early = now;
    looks++;
    onProgress(`${done()} inputs, ${Math.round(now)} MiB, ${tally.faults.length} faults`);
  };
  const lane = async (of: Random): Promise<void> => {
    while (!isOver()) {
      try {
        await (of.chance(HTTP_SHARE) ? attackHttp(target, of, tally) : attackSocket(target, of, tally));
      } catch (error) {
        tally.faults.push(error instanceof Error ? `${error.message}: ${String(error.cause)}` : String(error));
      }
      if (done() >= nextLook) await look();
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, i) => lane(random.fork(`lane ${i}`))));
  await look();
  innocents.close();
  tally.faults.push(...readFaults(logs));
  return {
    seed,
    frames: tally.frames,
    requests: tally.requests,
    statuses: Object.fromEntries([...tally.statuses].sort(([a], [b]) => a - b)),
    rssEarlyMib: Math.round(rss.early),
    rssPeakMib: Math.round(rss.peak),
    rssEndMib: Math.round(readRss(pid) / MIB),
    looks,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    faults: tally.faults,
  };
}

/** What can be reached, from the server's own description; and a few things of which the ids are good. */
async function findTarget(app: TestApp, token: string): Promise<Target> {
  const cookie = await app.signIn();
  const made = await fetch(`${app.baseUrl}/v1/projects`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ name: `Fuzz ${randomBytes(4).toString("hex")}` }),
  });
  const project: unknown = await made.json();
  const { id, keys } = project as { id: number; keys: string[] }; // our own answer
  const described: unknown = await (await fetch(`${app.baseUrl}/v1/openapi.json`)).json();
  const { paths } = described as { paths: Record<string, Record<string, unknown>> };
  const routes = Object.entries(paths).flatMap(([template, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path: template.replaceAll(/\{([^}]+)\}/g, ":$1") })),
  );
  return {
    port: app.port,
    key: keys[0] ?? "",
    cookie,
    tokens: [token],
    // Signing everybody out, or removing the project, would turn the rest of the run into a row of 401.
    routes: routes.filter(
      (route) => !/logout|sign-ins/.test(route.path) && `${route.method} ${route.path}` !== "DELETE /v1/projects/:id",
    ),
    ids: [String(id), "fuzz-session-1", "fuzz-session-2", "018f0000-0000-7000-8000-000000000000"],
  };
}

/** What the logs hold that should not be there: what nobody caught, and faults of ours. */
function readFaults(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const text = readFileSync(path.join(folder, name), "utf8");
    const lines = text.split("\n").filter((line) => line !== "");
    if (/^(?:exceptions|rejections)-/.test(name)) return lines.map((line) => `${name}: ${line.slice(0, 600)}`);
    return name.startsWith("error-") ? lines.map((line) => `${name}: ${line.slice(0, 600)}`).slice(0, 20) : [];
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
