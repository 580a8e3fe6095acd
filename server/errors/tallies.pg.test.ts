import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type ErrorsRoom, startErrorsRoom } from "../../test/harness/errors-room.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import type { Identity } from "../auth/auth.ts";
import { systemClock } from "../clock.ts";
import { createTestClock } from "../../test/harness/clock.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { keepFeedback } from "./errors.ts";

const ID = "9ec79c33ec9942ab8353589fcb2e04dc";
/** Counts are of an hour, which must not be over in between. */
const NOW = Date.now();
const ERROR_ID = "00000000-0000-4000-8000-000000000001";
const reader: Identity = {
  kind: "user",
  userId: 1,
  email: "a@b.c",
  isAdmin: false,
  signInId: "s",
  roles: new Map([[1, "viewer"]]),
};

let test: TestDatabase;
let room: ErrorsRoom;
beforeAll(async () => {
  test = await createTestDatabase();
  room = await startErrorsRoom(test.connection, { clock: { ...systemClock, now: () => NOW } });
});
beforeEach(async () => {
  await room.db.query("TRUNCATE intake, attachments, feedback, occurrences, intake_hours, release_hours, intake_sources");
});
afterAll(async () => {
  await room.remove();
  await test.drop();
});

const get = (path: string, identity = reader) => createCaller(room.errors.routes)("GET", path, { identity });
const event: [object, string] = [{ type: "event" }, "{}"];

it("ERR-26 shows when something came first and last, from whom, what was kept and what was not, and why", async () => {
  const empty = {
    firstEventAt: null,
    lastEventAt: null,
    lastSdk: null,
    firstSessionAt: null,
    acceptedByCategory: {},
    dropped: [],
  };
  expect((await get("/v1/projects/1/intake")).json).toMatchObject(empty);
  const report = {
    discarded_events: [
      { reason: "sample_rate", category: "transaction", quantity: 7 },
      { reason: "my own words", category: "my own category", quantity: 2 },
      { reason: "sample_rate", category: "error", quantity: -1 },
    ],
  };
  await room.envelope({ event_id: ID, sdk: { name: "sentry.javascript.node", version: "11.12.0" } }, event, [
    { type: "span" },
    "{}",
  ]);
  await room.envelope({}, [{ type: "client_report" }, JSON.stringify(report)], [{ type: "client_report" }, "[[["]);
  await room.envelope({}, [{ type: "event" }, JSON.stringify("x".repeat(1024 * 1024))]);
  const { json } = await get("/v1/projects/1/intake");
  expect(json).toMatchObject({
    lastSdk: { name: "sentry.javascript.node", version: "11.12.0" },
    acceptedByCategory: { error: 1, internal: 1 },
    waiting: 1,
    dead: 0,
  });
  const { firstEventAt, lastEventAt, dropped } = json as { firstEventAt: number; lastEventAt: number; dropped: object[] };
  expect([firstEventAt, lastEventAt]).toEqual([NOW, NOW]);
  expect(dropped).toEqual([
    { category: "transaction", outcome: "client_dropped", reason: "sample_rate", count: 7 },
    { category: "default", outcome: "client_dropped", reason: "other", count: 2 },
    { category: "error", outcome: "too_large", reason: "", count: 1 },
    { category: "internal", outcome: "malformed", reason: "", count: 1 },
    { category: "span", outcome: "not_kept", reason: "", count: 1 },
  ]);
  expect((await get("/v1/projects/2/intake")).status).toBe(404);
});

it("ERR-11 counts sessions of SDKs by release: how many, and how they went", async () => {
  const attrs = { release: "shop@1", environment: "live" };
  const session = (fields: object): [object, string] => [{ type: "session" }, JSON.stringify({ sid: "1", attrs, ...fields })];
  await room.envelope({}, session({ init: true, status: "ok" }));
  await room.envelope({}, session({ status: "ok", errors: 1 }));
  await room.envelope({}, session({ status: "exited", errors: 1 }));
  await room.envelope({}, session({ init: true, status: "exited", errors: 2 }));
  await room.envelope({}, session({ init: true, status: "crashed", errors: 1 }));
  await room.envelope({}, session({ init: true, status: "abnormal" }));
  const aggregates = [{ started: "2026-11-21T10:00:00Z", exited: 5, errored: 2 }, { crashed: 1 }];
  await room.envelope({}, [{ type: "sessions" }, JSON.stringify({ aggregates, attrs: { release: "shop@2" } })]);
  await room.envelope({}, [{ type: "sessions" }, JSON.stringify({ aggregates: "many" })], session({ init: "yes", errors: 1e99 }));
  expect((await get("/v1/projects/1/intake")).json).toMatchObject({
    acceptedByCategory: { session: 8 },
    releases: [
      { release: "shop@2", environment: "", sessions: 8, errored: 2, crashed: 1, abnormal: 0 },
      { release: "shop@1", environment: "live", sessions: 4, errored: 2, crashed: 1, abnormal: 1 },
    ],
  });
});

it("ERR-11 a sender who makes up releases fills no table", async () => {
  for (let i = 0; i < 250; i += 50) {
    const sessions = Array.from({ length: 50 }, (_, k): [object, string] => [
      { type: "session" },
      JSON.stringify({ init: true, attrs: { release: `release ${i + k}` } }),
    ]);
    await room.envelope({}, ...sessions);
  }
  await get("/v1/projects/1/intake");
  const rows = await room.db.query<{ rows: number; sessions: number }>(
    "SELECT count(*) AS rows, sum(sessions)::bigint AS sessions FROM release_hours WHERE project_id = 1",
  );
  expect(rows[0]?.sessions).toBe(250);
  expect(rows[0]?.rows).toBeLessThanOrEqual(201);
});

async function addOccurrence(): Promise<void> {
  await room.db.query(
    "INSERT INTO occurrences (error_id, project_id, issue_id, event_id, source, received_at, at) VALUES ($1, 1, 1, $2, 'sdk', now(), 0)",
    [ERROR_ID, ID],
  );
}

it("ERR-12 attachments are to be saved, never shown, for people of the project, and go with their occurrence", async () => {
  const name = '../"evil\r\n.html';
  const file: [object, string] = [{ type: "attachment", length: 8, filename: name, content_type: "text/html" }, "<script>"];
  await room.envelope({ event_id: ID }, event, file);
  await addOccurrence();
  const list = await get(`/v1/errors/${ERROR_ID}/attachments`);
  expect(list.json).toEqual({
    attachments: [{ ordinal: 0, name, contentType: "text/html", kind: "event.attachment", bytes: 8 }],
  });
  const route = room.errors.routes.find(({ path }) => path.endsWith("/:ordinal"));
  const params = { id: ERROR_ID, ordinal: "0" };
  const answer = await route?.handle({
    method: "GET",
    path: "",
    params,
    query: new URLSearchParams(),
    headers: {},
    identity: reader,
    peer: "",
    body: new Uint8Array(0),
    signal: new AbortController().signal,
  });
  expect(answer).toEqual({
    bytes: Buffer.from("<script>"),
    contentType: "application/octet-stream",
    headers: { "Content-Disposition": 'attachment; filename="..__evil__.html"' },
  });
  const stranger: Identity = { ...reader, roles: new Map([[2, "owner"]]) };
  for (const path of [`/v1/errors/${ERROR_ID}/attachments`, `/v1/errors/${ERROR_ID}/attachments/0`]) {
    expect((await get(path, stranger)).status).toBe(404);
  }
  for (const path of [
    `/v1/errors/${ERROR_ID}/attachments/1`,
    `/v1/errors/${ERROR_ID}/attachments/x`,
    "/v1/errors/x/attachments",
  ]) {
    expect((await get(path)).status).toBe(404);
  }
  await room.db.query("DELETE FROM occurrences");
  expect(await room.db.query("SELECT 1 FROM attachments")).toEqual([]);
});

it("ERR-27 feedback is kept once, shown newest first with its error, and goes with it", async () => {
  const feedback = {
    projectId: 1,
    errorEventId: ID,
    receivedAt: 1_000,
    sessionId: null,
    replayId: null,
    userId: "u",
    name: "Ada",
    email: "ada@example.com",
    message: "it broke",
    url: "",
  };
  await addOccurrence();
  for (const eventId of ["a", "a", "b"]) await keepFeedback(room.db, { ...feedback, eventId });
  await keepFeedback(room.db, { ...feedback, eventId: "c", errorEventId: null });
  await keepFeedback(room.db, { ...feedback, eventId: "a", projectId: 2 });
  const first = (await get("/v1/projects/1/feedback?limit=2")).json as { feedback: object[]; nextCursor: string };
  expect(first.feedback).toMatchObject([
    { eventId: "c", errorId: null },
    { eventId: "b", errorId: ERROR_ID, issueId: 1, message: "it broke", receivedAt: 1_000, attachments: 0 },
  ]);
  expect((await get(`/v1/projects/1/feedback?limit=2&cursor=${first.nextCursor}`)).json).toMatchObject({
    feedback: [{ eventId: "a" }],
    nextCursor: null,
  });
  expect((await get("/v1/projects/2/feedback")).status).toBe(404);
  await room.db.query("DELETE FROM occurrences");
  expect(await room.db.query("SELECT project_id, event_id FROM feedback ORDER BY 1, 2")).toEqual([
    { project_id: 1, event_id: "c" },
    { project_id: 2, event_id: "a" },
  ]);
});

it("ERR-28 counts are forgotten after 90 days, marks of spool files after 30", async () => {
  await room.db.query(
    `INSERT INTO intake_hours (project_id, hour, category, outcome, count)
     SELECT 1, to_timestamp($1 / 1000.0) - make_interval(days => days), 'error', 'accepted', days FROM unnest(ARRAY[89, 91]) AS t (days)`,
    [NOW],
  );
  await room.db.query(
    `INSERT INTO release_hours (project_id, hour, release, environment, sessions, errored, crashed, abnormal)
     SELECT 1, to_timestamp($1 / 1000.0) - make_interval(days => days), '', '', days, 0, 0, 0 FROM unnest(ARRAY[89, 91]) AS t (days)`,
    [NOW],
  );
  await room.db.query(
    `INSERT INTO spool_marks (spool_id, upto, at)
     SELECT gen_random_uuid(), days, to_timestamp($1 / 1000.0) - make_interval(days => days) FROM unnest(ARRAY[29, 31]) AS t (days)`,
    [NOW],
  );
  const clock = createTestClock(NOW);
  const other = await startErrorsRoom(test.connection, { clock });
  clock.advance(3_600_000);
  const left = async () => {
    const rows = await room.db.query<{ days: number }>(
      "SELECT count AS days FROM intake_hours UNION ALL SELECT sessions FROM release_hours UNION ALL SELECT upto FROM spool_marks",
    );
    // What the tests before sent is counted behind them, with small numbers.
    return rows
      .map(({ days }) => days)
      .filter((days) => days > 20)
      .sort((a, b) => a - b);
  };
  await waitFor(async () => (await left()).length === 3);
  expect(await left()).toEqual([29, 89, 89]);
  await other.remove();
});
