/** One run: trackers and viewers at work, faults out of the seed, quiet, and the reckoning. */

import path from "node:path";
import { withClient } from "../../server/db/connection.ts";
import { checkStored, type Tally } from "./checker.ts";
import { FAULT_NAMES, FAULTS, type FaultName } from "./faults.ts";
import { Journal } from "./journal.ts";
import { Random } from "./random.ts";
import { createHttpTracker, createIdentity, createSocketTracker, type LossTracker } from "./trackers.ts";
import { createViewer, type LossViewer } from "./viewers.ts";
import { World, type LossCluster } from "./world.ts";

/** After the last fault everything that was sent must be stored within this time (LOS-3). */
export const HEAL_MS = 30_000;
const TICK_MS = 20;
const SESSIONS = 8;
const VIEWERS = 4;

export interface ScenarioOptions {
  cluster: LossCluster;
  script: string;
  sql: string | null;
  seed: number;
  /** How long the trackers send. */
  trafficMs: number;
  /** Faults to draw from; default all. */
  faults?: readonly FaultName[];
  faultCount: number;
  /** How long all may take to be acknowledged after the last fault; default 30 s. */
  healMs?: number;
}

export interface Outcome extends Tally {
  seed: number;
  faults: FaultName[];
  breaches: string[];
  /** From the last fault until all was acknowledged. */
  healMs: number;
  viewerBatches: number;
  viewerGaps: number;
  viewerResyncs: number;
  peakMib: number;
}

/** Runs one seed. Breaches are in the outcome; only a broken harness throws. */
export async function runScenario(options: ScenarioOptions): Promise<Outcome> {
  const random = new Random(options.seed);
  const breaches: string[] = [];
  let isOver = false;
  const report = (breach: string): void => {
    if (!isOver && breaches.length < 50) breaches.push(breach);
  };
  const world = await World.create({ cluster: options.cluster, script: options.script, sql: options.sql, report });
  const journal = new Journal(path.join(world.folder, "journal"));
  const trackers = openTrackers(world, journal, random.fork("trackers"), report);
  const nameOf = (sessionId: string) => (tab: string) =>
    trackers.find(({ identity, storedSessionId }) => identity.tab === tab && storedSessionId() === sessionId)?.identity.name;
  const viewers = Array.from({ length: VIEWERS }, (_, i) => {
    const sessionId = trackers[i]?.identity.sessionId ?? "";
    return createViewer(sessionId, {
      url: world.viewerUrl(),
      random: random.fork(`viewer ${i}`),
      nameOf: nameOf(sessionId),
      report,
    });
  });
  const healLimitMs = options.healMs ?? HEAL_MS;
  try {
    const faults = drawFaults(options, random.fork("faults"));
    const done = await Promise.allSettled([
      sendFor(trackers, options.trafficMs, random.fork("traffic")),
      playFaults(faults, world, viewers, options.trafficMs, random.fork("play")),
    ]);
    for (const each of done) if (each.status === "rejected") throw each.reason;
    const healStart = performance.now();
    const settled = await Promise.all(trackers.map((tracker) => tracker.settled(healLimitMs)));
    trackers.forEach((tracker, i) => {
      if (settled[i] !== true)
        report(`LOS-3 ${tracker.identity.name}: not all acknowledged ${healLimitMs / 1000} s after the last fault`);
    });
    const healMs = performance.now() - healStart;
    await viewersCaughtUp(trackers, viewers, healLimitMs, report);
    const tally = await withClient(world.connection, (client) => checkStored(client, trackers, journal, report));
    return {
      ...tally,
      seed: options.seed,
      faults: faults.map(({ name }) => name),
      breaches,
      healMs,
      viewerBatches: viewers.reduce((sum, viewer) => sum + viewer.counts.batches, 0),
      viewerGaps: viewers.reduce((sum, viewer) => sum + viewer.counts.gaps, 0),
      viewerResyncs: viewers.reduce((sum, viewer) => sum + viewer.counts.resyncs, 0),
      peakMib: world.peakBytes / 1024 / 1024,
    };
  } finally {
    for (const each of [...trackers, ...viewers]) each.close();
    await world.close();
    isOver = true;
  }
}

/** Sessions of one and two tabs, one over HTTP, and one of another tenant that asks for somebody else's session id. */
function openTrackers(world: World, journal: Journal, random: Random, report: (breach: string) => void): LossTracker[] {
  const trackers: LossTracker[] = [];
  const add = (name: string, tenant: 0 | 1, sessionId?: string, resumeToken?: string): LossTracker => {
    const identity = createIdentity(name, world.projectIds[tenant], random, sessionId);
    if (resumeToken !== undefined) identity.resumeToken = resumeToken;
    const deps = { journal, random: random.fork(name), report };
    const tracker = createSocketTracker(identity, world.trackerUrl(tenant), deps);
    trackers.push(tracker);
    return tracker;
  };
  for (let i = 0; i < SESSIONS; i++) {
    const first = add(`s${i}t0`, 0).identity;
    if (i % 3 === 0) add(`s${i}t1`, 0, first.sessionId, first.resumeToken);
    if (i === 1) {
      // The other tenant claims this id later than its owner, and must be given one of its own.
      setTimeout(() => add("stranger", 1, first.sessionId), 500);
    }
  }
  const overHttp = createIdentity("http", world.projectIds[0], random);
  trackers.push(createHttpTracker(overHttp, () => world.ingestUrl(0), { journal, random: random.fork("http"), report }));
  return trackers;
}

async function sendFor(trackers: readonly LossTracker[], ms: number, random: Random): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    for (const tracker of trackers) if (random.chance(0.5)) tracker.step();
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

interface PlannedFault {
  name: FaultName;
  random: Random;
}

function drawFaults(options: ScenarioOptions, random: Random): PlannedFault[] {
  return Array.from({ length: options.faultCount }, (_, i) => ({
    name: random.pick(options.faults ?? FAULT_NAMES),
    random: random.fork(`fault ${i}`),
  }));
}

/** Faults follow one another, with a little time between, all of them while the trackers send. */
async function playFaults(
  faults: readonly PlannedFault[],
  world: World,
  viewers: readonly LossViewer[],
  trafficMs: number,
  random: Random,
): Promise<void> {
  const stage = {
    trackerProxy: world.trackerProxy,
    viewerProxy: world.viewerProxy,
    viewers,
    killServer: () => world.killServer(),
    drainServer: () => world.drainServer(),
    crashPostgres: (downMs: number) => world.crashPostgres(downMs),
    restartPostgres: () => world.restartPostgres(),
    terminateBackends: () => world.terminateBackends(),
    lockTable: (ms: number) => world.lockTable(ms),
  };
  for (const { name, random: own } of faults) {
    await new Promise((resolve) => setTimeout(resolve, random.between(100, Math.max(200, trafficMs / (faults.length + 2)))));
    await FAULTS[name](stage, own);
  }
}

/** Every viewer ends up with the newest batch of every tab that it follows (LOS-5). */
async function viewersCaughtUp(
  trackers: readonly LossTracker[],
  viewers: readonly LossViewer[],
  limitMs: number,
  report: (breach: string) => void,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  const behind = (): string[] =>
    viewers.flatMap((viewer) =>
      trackers
        .filter(
          (tracker) => tracker.storedSessionId() === viewer.sessionId && viewer.upto(tracker.identity.tab) < tracker.sent() - 1,
        )
        .map(({ identity, sent }) => `viewer of ${identity.name} is at ${viewer.upto(identity.tab)} of ${sent() - 1}`),
    );
  while (behind().length > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const each of behind()) report(`LOS-5 ${each}`);
}
