/**
 * `npm run loss -- [--seeds N] [--from N] [--mutant NAME] [--seconds N] [--faults N]`: the loss test over many seeds, one line each; ends with 1
 * where anything acknowledged was lost, or any other rule was broken. With a mutant it ends with 0 only if the mutant was found out.
 */

import { spawnSync } from "node:child_process";
import path from "node:path";
import { positive, readOptions } from "../../bin/lib/arguments.ts";
import { ROOT } from "../../bench/processes.ts";
import { FAULT_NAMES, HARD_FAULTS, type FaultName } from "./faults.ts";
import { buildMutant, isMutantName, MUTANTS, sqlOf } from "./mutants/mutants.ts";
import { runScenario, type Outcome } from "./scenario.ts";
import { startLossCluster } from "./world.ts";

const { values } = readOptions(
  "npm run loss -- [options]: kills, cuts and crashes while trackers send, and counts what is lost",
  {
    seeds: { default: "10", help: "how many runs" },
    from: { default: "1", help: "first seed" },
    seconds: { default: "4", help: "traffic in each run" },
    faults: { default: "3", help: "faults in each run" },
    only: { default: "", help: `faults to draw from, with commas, of: ${FAULT_NAMES.join(", ")}` },
    mutant: { default: "", help: `a server that is wrong on purpose: ${Object.keys(MUTANTS).join(", ")}` },
  },
);
const seeds = positive("seeds", values.seeds);
const first = positive("from", values.from);
const mutant = isMutantName(values.mutant) ? values.mutant : null;
if (values.mutant !== "" && mutant === null) {
  console.error(`There is no mutant ${values.mutant}.`);
  process.exit(2);
}
const isFault = (name: string): name is FaultName => FAULT_NAMES.some((known) => known === name);
const only = values.only
  .split(",")
  .map((name) => name.trim())
  .filter(isFault);

if (mutant === null) {
  const built = spawnSync(process.execPath, [path.join(ROOT, "bin/build.mjs"), "--quiet", "server"], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (built.status !== 0) process.exit(1);
}
const script = mutant === null ? "dist/server/main.js" : await buildMutant(mutant);
const cluster = await startLossCluster();
const outcomes: Outcome[] = [];
try {
  for (let seed = first; seed < first + seeds; seed++) {
    const outcome = await runScenario({
      cluster,
      script,
      sql: mutant === null ? null : sqlOf(mutant),
      seed,
      trafficMs: positive("seconds", values.seconds) * 1_000,
      faultCount: positive("faults", values.faults),
      ...(only.length > 0 ? { faults: only } : mutant === null ? {} : { faults: HARD_FAULTS }),
    });
    outcomes.push(outcome);
    console.log(describe(outcome));
    for (const breach of outcome.breaches) console.log(`    ${breach}`);
    if (mutant !== null && outcome.breaches.length > 0) break;
  }
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await cluster.remove();
}
if (process.exitCode === 1) process.exit();
const sum = (pick: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + pick(outcome), 0);
const broken = outcomes.filter((outcome) => outcome.breaches.length > 0);
console.log(
  JSON.stringify({
    seeds: outcomes.length,
    sent: sum((o) => o.sent),
    acked: sum((o) => o.acked),
    stored: sum((o) => o.stored),
    resent: sum((o) => o.resent),
    lost: sum((o) => o.lost),
    repeated: sum((o) => o.repeated),
    viewerBatches: sum((o) => o.viewerBatches),
    viewerGaps: sum((o) => o.viewerGaps),
    viewerResyncs: sum((o) => o.viewerResyncs),
    healMsMost: Math.max(...outcomes.map((o) => Math.round(o.healMs))),
    peakMib: Math.round(Math.max(...outcomes.map((o) => o.peakMib))),
    broken: broken.map((o) => o.seed),
  }),
);
const isExpected = mutant === null || mutant === "repeats" ? broken.length === 0 : broken.length > 0;
if (mutant !== null)
  console.log(isExpected ? `The mutant ${mutant} behaved as expected.` : `The mutant ${mutant} was NOT found out.`);
process.exitCode = isExpected ? 0 : 1;

function describe(outcome: Outcome): string {
  const verdict = outcome.breaches.length === 0 ? "ok    " : "BROKEN";
  return (
    `${verdict} seed ${outcome.seed}: sent ${outcome.sent}, acked ${outcome.acked}, stored ${outcome.stored}, lost ${outcome.lost}, ` +
    `sent again ${outcome.resent}, viewers ${outcome.viewerBatches} (gaps ${outcome.viewerGaps}, resyncs ${outcome.viewerResyncs}), ` +
    `healed in ${Math.round(outcome.healMs)} ms, ${Math.round(outcome.peakMib)} MiB: ${outcome.faults.join("; ")}`
  );
}
