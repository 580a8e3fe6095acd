import { describe, expect, it } from "vitest";
import { unpackReplay } from "../replay-intake.ts";
import { type AcceptedRow, sortItems, type SortedItems } from "./accepted.ts";
import { keyOfDsn, readClaim, readClient } from "./claims.ts";
import { readEnvelope } from "./envelope.ts";
import { itemType } from "./item-table.ts";
import { jsonDepth, topLevelText } from "./json-scan.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const circumstances = { projectId: 7, receivedAt: 1_000, userAgent: "Browser/1", client: { name: "from.query", version: "1" } };
const sort = (...lines: string[]): SortedItems => sortItems(readEnvelope(bytes(lines.join("\n"))), circumstances);
const kinds = (sorted: SortedItems) =>
  sorted.rows.map(({ kind, head, body }) => [kind, head.event_id, new TextDecoder().decode(body)]);
const ID = "9ec79c33ec9942ab8353589fcb2e04dc";
const OTHER = "11111111111111111111111111111111";
const KEY = "0123456789abcdef0123456789abcdef";

describe("who sends", () => {
  it("ERR-1 says so in the query, in X-Sentry-Auth, or in Authorization; the first counts", () => {
    const query = new URLSearchParams({ sentry_key: KEY, sentry_client: "sentry.javascript.browser/11.12.0" });
    const header = `Sentry sentry_version=7 , sentry_key=${OTHER}, sentry_secret=abc, sentry_client=sentry.python/2.1 (x)`;
    expect(readClaim(query, { "x-sentry-auth": header })).toEqual({ key: KEY, client: "sentry.javascript.browser/11.12.0" });
    expect(readClaim(new URLSearchParams(), { "x-sentry-auth": header })).toEqual({
      key: OTHER,
      client: "sentry.python/2.1 (x)",
    });
    expect(readClaim(new URLSearchParams(), { authorization: header })).toMatchObject({ key: OTHER });
    expect(readClaim(new URLSearchParams(), { authorization: "Bearer sentry_key=1" })).toMatchObject({ key: null });
    expect(readClaim(new URLSearchParams({ sentry_key: "no" }), { "x-sentry-auth": header.toUpperCase() }).key).toBe(OTHER);
    expect(readClaim(new URLSearchParams(), { "x-sentry-auth": "x".repeat(1_000_000) })).toEqual({ key: null, client: "" });
    expect(readClient("a/b/1.2")).toEqual({ name: "a/b", version: "1.2" });
  });

  it("ERR-1 says so in the dsn of an envelope, for this project alone", () => {
    expect(keyOfDsn(`https://${KEY}@watch.example.com/7`, 7)).toBe(KEY);
    expect(keyOfDsn(`http://${KEY.toUpperCase()}:secret@[::1]:8080/some/path/7/`, 7)).toBe(KEY);
    for (const dsn of [`https://${KEY}@watch.example.com/8`, `https://${KEY}@/7`, "https://x@y/7", 7, null, undefined, {}]) {
      expect(keyOfDsn(dsn, 7)).toBeNull();
    }
  });
});

describe("items", () => {
  it("ERR-9 are kept, counted or dropped by their type; what is unknown is dropped", () => {
    const items = [
      "event",
      "feedback",
      "user_report",
      "raw_security",
      "session",
      "sessions",
      "client_report",
      "transaction",
      "span",
    ];
    const more = [
      "log",
      "trace_metric",
      "check_in",
      "profile",
      "profile_chunk",
      "statsd",
      "metric_buckets",
      "otel_log",
      "nel",
      "__proto__",
      "",
    ];
    const sorted = sort("{}", ...[...items, ...more].flatMap((type) => [JSON.stringify({ type }), "{}"]));
    expect(sorted.rows.map(({ kind }) => kind)).toEqual(["event", "feedback", "feedback", "csp_report"]);
    expect(sorted.counted.map(({ item }) => item.type)).toEqual(["session", "sessions", "client_report"]);
    expect(sorted.notKept).toHaveLength(items.length + more.length - 7);
    expect(itemType("constructor").fate).toBe("not_kept");
  });

  it("ERR-10 an event has the envelope's id, else its own, else one that is made", () => {
    const dashed = "9EC79C33-EC99-42AB-8353-589FCB2E04DC";
    expect(kinds(sort(`{"event_id":"${dashed}"}`, '{"type":"event"}', `{"event_id":"${OTHER}"}`))[0]?.[1]).toBe(ID);
    const own = sort("{}", '{"type":"event"}', `{"contexts":{"event_id":"${ID}"},"a":["event_id"],"event_id" : "${OTHER}"}`);
    expect([own.rows[0]?.head.event_id, own.eventId]).toEqual([OTHER, OTHER]);
    const none = sort('{"event_id":"../../etc"}', '{"type":"event"}', '{"event_id":7}');
    expect(none.rows[0]?.head.event_id).toMatch(/^[0-9a-f]{32}$/);
    const two = sort(`{"event_id":"${ID}"}`, '{"type":"event"}', "{}", '{"type":"event"}', `{"event_id":"${OTHER}"}`);
    expect(two.rows.map(({ head }) => head.event_id)).toEqual([ID, OTHER]);
  });

  it("ERR-10 a head has what the envelope says, short and clean", () => {
    const header = {
      event_id: ID,
      sent_at: "2026-11-21T10:00:00.000Z",
      sdk: { name: `sentry\u0000.node${"x".repeat(1_000)}`, version: "\ud800" },
      trace: { trace_id: "t", replay_id: "r", __proto__: 1 },
    };
    const [row] = sort(JSON.stringify(header), '{"type":"event"}', "{}").rows;
    expect(row?.head).toMatchObject({
      sent_at: Date.UTC(2026, 10, 21, 10),
      trace_id: "t",
      replay_id: "r",
      user_agent: "Browser/1",
      item: "event",
    });
    expect(row?.kind === "event" && row.head.sdk?.name).toMatch(/^sentry\.nodex{100,200}$/);
    expect(row?.kind === "event" && row.head.sdk?.version).toBe("\ufffd");
    const bare = sort('{"sdk":7,"trace":[1],"sent_at":{}}', '{"type":"event"}', "{}").rows[0];
    expect(bare?.head).toMatchObject({ sdk: circumstances.client, trace_id: "", sent_at: null });
  });

  it("ERR-12 an attachment is kept with the event or feedback of its envelope, and dropped without", () => {
    const attachment = ['{"type":"attachment","length":3,"filename":"a.txt","content_type":"text/plain"}', "abc"];
    const minidump = ['{"type":"attachment","length":3,"attachment_type":"event.minidump"}', "abc"];
    const sorted = sort(`{"event_id":"${ID}"}`, ...attachment, '{"type":"event"}', "{}", ...minidump, ...attachment);
    expect(kinds(sorted)).toEqual([
      ["event", ID, "{}"],
      ["attachment", ID, "abc"],
      ["attachment", ID, "abc"],
    ]);
    expect(sorted.rows[0]?.head).toMatchObject({ attachments: 2 });
    expect(sorted.rows[2]?.head).toMatchObject({
      ordinal: 1,
      name: "a.txt",
      content_type: "text/plain",
      type: "event.attachment",
    });
    expect(sort("{}", ...attachment)).toMatchObject({ rows: [], notKept: ["attachment"] });
  });

  it("ERR-9 the two items of a replay's segment are one row; one event alone is not kept", () => {
    const event = ['{"type":"replay_event"}', '{"segment_id":3}'];
    const recording = ['{"type":"replay_recording","length":17}', '{"segment_id":3}\n'];
    const sorted = sort(`{"event_id":"${ID}"}`, ...event, ...recording);
    const [row] = sorted.rows as [AcceptedRow];
    const parts = unpackReplay(row.body) ?? { event: bytes(""), recording: bytes("") };
    expect([row.kind, row.head.event_id, sorted.rows.length]).toEqual(["replay", ID, 1]);
    expect([new TextDecoder().decode(parts.event), new TextDecoder().decode(parts.recording)]).toEqual([event[1], recording[1]]);
    expect(sort("{}", ...event)).toMatchObject({ rows: [], notKept: ["replay"] });
  });

  it("ERR-8 one that is larger than its type may be is left out, and its siblings are not", () => {
    const large = JSON.stringify({ text: "x".repeat(1024 * 1024) });
    const sorted = sort("{}", '{"type":"event"}', large, '{"type":"client_report"}', large, '{"type":"event"}', "{}");
    expect(sorted.tooLarge).toEqual(["error", "internal"]);
    expect(sorted.rows).toHaveLength(1);
  });
});

describe("a look over JSON", () => {
  it("ERR-10 finds a name at the top alone, whatever is in strings", () => {
    const find = (text: string) => topLevelText(bytes(text), "event_id", 36);
    expect(find('{"a":"\\"event_id\\":\\"no\\"","b":{"event_id":"no"},"c":[{"event_id":"no"}],"event_id":"yes"}')).toBe("yes");
    expect(find('["event_id","no"]')).toBeNull();
    expect(find('{"x":"event_id","y":1}')).toBeNull();
    for (const text of ["", '{"event_id":', '{"event_id":"no', `{"event_id":"${"x".repeat(37)}"}`, '{"event_id":null}', '"\\']) {
      expect(["no", null]).toContain(find(text));
    }
  });

  it("ERR-6 knows the depth of brackets without recursion", () => {
    expect(jsonDepth(bytes('{"a":[{"b":"[[[["}]}'), 100)).toBe(3);
    expect(jsonDepth(bytes("[".repeat(1_000_000)), 64)).toBe(65);
  });
});
