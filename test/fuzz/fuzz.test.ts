import { expect, it } from "vitest";
import { fuzz } from "./fuzz.ts";

/** `npm run fuzz` runs a million. */
const INPUTS = 60_000;
const MAX_GROWTH_MIB = 150;
const MAX_RSS_MIB = 500;

it("FUZ-1 FUZ-2 hostile frames and bodies end nothing but their own connection", async () => {
  const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000);
  const report = await fuzz({ seed, inputs: INPUTS });
  console.log(JSON.stringify(report));
  expect(report.faults, `seed ${seed}`).toEqual([]);
  expect(report.frames + report.requests).toBeGreaterThanOrEqual(INPUTS);
  expect(report.rssPeakMib).toBeLessThan(MAX_RSS_MIB);
  expect(report.rssEndMib - report.rssEarlyMib).toBeLessThan(MAX_GROWTH_MIB);
});
