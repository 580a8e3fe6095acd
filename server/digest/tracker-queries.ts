/** Statements that read what our tracker reported: the error, its session, and the markers before it. */

import type { Queryable } from "../db/db.ts";

/** Which row of `session_errors` it is, as `intake.head` has it. */
export interface ErrorPlace {
  session_id: string;
  tab: string;
  seq: number;
  ordinal: number;
  started_on: string;
}

/** An error with what its session says of itself. */
export interface StoredError extends ErrorPlace {
  error_id: string;
  project_id: number;
  /** Page time. */
  at: number;
  type: string;
  message: string;
  stack: string;
  url: string;
  data: unknown;
  user_id: string | null;
  traits: unknown;
  release: string | null;
  environment: string | null;
  user_agent: string | null;
  language: string | null;
  time_zone: string | null;
  viewport: unknown;
  title: string | null;
}

/** The errors that are still there, in no order. */
export async function readErrors(db: Queryable, places: readonly ErrorPlace[]): Promise<StoredError[]> {
  if (places.length === 0) return [];
  return db.query<StoredError>(
    `SELECT e.error_id, e.session_id, e.tab, e.seq, e.ordinal, e.started_on, e.project_id, e.at, e.type, e.message, e.stack, e.url, e.data,
       s.user_id, s.traits, s.release, s.environment, s.user_agent, s.language, s.time_zone, s.viewport, s.title
     FROM unnest($1::text[], $2::text[], $3::integer[], $4::smallint[], $5::date[]) AS p (session_id, tab, seq, ordinal, started_on)
     JOIN session_errors e USING (session_id, tab, seq, ordinal, started_on)
     LEFT JOIN sessions s ON s.session_id = e.session_id AND s.project_id = e.project_id`,
    [
      places.map((place) => place.session_id),
      places.map((place) => place.tab),
      places.map((place) => place.seq),
      places.map((place) => place.ordinal),
      places.map((place) => place.started_on),
    ],
  );
}

/** A marker of a tab. */
export interface StoredMarker {
  session_id: string;
  tab: string;
  seq: number;
  ordinal: number;
  kind: string;
  at: number;
  name: string;
  text: string;
  data: unknown;
}

/** Batches before an error in which its breadcrumbs are looked for. */
const MAX_BATCHES = 300;

/** The newest markers of tabs, each up to the batch of `places`, newest first; of each tab at most `limit`. */
export async function readMarkers(db: Queryable, places: readonly ErrorPlace[], limit: number): Promise<StoredMarker[]> {
  if (places.length === 0) return [];
  return db.query<StoredMarker>(
    `SELECT p.session_id, p.tab, m.seq, m.ordinal, m.kind, m.at, m.name, m.text, m.data
     FROM unnest($1::text[], $2::text[], $3::integer[], $4::date[]) AS p (session_id, tab, seq, started_on)
     CROSS JOIN LATERAL (
       SELECT seq, ordinal, kind, at, name, text, data FROM session_markers s
       WHERE s.session_id = p.session_id AND s.tab = p.tab AND s.seq BETWEEN p.seq - $5 AND p.seq AND s.started_on = p.started_on
       ORDER BY s.seq DESC, s.ordinal DESC LIMIT $6
     ) m`,
    [
      places.map((place) => place.session_id),
      places.map((place) => place.tab),
      places.map((place) => place.seq),
      places.map((place) => place.started_on),
      MAX_BATCHES,
      limit,
    ],
  );
}
