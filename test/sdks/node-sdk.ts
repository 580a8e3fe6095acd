/** Real `@sentry/node`, versions 7 to 11, each run as an application of its own. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { cleanEnvironment } from "../harness/app.ts";

/** The packages, by major version. */
export const NODE_SDKS = {
  7: "sentry-node-7",
  8: "sentry-node-8",
  9: "sentry-node-9",
  10: "sentry-node-10",
  11: "@sentry/node",
} as const;
export type SdkVersion = keyof typeof NODE_SDKS;
export const SDK_VERSIONS: readonly SdkVersion[] = [7, 8, 9, 10, 11];

/** What the application can be made to do (`node-program.mjs`). */
export const NODE_DEEDS = [
  "exception",
  "message",
  "aggregate",
  "notAnError",
  "withUser",
  "large",
  "strange",
  "attachment",
  "feedback",
  "checkIn",
  "transaction",
] as const;

/** How an application is run. */
export interface NodeRun {
  dsn: string;
  /** Default: all. */
  deeds?: readonly (typeof NODE_DEEDS)[number][];
  /** Given to `Sentry.init` besides. */
  options?: Record<string, unknown>;
  /** For the tag `watchback.session` of `withUser`. */
  sessionId?: string;
}

const said = v.object({ version: v.string(), eventIds: v.array(v.string()) });

/** Runs an application until it has sent everything. Returns the ids of the errors and messages that it reported. */
export async function runNodeSdk(version: SdkVersion, run: NodeRun): Promise<v.InferOutput<typeof said>> {
  const program = fileURLToPath(new URL("node-program.mjs", import.meta.url));
  const settings = JSON.stringify({ deeds: NODE_DEEDS, options: {}, ...run });
  const child = spawn(process.execPath, [program, NODE_SDKS[version], settings], { env: cleanEnvironment() });
  let out = "";
  let faults = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (out += piece));
  child.stderr.setEncoding("utf8").on("data", (piece: string) => (faults += piece));
  await once(child, "close");
  if (child.exitCode !== 0)
    throw new Error(`the application with ${NODE_SDKS[version]} ended with ${child.exitCode}:\n${faults}`);
  return v.parse(said, JSON.parse(out));
}
