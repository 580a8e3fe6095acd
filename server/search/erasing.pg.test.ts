import { afterEach, beforeEach, expect, it } from "vitest";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { scanTables } from "../../test/harness/full-scan.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { createRetentionRoom, idsIn, personWith, type RetentionRoom } from "../../test/harness/retention-room.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { insertBatch, insertProject, insertSession, insertTab, textEvent } from "../../test/harness/stored-session.ts";
import { systemClock } from "../clock.ts";
import { createSearch, type Search } from "./search.ts";

const DAY = "2026-11-20";
const NOON = Date.parse(`${DAY}T12:00:00Z`);
const SEARCHED = ["session_facts", "session_words", "session_folds"];

let test: TestDatabase;
let project: number;
let clock: TestClock;
let retention: RetentionRoom;
let search: Search;

beforeEach(async () => {
  test = await createTestDatabase();
  project = (await insertProject(test.database, "shop")).id;
  clock = createTestClock(NOON);
  retention = createRetentionRoom(test, clock);
  search = createSearch({ db: test.database, clock: systemClock, log: quietLog, eraser: retention });
});

afterEach(async () => {
  await retention.stop();
  await test.drop();
});

/** A visit that says a word wherever a session can be searched. */
async function visit(sessionId: string, userId: string, word: string): Promise<void> {
  const status = "live" as const;
  const url = `https://shop.example/${word}`;
  await insertSession(test.database, {
    sessionId,
    projectId: project,
    startedOn: DAY,
    startedAt: NOON,
    userId,
    url,
    title: word,
    status,
  });
  await test.database.query(
    "UPDATE sessions SET traits = jsonb_build_object('company', $2::text), region = $2, release = $2 WHERE session_id = $1",
    [sessionId, word],
  );
  await insertTab(test.database, sessionId, "main", NOON);
  const markers = (["page_load", "custom", "console_error", "error"] as const).map((kind) => ({
    kind,
    at: NOON,
    name: word,
    text: word,
  }));
  await insertBatch(test.database, {
    ...{ sessionId, startedOn: DAY, projectId: project, tab: "main", seq: 0 },
    events: [textEvent(NOON, "a")],
    markers,
  });
}

it("SEA-12 nothing that an erased person was searched by is left, in any table", { timeout: 60_000 }, async () => {
  await visit("hers", "ada-lovelace", "counterword");
  await visit("his", "bob", "otherword");
  expect(await search.foldDue()).toBe(2);
  await test.database.query("INSERT INTO users (email, password_hash) VALUES ('a@example.com', '')");
  const call = createCaller([...search.routes, ...retention.routes]);
  const identity = personWith({ [project]: "owner" });
  const save = (name: string, query: string) =>
    call("POST", `/v1/projects/${project}/searches`, { identity, body: { name, query } });
  await save("Hers", "user=ada-lovelace");
  await save("Of ada-lovelace", "hasErrors=true");
  await save("All", "hasErrors=true");
  const needles = ["counterword", "ada-lovelace"];
  expect(await scanTables(test.connection, needles)).toEqual(
    expect.arrayContaining(["session_words: counterword", "session_facts: ada-lovelace", "saved_searches: ada-lovelace"]),
  );
  const answer = await call("DELETE", `/v1/projects/${project}/people/ada-lovelace`, { identity });
  expect(answer.json).toMatchObject({ erased: true, sessions: 1 });
  // A fold that comes after it brings nothing back.
  await search.foldDue();
  for (const table of SEARCHED) expect(await idsIn(test, table)).toEqual(["his"]);
  await retention.scrubbed();
  expect(await scanTables(test.connection, needles)).toEqual([]);
  expect(await test.database.query("SELECT name FROM saved_searches")).toEqual([{ name: "All" }]);
});

it("SEA-12 what an SDK reported of an erased person is no word of anybody's session any more", async () => {
  await visit("his", "bob", "otherword");
  const reports = { counterword: "ada-lovelace", kept: "bob" };
  for (const [message, userId] of Object.entries(reports)) {
    await test.database.query(
      `INSERT INTO occurrences (error_id, project_id, issue_id, event_id, source, received_at, at, session_id, user_id, message)
       VALUES (gen_random_uuid(), $1, 1, $2, 'sdk', to_timestamp($3 / 1000.0), $3, 'his', $4, $2)`,
      [project, message, NOON, userId],
    );
  }
  await search.foldDue();
  const errors = () => test.database.query("SELECT errors FROM session_words");
  expect(await errors()).toEqual([{ errors: expect.stringContaining("counterword") as unknown }]);
  const call = createCaller(retention.routes);
  await call("DELETE", `/v1/projects/${project}/people/ada-lovelace`, { identity: personWith({ [project]: "owner" }) });
  await search.foldDue();
  expect(await errors()).toEqual([{ errors: "kept\notherword: otherword" }]);
  await retention.scrubbed();
  expect(await scanTables(test.connection, ["counterword", "ada-lovelace"])).toEqual([]);
});

it("SEA-12 several are erased at once, with a word in the audit, and late batches of them bring nothing back", async () => {
  for (let n = 0; n < 5; n++) await visit(`visit-${n}`, "ada", n < 3 ? "gone" : "kept");
  await search.foldDue();
  const call = createCaller(search.routes);
  const identity = personWith({ [project]: "admin" });
  const body = { project, query: "page=gone", count: 3 };
  expect((await call("POST", "/v1/sessions/erase", { identity, body })).json).toMatchObject({
    erased: true,
    sessions: 3,
    batches: 3,
  });
  expect(retention.letGo.toSorted()).toEqual(["visit-0", "visit-1", "visit-2"]);
  await search.foldDue();
  for (const table of [...SEARCHED, "sessions", "session_events"])
    expect(await idsIn(test, table)).toEqual(["visit-3", "visit-4"]);
  expect(await test.database.query("SELECT action, data->>'sessions' AS sessions FROM audit_log")).toEqual([
    { action: "sessions_erased", sessions: "3" },
  ]);
  expect(await test.database.query("SELECT count(*)::integer AS count FROM tombstones")).toEqual([{ count: 3 }]);
});
