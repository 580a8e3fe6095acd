/** A heat map and the list of its pages at their bounds: the newest 1,000 sessions of a full database, with more markers than are looked at. */

import type { Identity } from "../../server/auth/auth.ts";
import { withClient } from "../../server/db/connection.ts";
import { migrate } from "../../server/db/migrate.ts";
import { createDatabase } from "../../server/db/pool.ts";
import { createFriction } from "../../server/friction/friction.ts";
import { silentLogger } from "../../server/log.ts";
import type { Route } from "../../server/net/route.ts";
import { Samples } from "../load/samples.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";
import { fillSessions } from "../search/sample-sessions.ts";

const SESSIONS = 50_000;
/** As many as are looked at, and so many clicks in each that not all markers are. */
const BUSY_SESSIONS = 1_000;
const CLICKS = 120;
const ROUNDS = 12;
const BAR_MS = 1_000;
const PROJECT = 1;

/** Clicks as trackers tell them, over a page of 900 places. */
const BUSY = `
  INSERT INTO session_markers (session_id, tab, seq, ordinal, started_on, project_id, kind, at, name, text, data)
  SELECT s.session_id, 'main', n % 4, 100 + n, s.started_on, s.project_id,
    (ARRAY['click', 'click', 'click', 'rage_click', 'dead_click', 'error_click'])[1 + n % 6], extract(epoch FROM s.started_at) * 1000 + n, 'button', 'Buy',
    jsonb_build_object('x', 10, 'y', 10, 'path', 'main>section:' || n % 30 || '>div:' || floor(random() * 30) || '>button', 'ex', random(), 'ey', random())
  FROM (SELECT * FROM sessions WHERE project_id = ${PROJECT} ORDER BY started_at DESC LIMIT ${BUSY_SESSIONS}) s CROSS JOIN generate_series(1, ${CLICKS}) n`;

const ASKED: readonly [name: string, path: string, query: string][] = [
  ["pages", "/v1/friction/pages", ""],
  ["pages, of one country", "/v1/friction/pages", "&country=US"],
  ["a page", "/v1/friction/heat-map", "&address=https%3A%2F%2Fshop.example%2F"],
  ["all pages at once", "/v1/friction/heat-map", "&address=*"],
  ["a page, of users of one name", "/v1/friction/heat-map", "&q=user-17&address=https%3A%2F%2Fshop.example%2F"],
];

/** Both, as their routes answer. */
export async function heatMap(rig: Rig): Promise<Figure> {
  const connection = await rig.createDatabase();
  await migrate(connection, silentLogger);
  await fillSessions(connection, SESSIONS, Date.now());
  await withClient(
    connection,
    async (client) => {
      await client.query(BUSY);
      await client.query("VACUUM ANALYZE");
    },
    { statementTimeoutMs: 0 },
  );
  const db = createDatabase({ connection, log: silentLogger, statementTimeoutMs: 600_000 });
  try {
    const { routes } = createFriction({ db });
    const measured = ASKED.map(([name, path, query]) => ({
      name,
      route: routes.find((route) => route.path === path),
      query: `project=${PROJECT}${query}`,
      samples: new Samples(),
      answer: EMPTY,
    }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const each of measured) {
        const startedAt = performance.now();
        each.answer = await ask(each.route, each.query);
        if (round > 0) each.samples.add(performance.now() - startedAt);
      }
    }
    const worst = Math.max(...measured.map(({ samples }) => samples.percentiles([0.95])[0]));
    return {
      name: "heat-map",
      title: `Heat maps over ${BUSY_SESSIONS.toLocaleString("en-US")} of ${SESSIONS.toLocaleString("en-US")} sessions, ${CLICKS} clicks in each, in milliseconds`,
      head: ["asked", "sessions", "pages or points", "cut", "p50", "p95", "KB"],
      rows: measured.map(({ name, samples, answer: { sessions, told, isCut, bytes } }) => [
        name,
        sessions,
        told,
        isCut ? "yes" : "no",
        ...samples.percentiles([0.5, 0.95]),
        bytes / 1_000,
      ]),
      checks: [
        { what: "the slowest, p95", value: worst, unit: "ms", bar: { atMost: BAR_MS } },
        {
          what: "answers that say that more was there",
          value: measured.filter(({ answer }) => answer.isCut).length,
          unit: "",
          bar: { atLeast: 1 },
        },
      ],
    };
  } finally {
    await db.stop();
  }
}

interface Answer {
  sessions: number;
  told: number;
  isCut: boolean;
  bytes: number;
}

const EMPTY: Answer = { sessions: 0, told: 0, isCut: false, bytes: 0 };

async function ask(route: Route | undefined, query: string): Promise<Answer> {
  if (!route) throw new Error("there is no such route");
  const answer = await route.handle({
    method: "GET",
    path: route.path,
    params: {},
    query: new URLSearchParams(query),
    headers: {},
    identity: OWNER,
    peer: "",
    body: new Uint8Array(0),
    signal: AbortSignal.timeout(600_000),
  });
  if (!("json" in answer) || !isTold(answer.json)) throw new Error("no such answer was meant");
  const { sessions, isCut, pages, points } = answer.json;
  return { sessions, isCut, told: (pages ?? points ?? []).length, bytes: JSON.stringify(answer.json).length };
}

function isTold(value: unknown): value is { sessions: number; isCut: boolean; pages?: unknown[]; points?: unknown[] } {
  return typeof value === "object" && value !== null && "sessions" in value && "isCut" in value;
}

const OWNER: Identity = {
  kind: "user",
  userId: 1,
  email: "bench@example.com",
  isAdmin: true,
  signInId: "",
  roles: new Map([[PROJECT, "owner"]]),
};
