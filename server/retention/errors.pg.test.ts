import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import {
  createRetentionRoom,
  insertVisit,
  lockWaiters,
  personWith,
  type RetentionRoom,
} from "../../test/harness/retention-room.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { insertProject } from "../../test/harness/stored-session.ts";

const DAY = "2026-11-20";
const NOON = Date.parse(`${DAY}T12:00:00Z`);
const DAY_MS = 24 * 3_600_000;

let test: TestDatabase;
let shop: number;
let blog: number;
let clock: TestClock;
let room: RetentionRoom;
let call: ReturnType<typeof createCaller>;

beforeEach(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
  clock = createTestClock(NOON);
  room = createRetentionRoom(test, clock);
  call = createCaller(room.routes);
});
afterEach(async () => {
  await room.stop();
  await test.drop();
});

const sql = <Row extends object>(text: string, values: unknown[] = []) => test.database.query<Row>(text, values);
const column = async (text: string) => (await sql<{ value: unknown }>(text)).map(({ value }) => value);

interface ErrorFacts {
  issue: number;
  message: string;
  projectId?: number;
  sessionId?: string | null;
  userId?: string | null;
  email?: string;
  at?: number;
  source?: "sdk" | "tracker";
}
let events = 0;

/** An issue whose words are those of its first occurrence. */
async function insertIssue(message: string, projectId = shop): Promise<number> {
  const [row] = await sql<{ id: number }>(
    `INSERT INTO issues (project_id, number, title, type, value, culprit, first_seen, last_seen, occurrence_count)
     SELECT $1, count(*) + 1, 'Error: ' || $2::text, 'Error', $2, 'cart', to_timestamp($3 / 1000.0), to_timestamp($3 / 1000.0), 7
     FROM issues RETURNING issue_id AS id`,
    [projectId, message, NOON],
  );
  return row?.id ?? 0;
}

/** An occurrence, its key, its person and session in the issue, a file and a word of feedback. */
async function insertError(facts: ErrorFacts): Promise<string> {
  const { issue, message, projectId = shop, sessionId = null, userId = null, email = "", at = NOON, source = "sdk" } = facts;
  const eventId = `event-${++events}`;
  await sql(
    `INSERT INTO occurrences (error_id, project_id, issue_id, event_id, source, received_at, at, session_id, user_id, type, message, culprit,
       mechanism, key_hash, detail)
     VALUES (gen_random_uuid(), $1, $2, $3, $9, to_timestamp($4 / 1000.0), $4, $5, $6, 'Error', $7, 'cart', 'v1', sha256($7::text::bytea),
       jsonb_build_object('user', jsonb_build_object('id', $6::text, 'email', $8::text)))`,
    [projectId, issue, eventId, at, sessionId, userId, message, email, source],
  );
  await sql(
    `INSERT INTO groupings (project_id, mechanism, key_hash, key, issue_id)
     VALUES ($1, 'v1', sha256($2::text::bytea), jsonb_build_array('exception', 'Error', $2::text), $3) ON CONFLICT DO NOTHING`,
    [projectId, message, issue],
  );
  if (userId) await sql("INSERT INTO issue_users VALUES ($1, $2) ON CONFLICT DO NOTHING", [issue, userId]);
  if (sessionId) {
    await sql("INSERT INTO issue_sessions VALUES ($1, $2, to_timestamp($3 / 1000.0), 1) ON CONFLICT DO NOTHING", [
      issue,
      sessionId,
      at,
    ]);
  }
  await sql(
    "INSERT INTO attachments (project_id, event_id, ordinal, bytes, received_at) VALUES ($1, $2, 0, 'x', to_timestamp($3 / 1000.0))",
    [projectId, eventId, at],
  );
  await sql(
    `INSERT INTO feedback (project_id, event_id, error_event_id, received_at, message) VALUES ($1, 'of-' || $2::text, $2, to_timestamp($3 / 1000.0), 'oh')`,
    [projectId, eventId, at],
  );
  return eventId;
}

const insertWaiting = (body: string, projectId = shop, isDead = false) =>
  sql("INSERT INTO intake (project_id, kind, body, dead_at) VALUES ($1, 'event', convert_to($2, 'UTF8'), $3)", [
    projectId,
    body,
    isDead ? new Date(NOON) : null,
  ]);
const messages = () => column("SELECT message AS value FROM occurrences ORDER BY message");

describe("erasing a session", () => {
  it("RET-23 takes its errors with all that hangs on them, and the words that issues took from them; counts and others' words stay", async () => {
    for (const [id, userId] of [
      ["doomed", "ada"],
      ["spared", "bob"],
    ] as const)
      await insertVisit(test, { sessionId: id, projectId: shop, startedOn: DAY, userId }, { hasError: true });
    const [own, shared, theirs] = [await insertIssue("hers"), await insertIssue("hers too"), await insertIssue("both say this")];
    await sql("UPDATE issues SET merged_into = $1 WHERE issue_id = $2", [
      own,
      await insertIssue("what a merged issue took from her"),
    ]);
    const gone = [
      await insertError({ issue: own, message: "hers", sessionId: "doomed", userId: "ada" }),
      await insertError({ issue: shared, message: "hers too", sessionId: "doomed", userId: "ada", source: "tracker" }),
      await insertError({ issue: theirs, message: "both say this", sessionId: "doomed", userId: "ada" }),
    ];
    await insertError({ issue: shared, message: "his", sessionId: "spared", userId: "bob", source: "tracker" });
    await insertError({ issue: theirs, message: "both say this", sessionId: "spared", userId: "bob" });
    for (const isDead of [false, true]) {
      await insertWaiting('{"tags":{"watchback.session":"doomed"}}', shop, isDead);
      await insertWaiting('{"tags":{"watchback.session":"doomed-not"}}', shop, isDead);
    }
    const answer = await call("DELETE", "/v1/sessions/doomed", { identity: personWith({ [shop]: "admin" }) });
    expect(answer.json).toMatchObject({ erased: true, sessions: 1, errors: 1 });

    expect(await messages()).toEqual(["both say this", "his"]);
    expect(await column("SELECT DISTINCT session_id AS value FROM issue_sessions")).toEqual(["spared"]);
    expect(await column("SELECT DISTINCT user_id AS value FROM issue_users")).toEqual(["bob"]);
    for (const table of ["attachments", "feedback"]) {
      const left = await column(`SELECT event_id AS value FROM ${table} ORDER BY 1`);
      expect(left).toHaveLength(2);
      expect(left.filter((id) => gone.some((event) => String(id).endsWith(event)))).toEqual([]);
    }
    expect(await sql("SELECT title, value, culprit, occurrence_count FROM issues ORDER BY number")).toEqual([
      { title: "Error", value: "", culprit: "", occurrence_count: 7 },
      { title: "Error: his", value: "his", culprit: "cart", occurrence_count: 7 },
      { title: "Error: both say this", value: "both say this", culprit: "cart", occurrence_count: 7 },
      { title: "Error", value: "", culprit: "", occurrence_count: 7 },
    ]);
    expect(await column("SELECT key ->> -1 AS value FROM groupings ORDER BY issue_id, 1")).toEqual([
      "erased",
      "erased",
      "his",
      "both say this",
    ]);
    // Of the intake what names it goes, waiting or dead; its tracker's errors, whose rows name it by their key, go as well.
    expect(await column("SELECT convert_from(body, 'UTF8') AS value FROM intake WHERE body IS NOT NULL")).toEqual(
      Array.from({ length: 2 }, () => '{"tags":{"watchback.session":"doomed-not"}}'),
    );
    expect(await column("SELECT head ->> 'session_id' AS value FROM intake WHERE kind = 'tracker_error'")).toEqual(["spared"]);
    expect(await column("SELECT started_on::text AS value FROM days_to_scrub ORDER BY 1")).toContain("1970-01-01");
  });

  it("RET-23 is done a second time for what a digest wrote at the same moment", async () => {
    await insertVisit(test, { sessionId: "doomed", projectId: shop, startedOn: DAY });
    await call("DELETE", "/v1/sessions/doomed", { identity: personWith({ [shop]: "admin" }) });
    await insertError({ issue: await insertIssue("late"), message: "late", sessionId: "doomed" });
    clock.advance(5_000);
    await expect.poll(messages).toEqual([]);
    await insertError({ issue: await insertIssue("later"), message: "later", sessionId: "doomed" });
    await room.cleanUp();
    expect(await messages()).toEqual([]);
  });
});

describe("erasing a person", () => {
  const erase = (userId: string) =>
    call("DELETE", `/v1/projects/${shop}/people/${encodeURIComponent(userId)}`, { identity: personWith({ [shop]: "admin" }) });

  it("RET-24 takes what SDKs reported of him without a session, by id, e-mail or name, and only in that project", async () => {
    const issue = await insertIssue("a");
    const elsewhere = await insertIssue("elsewhere", blog);
    await insertError({ issue, message: "a", userId: "ada" });
    await insertError({ issue, message: "b", userId: "17", email: "ada" });
    await insertError({ issue, message: "c", userId: "bob" });
    await insertError({ issue: elsewhere, message: "elsewhere", userId: "ada", projectId: blog });
    await sql(
      "INSERT INTO feedback (project_id, event_id, received_at, email, message) VALUES ($1, 'f', to_timestamp($2 / 1000.0), 'ada', 'help')",
      [shop, NOON],
    );
    expect((await erase("ada")).json).toMatchObject({ erased: true, sessions: 0 });
    expect(await messages()).toEqual(["c", "elsewhere"]);
    expect(await sql("SELECT issue_id AS id, user_id FROM issue_users ORDER BY 2, 1")).toEqual([
      { id: elsewhere, user_id: "ada" },
      { id: issue, user_id: "bob" },
    ]);
    expect(await column("SELECT count(*) AS value FROM feedback")).toEqual([2]);
    expect(await column("SELECT title AS value FROM issues ORDER BY number")).toEqual(["Error: c", "Error: elsewhere"]);
  });

  it.each([
    ["ada", ['{"user":{"id":"ada"}}', '{"user": {"email": "ada"}}', '{"user":{"username":"ada","id":3}}']],
    ["42", ['{"user":{"id":42}}', '{"user":{"id":42,"x":1}}', '{"user": {"id": "42"}}']],
    ["jürgen@example.com", ['{"user":{"id":"jürgen@example.com"}}', '{"user": {"id": "j\\u00fcrgen@example.com"}}']],
  ])("RET-24 takes what waits for its digest and names %s, however an SDK writes that", async (userId, bodies) => {
    for (const body of bodies) await insertWaiting(body, shop, body.includes("email"));
    await sql('UPDATE intake SET head = \'{"event_id": "with-file"}\'');
    await sql("INSERT INTO attachments (project_id, event_id, ordinal, bytes) VALUES ($1, 'with-file', 0, 'x')", [shop]);
    const others = ['{"user":{"id":"adam"}}', '{"user":{"id":421}}', '{"message":"ada 42"}'];
    for (const body of others) await insertWaiting(body);
    await insertWaiting(bodies[0] ?? "", blog);
    await erase(userId);
    expect(await sql("SELECT 1 FROM attachments")).toEqual([]);
    expect(await column("SELECT convert_from(body, 'UTF8') AS value FROM intake ORDER BY intake_id")).toEqual([
      ...others,
      bodies[0],
    ]);
  });

  it("RET-24 takes what was under way, and nothing that came after", async () => {
    const issue = await insertIssue("x");
    await erase("ada");
    await insertError({ issue, message: "under way", userId: "ada", at: NOON - 1 });
    await insertError({ issue, message: "a new beginning", userId: "ada", at: NOON + 1_000 });
    clock.advance(5_000);
    await expect.poll(messages).toEqual(["a new beginning"]);
  });
});

describe("by age", () => {
  it("RET-25 errors that are digested while their session expires go with it", async () => {
    await insertVisit(test, { sessionId: "expired", projectId: shop, startedOn: "2026-11-11" }, { hasError: true });
    await insertError({ issue: await insertIssue("late"), message: "late", source: "tracker" });
    await sql("UPDATE sessions SET error_count = 0");
    let cleaning: Promise<unknown> = Promise.resolve();
    await test.database.transaction(async (tx) => {
      // A digest: its row is taken, the occurrence is there, and nobody else sees either.
      expect(await tx.query("DELETE FROM intake RETURNING 1")).toHaveLength(1);
      await tx.query("UPDATE occurrences SET session_id = 'expired'");
      cleaning = room.cleanUp();
      await lockWaiters(test, 1);
    });
    await cleaning;
    expect(await messages()).toEqual([]);
  });

  it("RET-25 errors without a session go after the days of errors, and with them their files and people; the issue and its words stay", async () => {
    const issue = await insertIssue("old");
    await insertError({ issue, message: "old", userId: "ada", sessionId: "never-recorded", at: NOON - 31 * DAY_MS });
    await insertError({ issue, message: "young", userId: "bob", at: NOON - 29 * DAY_MS });
    await sql("INSERT INTO intake (project_id, kind, received_at, dead_at) VALUES ($1, 'event', $2, $2)", [
      shop,
      new Date(NOON - 31 * DAY_MS),
    ]);
    // The occurrence, with its file and feedback, and what was dead.
    expect(await room.cleanUp()).toMatchObject({ errors: 2, sessions: 0 });
    expect(await messages()).toEqual(["young"]);
    expect(await column("SELECT user_id AS value FROM issue_users")).toEqual(["bob"]);
    expect(await column("SELECT session_id AS value FROM issue_sessions")).toEqual([]);
    expect(await column("SELECT count(*) AS value FROM attachments")).toEqual([1]);
    expect(await column("SELECT title AS value FROM issues")).toEqual(["Error: old"]);
    expect(await room.cleanUp()).toMatchObject({ errors: 0 });
  });

  it("RET-25 an error that a backend reported of a session keeps it like its own; another project's word does not", async () => {
    const old = "2026-11-01";
    for (const id of ["named", "foreign", "plain", "pinned"]) {
      await insertVisit(test, { sessionId: id, projectId: shop, startedOn: old, userId: "ada" });
    }
    const issue = await insertIssue("x");
    const at = Date.parse(`${old}T12:00:00Z`);
    await insertError({ issue, message: "named", sessionId: "named", at });
    await insertError({
      issue: await insertIssue("y", blog),
      message: "foreign",
      sessionId: "foreign",
      projectId: blog,
      at,
    });
    await sql("UPDATE sessions SET pinned_at = now() WHERE session_id = 'pinned'");
    await insertError({ issue, message: "pinned", sessionId: "pinned", at });
    expect(await room.cleanUp()).toMatchObject({ sessions: 2 });
    expect(await column("SELECT session_id AS value FROM sessions ORDER BY 1")).toEqual(["named", "pinned"]);
    clock.advance(20 * DAY_MS);
    expect(await room.cleanUp()).toMatchObject({ sessions: 1 });
    // With a session that is pinned its errors stay.
    expect(await messages()).toEqual(["pinned"]);
  });

  it("RET-7 RET-25 of a removed project nothing of its errors stays", async () => {
    await insertError({ issue: await insertIssue("x"), message: "x", userId: "ada", sessionId: "s" });
    await insertError({ issue: await insertIssue("y", blog), message: "y", projectId: blog });
    await insertWaiting("{}");
    await sql("UPDATE projects SET removed_at = now() WHERE id = $1", [shop]);
    await room.cleanUp();
    for (const table of ["occurrences", "issues", "groupings", "attachments", "feedback"]) {
      expect(await column(`SELECT DISTINCT project_id AS value FROM ${table}`), table).toEqual([blog]);
    }
    for (const table of ["intake", "issue_users", "issue_sessions"])
      expect(await sql(`SELECT 1 FROM ${table}`), table).toEqual([]);
  });
});
