/** How many sessions a filter means, and how they spread over the values that it can be narrowed by. */

import type { Queryable } from "../db/db.ts";
import { conditionsOf, createBind } from "./conditions.ts";
import { ofProjects, type Statement } from "./find-sessions.ts";
import type { SessionFilter } from "./session-filter.ts";

/** Parameter of the filter -> its column. */
const DIMENSIONS = {
  country: "country",
  browser: "browser",
  os: "os",
  device: "device",
  release: "release",
  environment: "environment",
} as const;
export type Dimension = keyof typeof DIMENSIONS;
export const DIMENSION_NAMES = Object.keys(DIMENSIONS).flatMap((name) => (isDimension(name) ? [name] : []));

/** Values that are told of each. */
const MAX_VALUES = 30;

/** One value and how many of the sessions have it. */
export interface FacetValue {
  value: string;
  count: number;
}

/** The sums; values of most sessions first, sessions without a value left out. */
export interface Facets {
  count: number;
  withErrors: number;
  live: number;
  facets: Record<Dimension, FacetValue[]>;
}

function isDimension(name: string): name is Dimension {
  return name in DIMENSIONS;
}

interface FacetRow {
  dimension: string | null;
  value: string | null;
  count: number;
  errors: number;
  live: number;
}

/** The statement of {@link countFacets}. */
export function facetStatement(projectIds: readonly number[], filter: SessionFilter): Statement {
  const { bind, values } = createBind();
  const where = [ofProjects(projectIds, bind), ...conditionsOf(filter, projectIds, bind)].join(" AND ");
  const columns = Object.values(DIMENSIONS);
  const sql = `
    WITH spread AS MATERIALIZED (
      SELECT ${columns.map((column) => `f.${column}`).join(", ")}, count(*) AS n, count(*) FILTER (WHERE f.error_count > 0) AS errors,
        count(*) FILTER (WHERE f.status = 'live') AS live
      FROM session_facts f WHERE ${where} GROUP BY ${columns.map((_column, index) => index + 1).join(", ")}
    )
    SELECT NULL AS dimension, NULL AS value, coalesce(sum(n), 0)::bigint AS count, coalesce(sum(errors), 0)::bigint AS errors,
      coalesce(sum(live), 0)::bigint AS live FROM spread
    ${Object.entries(DIMENSIONS)
      .map(
        ([name, column]) => `UNION ALL (
      SELECT '${name}', ${column}, sum(n)::bigint, 0, 0 FROM spread WHERE ${column} <> '' GROUP BY ${column} ORDER BY 3 DESC, 2 LIMIT ${MAX_VALUES})`,
      )
      .join("\n    ")}`;
  return { sql, values };
}

/** Counts what a filter means in these projects. */
export async function countFacets(db: Queryable, projectIds: readonly number[], filter: SessionFilter): Promise<Facets> {
  const facets: Record<Dimension, FacetValue[]> = { country: [], browser: [], os: [], device: [], release: [], environment: [] };
  const sums = { count: 0, withErrors: 0, live: 0 };
  if (projectIds.length === 0) return { ...sums, facets };
  const { sql, values } = facetStatement(projectIds, filter);
  for (const row of await db.query<FacetRow>(sql, values)) {
    if (row.dimension === null) Object.assign(sums, { count: row.count, withErrors: row.errors, live: row.live });
    else if (isDimension(row.dimension) && row.value !== null) facets[row.dimension].push({ value: row.value, count: row.count });
  }
  return { ...sums, facets };
}
