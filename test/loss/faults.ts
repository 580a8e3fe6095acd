/** What goes wrong, drawn from the seed. Each fault does its harm and leaves the system able to recover. */

import type { Random } from "./random.ts";
import type { FaultProxy } from "./fault-proxy.ts";
import type { LossViewer } from "./viewers.ts";

/** The handles that faults pull. */
export interface Stage {
  trackerProxy: FaultProxy;
  viewerProxy: FaultProxy;
  viewers: readonly LossViewer[];
  /** kill -9, then a new process. */
  killServer(): Promise<void>;
  /** SIGTERM, wait for the drain, then a new process. */
  drainServer(): Promise<void>;
  /** Immediate stop, which Postgres treats as a crash, and a start. */
  crashPostgres(downMs: number): Promise<void>;
  /** Fast restart, which ends every connection. */
  restartPostgres(): Promise<void>;
  /** `pg_terminate_backend` for every connection of the server. */
  terminateBackends(): Promise<void>;
  /** Nobody can write batches for a while. */
  lockTable(ms: number): Promise<void>;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Fault = (stage: Stage, random: Random) => Promise<void>;

/** Every fault by name. */
export const FAULTS = {
  "kill-9": (stage) => stage.killServer(),
  "kill-9 twice": async (stage, random) => {
    await stage.killServer();
    await sleep(random.between(0, 300));
    await stage.killServer();
  },
  drain: (stage) => stage.drainServer(),
  "postgres crash": (stage, random) => stage.crashPostgres(random.between(0, 1_500)),
  "postgres restart": (stage) => stage.restartPostgres(),
  "terminate backends": (stage) => stage.terminateBackends(),
  "table locked": (stage, random) => stage.lockTable(random.between(200, 1_500)),
  "locked, then kill -9": async (stage, random) => {
    const locked = stage.lockTable(random.between(300, 900));
    await sleep(random.between(50, 250));
    await Promise.all([locked, stage.killServer()]);
  },
  "locked, then cut": async (stage, random) => {
    const locked = stage.lockTable(random.between(300, 900));
    for (let i = 0; i < 3; i++) {
      await sleep(random.between(30, 150));
      stage.trackerProxy.cut("reset");
    }
    await locked;
  },
  "postgres crash and kill -9": async (stage, random) => {
    const crashed = stage.crashPostgres(random.between(0, 500));
    await sleep(random.between(0, 200));
    await Promise.all([crashed, stage.killServer()]);
  },
  "trackers cut": async (stage, random) => {
    for (let i = random.between(1, 3); i > 0; i--) {
      stage.trackerProxy.cut(random.pick(["close", "reset"]), random.pick([0.5, 1]), () => random.next());
      await sleep(random.between(20, 200));
    }
  },
  "acks lost": (stage, random) => stage.trackerProxy.disturb("down", "drop", random.between(200, 800)),
  "half-open": (stage, random) => stage.trackerProxy.disturb("both", "drop", random.between(200, 1_000)),
  "uplink stalls": (stage, random) => stage.trackerProxy.disturb("up", "hold", random.between(200, 1_000)),
  crumbs: (stage, random) => stage.trackerProxy.disturb("both", "trickle", random.between(300, 800)),
  "viewers cut": async (stage, random) => {
    stage.viewerProxy.cut(random.pick(["close", "reset"]));
    await sleep(random.between(20, 300));
    stage.viewerProxy.cut("reset", 0.5, () => random.next());
  },
  "viewer asleep": async (stage, random) => {
    const viewer = random.pick(stage.viewers);
    viewer.setPaused(true);
    await sleep(random.between(300, 1_000));
    viewer.setPaused(false);
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[]; // the keys of the literal above

/** Faults that take the server or Postgres away, for the mutants that only these can show. */
export const HARD_FAULTS: readonly FaultName[] = [
  "kill-9",
  "kill-9 twice",
  "locked, then kill -9",
  "postgres crash",
  "postgres crash and kill -9",
];
