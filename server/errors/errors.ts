/**
 * The door of errors: what Sentry SDKs send is accepted here, and waits in the intake for its digest. What cannot be written to the database
 * now lies in the spool.
 */

import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Route } from "../net/route.ts";
import type { Projects } from "../projects/projects.ts";
import { createAccept } from "./accept.ts";
import { createAcceptRoutes } from "./accept-routes.ts";
import { createDecoder } from "./decode-body.ts";
import { createKeeper } from "./keeper.ts";
import { createPourer } from "./pourer.ts";
import { createQuotas, type QuotaNumbers } from "./quotas.ts";
import { createReadRoutes } from "./read-routes.ts";
import { openSpool } from "./spool.ts";
import { createTallies } from "./tallies.ts";
import { forgetOldCounts, readAcceptedSince } from "./tally-queries.ts";

const DAY_MS = 24 * 3_600_000;
const CLEAN_UP_MS = 3_600_000;
/** How long counts stay, and marks of spool files, whose files are gone by then. */
const KEEP_COUNTS_MS = 90 * DAY_MS;
const KEEP_MARKS_MS = 30 * DAY_MS;

export type { QuotaNumbers } from "./quotas.ts";
export { type Feedback, keepFeedback } from "./feedback-queries.ts";

/** What the other rooms ask of errors. */
export interface Errors {
  /** Pours what is left in the spool. */
  start(): void;
  /** Waits for what is being kept, and writes the counts. */
  stop(): Promise<void>;
  /** Resolves when what was spooled is in the intake, as far as that goes now. */
  settled(): Promise<void>;
  /** Figures for tests and operators. */
  status(): { isAway: boolean; spoolBytes: number };
  routes: readonly Route[];
}

/** What the room is built from. */
export interface ErrorsDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  projects: Pick<Projects, "findByKey" | "noteUse">;
  /** Folder of the spool, made where it is not there. */
  spoolFolder: string;
  maxSpoolBytes: number;
  quotas: QuotaNumbers;
  /** Rows are in the intake: whoever digests them may begin. */
  onStored: () => void;
}

/**
 * Builds the room.
 * @throws where the folder of the spool cannot be made
 */
export async function createErrors(deps: ErrorsDeps): Promise<Errors> {
  const { db, clock, log, metrics, projects, onStored } = deps;
  const spool = await openSpool({ folder: deps.spoolFolder, maxBytes: deps.maxSpoolBytes, log });
  const tallies = createTallies({ db, clock, log });
  const pourer = createPourer({
    db,
    spool,
    clock,
    log,
    poured: metrics.counter("errors_poured_total", "Accepted rows that came out of the spool."),
    isGood: async (key, projectId) => (await projects.findByKey(key))?.id === projectId,
    onStored,
    onRefused: ({ projectId }) => {
      log.info("a spooled row was dropped: its key is not good", { projectId });
    },
  });
  const keeper = createKeeper({
    db,
    spool,
    clock,
    log,
    spooled: metrics.counter("errors_spooled_total", "Accepted rows that went to the spool."),
    onStored,
    onBack: () => {
      pourer.wake();
    },
  });
  metrics.gauge("errors_spool_bytes", "Bytes that wait in the spool.", () => spool.bytes());
  const quotas = createQuotas({ clock, readDay: (projectId, from) => readAcceptedSince(db, projectId, from) });
  const accept = createAccept({ projects, keeper, quotas, tallies, clock, quotaDefaults: deps.quotas });
  let stopCleaning: (() => void) | null = null;
  const cleanUp = () => {
    const now = clock.now();
    forgetOldCounts(db, now - KEEP_COUNTS_MS, now - KEEP_MARKS_MS).catch((error: unknown) => {
      log.debug("old counts could not be forgotten yet", { error });
    });
  };
  return {
    start() {
      tallies.start();
      stopCleaning ??= clock.every(CLEAN_UP_MS, cleanUp);
      pourer.wake();
    },
    async stop() {
      stopCleaning?.();
      await keeper.stop();
      await pourer.stop();
      await tallies.stop();
      await spool.stop();
    },
    settled: () => pourer.settled(),
    status: () => ({ isAway: keeper.isAway(), spoolBytes: spool.bytes() }),
    routes: [
      ...createAcceptRoutes({ accept, decoder: createDecoder(), log }),
      ...createReadRoutes({ db, clock, saveCounts: () => tallies.save() }),
    ],
  };
}
