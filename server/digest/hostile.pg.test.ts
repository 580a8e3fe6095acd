import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import { systemClock } from "../clock.ts";
import { createIssues } from "../issues/issues.ts";
import { createDrainer } from "./drainer.ts";

const MIB = 1024 * 1024;
/** Long for one group on a busy machine; what grows faster than its size takes minutes. */
const MAX_MS = 20_000;

let test: TestDatabase;
let projectId: number;
beforeAll(async () => {
  test = await createTestDatabase();
  projectId = (await insertProject(test.database, "shop")).id;
});
afterAll(async () => {
  await test.drop();
});

const frame = (index: number) => ({ filename: `https://a/${index}.js`, function: `f${index}`, lineno: index, colno: 1 });
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const error = (value: unknown, more: object = {}) => JSON.stringify({ exception: { values: [{ type: "E", value }] }, ...more });

/** Bodies that must become an occurrence, whatever is cut of them. */
const readable: Readonly<Record<string, string>> = {
  "10,000 frames": JSON.stringify({
    exception: {
      values: [{ type: "E", value: "frames", stacktrace: { frames: Array.from({ length: 10_000 }, (_, i) => frame(i)) } }],
    },
  }),
  "1,000 exceptions": JSON.stringify({
    exception: { values: Array.from({ length: 1_000 }, (_, i) => ({ type: `E${i}`, value: "chain" })) },
  }),
  "10,000 tags of 100 characters": error("tags", {
    tags: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`tag${i}`, "x".repeat(100)])),
  }),
  "a message of 1 MB": error("m".repeat(MIB)),
  "a message of 1 MB without words": error("1".repeat(MIB)),
  "a message of 1 MB of brackets and quotes": error(`(["'`.repeat(MIB / 4)),
  "a message of 100,000 addresses": error("https://a.b/c ".repeat(75_000)),
  "a message of 1 MB of spaces and an end": error(`${" ".repeat(MIB)}x`),
  "a message of 1 MB of dots and ats": error("a@a.".repeat(MIB / 4)),
  "a stack as text of 1 MB": JSON.stringify({
    exception: { values: [{ type: "E", value: "x", stacktrace: `E: x\n${"    at f (".repeat(100_000)}` }] },
  }),
  "lone surrogates": `{"exception":{"values":[{"type":"\\ud800","value":"a\\udfff\\ud800b"}]},"tags":{"\\udc00":"\\ud800"},"release":"\\ud800"}`,
  NULs: `{"exception":{"values":[{"type":"\\u0000","value":"a\\u0000b"}]},"tags":{"a\\u0000":"\\u0000"},"user":{"id":"\\u0000"},"environment":"\\u0000"}`,
  "names of prototypes": `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"exception":{"values":[{"type":"E","value":"v","__proto__":{"type":"F"}}]},"tags":{"__proto__":"x","toString":"y"},"contexts":{"__proto__":{"polluted":1},"hasOwnProperty":{"a":1}},"extra":{"__proto__":{"polluted":1}}}`,
  "99 levels": `{"extra":${nested(98)},"message":"deep"}`,
  "numbers that are none": `{"message":"n","timestamp":1e400,"exception":{"values":[{"type":"E","value":"v","stacktrace":{"frames":[{"lineno":1e308,"colno":-1e308},{"lineno":2147483648}]}}]},"breadcrumbs":[{"timestamp":-1e308}]}`,
  "everything of the wrong type": `{"message":[],"exception":7,"tags":1,"user":[],"request":"x","breadcrumbs":{"values":{}},"contexts":[1],"fingerprint":{"a":1},"level":{},"release":[],"environment":{},"debug_meta":3,"sdk":[],"extra":0,"threads":true}`,
  "a fingerprint of 10,000 parts": error("f", { fingerprint: Array.from({ length: 10_000 }, (_, i) => `{{ default }} ${i}`) }),
  "10,000 debug images": error("i", {
    debug_meta: {
      images: Array.from({ length: 10_000 }, (_, i) => ({ type: "sourcemap", code_file: `a${i}`, debug_id: `${i}` })),
    },
  }),
};
/** Bodies that cannot be read. */
const unreadable: Readonly<Record<string, string>> = {
  "100,000 levels": nested(100_000),
  "an open list": "[".repeat(MIB),
  "half a text": '{"message":"',
  nothing: "",
};

it(
  "DIG-6, DIG-7, DIG-10 hold for hostile events, which take no time and harm none of their group",
  { timeout: 60_000 },
  async () => {
    const db = test.database;
    const drainer = createDrainer({
      db,
      redaction: {
        text: (_id, text) => text,
        personId: (_id, text) => text,
        sourceLine: (_id, text) => text,
        fields: () => undefined,
      },
      sourcemaps: { map: (_projectId, _build, frames) => Promise.resolve([...frames]) },
      issues: createIssues({ db, clock: systemClock }),
      log: quietLog,
      onNews: () => undefined,
      counts: { digested: { value: 0 }, retried: { value: 0 }, dead: { value: 0 } },
    });
    const bodies = [...Object.entries(readable), ...Object.entries(unreadable)];
    const idOf = (name: string) =>
      bodies
        .findIndex(([known]) => known === name)
        .toString(16)
        .padStart(32, "0");
    for (const [name, body] of bodies) {
      const head = JSON.stringify({ event_id: idOf(name) });
      await db.query("INSERT INTO intake (project_id, kind, head, body) VALUES ($1, 'event', $2, $3)", [
        projectId,
        head,
        Buffer.from(body),
      ]);
    }
    const from = performance.now();
    await drainer.drain();
    const tookMs = performance.now() - from;
    await drainer.stop();
    const written = new Set(
      (await db.query<{ event_id: string }>("SELECT event_id FROM occurrences")).map((row) => row.event_id),
    );
    expect(Object.keys(readable).filter((name) => !written.has(idOf(name)))).toEqual([]);
    const left = await db.query<{ event_id: string; is_dead: boolean; attempts: number }>(
      "SELECT head ->> 'event_id' AS event_id, dead_at IS NOT NULL AS is_dead, attempts FROM intake ORDER BY intake_id",
    );
    expect(left).toEqual(Object.keys(unreadable).map((name) => ({ event_id: idOf(name), is_dead: true, attempts: 1 })));
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(Reflect.get({}, "polluted")).toBe(undefined);
    const [largest] = await db.query<{ bytes: number }>(
      "SELECT max(octet_length(detail::text))::integer AS bytes FROM occurrences",
    );
    expect(largest?.bytes).toBeLessThan(3 * MIB);
    expect(tookMs).toBeLessThan(MAX_MS);
  },
);
