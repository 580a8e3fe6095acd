import { spawnSync } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../bench/processes.ts";
import type { FaultName } from "./faults.ts";
import { buildMutant, sqlOf, type MutantName } from "./mutants/mutants.ts";
import { HEAL_MS, runScenario, type Outcome } from "./scenario.ts";
import { startLossCluster, type LossCluster } from "./world.ts";

/** Shorter than `npm run loss`, which takes hundreds of seeds; the same in kind. */
const TRAFFIC_MS = 3_000;
const MUTANT_TRAFFIC_MS = 2_000;
const MUTANT_HEAL_MS = 3_000;
const MUTANT_ATTEMPTS = 6;

let cluster: LossCluster;

beforeAll(async () => {
  const built = spawnSync(process.execPath, [path.join(ROOT, "bin/build.mjs"), "--quiet", "server"], { cwd: ROOT });
  if (built.status !== 0) throw new Error(built.stderr.toString());
  cluster = await startLossCluster();
});

afterAll(() => cluster.remove());

describe("nothing acknowledged is lost", () => {
  const storms: readonly { seed: number; faults: readonly FaultName[] }[] = [
    { seed: 1, faults: ["kill-9", "locked, then kill -9"] },
    { seed: 2, faults: ["postgres crash", "terminate backends"] },
    { seed: 3, faults: ["postgres crash and kill -9", "drain"] },
    { seed: 4, faults: ["trackers cut", "acks lost", "half-open", "viewers cut"] },
  ];
  it.each(storms)(
    "LOS-1, LOS-2, LOS-3, LOS-4, LOS-5, LOS-6, LOS-7, LOS-8 hold: seed $seed, $faults",
    async ({ seed, faults }) => {
      const outcome = await runScenario({
        cluster,
        script: "dist/server/main.js",
        sql: null,
        seed,
        trafficMs: TRAFFIC_MS,
        faults,
        faultCount: 3,
      });
      expect(outcome.breaches).toEqual([]);
      expect(outcome).toMatchObject({ lost: 0, repeated: 0, acked: outcome.sent, stored: outcome.sent });
      expect(outcome.sent).toBeGreaterThan(100);
      expect(outcome.viewerBatches).toBeGreaterThan(50);
    },
  );
});

describe("the test can see loss", () => {
  it("LOS-9 finds the server out that acknowledges before the commit", async () => {
    const found = await attack("early-ack", ["locked, then kill -9"], ({ lost }) => lost > 0);
    expect(found?.breaches.some((breach) => breach.startsWith("LOS-1"))).toBe(true);
  });

  it("LOS-10 finds the server out that has no unique key", async () => {
    const found = await attack("no-unique-key", ["trackers cut"], ({ repeated }) => repeated > 0);
    expect(found?.breaches.some((breach) => breach.startsWith("LOS-2"))).toBe(true);
  });

  it("LOS-10 finds nothing where the same doubles meet the unique key", async () => {
    // All has to be acknowledged here: it may take as long as with the right server.
    const patience = { attempts: 1, healMs: HEAL_MS };
    expect(await attack("repeats", ["trackers cut"], ({ breaches }) => breaches.length > 0, patience)).toBeNull();
  });

  it("LOS-11 finds the server out that commits asynchronously", async () => {
    const found = await attack("async-commit", ["postgres crash"], ({ lost }) => lost > 0);
    expect(found?.breaches.some((breach) => breach.startsWith("LOS-1"))).toBe(true);
  });
});

/** How often a server is tried, and how long it may take to heal each time. */
interface Patience {
  attempts: number;
  healMs: number;
}

/** Runs a wrong server over some seeds until one run shows it; null where none does. */
async function attack(
  mutant: MutantName,
  faults: readonly FaultName[],
  isFound: (outcome: Outcome) => boolean,
  { attempts, healMs }: Patience = { attempts: MUTANT_ATTEMPTS, healMs: MUTANT_HEAL_MS },
): Promise<Outcome | null> {
  const script = await buildMutant(mutant);
  for (let seed = 1; seed <= attempts; seed++) {
    const outcome = await runScenario({
      cluster,
      script,
      sql: sqlOf(mutant),
      seed,
      trafficMs: MUTANT_TRAFFIC_MS,
      faults,
      faultCount: 2,
      healMs,
    });
    if (isFound(outcome)) return outcome;
  }
  return null;
}
