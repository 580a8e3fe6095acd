/** `npm run fuzz -- [--inputs N] [--seed N]`: hostile frames and bodies against the built server; ends with 1 where it is harmed. */

import { positive, readOptions } from "../../bin/lib/arguments.ts";
import { fuzz } from "./fuzz.ts";

const { values } = readOptions("npm run fuzz -- [options]: hostile frames and bodies against the built server", {
  inputs: { default: "1000000", help: "frames and bodies" },
  seed: { default: "1", help: "what is drawn comes from it" },
});

let toldAt = 0;
const report = await fuzz({
  inputs: positive("inputs", values.inputs),
  seed: positive("seed", values.seed),
  database: "embedded",
  onProgress: (text) => {
    if (Date.now() - toldAt < 5_000) return;
    toldAt = Date.now();
    console.log(text);
  },
});
console.log(JSON.stringify(report, null, 2));
process.exit(report.faults.length === 0 ? 0 : 1);
