import { gzipSync } from "node:zlib";
import * as v from "valibot";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import {
  checkoutEvents,
  ensureDay,
  insertBatch,
  insertProject,
  insertSession,
  insertTab,
  textEvent,
} from "../../test/harness/stored-session.ts";
import { root } from "../../test/harness/tree.ts";
import { createAudit } from "../audit/audit.ts";
import type { Identity, Role } from "../auth/auth.ts";
import type { HttpRequest, HttpResponse } from "../net/route.ts";
import { createReplay } from "../replay/replay.ts";
import { createExports, type Exports, type ImportRedaction } from "./exports.ts";

const DAY = "2026-11-20";
const START = Date.parse(`${DAY}T10:00:00Z`);
/** It stays the day on which the tests began, whenever they end. */
const clock = createTestClock(Date.now());
const TODAY = new Date(clock.now()).toISOString().slice(0, 10);
const importedSchema = v.object({ sessionId: v.string(), batchCount: v.number() });

let test: TestDatabase;
let shop: number;
let blog: number;
let exports: Exports;
let isDiskFull = false;

/** Takes the word "secret" out of everything. */
const redaction: ImportRedaction = {
  readsPayloads: (projectId) => projectId === blog,
  fields: (_projectId, fields) => {
    for (const [name, value] of Object.entries(fields))
      if (typeof value === "string") Reflect.set(fields, name, value.replaceAll("secret", "[Filtered]"));
  },
  personId: (_projectId, text) => text,
  markers: (_projectId, markers) => markers,
  payload: (_projectId, packed) =>
    Promise.resolve({ ...packed, encoding: "json", rawBytes: 2, payload: new TextEncoder().encode("[]") }),
};

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
  const db = test.database;
  const audit = createAudit({ db, clock, log: quietLog });
  const replay = createReplay({ db, live: { activeSessions: () => [] }, views: audit });
  const chromium = { path: "off", searchPath: "", sandbox: true };
  const waitMs = () => (isDiskFull ? 5_000 : null);
  const sessions = replay.opened;
  exports = createExports({ db, clock, log: quietLog, audit, sessions, redaction, root, chromium, maxEvents: 1_000, waitMs });
  await ensureDay(db, TODAY);
  await insertSession(db, { sessionId: "visit-1", projectId: shop, startedOn: DAY, startedAt: START, userId: "ada" });
  await insertTab(db, "visit-1", "t1", START, "g");
  const batch = { sessionId: "visit-1", startedOn: DAY, projectId: shop, tab: "t1" };
  await insertBatch(db, { ...batch, seq: 0, events: checkoutEvents(START, "zero") });
  const error = { kind: "error" as const, at: START + 1_000, name: "TypeError", text: "it fell" };
  await insertBatch(db, { ...batch, seq: 1, events: [textEvent(START + 1_000, "one")], markers: [error] });
  // A seq that never came, and one that nobody can read.
  await insertBatch(db, { ...batch, seq: 3, events: [textEvent(START + 3_000, "three"), textEvent(START + 4_000, "four")] });
  await insertBatch(db, { ...batch, seq: 4, events: [textEvent(START + 5_000, "x")], payload: new Uint8Array([1, 2, 3]) });
});
afterAll(async () => {
  await exports.stop();
  await test.drop();
});

function person(role: Role, projectId = shop): Identity {
  return { kind: "user", userId: 1, email: "a@example.com", isAdmin: false, signInId: "", roles: new Map([[projectId, role]]) };
}

async function call(
  method: "GET" | "POST",
  path: string,
  identity: Identity,
  body: Uint8Array = new Uint8Array(0),
): Promise<HttpResponse> {
  const url = new URL(path, "http://localhost");
  const parts = url.pathname.split("/");
  const route = exports.routes.find((one) => one.method === method && one.path.split("/").at(-1) === parts.at(-1));
  if (!route) throw new Error(`no route for ${path}`);
  const request: HttpRequest = {
    ...{ method, path: url.pathname, params: { id: parts[3] ?? "" }, query: url.searchParams, headers: {}, identity },
    ...{ peer: "127.0.0.1", body, signal: new AbortController().signal },
  };
  return route.handle(request);
}

async function download(path: string): Promise<string> {
  const answer = await call("GET", path, person("viewer"));
  if (!("stream" in answer)) throw new Error("no stream");
  const pieces: Uint8Array[] = [];
  for await (const piece of answer.stream) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}

async function take(file: string | Uint8Array, projectId = shop, role: Role = "member") {
  const bytes = typeof file === "string" ? new TextEncoder().encode(file) : file;
  const answer = await call("POST", `/v1/projects/${projectId}/imports`, person(role, projectId), bytes);
  if (!("json" in answer)) throw new Error("no JSON");
  return v.parse(importedSchema, answer.json);
}

const fileSchema = v.object({
  range: v.nullable(v.object({ from: v.number(), to: v.number() })),
  batches: v.array(
    v.object({ seq: v.number(), events: v.array(v.looseObject({ timestamp: v.number() })), markers: v.array(v.unknown()) }),
  ),
});
const parse = (text: string) => v.parse(fileSchema, JSON.parse(text));

/** A file that can be imported, with some of it put otherwise. */
function fileWith(changes: object): string {
  const head = { format: "watchback-session", version: 1, exportedAt: 1, session: {}, tabs: [{ tab: "t" }] };
  const batches = [{ tab: "t", seq: 0, events: checkoutEvents(START, "x") }];
  return JSON.stringify({ ...head, batches, ...changes });
}

async function countSessions(): Promise<number> {
  const [row] = await test.database.query<{ count: number }>("SELECT count(*)::integer AS count FROM session_events");
  return row?.count ?? 0;
}

describe("a session as JSON", () => {
  it("EXP-2 holds what is stored, in order, without what is damaged; of a part, nothing after its end", async () => {
    const whole = parse(await download("/v1/sessions/visit-1/export?format=json"));
    expect(whole.batches.map(({ seq }) => seq)).toEqual([0, 1, 3]);
    const part = parse(await download(`/v1/sessions/visit-1/export?format=json&from=${START + 2_000}&to=${START + 3_500}`));
    expect(part.range).toEqual({ from: START + 2_000, to: START + 3_500 });
    expect(part.batches.flatMap(({ events }) => events.map(({ timestamp }) => timestamp - START))).toEqual([0, 0, 1_000, 3_000]);
    expect(part.batches.flatMap(({ markers }) => markers)).toEqual([]);
  });

  it("EXP-7 a film without a Chromium, and what is not there, are refused before anything is begun", async () => {
    await expect(download("/v1/sessions/visit-1/export?format=webm")).rejects.toThrow("films need a Chromium");
    await expect(download("/v1/sessions/visit-2/export")).rejects.toMatchObject({ kind: "not_found" });
    await expect(download("/v1/sessions/visit-1/export?format=exe")).rejects.toMatchObject({ kind: "protocol" });
    await expect(call("GET", "/v1/sessions/visit-1/export", person("owner", blog))).rejects.toMatchObject({ kind: "not_found" });
  });
});

describe("a file as a session", () => {
  it("EXP-3, EXP-6 comes back the same from JSON and from gzip, as a session of today that makes no issue", async () => {
    const file = await download("/v1/sessions/visit-1/export?format=json");
    for (const form of [file, gzipSync(file), JSON.stringify(JSON.parse(file), null, 2)]) {
      const { sessionId, batchCount } = await take(form);
      expect(batchCount).toBe(3);
      expect(parse(await download(`/v1/sessions/${sessionId}/export?format=json`)).batches).toEqual(parse(file).batches);
      const [row] = await test.database.query(
        `SELECT user_id, started_on, imported_at IS NOT NULL AS marked, error_count, event_count,
           byte_count > 0 AS counted, (SELECT count(*)::integer FROM session_errors e WHERE e.session_id = s.session_id) AS errors
         FROM sessions s WHERE session_id = $1`,
        [sessionId],
      );
      const counts = { error_count: 1, event_count: 5, counted: true, errors: 0 };
      expect(row).toEqual({ user_id: "ada", started_on: TODAY, marked: true, ...counts });
    }
  });

  it.each([
    ["another format", { format: "other" }, "format"],
    ["another version", { version: 2 }, "version 1"],
    ["a tab that it does not describe", { tabs: [] }, "does not describe"],
    ["no batches", { batches: [] }, "nothing recorded"],
    [
      "batches in no order",
      { batches: [1, 1].map((seq) => ({ tab: "t", seq, events: checkoutEvents(START, "x") })) },
      "in order",
    ],
    ["events that are none", { batches: [{ tab: "t", seq: 0, events: [{ type: "x" }] }] }, "batch"],
    ["impossible times", { batches: [{ tab: "t", seq: 0, events: [{ type: 3, timestamp: -1 }] }] }, "time"],
    [
      "too many events",
      { batches: [0, 1].map((seq) => ({ tab: "t", seq, events: Array(600).fill(textEvent(START, "x")) })) },
      "long",
    ],
    ["too deep nesting", { batches: [{ a: JSON.parse(`${"[".repeat(600)}${"]".repeat(600)}`) as unknown }] }, "nested"],
  ])("EXP-5 refuses %s, and keeps nothing of it", async (_what, changes, words) => {
    const before = await countSessions();
    await expect(take(fileWith(changes))).rejects.toThrow(words);
    expect(await countSessions()).toBe(before);
  });

  it("EXP-5 refuses what is no such file, is cut off, or inflates without end", async () => {
    const file = fileWith({});
    for (const wrong of ["", "hello", "<p>", file.slice(0, -5), gzipSync(file).subarray(0, 40), `${file}}`])
      await expect(take(wrong)).rejects.toMatchObject({ kind: "protocol" });
    const bomb = gzipSync(Buffer.concat([Buffer.from('{"a":"'), Buffer.alloc(600 * 1024 * 1024, 0x20)]), { level: 1 });
    await expect(take(bomb)).rejects.toThrow(/too large/);
  });

  it("EXP-6 goes through the redaction of its project", async () => {
    const { sessionId } = await take(fileWith({ session: { title: "my secret", userId: "ada" } }), blog);
    const [row] = await test.database.query(
      "SELECT s.title, s.user_id, convert_from(e.payload, 'UTF8') AS payload FROM sessions s JOIN session_events e USING (session_id) WHERE s.session_id = $1",
      [sessionId],
    );
    expect(row).toEqual({ title: "my [Filtered]", user_id: "ada", payload: "[]" });
  });

  it("EXP-8 takes the role member and room on the disk; copies and imports are in the audit", async () => {
    await expect(take(fileWith({}), shop, "viewer")).rejects.toMatchObject({ kind: "forbidden" });
    await expect(call("POST", `/v1/projects/${shop}/imports`, person("owner", blog))).rejects.toMatchObject({
      kind: "not_found",
    });
    isDiskFull = true;
    await expect(take(fileWith({}))).rejects.toThrow(/disk .* is nearly full/);
    isDiskFull = false;
    const both = await Promise.allSettled([take(fileWith({})), take(fileWith({}))]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(both[1]).toMatchObject({ reason: { kind: "overload", message: expect.stringContaining("another file") as string } });
    const { sessionId } = await take(fileWith({ session: { sessionId: "elsewhere" } }));
    const rows = await test.database.query(
      `SELECT action, subject_id, data ->> 'originalId' AS original FROM audit_log
       WHERE action = 'session_imported' AND subject_id = $1 OR action = 'session_exported' AND subject_id = 'visit-1' ORDER BY action`,
      [sessionId],
    );
    expect(rows).toEqual([
      { action: "session_exported", subject_id: "visit-1", original: null },
      { action: "session_imported", subject_id: sessionId, original: "elsewhere" },
    ]);
  });
});
