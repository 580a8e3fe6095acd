/** Search: 100,000 sessions of five projects on the embedded Postgres; each filter, ten combinations, the orders, and the counts. */

import { systemClock } from "../../server/clock.ts";
import { withClient, type ConnectionOptions } from "../../server/db/connection.ts";
import type { Database } from "../../server/db/db.ts";
import { migrate } from "../../server/db/migrate.ts";
import { createDatabase } from "../../server/db/pool.ts";
import { silentLogger } from "../../server/log.ts";
import { createSearch, findPage, parseSessionListing, type Search } from "../../server/search/search.ts";
import type { Identity } from "../../server/auth/auth.ts";
import { Samples } from "../load/samples.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";
import { fillSessions, PROJECTS } from "../search/sample-sessions.ts";
import { SEARCHES } from "../search/searches.ts";

const SESSIONS = 100_000;
const ROUNDS = 20;
const BAR_MS = 200;

export async function search(rig: Rig): Promise<Figure> {
  const connection = await rig.createDatabase();
  await migrate(connection, silentLogger);
  await fillSessions(connection, SESSIONS, Date.now());
  const db = createDatabase({ connection, log: silentLogger, statementTimeoutMs: 600_000 });
  const room = createSearch({ db, clock: systemClock, log: silentLogger, eraser: noEraser });
  try {
    const startedAt = performance.now();
    const folded = await room.foldDue();
    const foldMs = performance.now() - startedAt;
    await withClient(connection, (client) => client.query("VACUUM ANALYZE"), { statementTimeoutMs: 0 });
    const pages = await measure(db);
    const counts = await measureCounts(room);
    const worst = (of: Measured[]) => of.reduce((one, other) => (other.p95 > one.p95 ? other : one));
    const mb = await sizes(connection);
    const all = Object.keys(PROJECTS).length;
    return {
      name: "search",
      title: `Search in ${SESSIONS.toLocaleString("en-US")} sessions of ${all} projects, ms for a page of 50, ${ROUNDS} times each`,
      head: ["searched", "projects", "found", "p50", "p95", "most"],
      rows: [
        ...pages.map(({ query, projects, found, p50, p95, most }) => [query || "(everything)", projects, found, p50, p95, most]),
        ...counts.map(({ query, projects, found, p50, p95, most }) => [
          `counts of ${query || "everything"}`,
          projects,
          found,
          p50,
          p95,
          most,
        ]),
        ["a session folded, ms", all, folded, foldMs / folded, "", ""],
      ],
      checks: [
        ...(["filters", "combinations", "orders"] as const).map((group) => {
          const slowest = worst(pages.filter((page) => page.group === group));
          return {
            what: `${group}, the slowest (${slowest.query || "everything"}), p95`,
            value: slowest.p95,
            unit: "ms",
            bar: { atMost: BAR_MS },
          };
        }),
        {
          what: `counts, the slowest (${worst(counts).query || "everything"}), p95`,
          value: worst(counts).p95,
          unit: "ms",
          bar: { atMost: BAR_MS },
        },
        { what: "sessions folded", value: folded, unit: "", bar: { atLeast: SESSIONS } },
      ],
      details: { mb },
    };
  } finally {
    await db.stop();
  }
}

interface Measured {
  group: string;
  query: string;
  projects: number;
  found: number;
  p50: number;
  p95: number;
  most: number;
}

const ALL = PROJECTS.map((_part, index) => index + 1);

/** Asks for each first page: of the largest project, and of all of them. In turns, so that nothing is asked twice in a row. */
async function measure(db: Database): Promise<Measured[]> {
  const asked = Object.entries(SEARCHES).flatMap(([group, queries]) =>
    queries.flatMap((query) => [[1], ALL].map((ids) => ({ group, query, ids, samples: new Samples(), found: 0 }))),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const each of asked) {
      const listing = parseSessionListing(new URLSearchParams(each.query));
      const startedAt = performance.now();
      const page = await findPage(db, each.ids, listing);
      if (round > 0) each.samples.add(performance.now() - startedAt);
      each.found = page.sessionIds.length;
    }
  }
  return asked.map(toMeasured);
}

/** The counts beside each list, by their route. */
async function measureCounts(room: Search): Promise<Measured[]> {
  const route = room.routes.find(({ path }) => path === "/v1/sessions/facets");
  if (!route) throw new Error("there is no route for counts");
  const asked = [...SEARCHES.filters, ...SEARCHES.combinations].map((query) => ({
    group: "counts",
    query,
    ids: ALL,
    samples: new Samples(),
    found: 0,
  }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const each of asked) {
      const startedAt = performance.now();
      const answer = await route.handle({
        method: "GET",
        path: route.path,
        params: {},
        query: new URLSearchParams(each.query.replace(/&?sort=\w+/, "")),
        headers: {},
        identity: everybody,
        peer: "",
        body: new Uint8Array(0),
        signal: AbortSignal.timeout(60_000),
      });
      if (round > 0) each.samples.add(performance.now() - startedAt);
      each.found = "json" in answer && hasCount(answer.json) ? answer.json.count : 0;
    }
  }
  return asked.map(toMeasured);
}

function hasCount(value: unknown): value is { count: number } {
  return typeof value === "object" && value !== null && "count" in value && typeof value.count === "number";
}

function toMeasured({
  group,
  query,
  ids,
  samples,
  found,
}: Omit<Measured, "projects" | "p50" | "p95" | "most"> & { ids: readonly number[]; samples: Samples }): Measured {
  const [p50, p95, most] = samples.percentiles([0.5, 0.95, 1]);
  return { group, query, projects: ids.length, found, p50, p95, most };
}

const everybody: Identity = {
  kind: "user",
  userId: 1,
  email: "bench@example.com",
  isAdmin: true,
  signInId: "",
  roles: new Map(ALL.map((id) => [id, "owner"])),
};

const noEraser = { eraseSessions: () => Promise.resolve({ sessions: 0, batches: 0, bytes: 0 }) };

async function sizes(connection: ConnectionOptions): Promise<Record<string, number>> {
  const { rows } = await withClient(connection, (client) =>
    client.query<{ name: string; mb: number }>(
      `SELECT name, (pg_total_relation_size(name::regclass) / 1e6)::float8 AS mb
       FROM unnest(ARRAY['sessions', 'session_facts', 'session_words', 'session_markers']) AS t (name)`,
    ),
  );
  return Object.fromEntries(rows.map(({ name, mb }) => [name, Math.round(mb)]));
}
