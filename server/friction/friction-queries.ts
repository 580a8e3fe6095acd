/**
 * Statements that count clicks and scroll depth from stored markers. A view is a stretch of a page context at one address: from a `page_load` or
 * `navigation` to the next. The work is bounded by the sessions and markers that are looked at; the database does all of it.
 */

import type { Queryable } from "../db/db.ts";

/** Sessions that are looked at, the newest of those that were chosen. */
export const MAX_SESSIONS = 1_000;
/** Markers that are looked at, newest sessions first; a map of them takes some 650 ms. */
export const MAX_MARKERS = 100_000;
const MAX_PAGES = 200;
/** Points of the map, most clicks first; clicks within a hundredth of an element are one point. */
const MAX_POINTS = 5_000;
const MAX_BACKDROPS = 8;
/** Views that are looked at for one. */
const MAX_BACKDROP_VIEWS = 60;
/** Steps of five per cent. */
const DEPTH_STEPS = 20;

/** What trackers may say of an element's place; anything else is not looked for in a page. */
const PATH = "^[A-Za-z0-9_:#>-]+$";
const MAX_PATH = 400;
const CLICKS = ["click", "rage_click", "dead_click", "error_click"] as const;
export type ClickKind = (typeof CLICKS)[number];

/** A view begins with it. */
const BEGINS = "kind IN ('page_load', 'navigation')";
/** Its address without what is behind `?` and `#`. */
const plain = (address: string): string => `regexp_replace(${address}, '[?#].*$', '')`;
/** A number out of facts that a page sent. */
const fact = (name: string): string =>
  `CASE WHEN jsonb_typeof(data->'${name}') = 'number' THEN least(greatest((data->'${name}')::float8, 0), 1) END`;

/** The place of a click: in an element, whose path may be anything yet, and in hundredths of that; null where a page said something else. */
const PLACE = `(data->>'path') COLLATE "C" AS path, round(100 * ${fact("ex")})::smallint AS x, round(100 * ${fact("ey")})::smallint AS y,`;

/**
 * Markers of the sessions $1 with the number of their view, and those views. `OFFSET 0` has them read session by session, in their order, until
 * there are enough: the planner would rather read the markers of everybody. Nothing of it is joined: how many there are the planner does not
 * know, and a join of all with all took 6 s.
 * @param columns what is kept of a marker besides
 */
const viewsWith = (columns: string): string => `
  looked AS (
    SELECT s.n, s.session_id, s.started_on, m.*
    FROM (
      SELECT s.session_id, s.started_on, c.n::integer AS n FROM unnest($1::text[]) WITH ORDINALITY AS c (session_id, n)
      JOIN sessions s USING (session_id) ORDER BY c.n
    ) s
    CROSS JOIN LATERAL (
      SELECT m.tab, m.seq, m.ordinal, m.kind, m.at, ${columns}
        CASE WHEN ${BEGINS} THEN ${plain("m.name")} END AS address,
        CASE WHEN kind IN ('navigation', 'web_vitals') THEN ${fact("depth")} END AS depth FROM session_markers m
      WHERE m.session_id = s.session_id AND m.started_on = s.started_on
        AND m.kind = ANY('{page_load,navigation,web_vitals,${CLICKS.join(",")}}'::text[])
      OFFSET 0
    ) m
    LIMIT ${MAX_MARKERS}
  ), numbered AS MATERIALIZED (
    SELECT *,
      count(*) FILTER (WHERE ${BEGINS}) OVER (PARTITION BY n, tab ORDER BY at, seq, ordinal ROWS UNBOUNDED PRECEDING)::integer AS view
    FROM looked
  ), views AS MATERIALIZED (
    -- What is told of a depth with the next address is of the one before.
    SELECT *, lead(from_at) OVER next AS to_at, greatest(own_depth, lead(depth_before) OVER next) AS depth FROM (
      SELECT n, tab, view, min(session_id) AS session_id, min(started_on) AS started_on, min(at) FILTER (WHERE ${BEGINS}) AS from_at,
        min(address) AS address, max(depth) FILTER (WHERE kind = 'web_vitals') AS own_depth,
        max(depth) FILTER (WHERE kind = 'navigation') AS depth_before,
        ${CLICKS.map((kind) => `count(*) FILTER (WHERE kind = '${kind}') AS ${kind}`).join(", ")}
      FROM numbered GROUP BY n, tab, view
    ) v WINDOW next AS (PARTITION BY n, tab ORDER BY view)
  )`;

/** A page by its address. */
export interface PageFriction {
  address: string;
  views: number;
  clicks: number;
  rageClicks: number;
  deadClicks: number;
  errorClicks: number;
  /** Mean share of its height that was seen; null where nothing is known of it. */
  depth: number | null;
}

/** The pages of these sessions, most views first. `isCut`: not all of their markers were looked at. */
export async function listPages(
  db: Queryable,
  sessionIds: readonly string[],
): Promise<{ pages: PageFriction[]; isCut: boolean }> {
  const rows = await db.query<PageFriction & { looked: number }>(
    `WITH ${viewsWith("")}
     SELECT (SELECT count(*) FROM numbered)::integer AS looked, v.address, count(*)::integer AS views, sum(v.click)::integer AS clicks,
       sum(v.rage_click)::integer AS "rageClicks", sum(v.dead_click)::integer AS "deadClicks", sum(v.error_click)::integer AS "errorClicks",
       round(avg(v.depth)::numeric, 2)::float8 AS depth
     FROM views v WHERE v.address IS NOT NULL
     GROUP BY v.address ORDER BY count(*) DESC, v.address LIMIT ${MAX_PAGES}`,
    [sessionIds],
  );
  return {
    pages: rows.map(({ looked: _looked, ...page }) => page),
    isCut: (rows[0]?.looked ?? 0) === MAX_MARKERS,
  };
}

/** Clicks of one kind in one place of one element: `x` and `y` are shares of its width and height. */
export interface HeatPoint {
  path: string;
  x: number;
  y: number;
  kind: ClickKind;
  count: number;
}

/** A recorded checkout of the page. */
export interface Backdrop {
  sessionId: string;
  tab: string;
  /** Page time of the checkout. */
  at: number;
  /** Size of the visitor's window. */
  viewport: unknown;
}

/** Where a page was clicked, and how far it was seen. */
export interface HeatMap {
  views: number;
  points: HeatPoint[];
  /** Clicks that are in no point: of recordings that do not say where, of what is blocked, and of more places than are told. */
  unplaced: number;
  /** How many views say how far the page was seen, and how many of those saw 0, 5, ... 100 % of its height. */
  depthViews: number;
  depths: number[];
  backdrops: Backdrop[];
  isCut: boolean;
}

interface HeatRow {
  looked: number;
  views: number;
  points: HeatPoint[] | null;
  clicks: number;
  depth_views: number;
  depths: number[];
  backdrops: Backdrop[] | null;
}

/** The map of one page over these sessions; `*` in the address stands for any characters. */
export async function readHeatMap(db: Queryable, sessionIds: readonly string[], address: string): Promise<HeatMap> {
  const pattern = address.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`).replaceAll("*", "%");
  const [row] = await db.query<HeatRow>(
    `WITH ${viewsWith(PLACE)}, meant AS MATERIALIZED (SELECT * FROM views WHERE address LIKE $2),
     points AS (
       SELECT path, x / 100.0::float8 AS x, y / 100.0::float8 AS y, kind, count(*)::integer AS count FROM numbered m
       -- IS TRUE: looked up in a hash of them; the planner knows too little of either to join them well.
       WHERE kind = ANY('{${CLICKS.join(",")}}'::text[]) AND ((n, tab, view) IN (SELECT n, tab, view FROM meant)) IS TRUE
         AND path ~ '${PATH}' AND length(path) <= ${MAX_PATH} AND x IS NOT NULL AND y IS NOT NULL
       GROUP BY m.path, m.x, m.y, kind ORDER BY count(*) DESC, m.path, m.x, m.y, kind LIMIT ${MAX_POINTS}
     ), seen AS MATERIALIZED (SELECT depth FROM meant WHERE depth IS NOT NULL),
     steps AS (
       SELECT i, (SELECT count(*) FROM seen WHERE depth >= i / ${DEPTH_STEPS}.0 - 0.001)::integer AS count FROM generate_series(0, ${DEPTH_STEPS}) i
     ), backdrops AS (
       SELECT v.session_id, v.tab, c.at, t.viewport
       FROM (SELECT * FROM meant ORDER BY n, from_at DESC LIMIT ${MAX_BACKDROP_VIEWS}) v
       JOIN session_tabs t USING (session_id, tab)
       CROSS JOIN LATERAL (
         SELECT e.first_at AS at FROM session_events e
         WHERE e.session_id = v.session_id AND e.tab = v.tab AND e.started_on = v.started_on AND e.checkout
           AND e.first_at >= v.from_at - 2000 AND e.first_at < coalesce(v.to_at, 'Infinity')
         ORDER BY e.first_at DESC LIMIT 1
       ) c ORDER BY v.n, c.at DESC LIMIT ${MAX_BACKDROPS}
     )
     SELECT (SELECT count(*) FROM numbered)::integer AS looked, (SELECT count(*) FROM meant)::integer AS views,
       (SELECT coalesce(sum(${CLICKS.join(" + ")}), 0) FROM meant)::integer AS clicks,
       (SELECT json_agg(points) FROM points) AS points,
       (SELECT count(*) FROM seen)::integer AS depth_views, (SELECT array_agg(count ORDER BY i) FROM steps) AS depths,
       (SELECT json_agg(json_build_object('sessionId', session_id, 'tab', tab, 'at', at, 'viewport', viewport)) FROM backdrops) AS backdrops`,
    [sessionIds, pattern],
  );
  const points = row?.points ?? [];
  return {
    views: row?.views ?? 0,
    points,
    unplaced: (row?.clicks ?? 0) - points.reduce((sum, point) => sum + point.count, 0),
    depthViews: row?.depth_views ?? 0,
    depths: row?.depths ?? [],
    backdrops: row?.backdrops ?? [],
    isCut: row?.looked === MAX_MARKERS,
  };
}
