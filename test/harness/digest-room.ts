/** The digest over a real database: an intake that the test fills, and what became of it. */

import type { Database } from "../../server/db/db.ts";
import { createDrainer, type Drainer } from "../../server/digest/drainer.ts";
import type { DigestRedaction } from "../../server/digest/redact.ts";
import type { IssueWriter } from "../../server/digest/write-rows.ts";
import type { IssueNews } from "../../server/digested.ts";
import { systemClock } from "../../server/clock.ts";
import { createIssues } from "../../server/issues/issues.ts";
import { createTestDatabase, quietLog } from "./postgres.ts";
import { insertProject } from "./stored-session.ts";

/** A row of the intake as a test puts it there; without a project it is the shop's. */
interface IntakeRow {
  kind?: string;
  projectId?: number;
  head?: object;
  /** Text as it is; anything else as JSON. */
  body?: unknown;
}

export interface DigestRoom {
  database: Database;
  /** Ids of two projects. */
  shop: number;
  blog: number;
  /** What was told of issues. */
  heard: IssueNews[];
  /** A drainer that the room stops. */
  build(writer?: Partial<IssueWriter>): {
    drainer: Drainer;
    counts: Record<"digested" | "retried" | "dead", { value: number }>;
  };
  put(rows: readonly IntakeRow[]): Promise<void>;
  occurrences(): Promise<
    { event_id: string; session_id: string | null; user_id: string | null; message: string; project_id: number }[]
  >;
  /** What is in the intake, and how long (s) each row waits. */
  waiting(): Promise<{ attempts: number; fault: string | null; dead: boolean; wait: number }[]>;
  /** Stops the drainers, and empties every table. */
  clear(): Promise<void>;
  remove(): Promise<void>;
}

const TABLES = ["intake", "occurrences", "issues", "feedback", "sessions", "tombstones", "session_errors", "session_markers"];

/** Stars one word. */
const redaction: DigestRedaction = {
  text: (_id, text) => text.replaceAll("s3cret", "[Filtered]"),
  personId: (_id, text) => text,
  sourceLine: (_id, text) => text,
  fields: () => undefined,
};

/** The id of the n-th event. */
export const eventIdOf = (n: number): string => n.toString(16).padStart(32, "0");

/** The n-th event: always the same error. */
export const eventRow = (n: number, more: object = {}): IntakeRow => ({
  head: { event_id: eventIdOf(n) },
  body: { exception: { values: [{ type: "TypeError", value: "x is undefined" }] }, ...more },
});

/** Makes the room and its database. */
export async function startDigestRoom(): Promise<DigestRoom> {
  const test = await createTestDatabase();
  const db = test.database;
  const running: Drainer[] = [];
  const stopAll = async () => {
    for (const one of running.splice(0)) await one.stop();
  };
  const room: DigestRoom = {
    database: db,
    shop: (await insertProject(db, "shop")).id,
    blog: (await insertProject(db, "blog")).id,
    heard: [],
    build(writer = {}) {
      const counts = { digested: { value: 0 }, retried: { value: 0 }, dead: { value: 0 } };
      const drainer = createDrainer({
        db,
        redaction,
        sourcemaps: { map: (_projectId, _build, frames) => Promise.resolve([...frames]) },
        issues: { ...createIssues({ db, clock: systemClock }), ...writer },
        log: quietLog,
        onNews: (news) => void room.heard.push(...news),
        counts,
      });
      running.push(drainer);
      return { drainer, counts };
    },
    async put(rows) {
      for (const { kind = "event", projectId = room.shop, head = {}, body } of rows) {
        const bytes = typeof body === "string" ? body : JSON.stringify(body);
        await db.query("INSERT INTO intake (project_id, kind, head, body) VALUES ($1, $2, $3, convert_to($4, 'UTF8'))", [
          projectId,
          kind,
          JSON.stringify(head),
          bytes,
        ]);
      }
    },
    occurrences: () => db.query("SELECT event_id, session_id, user_id, message, project_id FROM occurrences ORDER BY event_id"),
    waiting: () =>
      db.query(
        `SELECT attempts, fault, dead_at IS NOT NULL AS dead, extract(epoch FROM due_at - now())::float8 AS wait
         FROM intake ORDER BY intake_id`,
      ),
    async clear() {
      await stopAll();
      for (const table of TABLES) await db.query(`TRUNCATE ${table} CASCADE`);
      room.heard = [];
    },
    async remove() {
      await stopAll();
      await test.drop();
    },
  };
  return room;
}
