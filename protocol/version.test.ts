import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { packedBatchSchema, plainBatchSchema } from "./batch.ts";
import { CLOSE } from "./close-codes.ts";
import { fromTracker, toTracker } from "./tracker-messages.ts";
import { PROTOCOL_VERSION } from "./version.ts";
import { fromViewer, toViewer } from "./viewer-messages.ts";

/** What the schemas of each version hash to. A released line is never changed: a new version gets a new one. */
const HASHES: Record<number, string> = { 1: "1c0d936c1b7abbeb" };

/** Everything of a schema that decides what it takes, as text: kinds, fields, limits, messages, and the order of a pipe. */
function describeSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(describeSchema);
  if (value instanceof RegExp) return String(value);
  if (typeof value === "function") return "function";
  if (typeof value !== "object" || value === null) return String(value);
  const told = Object.entries(value).filter(([key]) => !key.startsWith("~") && !["reference", "async", "expects"].includes(key));
  return Object.fromEntries(told.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, describeSchema(inner)]));
}

it("PRO-22 the schemas are those of this protocol version", () => {
  const all = { fromTracker, toTracker, fromViewer, toViewer, packedBatchSchema, plainBatchSchema, CLOSE };
  const hash = createHash("sha256")
    .update(JSON.stringify(describeSchema(all)))
    .digest("hex")
    .slice(0, 16);
  expect(hash, "the wire changed: raise PROTOCOL_VERSION and add a line to HASHES").toBe(HASHES[PROTOCOL_VERSION]);
});
