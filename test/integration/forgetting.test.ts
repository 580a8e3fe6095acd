import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp, type App } from "../../server/app.ts";
import { systemClock } from "../../server/clock.ts";
import { parseConfig } from "../../server/config.ts";
import { type ConnectionOptions, withClient } from "../../server/db/connection.ts";
import { createLog, type Log } from "../../server/log.ts";
import { scanFiles, scanTables } from "../harness/full-scan.ts";
import { waitFor } from "../harness/wait.ts";
import { EMAIL, KEY, openClient, PASSWORD, postJson, readObject, rrwebEvents, type Client } from "./running-app.ts";

const DAY_MS = 24 * 3_600_000;
const SESSIONS = 1_000;
/** In what one person did: words that are nowhere else. Each run has its own. */
const RUN = randomBytes(6).toString("hex");
const PERSON = `ada-${RUN}@example.com`;
const SECRETS = [
  PERSON,
  `payload-${RUN}`,
  `marker-${RUN}`,
  `stack-${RUN}`,
  `title-${RUN}`,
  `url-${RUN}`,
  `trait-${RUN}`,
  `finding-${RUN}`,
  `live-${RUN}`,
  `thrown-${RUN}`,
  `crumb-${RUN}`,
  `said-${RUN}`,
  `file-${RUN}`,
  `note-${RUN}`,
  `place-${RUN}`,
  `link-${RUN}`,
];
const PACKED = deflateRawSync(Buffer.from(`packed-${randomBytes(48).toString("hex")}`));

let folder: string;
let log: Log;
let app: App;
let base: string;
let cookie: string;
let connection: ConnectionOptions;
let movedMs = 0;
/** All sessions are of the same days, also where a day ends between two tests. */
const BEGUN = Date.now();

async function start(): Promise<void> {
  log = createLog({ folder: join(folder, "logs"), level: "debug", console: null });
  const config = parseConfig({
    HOST: "127.0.0.1",
    PORT: "0",
    DATA_DIR: join(folder, "data"),
    LOG_DIR: join(folder, "logs"),
    CREATE_SUPERUSER: `${EMAIL}:${PASSWORD}`,
    DEFAULT_PROJECT_KEY: KEY,
    AUTO_CLEANUP_INTERVAL_MINUTES: "0",
    MIN_FREE_DISK_MB: "0",
  });
  app = createApp({ config, log, clock: { ...systemClock, now: () => Date.now() + movedMs } });
  base = `http://127.0.0.1:${(await app.start()).port}`;
  connection = { host: join(folder, "data", "run"), database: "watchback", user: "watchback" };
  await signIn();
}

async function signIn(): Promise<void> {
  const signedIn = await postJson(`${base}/auth/login`, { email: EMAIL, password: PASSWORD });
  cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
}

async function stop(): Promise<void> {
  await app.stop();
  await log.close();
}

const sql = <Row extends object>(text: string, values: unknown[] = []) =>
  withClient(connection, async (client) => (await client.query<Row>(text, values)).rows, { statementTimeoutMs: 0 });
const ask = async (method: string, path: string) =>
  readObject(await fetch(`${base}${path}`, { method, headers: { Cookie: cookie, Origin: base } }));

/** Resolves when the files are clean; the answer says how. */
async function scrubbed(): Promise<Record<string, unknown>> {
  let last: unknown = null;
  await expect
    .poll(
      async () => {
        const { scrub } = (await ask("GET", "/v1/storage")) as { scrub: { state: string; last: unknown } };
        last = scrub.last;
        return scrub.state === "idle" && scrub.last !== null;
      },
      { timeout: 60_000, interval: 250 },
    )
    .toBe(true);
  return last as Record<string, unknown>;
}

/** Sessions of somebody on three days, the way the store leaves them. */
async function insertSessions(prefix: string, count: number, userId: string, words: readonly string[]): Promise<void> {
  const [, payload, marker, stack, title, url, trait] = words;
  const days = [0, 1, 3].map((ago) => new Date(BEGUN - ago * DAY_MS).toISOString().slice(0, 10));
  for (const day of days) {
    for (const table of ["session_events", "session_markers", "session_errors"]) {
      await sql(
        `CREATE TABLE IF NOT EXISTS ${table}_${day.replaceAll("-", "")} PARTITION OF ${table} FOR VALUES FROM ('${day}') TO ('${day}'::date + 1)`.replace(
          /'([\d-]+)'::date \+ 1/,
          `'${new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, 10)}'`,
        ),
      );
    }
  }
  const of = `FROM generate_series(1, ${count}) AS n CROSS JOIN LATERAL (SELECT '${prefix}-' || n AS id, ($1::date[])[1 + n % 3] AS day) d`;
  await sql(
    `INSERT INTO sessions (session_id, project_id, started_on, resume_hash, status, user_id, traits, url, title, started_at, last_at,
       ended_at, event_count, batch_count, byte_count, error_count)
     SELECT id, 1, day, '\\x00', 'ended', $2, jsonb_build_object('plan', $3::text), 'https://shop.example/' || $4, $5, day, day, day, 9, 3, 900, 1 ${of}`,
    [days, userId, trait, url, title],
  );
  await sql(
    `INSERT INTO session_tabs (session_id, tab, url, title, started_at, last_at)
     SELECT id, 'main', 'https://shop.example/' || $2, $3, day, day ${of}`,
    [days, url, title],
  );
  await sql(
    `INSERT INTO session_events (session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding, raw_bytes, payload)
     SELECT id, 'main', seq, day, now(), 0, 1, 3, seq = 0, 0, 9000, CASE seq
       WHEN 0 THEN convert_to('[{"type":5,"text":"' || $2 || '"}]', 'UTF8')
       WHEN 1 THEN $3::bytea
       ELSE convert_to(repeat('[{"type":5,"text":"' || $2 || '"}]', 400), 'UTF8') END
     ${of} CROSS JOIN generate_series(0, 2) AS seq`,
    [days, payload, words === SECRETS ? PACKED : Buffer.from("x")],
  );
  await sql(
    `INSERT INTO session_markers (session_id, tab, seq, ordinal, started_on, project_id, kind, at, name, text)
     SELECT id, 'main', 0, 0, day, 1, 'error', 0, 'Error', $2 ${of}`,
    [days, marker],
  );
  await sql(
    `INSERT INTO session_errors (error_id, session_id, tab, seq, ordinal, started_on, project_id, at, received_at, message, stack)
     SELECT gen_random_uuid(), id, 'main', 0, 0, day, 1, 0, now(), $2, $3 ${of}`,
    [days, marker, stack],
  );
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wb-forget-"));
  await start();
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

async function visit(sessionId: string): Promise<Client> {
  const tracker = await openClient(base, `type=tracker&key=${KEY}`);
  tracker.say("session_start", {
    sessionId,
    resumeToken: "0123456789abcdef",
    userId: PERSON,
    url: `https://shop.example/url-${RUN}`,
    title: `title-${RUN}`,
  });
  return tracker;
}

/** What an SDK sends of a person: an error in a session of ours, one without a session, feedback with a file; and one that nobody can read. */
async function reportErrors(sessionId: string | null): Promise<void> {
  const event = (more: object) =>
    JSON.stringify({
      platform: "node",
      exception: { values: [{ type: "TypeError", value: `thrown-${RUN} by ${PERSON}` }] },
      breadcrumbs: [{ message: `crumb-${RUN}` }],
      user: { id: PERSON },
      ...more,
    });
  const items = [
    ["event", event(sessionId === null ? {} : { tags: { "watchback.session": sessionId } })],
    ["attachment", `file-${RUN}`],
  ];
  await send(items);
  await send([["feedback", JSON.stringify({ contexts: { feedback: { message: `said-${RUN}`, contact_email: PERSON } } })]]);
  await send([["event", `{"user":{"id":"${PERSON}"},"message":"said-${RUN}`]]);
}

/** What people say of a session and show of it: a note, a place in a playlist that names the person, a link that is opened. Returns its secret. */
async function shareSession(sessionId: string): Promise<string> {
  const post = async (path: string, body: unknown) => {
    const answer = await postJson(`${base}${path}`, body, { Cookie: cookie, Origin: base });
    expect(answer.status, path).toBe(201);
    return readObject(answer);
  };
  await post(`/v1/sessions/${sessionId}/comments`, { at: 1, text: `note-${RUN}` });
  const secret = String((await post(`/v1/sessions/${sessionId}/share-links`, { name: `link-${RUN}` }))["secret"]);
  for (const [held, status] of [
    [secret, 200],
    [`x${secret}`, 401],
  ] as const)
    expect((await fetch(`${base}/v1/guest/session`, { headers: { Authorization: `Guest ${held}` } })).status).toBe(status);
  const { playlistId } = await post("/v1/projects/1/playlists", { name: `What ${PERSON} did` });
  await post(`/v1/projects/1/playlists/${String(playlistId)}/items`, { sessionId, note: `place-${RUN}` });
  return secret;
}

/** One envelope, accepted. */
async function send(items: readonly string[][]): Promise<void> {
  const lines = items.flatMap(([type, body = ""]) => [JSON.stringify({ type, length: Buffer.byteLength(body) }), body]);
  const body = [JSON.stringify({ event_id: randomBytes(16).toString("hex") }), ...lines, ""].join("\n");
  const answer = await fetch(`${base}/api/1/envelope/?sentry_key=${KEY}`, { method: "POST", body });
  expect(answer.status).toBe(200);
}

/** Resolves when nothing waits for its digest any more but what is dead. */
const digested = () =>
  expect
    .poll(() => sql("SELECT kind, attempts, fault FROM intake WHERE dead_at IS NULL LIMIT 3"), {
      timeout: 120_000,
      interval: 250,
    })
    .toEqual([]);

describe("forgetting", () => {
  it(
    `RET-10 RET-11 RET-23 RET-24 SHA-1 SHA-9 a person with ${SESSIONS} sessions, live ones too: nothing is found in any table and any file, and nothing brings it back`,
    { timeout: 300_000 },
    async () => {
      await insertSessions(`person-${RUN}`, SESSIONS, PERSON, SECRETS);
      await insertSessions("other", 300, "bob@example.com", ["", "fine", "fine", "fine", "fine", "fine", "fine"]);
      const [scan] = await sql<{ id: number }>(
        "INSERT INTO leak_scans (project_id, patterns, salt, state) VALUES (1, '{}', '\\x00', 'done') RETURNING id",
      );
      await sql("INSERT INTO leak_findings (scan_id, session_id, kind, place, sample) VALUES ($1, $2, 'e-mail', 'text', $3)", [
        scan?.id,
        `person-${RUN}-7`,
        `finding-${RUN}`,
      ]);
      const secret = await shareSession(`person-${RUN}-8`);
      const tracker = await visit(`live-session-${RUN}`);
      await tracker.next("session_started");
      tracker.say("events_batch", {
        events: [...rrwebEvents(Date.now()), { type: 5, timestamp: Date.now(), data: { text: `live-${RUN}` } }],
      });
      await tracker.next("ack");
      await reportErrors(`live-session-${RUN}`);
      await reportErrors(null);
      await digested();
      const viewer = await openClient(base, "type=viewer", { headers: { Cookie: cookie, Origin: base } });
      viewer.say("viewer_join_session", { sessionId: `live-session-${RUN}` });
      await viewer.next("session_joined");
      await ask("GET", `/v1/sessions/person-${RUN}-7`);
      await fetch(`${base}/v1/sessions/person-${RUN}-7/batches`, { headers: { Cookie: cookie } }).then((answer) =>
        answer.arrayBuffer(),
      );
      await sql("ANALYZE; CHECKPOINT");
      // What is looked for can be found: in tables, in the planner's samples, in heap, log and indexes.
      const before = await scanTables(connection, SECRETS);
      for (const table of [
        ...["sessions", "session_tabs", "pg_statistic", "leak_findings", "audit_log"],
        ...["occurrences", "issues", "issue_users", "feedback", "attachments", "intake"],
        ...["session_comments", "playlists", "playlist_items", "share_links"],
      ]) {
        expect(
          before.some((place) => place.startsWith(table)),
          table,
        ).toBe(true);
      }
      const places = scanFiles([folder], [...SECRETS, PACKED, secret]).found;
      expect(places.filter((place) => place.endsWith(secret))).toEqual([]);
      expect(places.some((place) => place.includes("/pg_wal/"))).toBe(true);
      expect(places.some((place) => place.includes("bytes of a payload"))).toBe(true);
      expect(await ask("GET", `/v1/projects/1/people/${encodeURIComponent(PERSON)}`)).toMatchObject({ sessions: SESSIONS + 1 });

      const startedAt = performance.now();
      const late = visit(`live-session-${RUN}`);
      const erased = await ask("DELETE", `/v1/projects/1/people/${encodeURIComponent(PERSON)}`);
      const erasedMs = performance.now() - startedAt;
      tracker.say("events_batch", { events: [{ type: 5, timestamp: Date.now(), data: { text: `live-${RUN}` } }] });
      expect(erased).toMatchObject({ erased: true, errors: SESSIONS });
      expect(erased["sessions"]).toBeGreaterThanOrEqual(SESSIONS + 1);
      expect(await viewer.next("session_ended")).toMatchObject({ reason: "erased" });
      expect(await tracker.next("error")).toMatchObject({ code: "gone" });
      expect(await tracker.closed).toBe(4004);
      // At once in every table; what the planner remembers goes with the files.
      expect((await scanTables(connection, SECRETS)).filter((place) => !place.startsWith("pg_statistic"))).toEqual([]);
      const report = await scrubbed();
      const cleanMs = performance.now() - startedAt;
      expect(report).toMatchObject({ later: [], vacuumed: [], isLogClean: true });

      expect(await scanTables(connection, SECRETS)).toEqual([]);
      const scanned = scanFiles([folder], [...SECRETS, PACKED]);
      expect(scanned.found).toEqual([]);
      expect(scanned.bytes).toBeGreaterThan(50_000_000);
      console.log(
        `erased ${String(erased["sessions"])} sessions in ${Math.round(erasedMs)} ms, files clean after ${Math.round(cleanMs)} ms (${JSON.stringify(report)}); ${scanned.bytes} bytes looked through`,
      );
      const [left] = await sql<{ count: number; stones: number }>(
        "SELECT (SELECT count(*) FROM sessions) AS count, (SELECT count(*) FROM tombstones) AS stones",
      );
      expect(left).toEqual({ count: 300, stones: SESSIONS + 1 });
      const entries = await sql("SELECT person_id, subject_id, data FROM audit_log WHERE action = 'person_erased'");
      expect(entries).toEqual([
        { person_id: null, subject_id: "", data: expect.objectContaining({ sessions: erased["sessions"] }) as unknown },
      ]);
      expect(await sql("SELECT 1 FROM audit_log WHERE action = 'session_replayed' AND subject_id IS NULL")).toHaveLength(1);

      // What names an erased session is dropped when it comes later.
      await reportErrors(`live-session-${RUN}`);
      await digested();
      expect(await sql("SELECT 1 FROM occurrences WHERE source = 'sdk'")).toEqual([]);
      await ask("DELETE", `/v1/projects/1/people/${encodeURIComponent(PERSON)}`);
      await scrubbed();

      // Who comes back with the id is refused, in this process and in the next one.
      await (await late).close();
      for (const isRestarted of [false, true]) {
        if (isRestarted) {
          await stop();
          await start();
        }
        const back = await visit(`live-session-${RUN}`);
        expect(await back.next("error")).toMatchObject({ code: "gone" });
        await back.close();
      }
      expect(await scanTables(connection, SECRETS)).toEqual([]);
      await viewer.close().catch(() => undefined);
    },
  );

  it(
    "RET-1 RET-11 RET-25 what expired is gone from every table and every file, by a clock that was moved",
    { timeout: 300_000 },
    async () => {
      await insertSessions(`expired-${RUN}`, 200, PERSON, SECRETS);
      await sql("UPDATE sessions SET error_count = 0; CHECKPOINT");
      expect(scanFiles([folder], [...SECRETS, PACKED]).found).not.toEqual([]);
      movedMs = 12 * DAY_MS;
      // A day that is in use for longer than a clean-up waits for it is postponed, and goes with the next one.
      const reports: { sessions: number; days: string[]; postponed: string[]; freedBytes: number }[] = [];
      await waitFor(async () => {
        const report = (await ask("DELETE", "/sessions/cleanup")) as unknown as (typeof reports)[number];
        return reports.push(report) > 0 && report.postponed.length === 0;
      });
      expect(reports.reduce((sum, { sessions }) => sum + sessions, 0)).toBe(500);
      expect(reports.flatMap(({ days }) => days)).toHaveLength(3);
      expect(reports.reduce((sum, { freedBytes }) => sum + freedBytes, 0)).toBeGreaterThan(1_000_000);
      await scrubbed();
      expect(await scanTables(connection, SECRETS)).toEqual([]);
      expect(scanFiles([folder], [...SECRETS, PACKED]).found).toEqual([]);
      // Tombstones go when no tracker can have kept anything for so long.
      movedMs = 31 * DAY_MS;
      await signIn();
      await ask("DELETE", "/sessions/cleanup");
      expect(await sql("SELECT 1 FROM tombstones")).toEqual([]);
    },
  );
});
