/** The labelled errors of `test/fixtures/grouping/`: which bug made each is in its tag `bug`. */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** A minified build of the shop. */
export interface LabelledBuild {
  release: string;
  file: string;
  code: string;
  map: string;
}

/** What one browser sent. */
export interface LabelledErrors {
  engine: string;
  userAgent: string;
  envelopes: { release: string; body: string }[];
  /** Bugs that break nothing there. */
  unbroken: string[];
}

/** The builds, the first release first. */
export function readBuilds(): LabelledBuild[] {
  return read("builds") as LabelledBuild[];
}

/** What a browser sent: `chrome`, `firefox` or `safari`. */
export function readErrors(engine: string): LabelledErrors {
  return read(engine) as LabelledErrors;
}

/** Written by `record-errors.ts`. */
function read(name: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(new URL(`../fixtures/grouping/${name}.json.gz`, import.meta.url))).toString());
}
