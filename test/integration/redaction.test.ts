import { deflateRawSync, inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase } from "../../server/db/pool.ts";
import type { Database } from "../../server/db/db.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../harness/postgres.ts";
import { waitFor } from "../harness/wait.ts";
import { KEY, openClient, readObject, runApp, type Client, type RunningApp } from "./running-app.ts";

const CARD = "4111 1111 1111 1111";
const SECRETS = [CARD, "s3cret-Value", "hunter2-Zq"];

let test: TestDatabase;
let db: Database;
let app: RunningApp;
let viewerHeaders: Record<string, string>;
let projectId: number;

beforeAll(async () => {
  test = await createTestDatabase();
  db = createDatabase({ connection: test.connection, log: quietLog });
  app = await runApp({ DATABASE_URL: test.url });
  viewerHeaders = { Cookie: await app.signIn(), Origin: app.base };
  const [project] = await db.query<{ id: number }>("SELECT min(id) AS id FROM projects");
  projectId = project?.id ?? 0;
});
afterAll(async () => {
  await app.stop();
  await db.stop();
  await test.drop();
});

function eventsAt(at: number): Record<string, unknown>[] {
  const node = {
    type: 0,
    id: 1,
    childNodes: [
      {
        type: 2,
        tagName: "p",
        attributes: { title: CARD },
        id: 2,
        childNodes: [{ type: 3, textContent: `card ${CARD}`, id: 3 }],
      },
    ],
  };
  return [
    { type: 4, timestamp: at, data: { href: "https://shop.example/?token=s3cret-Value", width: 800, height: 600 } },
    { type: 2, timestamp: at + 1, data: { node, initialOffset: { top: 0, left: 0 } } },
    { type: 3, timestamp: at + 2, data: { source: 5, id: 2, text: CARD, isChecked: false } },
    {
      type: 6,
      timestamp: at + 3,
      data: { plugin: "rrweb/console@1", payload: { level: "log", payload: ['"password=hunter2-Zq"'] } },
    },
  ];
}

function packed(tab: string, seq: number, at: number, more: Record<string, unknown> = {}) {
  const json = Buffer.from(JSON.stringify(eventsAt(at)));
  const markers = [{ kind: "error", at, name: "E", text: `no ${CARD}`, data: { api_key: "hunter2-Zq" } }];
  return {
    tab,
    seq,
    firstAt: at,
    lastAt: at + 3,
    count: 4,
    checkout: true,
    encoding: "deflate-raw",
    rawBytes: json.length,
    markers,
    payload: new Uint8Array(deflateRawSync(json)),
    ...more,
  };
}

const textOf = (value: unknown) => {
  const bytes = Buffer.from(value as Uint8Array);
  return bytes[0] === 0x5b ? bytes.toString() : inflateRawSync(bytes).toString();
};

function expectClean(text: string): void {
  for (const secret of SECRETS) expect(text).not.toContain(secret);
  expect(text).toContain("[Filtered]");
}

async function openTracker(sessionId: string): Promise<Client> {
  const tracker = await openClient(app.base, `type=tracker&key=${KEY}`);
  tracker.pack("session_start", {
    sessionId,
    tab: "t",
    url: "https://shop.example/?token=s3cret-Value",
    title: `pay ${CARD}`,
    userId: "ada@example.com",
  });
  await tracker.next("session_started");
  return tracker;
}

describe("redaction of a running app", () => {
  it("PRV-5 what rides beside payloads is redacted in every table and for every viewer; payloads stay as they are", async () => {
    const at = Date.now();
    const tracker = await openTracker("redacted-1");
    const viewer = await openClient(app.base, "type=viewer", { headers: viewerHeaders });
    viewer.pack("viewer_join_session", { sessionId: "redacted-1" });
    const joined = await viewer.next("session_joined");
    expect(joined["session"]).toMatchObject({
      url: "https://shop.example/?token=[Filtered]",
      title: "pay [Filtered]",
      userId: "ada@example.com",
    });
    const batch = packed("t", 0, at);
    tracker.pack("events_batch", batch);
    await tracker.next("ack");
    const seen = await viewer.next("events_batch");
    expectClean(JSON.stringify(seen["markers"]));
    expect(Buffer.from(seen["payload"] as Uint8Array).equals(Buffer.from(batch.payload))).toBe(true);
    const rows = await db.query(
      "SELECT name, text, data FROM session_markers UNION ALL SELECT message, stack || url, data FROM session_errors UNION ALL SELECT url, title, traits FROM sessions",
    );
    expect(rows).toHaveLength(3);
    expectClean(JSON.stringify(rows));
    await Promise.all([tracker.close(), viewer.close()]);
  });

  it("PRV-6 plain events are redacted before anybody sees or stores them, small and large", async () => {
    const at = Date.now();
    const tracker = await openClient(app.base, `type=tracker&key=${KEY}`);
    tracker.say("session_start", { sessionId: "redacted-2", url: "https://shop.example/" });
    await tracker.next("session_started");
    const viewer = await openClient(app.base, "type=viewer", { headers: viewerHeaders });
    viewer.say("viewer_join_session", { sessionId: "redacted-2" });
    await viewer.next("session_joined");
    tracker.say("events_batch", { events: eventsAt(at) });
    await tracker.next("ack");
    const large = Array.from({ length: 300 }, (_, n) => ({
      type: 5,
      timestamp: at + 10 + n,
      data: { tag: "t", payload: { note: `${"x".repeat(1_000)} ${CARD}` } },
    }));
    tracker.say("events_batch", { events: large });
    await tracker.next("ack");
    for (let n = 0; n < 2; n++) expectClean(JSON.stringify((await viewer.next("events_batch"))["events"]));
    const answer = await readObject(await fetch(`${app.base}/sessions/redacted-2/events?limit=1000`, { headers: viewerHeaders }));
    expect(answer["events"]).toHaveLength(304);
    expectClean(JSON.stringify(answer));
    await Promise.all([tracker.close(), viewer.close()]);
  });

  it("PRV-7, PRV-8 payloads are redacted where the project says so: in order, stored and forwarded alike, acknowledged after the commit", async () => {
    await db.query(`UPDATE projects SET redaction = '{"payloads": true}' WHERE id = $1`, [projectId]);
    // The setting holds within 5 s: until then payloads come as they were.
    let probes = 0;
    await waitFor(
      async () => {
        const probe = await openTracker(`probe-${++probes}`);
        probe.pack("events_batch", packed("t", 0, Date.now()));
        await probe.next("ack");
        await probe.close();
        const [row] = await db.query<{ payload: Uint8Array }>("SELECT payload FROM session_events WHERE session_id = $1", [
          `probe-${probes}`,
        ]);
        return !textOf(row?.payload).includes(CARD);
      },
      { what: () => `the setting to hold; ${probes} probes` },
    );
    const at = Date.now();
    const tracker = await openTracker("redacted-3");
    const viewer = await openClient(app.base, "type=viewer", { headers: viewerHeaders });
    viewer.pack("viewer_join_session", { sessionId: "redacted-3" });
    await viewer.next("session_joined");
    for (let seq = 0; seq < 20; seq++) tracker.pack("events_batch", packed("t", seq, at + seq * 10));
    // One that nobody can read, and one that is here already.
    tracker.pack("events_batch", packed("t", 20, at + 300, { payload: new Uint8Array([1, 2, 3]) }));
    tracker.pack("events_batch", packed("t", 3, at));
    tracker.pack("events_batch", packed("t", 21, at + 400));
    await tracker.next("ack", (data) => data["upto"] === 21);
    expect(await tracker.next("error")).toMatchObject({ code: "malformed" });
    for (let seq = 0; seq < 22; seq++) {
      const batch = await viewer.next("events_batch");
      expect(batch).toMatchObject({ seq });
      if (seq === 20) expect(textOf(batch["payload"])).toBe("[]");
      else expectClean(textOf(batch["payload"]));
    }
    const rows = await db.query<{ seq: number; payload: Uint8Array; raw_bytes: number; event_count: number }>(
      "SELECT seq, payload, raw_bytes, event_count FROM session_events WHERE session_id = 'redacted-3' ORDER BY seq",
    );
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 22 }, (_, seq) => seq));
    for (const { seq, payload, raw_bytes, event_count } of rows) {
      expect(textOf(payload)).toHaveLength(raw_bytes);
      expect(JSON.parse(textOf(payload))).toHaveLength(event_count);
      if (seq !== 20) expectClean(textOf(payload));
    }
    await Promise.all([tracker.close(), viewer.close()]);
  });

  it("PRV-8 what was sent before the page went away is stored", async () => {
    const tracker = await openTracker("redacted-4");
    for (let seq = 0; seq < 5; seq++) tracker.pack("events_batch", packed("t", seq, Date.now() + seq));
    tracker.pack("tab_end", { tab: "t" });
    await tracker.close();
    const count = async () => (await db.query("SELECT 1 FROM session_events WHERE session_id = 'redacted-4'")).length;
    await waitFor(async () => (await count()) === 5);
  });
});
