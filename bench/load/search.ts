/** Finds the highest rate that a server keeps: steps up until it fails, closes in, and then proves the rate with three rounds. */

import type { Fleet, RoundResult } from "./fleet.ts";
import { median } from "./samples.ts";

export interface SearchOptions {
  /** First rate tried, in batches a second; should be one that surely holds. */
  from: number;
  /** Highest rate tried. */
  to: number;
  /** Ack p99 that a rate must keep. */
  maxP99Ms: number;
  roundMs: number;
  /** Called before and after each proving round, e.g. to read processor time. */
  onProof?: (round: number, phase: "before" | "after") => void;
}

export interface SearchResult {
  batchesPerSec: number;
  p50Ms: number;
  p99Ms: number;
  rounds: RoundResult[];
  /** Every round of the search, kept or not: [batches a second offered, p99 in ms, milliseconds since the search began]. */
  tried: [offeredPerSec: number, p99Ms: number, atMs: number][];
}

const STEP = 1.35;
/** Both sides are compiled by then (measured: the p99 falls for some 8 s); their figures do not count. */
const WARM_UP_ROUNDS = 4;
const ATTEMPTS = 3;
const CLOSE_IN_ROUNDS = 2;
const PROOF_ROUNDS = 3;
/** A rate that was not proved is lowered a little, and later, on a machine that has other things to do, a lot. */
const BACK_OFF = 0.93;
const LATE_BACK_OFF = 0.7;
const PATIENCE_MS = 40_000;
const PAUSE_MS = 150;

/** A round is kept where everything due was sent and acknowledged, and the p99 holds. */
function isKept(round: RoundResult, maxP99Ms: number): boolean {
  return (
    round.p99Ms < maxP99Ms &&
    round.unacked === 0 &&
    round.faults === 0 &&
    round.resent === 0 &&
    round.sentPerSec >= 0.98 * round.offeredPerSec
  );
}

/** @param fleet opened, and warm by the first steps */
export async function findHighestRate(fleet: Fleet, options: SearchOptions): Promise<SearchResult> {
  const startAt = performance.now();
  const tried: SearchResult["tried"] = [];
  const tryOnce = async (rate: number): Promise<RoundResult> => {
    const round = await runRound(fleet, rate, options.roundMs);
    tried.push([Math.round(rate), Math.round(round.p99Ms * 10) / 10, Math.round(performance.now() - startAt)]);
    return round;
  };
  const isGood = async (rate: number): Promise<boolean> => {
    // One bad round may be the machine's fault; as many as this are the server's.
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (isKept(await tryOnce(rate), options.maxP99Ms)) return true;
    }
    return false;
  };
  for (let i = 0; i < WARM_UP_ROUNDS; i++) await fleet.run(options.from, options.roundMs);
  let good = 0;
  let bad = Number.POSITIVE_INFINITY;
  for (let rate = options.from; good < options.to && bad === Number.POSITIVE_INFINITY; rate = Math.min(options.to, rate * STEP)) {
    if (await isGood(rate)) good = rate;
    else bad = rate;
  }
  if (good === 0) good = options.from / STEP;
  for (let i = 0; i < CLOSE_IN_ROUNDS && bad / good > 1.04 && bad !== Number.POSITIVE_INFINITY; i++) {
    const rate = Math.sqrt(good * bad);
    if (await isGood(rate)) good = rate;
    else bad = rate;
  }
  const isLate = () => performance.now() - startAt > PATIENCE_MS;
  for (let rate = good; ; rate *= isLate() ? LATE_BACK_OFF : BACK_OFF) {
    const rounds: RoundResult[] = [];
    for (let i = 0; i < PROOF_ROUNDS; i++) {
      options.onProof?.(i, "before");
      rounds.push(await tryOnce(rate));
      options.onProof?.(i, "after");
    }
    const kept = rounds.filter((round) => isKept(round, options.maxP99Ms)).length;
    if (kept * 2 > PROOF_ROUNDS || rate < options.from / 8) {
      return {
        batchesPerSec: median(rounds.map((round) => round.ackedPerSec)),
        p50Ms: median(rounds.map((round) => round.p50Ms)),
        p99Ms: median(rounds.map((round) => round.p99Ms)),
        rounds,
        tried,
      };
    }
  }
}

async function runRound(fleet: Fleet, rate: number, roundMs: number): Promise<RoundResult> {
  const round = await fleet.run(rate, roundMs);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  return round;
}
