/** A script as builds make them: many modules in one minified file, with its source map, and places in it where errors could be. */

import { eachMapping, TraceMap } from "@jridgewell/trace-mapping";
import { build, type Rolldown } from "vite";

const MODULES = 120;
const FUNCTIONS = 30;

/** A minified script with its map. */
export interface Minified {
  code: string;
  map: string;
  /** Line and column of calls, both from 1, as stacks have them. */
  places: readonly { line: number; column: number }[];
}

/** Builds one; the same every time. */
export async function buildMinified(): Promise<Minified> {
  const result = await build({
    configFile: false,
    logLevel: "silent",
    plugins: [
      {
        name: "modules",
        enforce: "pre",
        resolveId(id) {
          const name = id.split("/").at(-1) ?? "";
          return /^(?:entry|module-\d+)$/.test(name) ? `/src/${name}.js` : null;
        },
        load: (id) => (id.startsWith("/src/") ? sourceOf(id.slice("/src/".length, -".js".length)) : null),
      },
    ],
    build: { write: false, sourcemap: "hidden", minify: "oxc", lib: { entry: "entry", formats: ["es"], fileName: "app" } },
  });
  const outputs: readonly Rolldown.RolldownOutput[] = Array.isArray(result) ? result : "output" in result ? [result] : [];
  const chunk = outputs.flatMap(({ output }) => output).find((part) => part.type === "chunk");
  if (!chunk?.map) throw new Error("the build made no script with a map");
  const map = chunk.map.toString();
  const places: { line: number; column: number }[] = [];
  eachMapping(new TraceMap(map), ({ generatedLine, generatedColumn, source }) => {
    if (source !== null) places.push({ line: generatedLine, column: generatedColumn + 1 });
  });
  return { code: chunk.code, map, places };
}

function sourceOf(name: string): string {
  const numbers = Array.from({ length: MODULES }, (_, index) => index);
  if (name === "entry") return numbers.map((index) => `export * from "module-${index}";`).join("\n");
  return Array.from({ length: FUNCTIONS }, (_, index) => functionOf(`${name.replace("-", "_")}_${index}`)).join("\n");
}

function functionOf(name: string): string {
  return `
/** Does what ${name} is for. */
export function ${name}(order, customer) {
  const lines = order.lines.filter((line) => line.quantity > 0 && line.price !== null);
  const total = lines.reduce((sum, line) => sum + line.quantity * line.price, 0);
  if (!customer.address) throw new TypeError("${name}: the customer " + customer.id + " has no address");
  const shipment = { to: customer.address, weight: lines.map((line) => line.weight).reduce((a, b) => a + b, 0) };
  return { total, shipment, label: [customer.name, shipment.to.street, shipment.to.city].join(", ") };
}`;
}
