/** The whole app with two tenants, everybody who may come to it, and what its tables hold. */

import { createHash } from "node:crypto";
import * as v from "valibot";
import type { Around } from "../../server/app.ts";
import { type Role, ROLES } from "../../server/auth/auth.ts";
import { withClient } from "../../server/db/connection.ts";
import { createDatabase } from "../../server/db/pool.ts";
import { createTestDatabase, quietLog } from "../harness/postgres.ts";
import { waitFor } from "../harness/wait.ts";
import { type Client, openClient, rrwebEvents, runApp, type RunningApp } from "../integration/running-app.ts";
import { type Credential, makeStrangers, signIn } from "./credentials.ts";
import { type Ids, missingLike } from "./ids.ts";
import { insertTenant, insertToken, insertTombstone, type Tenant } from "./tenant.ts";

/** What moves by itself: when something was used or heard of last. */
const RESTLESS = ["last_seen_at", "last_used_at", "received_at", "last_at", "lease_until", "changed_at", "tries_left"];
/** Tables that move by themselves: attempts with passwords are counted whoever makes them, workers say that they live, files of days are scrubbed. */
const COUNTERS = ["attempts", "job_workers", "days_to_scrub"];

/** A method and a path, as the API description lists them. */
export interface ListedRoute {
  /** e.g. `GET /v1/sessions/:id`. */
  name: string;
  method: string;
  path: string;
  access: "open" | "signed-in" | "admin";
  role: Role | null;
}

export interface World {
  base: string;
  /** The tenant that is asked about, and the one that most strangers are at home in. */
  theirs: Tenant;
  own: Tenant;
  /** What is nobody's, and looks like theirs. */
  missing: Ids;
  strangers: readonly Credential[];
  /** Cookies of the people of `theirs`, by role, and of the administrator. */
  cookies: Readonly<Record<Role | "administrator", string>>;
  /** A token of scope `read` of their owner. */
  readToken: string;
  /** A token of scope `ingest` of their member. */
  ingestToken: string;
  /** A token of scope `admin` of each of their people, bound to the project. */
  adminTokens: Readonly<Record<Role, string>>;
  routes: readonly ListedRoute[];
  /** Trackers of a live session each, and what those sessions are called. */
  trackers: { theirs: Client; own: Client };
  resumeToken: string;
  /** The rows of every table as a hash each, but for what moves by itself. */
  snapshot(): Promise<ReadonlyMap<string, string>>;
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

const description = v.object({
  paths: v.record(
    v.string(),
    v.record(
      v.string(),
      v.object({ "x-access": v.picklist(["open", "signed-in", "admin"]), "x-role": v.optional(v.picklist(ROLES)) }),
    ),
  ),
});

/** Starts it. */
export async function createWorld(around: Around = {}): Promise<World> {
  const database = await createTestDatabase();
  const db = createDatabase({ connection: database.connection, log: quietLog });
  // Every request comes from an address of its own, and as many as a test likes: limits are not what is tested here.
  const plenty = { RATE_LIMIT_REQUESTS_PER_SEC: "100000", RATE_LIMIT_BURST: "1000000", TRUST_PROXY: "true" };
  let app: RunningApp | null = null;
  try {
    app = await runApp({ DATABASE_URL: database.url, ...plenty }, around);
    const { base } = app;
    const theirs = await insertTenant(db, "quokka");
    const own = await insertTenant(db, "narwhal");
    await insertTombstone(db, erasedSessionOf(theirs.word), theirs.projectId);
    const trackers = { theirs: await openVisit(base, theirs), own: await openVisit(base, own) };
    const strangers = await makeStrangers(base, db, theirs, own);
    const cookies: Record<string, string> = { administrator: await app.signIn() };
    for (const role of ROLES) cookies[role] = await signIn(base, `${role}@${theirs.word}.example`);
    const { secret: readToken } = await insertToken(db, {
      userId: theirs.people.owner,
      projectId: theirs.projectId,
      scopes: ["read"],
      name: `${theirs.word} reader`,
    });
    const adminTokens: Record<Role, string> = { viewer: "", member: "", admin: "", owner: "" };
    for (const role of ROLES) {
      const facts = { userId: theirs.people[role], projectId: theirs.projectId, scopes: ["admin"] };
      adminTokens[role] = (await insertToken(db, { ...facts, name: `${theirs.word} ${role}` })).secret;
    }
    const { secret: ingestToken } = await insertToken(db, {
      userId: theirs.people.member,
      projectId: theirs.projectId,
      scopes: ["ingest"],
      name: `${theirs.word} program`,
    });
    const started = await trackers.theirs.next("session_started");
    const running = app;
    const world: World = {
      base,
      theirs: withLive(theirs),
      own: withLive(own),
      missing: missingLike(withLive(theirs).ids, theirs.word),
      strangers,
      cookies: v.parse(v.object({ administrator: v.string(), ...v.entriesFromList(ROLES, v.string()) }), cookies),
      readToken,
      ingestToken,
      adminTokens,
      routes: await listRoutes(base),
      trackers,
      resumeToken: v.parse(v.string(), started["resumeToken"]),
      snapshot: () => readSnapshot(database.connection, theirs.projectId),
      query: (sql, values) => db.query(sql, values),
      stop: async () => {
        await Promise.all([trackers.theirs.close(), trackers.own.close()]);
        await running.stop();
        await db.stop();
        await database.drop();
      },
    };
    await restUntilStill(world);
    return world;
  } catch (error) {
    await app?.stop();
    await db.stop();
    await database.drop();
    throw error;
  }
}

/** Name of a tenant's live session. */
export const liveSessionOf = (word: string): string => `${word}-live-visit`;

/** Name of a session that a tenant erased before the tests began, so that every part of the server has heard of it. */
export const erasedSessionOf = (word: string): string => `${word}-erased-visit`;

function withLive(tenant: Tenant): Tenant {
  return { ...tenant, ids: { ...tenant.ids, liveSession: liveSessionOf(tenant.word) } };
}

/** A visit that goes on. */
async function openVisit(base: string, { key, word }: Tenant): Promise<Client> {
  const tracker = await openClient(base, `type=tracker&key=${key}`);
  const url = `https://${word}.example/`;
  tracker.say("session_start", { sessionId: liveSessionOf(word), url, userId: `${word}-visitor`, title: word });
  tracker.say("events_batch", { events: rrwebEvents(Date.now(), 2) });
  await tracker.next("ack");
  return tracker;
}

/** Every route that the running app has, from its own description. */
export async function listRoutes(base: string): Promise<ListedRoute[]> {
  const { paths } = v.parse(description, await (await fetch(`${base}/v1/openapi.json`)).json());
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([lower, facts]) => {
      const path = template.replace(/\{([^}]+)\}/g, ":$1");
      const method = lower.toUpperCase();
      return { name: `${method} ${path}`, method, path, access: facts["x-access"], role: facts["x-role"] ?? null };
    }),
  );
}

async function readSnapshot(
  connection: Parameters<typeof withClient>[0],
  projectId: number,
): Promise<ReadonlyMap<string, string>> {
  return withClient(connection, async (client) => {
    const found = await client.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
    );
    const snapshot = new Map<string, string>();
    for (const { name } of found.rows) {
      if (COUNTERS.includes(name)) continue;
      const rows = await client.query<{ text: string }>(
        `SELECT (to_jsonb(t) - $1::text[])::text AS text FROM "${name}" t ORDER BY 1`,
        [RESTLESS],
      );
      const hash = createHash("sha256");
      for (const { text } of rows.rows) hash.update(text).update("\n");
      snapshot.set(name, `${rows.rows.length} ${hash.digest("hex")}`);
    }
    // Others may add to the log by what they do to themselves; what is about this tenant stays as it is.
    const log = await client.query<{ text: string }>(
      "SELECT t::text AS text FROM audit_log t WHERE project_id = $1 ORDER BY id",
      [projectId],
    );
    snapshot.set("audit_log of theirs", log.rows.map(({ text }) => text).join("\n"));
    return snapshot;
  });
}

/** Names of the tables that differ. */
export function changedTables(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...after.keys()].filter((name) => before.get(name) !== after.get(name));
}

/** What is written behind is written: two looks, a second apart, see the same, and no session waits to be folded. */
async function restUntilStill(world: World): Promise<void> {
  await waitFor(() => areCounted(world), { timeoutMs: 60_000, what: () => "all sessions to be counted and folded" });
  for (let before = await world.snapshot(), i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const after = await world.snapshot();
    if (changedTables(before, after).length === 0) return;
    before = after;
  }
  throw new Error("the tables never came to rest");
}

/** True where the live sessions have the numbers of what is stored, and search knows the newest of every session. */
async function areCounted(world: World): Promise<boolean> {
  const { theirs, own } = world;
  const [row] = await world.query<{ counted: number; due: number }>(
    `SELECT (SELECT count(*) FROM sessions s WHERE session_id = ANY($1) AND event_count =
         (SELECT sum(e.event_count) FROM session_events e WHERE e.session_id = s.session_id)) AS counted,
       (SELECT count(*) FROM session_facts f JOIN sessions s USING (session_id)
         WHERE f.is_due AND (s.status = 'ended' OR f.seen_at IS DISTINCT FROM s.received_at)) AS due`,
    [[liveSessionOf(theirs.word), liveSessionOf(own.word)]],
  );
  return row?.counted === 2 && row.due === 0;
}
