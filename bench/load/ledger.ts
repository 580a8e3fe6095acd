/** What was sent, by what it must become, and what of it is in the database afterwards. */

import { randomInt, randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { withClient, type ConnectionOptions } from "../../server/db/connection.ts";
import { replaySessionId } from "../../server/replay-session.ts";
import { envelope, feedback, makeId, packedRecording, replay, withAttachment } from "./envelopes.ts";
import type { Posted } from "./sdk-traffic.ts";

const PROJECT = 1;
const SEGMENT_BYTES = 30 * 1024;
const FILE_BYTES = 8 * 1024;
/** Envelopes that may be sent again. */
const REMEMBERED = 200;

/** Of a hundred envelopes; `again` is one that was sent before, byte for byte. */
const PARTS = [
  ["error", 30],
  ["gzip", 8],
  ["file", 6],
  ["session", 38],
  ["feedback", 4],
  ["replay", 4],
  ["again", 10],
] as const;

/** What is written, by kind, against what was sent. */
export interface Tally {
  what: string;
  sent: number;
  lost: number;
  twice: number;
}

export interface Ledger {
  /** The next envelope, noted. */
  next: () => Posted;
  /** Compares; `trackerErrors` are those that trackers sent and that were acknowledged. */
  compare(connection: ConnectionOptions, trackerErrors: number): Promise<Tally[]>;
}

/**
 * An empty ledger.
 * @param event makes the envelope of an error
 */
export function createLedger(event: () => string): Ledger {
  const errors = new Set<string>();
  const files = new Set<string>();
  const told = new Set<string>();
  const replays = new Set<string>();
  const recording = packedRecording(SEGMENT_BYTES);
  const file = Buffer.alloc(FILE_BYTES, "watchback");
  const earlier: Posted[] = [];
  const plain = (body: string | Uint8Array): Posted => ({ body, headers: {} });
  const noted = (body: string): string => {
    errors.add(idOf(body));
    return body;
  };
  const makers: Record<(typeof PARTS)[number][0], () => Posted> = {
    error: () => plain(noted(event())),
    gzip: () => ({ body: gzipSync(noted(event())), headers: { "content-encoding": "gzip" } }),
    file() {
      const body = noted(event());
      files.add(idOf(body));
      return plain(withAttachment(body, file));
    },
    session: () => plain(envelope({}, "session", { sid: randomUUID(), init: true, status: "ok", attrs: { release: "shop@1" } })),
    feedback() {
      const id = makeId();
      told.add(id);
      return plain(feedback(id, makeId()));
    },
    replay() {
      const id = makeId();
      replays.add(replaySessionId(PROJECT, id));
      return plain(replay(id, recording));
    },
    again: () => earlier[randomInt(Math.max(1, earlier.length))] ?? plain(noted(event())),
  };
  const hundred = PARTS.flatMap(([kind, count]) => Array.from({ length: count }, () => kind));
  let turn = 0;
  return {
    next() {
      // 37 and 100 have no divisor in common: each kind comes as often as it should, and none in a row.
      const kind = hundred[(turn++ * 37) % hundred.length] ?? "error";
      const made = makers[kind]();
      // Sessions are counted as often as they are told.
      if (kind !== "session" && kind !== "again") earlier[turn % REMEMBERED] = made;
      return made;
    },
    compare: (connection, trackerErrors) =>
      withClient(connection, async (client) => {
        const read = async (sql: string) => (await client.query<{ id: string }>(sql)).rows.map(({ id }) => id);
        const count = async (sql: string) => (await client.query<{ n: number }>(sql)).rows[0]?.n ?? Number.NaN;
        const written = await count("SELECT count(*)::float8 AS n FROM occurrences");
        const counted = await count("SELECT coalesce(sum(occurrence_count), 0)::float8 AS n FROM issues");
        const ofTrackers = await read("SELECT error_id::text AS id FROM occurrences WHERE source = 'tracker'");
        return [
          tally("errors", errors, await read("SELECT event_id AS id FROM occurrences WHERE source = 'sdk'")),
          tally("files", files, await read("SELECT event_id AS id FROM attachments")),
          tally("feedback", told, await read("SELECT event_id AS id FROM feedback")),
          tally("replays", replays, await read("SELECT session_id AS id FROM replay_segments")),
          {
            what: "errors of trackers",
            sent: trackerErrors,
            lost: Math.max(0, trackerErrors - new Set(ofTrackers).size),
            twice: Math.max(0, ofTrackers.length - trackerErrors),
          },
          {
            what: "counted in issues",
            sent: written,
            lost: Math.max(0, written - counted),
            twice: Math.max(0, counted - written),
          },
        ];
      }),
  };
}

/** What is there and was not sent counts as there twice: somebody wrote it under another id. */
function tally(what: string, sent: ReadonlySet<string>, there: readonly string[]): Tally {
  const found = new Set(there);
  const lost = [...sent].filter((id) => !found.has(id)).length;
  return { what, sent: sent.size, lost, twice: there.length - (sent.size - lost) };
}

function idOf(body: string): string {
  return /"event_id":"([0-9a-f]{32})"/.exec(body)?.[1] ?? "";
}
