import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readIntakeHead } from "../intake-head.ts";
import { MAX_CHARS, MAX_COUNT } from "./bounds.ts";
import { parseItem } from "./reader.ts";
import { readSdkEvent, type Received } from "./sdk-event.ts";

const RECEIVED = Date.parse("2026-11-21T12:00:00Z");
const ID = "0123456789abcdef0123456789abcdef";

function received(head: object = {}): Received {
  return { intakeId: 7, projectId: 3, receivedAt: RECEIVED, head: readIntakeHead({ event_id: ID, ...head }) };
}

/** Every text in a value, names included. */
function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...texts(inner)]);
}

const read = (event: object, head: object = {}) =>
  readSdkEvent(parseItem(new TextEncoder().encode(JSON.stringify(event))), received(head));

describe("an event of a Sentry SDK", () => {
  it("DIG-2 is read in every shape that its exceptions have had", () => {
    const one = { type: "TypeError", value: "x is undefined" };
    for (const exception of [{ values: [one] }, [one], one]) {
      expect(read({ exception }).detail.exceptions).toMatchObject([{ ...one, frames: [] }]);
    }
    expect(read({ "sentry.interfaces.Exception": { values: [one] } }).detail.exceptions).toHaveLength(1);
    for (const exception of [null, 7, "x", {}, { values: null }, []]) expect(read({ exception }).detail.exceptions).toEqual([]);
  });

  it("DIG-2 tells the error that was reported first, and the innermost frame first", () => {
    const { exceptions } = read({
      platform: "javascript",
      exception: {
        values: [
          { type: "Cause", value: "c", mechanism: { type: "chained", exception_id: 1, parent_id: 0, source: "cause" } },
          {
            type: "Outer",
            value: "o",
            mechanism: { type: "generic", handled: false, exception_id: 0, is_exception_group: true },
            stacktrace: {
              frames: [
                { filename: "https://a/b.js", function: "?", lineno: 1, colno: 2, in_app: true },
                { filename: "https://a/b.js", function: "inner", lineno: "3", colno: 4, in_app: true },
                { filename: "/app/node_modules/x/y.js", function: "lib", lineno: 0, in_app: true },
              ],
            },
          },
        ],
      },
    }).detail;
    expect(exceptions.map(({ type }) => type)).toEqual(["Outer", "Cause"]);
    expect(exceptions[0]).toMatchObject({
      id: 0,
      isGroup: true,
      mechanism: { type: "generic", handled: false, synthetic: false },
    });
    expect(exceptions[1]).toMatchObject({ id: 1, parentId: 0, source: "cause" });
    expect(exceptions[0]?.frames).toEqual([
      { file: "/app/node_modules/x/y.js", function: "lib", line: null, column: null, inApp: false },
      { file: "https://a/b.js", function: "inner", line: 3, column: 4, inApp: true },
      { file: "https://a/b.js", function: "", line: 1, column: 2, inApp: true },
    ]);
  });

  it("DIG-2 gives frames the debug ids of their files", () => {
    const frames = [
      { filename: "https://a/b.js", lineno: 1, colno: 1 },
      { filename: "app.js", abs_path: "/srv/app.js" },
    ];
    const images = [
      { type: "sourcemap", code_file: "https://a/b.js", debug_id: "ABCDEF0123456789ABCDEF0123456789" },
      { type: "sourcemap", code_file: "/srv/app.js", debug_id: "11111111-2222-4333-8444-555555555555" },
      { type: "sourcemap", code_file: "x", debug_id: "no id" },
    ];
    const exception = { values: [{ type: "E", stacktrace: { frames } }] };
    const { detail } = read({ platform: "node", exception, debug_meta: { images } });
    expect(detail.exceptions[0]?.frames.map(({ debugId }) => debugId)).toEqual([
      "11111111-2222-4333-8444-555555555555",
      "abcdef01-2345-6789-abcd-ef0123456789",
    ]);
  });

  it("DIG-2 is read in every shape that its message has had", () => {
    expect(read({ message: "plain" })).toMatchObject({ message: "plain", detail: { template: "" } });
    expect(read({ message: { message: "hello %s", params: ["you"] } })).toMatchObject({
      message: "hello you",
      detail: { template: "hello %s" },
    });
    expect(read({ logentry: { message: "a {} b {1} %(c)s", params: ["x", "y"] } }).message).toBe("a x b y %(c)s");
    expect(read({ logentry: { message: "%(who)s left", params: { who: "Ada" } } }).message).toBe("Ada left");
    expect(read({ logentry: { message: "t %s", formatted: "t 1", params: [2] } })).toMatchObject({
      message: "t 1",
      detail: { template: "t %s" },
    });
    expect(read({ "sentry.interfaces.Message": { message: "old" } }).message).toBe("old");
  });

  it("DIG-2 is read in every shape that tags, breadcrumbs, headers and query strings have had", () => {
    const wanted = { a: "1", b: "true" };
    expect(read({ tags: { a: 1, b: true, c: null } }).tags).toEqual(wanted);
    expect(
      read({
        tags: [
          ["a", 1],
          ["b", true],
          ["c", null],
        ],
      }).tags,
    ).toEqual(wanted);
    expect(
      read({
        tags: [
          { key: "a", value: 1 },
          { name: "b", value: true },
        ],
      }).tags,
    ).toEqual(wanted);
    const crumb = { timestamp: 1_795_262_000.5, category: "ui.click", message: "button", data: { n: 1, deep: { x: [1] } } };
    for (const breadcrumbs of [[crumb], { values: [crumb] }]) {
      expect(read({ breadcrumbs }).detail.breadcrumbs).toEqual([
        {
          at: 1_795_262_000_500,
          category: "ui.click",
          type: "",
          level: "info",
          message: "button",
          data: { n: 1, deep: '{"x":[1]}' },
        },
      ]);
    }
    const url = "https://shop.example/a";
    const pairs = read({
      request: {
        url,
        headers: [
          ["Accept", "x"],
          ["Cookie", "a=b"],
        ],
        query_string: [["q", "a b"]],
      },
    });
    expect(pairs.detail.request).toEqual({ url, method: "", query: "q=a+b", headers: [["Accept", "x"]], body: "" });
    const object = read({
      request: { url, method: "post", headers: { accept: ["x", "y"] }, query_string: "?q=1", data: { a: 1 } },
    });
    expect(object.detail.request).toEqual({ url, method: "POST", query: "q=1", headers: [["accept", "x"]], body: '{"a":1}' });
    expect(object.url).toBe(url);
  });

  it("DIG-2 keeps level, user, contexts, fingerprint and Sentry's own ids", () => {
    const one = read(
      {
        level: "log",
        user: { id: 7, email: "ada@example.com", username: "ada", ip_address: "{{auto}}" },
        contexts: { browser: { name: "Firefox", version: 120, type: "browser" }, trace: { trace_id: ID.toUpperCase() } },
        extra: { order: { id: 1 }, list: [1, 2] },
        fingerprint: ["{{ default }}", 1.9, true, null, {}],
        tags: { replayId: "fedcba9876543210fedcba9876543210" },
        dist: 3,
        server_name: "web-1",
        transaction: "GET /orders",
      },
      { sdk: { name: "sentry.python", version: "2.0" } },
    );
    expect(one).toMatchObject({
      level: "info",
      userId: "7",
      transaction: "GET /orders",
      eventId: ID,
      source: "sdk",
      projectId: 3,
    });
    expect(one.detail).toMatchObject({
      user: { id: "7", email: "ada@example.com", name: "ada", address: "" },
      contexts: { browser: { name: "Firefox", version: 120 }, extra: { order: '{"id":1}', list: "[1,2]" } },
      fingerprint: ["{{ default }}", "1", "True"],
      traceId: ID,
      replayId: "fedcba9876543210fedcba9876543210",
      dist: "3",
      serverName: "web-1",
      sdk: { name: "sentry.python", version: "2.0" },
    });
    expect(one.detail.contexts).not.toHaveProperty("trace");
    expect(read({ fingerprint: [] }).detail.fingerprint).toEqual([]);
  });

  it("DIG-3 has one id: the envelope's, else the payload's, else one that the same row comes to again", () => {
    expect(read({ event_id: "ffffffffffffffffffffffffffffffff" }).eventId).toBe(ID);
    expect(read({ event_id: "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF" }, { event_id: "" }).eventId).toBe("f".repeat(32));
    const made = read({}, { event_id: "../../etc" });
    expect(made.eventId).toMatch(/^[0-9a-f]{32}$/);
    expect(read({}, { event_id: "" }).eventId).toBe(made.eventId);
    const elsewhere = readSdkEvent({}, { ...received(), projectId: 4 });
    expect(elsewhere.eventId).toBe(ID);
    expect(elsewhere.errorId).not.toBe(read({}).errorId);
  });

  it("DIG-4 happened when the sender says, by a clock that is put right where it is far off", () => {
    const at = (timestamp: unknown, head: object = {}) => read({ timestamp }, head).at;
    const seconds = RECEIVED / 1_000;
    expect(at(seconds - 5.25)).toBe(RECEIVED - 5_250);
    expect(at(RECEIVED - 7)).toBe(RECEIVED - 7);
    expect(at("2026-11-21T11:59:00.5")).toBe(RECEIVED - 59_500);
    expect(at("2026-11-21T12:59:00+01:00")).toBe(RECEIVED - 60_000);
    for (const nonsense of [undefined, null, {}, "yesterday", -1, 1e300, seconds + 86_400]) expect(at(nonsense)).toBe(RECEIVED);
    const dayBehind = { sent_at: RECEIVED - 86_400_000 };
    expect(at(seconds - 86_400 - 10, dayBehind)).toBe(RECEIVED - 10_000);
    expect(read({ timestamp: seconds - 86_410 }, dayBehind).detail.notes.join()).toContain("clock");
    expect(at(seconds - 600, { sent_at: RECEIVED - 30 * 60_000 })).toBe(RECEIVED - 600_000);
  });

  it("DIG-5 names the session of ours by tag, header or context", () => {
    const id = "0190f3c2-7a2b-7c3d-8e4f-0123456789ab";
    for (const event of [
      { tags: { "watchback.session": id } },
      { tags: [["watchback_session", id]] },
      { request: { headers: { "X-Watchback-Session": id } } },
      { request: { headers: [["x-watchback-session", [id]]] } },
      { contexts: { watchback: { session: id } } },
    ])
      expect(read(event).sessionId).toBe(id);
    expect(read({ tags: { "watchback.session": "'; DROP" } }).sessionId).toBeNull();
    expect(read({ tags: { "watchback.tab": "t1" } }).tab).toBeNull();
    expect(read({ tags: { "watchback.session": id, "watchback.tab": "t1" } }).tab).toBe("t1");
  });
});

describe("hostile events", () => {
  it("DIG-6 loses NULs, lone surrogates and names that mean something to JavaScript", () => {
    const text =
      '{"message":"a\\u0000b\\ud800c","tags":{"__proto__":"x","constructor":"y","k\\u0000":"v"},"extra":{"__proto__":{"admin":true}}}';
    const one = readSdkEvent(parseItem(new TextEncoder().encode(text)), received());
    expect(one.message).toBe("ab\ufffdc");
    expect(one.tags).toEqual({ k: "v" });
    expect(one.detail.contexts).toEqual({});
    expect("admin" in one.detail.contexts).toBe(false);
  });

  it("DIG-6 is refused where it is no JSON object or nested too deep, before it is parsed", () => {
    const parse = (text: string) => () => parseItem(new TextEncoder().encode(text));
    expect(parse("{")).toThrow("no JSON");
    expect(parse("[1]")).toThrow("no JSON object");
    expect(parse(`{"a":${"[".repeat(200_000)}`)).toThrow("nested deeper");
    expect(parse(`{"a":"${"[".repeat(200_000)}"}`)).not.toThrow();
  });

  it("DIG-7 is bounded, and says what was left out", () => {
    const frame = { filename: "https://a/b.js", function: "f", lineno: 1, colno: 1 };
    const one = read({
      exception: {
        values: Array.from({ length: 80 }, () => ({ type: "E", value: "v", stacktrace: { frames: Array(300).fill(frame) } })),
      },
      breadcrumbs: Array.from({ length: 500 }, (_, i) => ({ message: `${i} ${"y".repeat(5_000)}` })),
      tags: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`t${i}`, "z".repeat(5_000)])),
    });
    expect(one.detail.exceptions).toHaveLength(MAX_COUNT.exceptions);
    expect(one.detail.exceptions[0]?.frames).toHaveLength(MAX_COUNT.frames);
    expect(one.detail.breadcrumbs).toHaveLength(MAX_COUNT.breadcrumbs);
    expect(Object.keys(one.tags).length).toBeLessThanOrEqual(MAX_COUNT.tags);
    expect(one.detail.breadcrumbs.at(-1)?.message).toMatch(/^499 /);
    expect(one.detail.notes.join()).toMatch(/frames in the middle.*breadcrumbs/s);
    expect(JSON.stringify(one).length).toBeLessThan(8 * MAX_CHARS);
  });

  it("DIG-6 never makes reading throw, and comes out as Postgres takes it", () => {
    const names = [
      "exception",
      "values",
      "stacktrace",
      "frames",
      "message",
      "tags",
      "breadcrumbs",
      "request",
      "headers",
      "user",
      "contexts",
    ];
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom(null, true, 0, -1, 1e308, "", "\u0000", "\ud800", "__proto__", "2026-11-21"),
        fc.string({ unit: "binary", maxLength: 20 }),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(
          fc.oneof(
            fc.constantFrom(...names, "timestamp", "values", "level", "fingerprint", "extra", "sdk"),
            fc.string({ maxLength: 9 }),
          ),
          tie("value"),
          {
            maxKeys: 6,
          },
        ),
      ),
    })).value;
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names, "logentry", "threads", "debug_meta", "event_id", "timestamp"), json, {
          maxKeys: 8,
        }),
        (event) => {
          const one = read(event);
          expect(texts(one).filter((text) => text.includes("\u0000") || !text.isWellFormed())).toEqual([]);
          expect(one.errorId).toMatch(/^[0-9a-f-]{36}$/);
          expect(Number.isFinite(one.at)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
