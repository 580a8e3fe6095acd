/** Servers that are wrong on purpose: the loss test is only worth something if it turns red on each of them. */

import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "vite";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

interface Mutant {
  what: string;
  /** Changes to the source, made while it is built; each must still find its place. */
  edits: readonly { file: string; find: string; put: string }[];
  /** Statement for the database before the server starts on it. */
  sql?: string;
}

const STORE_DOOR = 'from "./store/store.ts"';

/** Every variant by name. `repeats` is the control: wrong calls that the unique key makes harmless. */
export const MUTANTS = {
  "early-ack": {
    what: "acknowledges before the commit",
    edits: [{ file: "server/app.ts", find: STORE_DOOR, put: 'from "../test/loss/mutants/early-ack-store.ts"' }],
  },
  "no-unique-key": {
    what: "stores some batches twice, and the table has no unique key",
    edits: [{ file: "server/app.ts", find: STORE_DOOR, put: 'from "../test/loss/mutants/repeating-store.ts"' }],
    sql: "ALTER TABLE session_events DROP CONSTRAINT session_events_pkey",
  },
  "async-commit": {
    what: "commits with synchronous_commit off",
    edits: [{ file: "server/store/copy-writer.ts", find: "SET synchronous_commit = on", put: "SET synchronous_commit = off" }],
  },
  repeats: {
    what: "stores some batches twice; the unique key must hold",
    edits: [{ file: "server/app.ts", find: STORE_DOOR, put: 'from "../test/loss/mutants/repeating-store.ts"' }],
  },
} as const satisfies Record<string, Mutant>;

export type MutantName = keyof typeof MUTANTS;

export function isMutantName(name: string): name is MutantName {
  return Object.hasOwn(MUTANTS, name);
}

/** Statement that a variant needs in its database, or null. */
export function sqlOf(name: MutantName): string | null {
  const mutant: Mutant = MUTANTS[name];
  return mutant.sql ?? null;
}

/**
 * Builds a variant of the server and returns its script.
 * @throws Error where a change no longer finds its place in the source
 */
export async function buildMutant(name: MutantName): Promise<string> {
  const outDir = path.join(ROOT, "dist", `loss-${name}`);
  const pending = new Set<string>(MUTANTS[name].edits.map((edit) => edit.file));
  const plugin: Plugin = {
    name: "mutate",
    enforce: "pre",
    transform(code, id) {
      let changed = code;
      for (const { file, find, put } of MUTANTS[name].edits) {
        if (path.resolve(id) !== path.join(ROOT, file)) continue;
        if (!changed.includes(find)) throw new Error(`the mutant ${name} does not find its place in ${file}: ${find}`);
        changed = changed.replace(find, put);
        pending.delete(file);
      }
      return changed === code ? null : { code: changed, map: null };
    },
  };
  await build({
    configFile: path.join(ROOT, "server/vite.config.ts"),
    logLevel: "error",
    plugins: [plugin],
    build: { outDir, emptyOutDir: true },
  });
  if (pending.size > 0) throw new Error(`the mutant ${name} never saw ${[...pending].join(", ")}`);
  return path.join(outDir, "main.js");
}
