/** Why an occurrence is in its issue, for people. */

import type { Queryable } from "../db/db.ts";
import { readIssueSettings } from "../issue-settings.ts";
import { allKeys } from "./find-issues.ts";
import { type KeyRow, readKeyRows, type StoredOccurrence } from "./grouping-queries.ts";
import { type Grouped, type Key, keysOf } from "./keys.ts";
import { firstLine } from "./parameterise.ts";
import { readIssueProjects } from "./write-queries.ts";

/** What `GET /v1/errors/:id/grouping` gives. */
export interface Explanation {
  errorId: string;
  issueId: number;
  /** One sentence. */
  because: string;
  /** The key by which it came into its issue; null where that key is gone. */
  key: KeyRow | null;
  /** What the mechanism goes by today: `fingerprint`, `exception`, `message` or `nothing`. */
  by: Grouped["by"];
  type: string;
  /** The line that was read, and what is left of it. */
  line: string;
  words: string;
  /** What was taken out, and how often. */
  replaced: Grouped["replaced"];
  route: string;
  routeSplits: boolean;
  fingerprint: readonly string[];
  /** What the engine means, and where it was thrown; null where an author wrote the words, or the source is not known. */
  engineFault: { kind: string; name: string } | null;
  place: Grouped["place"];
  /** Its keys as they would be made today, in the order in which they are tried, and where each leads. */
  keys: (Key & { leadsTo: { issueId: number; shortId: string } | null })[];
}

/** Explains it, by the settings of today. */
export async function explain(db: Queryable, stored: StoredOccurrence): Promise<Explanation> {
  const [project] = await readIssueProjects(db, [stored.projectId]);
  const settings = readIssueSettings(project?.settings);
  const grouped = keysOf(stored, settings);
  const keys = distinct(allKeys(grouped));
  const rows = await readKeyRows(db, stored.projectId, [...keys, { mechanism: mechanismOf(stored), hash: stored.hash }]);
  const key = rows.find(({ mechanism, hash }) => mechanism === stored.mechanism && hash === stored.hash) ?? null;
  return {
    errorId: stored.errorId,
    issueId: stored.issueId,
    because: sentence(key, grouped),
    key,
    by: grouped.by,
    type: grouped.main?.type ?? "",
    line: firstLine(grouped.main?.value ?? (stored.detail.template || stored.message)),
    words: grouped.words,
    replaced: grouped.replaced,
    route: stored.transaction,
    routeSplits: settings.routeSplits,
    fingerprint: stored.detail.fingerprint,
    engineFault: grouped.fault && { kind: grouped.fault.kind, name: grouped.fault.name },
    place: grouped.place,
    keys: keys.map((one) => ({ ...one, leadsTo: leadsTo(rows, one) })),
  };
}

function sentence(key: KeyRow | null, { by, replaced }: Grouped): string {
  if (!key) return "The key by which it came here leads nowhere any more.";
  const merged = key.madeFor === null ? "" : ` It came for ${key.madeFor}, which was merged into this issue by hand.`;
  const moved = key.isByHand && key.madeFor === null ? " Its key was split off by hand, and goes before all others." : "";
  return wayOf(key, by, replaced.length > 0) + merged + moved;
}

function wayOf({ mechanism, parts }: KeyRow, by: Grouped["by"], isShort: boolean): string {
  if (mechanism === "frames1") {
    return "An engine's own words, thrown at the same place of the source: browsers word one fault differently, and the same words elsewhere are another bug.";
  }
  if (parts[0] === "fingerprint") return "It came with the same fingerprint, which goes before what it says.";
  const without = isShort ? ", without what differs from one occurrence to the next" : "";
  if (by === "exception") return `The same type of error, first line${without}, and route where that splits.`;
  if (by === "message") return `The same message${without}, and route where that splits.`;
  return "It says nothing, so only its culprit and route tell it from others.";
}

function leadsTo(rows: readonly KeyRow[], key: Key): { issueId: number; shortId: string } | null {
  const row = rows.find(({ mechanism, hash }) => mechanism === key.mechanism && hash === key.hash);
  return row ? { issueId: row.issueId, shortId: row.shortId } : null;
}

function mechanismOf({ mechanism }: StoredOccurrence): Key["mechanism"] {
  return mechanism === "frames1" ? "frames1" : "v1";
}

function distinct(keys: readonly Key[]): Key[] {
  return [...new Map(keys.map((key) => [`${key.mechanism} ${key.hash}`, key])).values()];
}
