/**
 * Retention: a day of 100,000 sessions goes. Dropping its tables, moving the twentieth of them that has errors first, and, as the floor in
 * the same run, DELETE and VACUUM of the very same rows.
 */

import { systemClock } from "../../server/clock.ts";
import { withClient, type ConnectionOptions } from "../../server/db/connection.ts";
import { migrate } from "../../server/db/migrate.ts";
import { createDatabase } from "../../server/db/pool.ts";
import { silentLogger } from "../../server/log.ts";
import { createRetention, type CleanUpReport } from "../../server/retention/retention.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";

const SESSIONS = 100_000;
/** One in so many has an error, and stays. */
const STAYING = 20;
const BATCHES = 5;
const PAYLOAD_BYTES = 2_000;
const DAY_MS = 24 * 3_600_000;
const DAYS = { whole: 20, thinned: 21, deleted: 22 };

export async function retention(rig: Rig): Promise<Figure> {
  const connection = await rig.createDatabase();
  await migrate(connection, silentLogger);
  const dayOf = (ago: number) => new Date(Date.now() - ago * DAY_MS).toISOString().slice(0, 10);
  await run(connection, ["INSERT INTO projects (id, name, slug) VALUES (1, 'bench', 'bench')"]);

  await fill(connection, dayOf(DAYS.deleted), 0);
  const deleted = await deleteDay(connection, dayOf(DAYS.deleted));

  await fill(connection, dayOf(DAYS.whole), 0);
  const whole = await cleanUp(connection);
  await fill(connection, dayOf(DAYS.thinned), STAYING);
  const thinned = await cleanUp(connection);

  const mb = (bytes: number) => bytes / 1e6;
  return {
    name: "retention",
    title: `Retention of one day of ${SESSIONS.toLocaleString("en-US")} sessions, ${BATCHES} batches of ${PAYLOAD_BYTES} bytes each`,
    head: [
      "way",
      "drop, commit included, ms",
      "longest wait of a reader ms",
      "whole clean-up ms",
      "size MB",
      "freed MB",
      "sessions gone",
    ],
    rows: [
      ["DELETE and VACUUM (floor)", "", "", deleted.tookMs, mb(deleted.sizeBytes), mb(deleted.freedBytes), SESSIONS],
      [
        "tables dropped",
        whole.longestDropMs,
        whole.waitedMs,
        whole.tookMs,
        mb(whole.freedBytes),
        mb(whole.freedBytes),
        whole.sessions,
      ],
      [
        `1 of ${STAYING} moved, tables exchanged`,
        thinned.longestDropMs,
        thinned.waitedMs,
        thinned.tookMs,
        mb(thinned.sizeBytes),
        mb(thinned.freedBytes),
        thinned.sessions,
      ],
    ],
    checks: [
      { what: "drop of a day, nothing stays", value: whole.longestDropMs, unit: "ms", bar: { atMost: 1_000 } },
      { what: `exchange of a day, 1 of ${STAYING} stays`, value: thinned.longestDropMs, unit: "ms", bar: { atMost: 1_000 } },
      { what: "sessions gone", value: whole.sessions, unit: "", bar: { atLeast: SESSIONS } },
      { what: "freed", value: mb(whole.freedBytes), unit: "MB", bar: { atLeast: (SESSIONS * BATCHES * PAYLOAD_BYTES) / 1e6 } },
    ],
  };
}

/** A day of sessions the way the store leaves them; every `errorsIn`th has an error, none where that is 0. */
async function fill(connection: ConnectionOptions, day: string, errorsIn: number): Promise<void> {
  const next = new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, 10);
  const suffix = day.replaceAll("-", "");
  const hasError = errorsIn === 0 ? "false" : `n % ${errorsIn} = 0`;
  const id = `'${suffix}-' || n`;
  const sessions = `generate_series(1, ${SESSIONS}) n`;
  await run(connection, [
    ...["session_events", "session_markers", "session_errors"].flatMap((table) => [
      `CREATE TABLE ${table}_${suffix} (LIKE ${table} INCLUDING ALL)${table === "session_events" ? " WITH (toast_tuple_target = 8160)" : ""}`,
      `ALTER TABLE ${table} ATTACH PARTITION ${table}_${suffix} FOR VALUES FROM ('${day}') TO ('${next}')`,
    ]),
    `INSERT INTO sessions (session_id, project_id, started_on, resume_hash, status, started_at, last_at, batch_count, byte_count, error_count)
     SELECT ${id}, 1, '${day}', '\\x00', 'ended', '${day}', '${day}', ${BATCHES}, ${BATCHES * PAYLOAD_BYTES}, CASE WHEN ${hasError} THEN 1 ELSE 0 END
     FROM ${sessions}`,
    `INSERT INTO session_tabs (session_id, tab, started_at, last_at) SELECT ${id}, 'main', '${day}', '${day}' FROM ${sessions}`,
    `INSERT INTO session_events (session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding, raw_bytes, payload)
     SELECT ${id}, 'main', seq, '${day}', '${day}', seq, seq, 25, seq = 0, 1, 8000, decode(repeat(md5(n::text), ${Math.ceil(PAYLOAD_BYTES / 16)}), 'hex')
     FROM ${sessions} CROSS JOIN generate_series(0, ${BATCHES - 1}) seq`,
    `INSERT INTO session_markers (session_id, tab, seq, ordinal, started_on, project_id, kind, at)
     SELECT ${id}, 'main', 0, 0, '${day}', 1, 'click', 0 FROM ${sessions}`,
    `INSERT INTO session_errors (error_id, session_id, tab, seq, ordinal, started_on, project_id, at, received_at)
     SELECT gen_random_uuid(), ${id}, 'main', 0, 0, '${day}', 1, 0, '${day}' FROM ${sessions} WHERE ${hasError}`,
    "VACUUM ANALYZE",
    "CHECKPOINT",
  ]);
}

async function cleanUp(
  connection: ConnectionOptions,
): Promise<CleanUpReport & { tookMs: number; sizeBytes: number; waitedMs: number }> {
  const db = createDatabase({ connection, log: silentLogger });
  const room = createRetention({
    db,
    connection,
    clock: systemClock,
    log: silentLogger,
    audit: { record: () => Promise.resolve() },
    holder: { letGo: () => Promise.resolve(), openSessionsOf: () => [] },
    retentionDays: 7,
    errorRetentionDays: 30,
    intervalMs: 0,
    budgetBytes: null,
    disk: { folder: null, minFreeBytes: 0 },
  });
  const sizeBytes = await sizeOf(connection);
  const probe = startProbe(connection);
  const startedAt = performance.now();
  const report = await room.cleanUp();
  const tookMs = performance.now() - startedAt;
  const waitedMs = await probe.stop();
  await room.stop();
  await db.stop();
  return { ...report, tookMs, sizeBytes, waitedMs };
}

/** Somebody who looks at a session of another day, again and again: how long he waits at the longest. */
function startProbe(connection: ConnectionOptions): { stop(): Promise<number> } {
  const over = new AbortController();
  let longest = 0;
  const probing = withClient(connection, async (client) => {
    while (!over.signal.aborted) {
      const startedAt = performance.now();
      await client.query("SELECT count(*) FROM session_events WHERE session_id = 'somebody' AND started_on = '2020-01-01'");
      longest = Math.max(longest, performance.now() - startedAt);
    }
  });
  return {
    async stop() {
      over.abort();
      await probing;
      return longest;
    },
  };
}

/** The same by hand: rows first, then the space. */
async function deleteDay(connection: ConnectionOptions, day: string) {
  const sizeBytes = await sizeOf(connection);
  const startedAt = performance.now();
  const tables = ["session_errors", "session_markers", "session_events", "sessions"];
  await run(connection, [
    "DELETE FROM session_tabs t USING sessions s WHERE t.session_id = s.session_id",
    ...tables.map((table) => `DELETE FROM ${table} WHERE started_on = '${day}'`),
    ...["session_tabs", ...tables].map((table) => `VACUUM ${table}`),
  ]);
  return { tookMs: performance.now() - startedAt, sizeBytes, freedBytes: sizeBytes - (await sizeOf(connection)) };
}

async function sizeOf(connection: ConnectionOptions): Promise<number> {
  return withClient(connection, async (client) => {
    const { rows } = await client.query<{ bytes: number }>(
      "SELECT sum(pg_total_relation_size(oid))::bigint AS bytes FROM pg_class WHERE relname LIKE 'session%' AND relkind = 'r'",
    );
    return rows[0]?.bytes ?? 0;
  });
}

async function run(connection: ConnectionOptions, statements: readonly string[]): Promise<void> {
  await withClient(
    connection,
    async (client) => {
      for (const statement of statements) await client.query(statement);
    },
    { statementTimeoutMs: 0 },
  );
}
