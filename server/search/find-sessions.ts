/**
 * Which sessions a filter means, page by page. First the newest few thousand are walked through in their order: what many sessions have
 * fills a page there. What few have does not, and is looked for in all of them by whatever index or scan is cheapest; that statement hides its
 * LIMIT from the planner, who would rather walk through everything in the hope of an early end.
 */

import type { Queryable } from "../db/db.ts";
import { type Bind, conditionsOf, createBind } from "./conditions.ts";
import type { Cursor } from "./cursor.ts";
import type { SessionFilter, SessionListing, Sort } from "./session-filter.ts";

/** Sessions that are walked through before all of them are searched; some 5 ms. */
const WALK = 2_000;

const MICROS = "(extract(epoch FROM f.started_at) * 1000000)::bigint";
const KEYS: Readonly<Record<Sort, string>> = {
  started: "f.started_at",
  active: "f.active_ms",
  duration: "f.duration_ms",
  errors: "f.error_count",
  pages: "f.page_count",
  clicks: "f.click_count",
  rage: "f.rage_click_count",
};

/** A page of ids in their order, and the place behind it; null where nothing follows. */
export interface FoundPage {
  sessionIds: string[];
  next: Cursor | null;
}

/** A statement with its values. */
export interface Statement {
  sql: string;
  values: unknown[];
}

/** One page of the sessions of these projects that a listing means. */
export async function findPage(db: Queryable, projectIds: readonly number[], listing: SessionListing): Promise<FoundPage> {
  if (projectIds.length === 0) return { sessionIds: [], next: null };
  if (listing.sort === "started") {
    const { sql, values } = walkStatement(projectIds, listing);
    const rows = await db.query<{ walked: number; id: string | null; key: number }>(sql, values);
    const walked = rows[0]?.walked ?? 0;
    const found = rows.flatMap(({ id, key }) => (id === null ? [] : [{ id, key }]));
    if (found.length > listing.limit || walked < WALK) return toPage(found, listing.limit);
  }
  const { sql, values } = searchStatement(projectIds, listing);
  return toPage(await db.query<{ id: string; key: number }>(sql, values), listing.limit);
}

/** Ids of the sessions of these projects that a filter means, the newest first. */
export async function findIds(
  db: Queryable,
  projectIds: readonly number[],
  filter: SessionFilter,
  limit: number,
): Promise<string[]> {
  if (projectIds.length === 0) return [];
  const { bind, values } = createBind();
  const where = [ofProjects(projectIds, bind), ...conditionsOf(filter, projectIds, bind)].join(" AND ");
  const rows = await db.query<{ id: string }>(
    `SELECT id FROM (SELECT f.session_id AS id, f.started_at FROM session_facts f WHERE ${where} OFFSET 0) found
     ORDER BY started_at DESC, id DESC LIMIT ${bind(limit)}`,
    values,
  );
  return rows.map(({ id }) => id);
}

/** Through the newest sessions in their order, whatever they are, and those of them that fit. */
export function walkStatement(projectIds: readonly number[], listing: SessionListing): Statement {
  const { bind, values } = createBind();
  const [only] = projectIds;
  // Of one project along its own index, of several along that of all.
  const walk = projectIds.length === 1 ? [`f.project_id = ${bind(only)}`] : [];
  walk.push(...behind(listing, bind), ...conditionsOf({ ...EVERYTHING, from: listing.from, to: listing.to }, projectIds, bind));
  const fits = conditionsOf({ ...listing, from: null, to: null }, projectIds, bind, "each");
  if (projectIds.length > 1) fits.push(ofProjects(projectIds, bind));
  const order = orderOf(listing);
  const sql = `
    WITH walked AS MATERIALIZED (
      SELECT f.* FROM session_facts f WHERE ${walk.join(" AND ") || "true"} ORDER BY f.started_at ${order}, f.session_id ${order} LIMIT ${WALK}
    )
    SELECT n.walked, m.id, m.key FROM (SELECT count(*)::integer AS walked FROM walked) n LEFT JOIN LATERAL (
      SELECT f.session_id AS id, ${MICROS} AS key, f.started_at FROM walked f WHERE ${fits.join(" AND ") || "true"}
      ORDER BY f.started_at ${order}, f.session_id ${order} LIMIT ${bind(listing.limit + 1)}
    ) m ON true ORDER BY m.started_at ${order}, m.id ${order}`;
  return { sql, values };
}

/** Through all of them. */
export function searchStatement(projectIds: readonly number[], listing: SessionListing): Statement {
  const { bind, values } = createBind();
  const where = [ofProjects(projectIds, bind), ...behind(listing, bind), ...conditionsOf(listing, projectIds, bind)].join(
    " AND ",
  );
  const order = orderOf(listing);
  const key = listing.sort === "started" ? MICROS : KEYS[listing.sort];
  const sql = `
    SELECT id, key FROM (
      SELECT f.session_id AS id, ${key} AS key FROM session_facts f WHERE ${where} OFFSET 0
    ) found ORDER BY key ${order}, id ${order} LIMIT ${bind(listing.limit + 1)}`;
  return { sql, values };
}

/** The condition that a session belongs to one of these projects. */
export function ofProjects(projectIds: readonly number[], bind: Bind): string {
  const [only] = projectIds;
  return projectIds.length === 1 ? `f.project_id = ${bind(only)}` : `f.project_id = ANY(${bind(projectIds)}::integer[])`;
}

function behind({ after, sort, isAscending }: SessionListing, bind: Bind): string[] {
  if (after === null) return [];
  const key =
    sort === "started"
      ? `timestamptz 'epoch' + ${bind(after.key)}::bigint * interval '1 microsecond'`
      : `${bind(after.key)}::bigint`;
  return [`(${KEYS[sort]}, f.session_id) ${isAscending ? ">" : "<"} (${key}, ${bind(after.sessionId)}::text COLLATE "C")`];
}

function orderOf({ isAscending }: SessionListing): "ASC" | "DESC" {
  return isAscending ? "ASC" : "DESC";
}

function toPage(rows: readonly { id: string; key: number }[], limit: number): FoundPage {
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { sessionIds: page.map(({ id }) => id), next: last ? { key: last.key, sessionId: last.id } : null };
}

const UNBOUNDED = { min: null, max: null };
const EVERYTHING: SessionFilter = {
  projectId: null,
  q: null,
  userId: null,
  url: null,
  status: null,
  hasErrors: null,
  pinned: null,
  from: null,
  to: null,
  page: null,
  traits: [],
  countries: [],
  regions: [],
  browsers: [],
  systems: [],
  devices: [],
  releases: [],
  environments: [],
  issueId: null,
  error: null,
  console: null,
  marks: [],
  has: [],
  durationMs: UNBOUNDED,
  activeMs: UNBOUNDED,
};
