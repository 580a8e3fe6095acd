/** Runs a TypeScript file: `node bin/run.mjs FILE [arguments…]`. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { register } from "tsx/esm/api";

const file = process.argv[2];
if (!file) {
  console.error("Usage: node bin/run.mjs FILE [arguments…]");
  process.exit(2);
}
// The script sees its own name and arguments, as if Node had started it.
process.argv.splice(1, 1);
process.argv[1] = resolve(file);
register();
await import(pathToFileURL(process.argv[1]).href);
