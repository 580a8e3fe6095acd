import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { checkoutEvents, insertBatch, insertProject, insertSession, insertTab } from "../../test/harness/stored-session.ts";
import { systemClock } from "../clock.ts";
import type { Digested, IssueNews } from "../digested.ts";
import { createIssues } from "../issues/issues.ts";
import { createDrainer, type Drainer } from "./drainer.ts";
import { MAX_ATTEMPTS } from "./intake-queries.ts";
import type { DigestRedaction } from "./redact.ts";
import type { IssueWriter } from "./write-rows.ts";

const DAY = "2026-11-20";
const T0 = Date.parse("2026-11-20T10:00:00Z");
const SESSION = "0190f3c2-7a2b-7c3d-8e4f-0123456789ab";
const redaction: DigestRedaction = {
  text: (_id, text) => text.replaceAll("s3cret", "[Filtered]"),
  personId: (_id, text) => text,
  sourceLine: (_id, text) => text,
  fields: () => undefined,
};

let test: TestDatabase;
let shop: number;
let blog: number;
let heard: IssueNews[];
const running: Drainer[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
});

afterAll(async () => {
  await test.drop();
});

beforeEach(async () => {
  for (const table of [
    "intake",
    "occurrences",
    "issues",
    "feedback",
    "sessions",
    "tombstones",
    "session_errors",
    "session_markers",
  ])
    await test.database.query(`TRUNCATE ${table} CASCADE`);
  heard = [];
});

afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

function build(writer: Partial<IssueWriter> = {}): {
  drainer: Drainer;
  counts: Record<"digested" | "retried" | "dead", { value: number }>;
} {
  const db = test.database;
  const counts = { digested: { value: 0 }, retried: { value: 0 }, dead: { value: 0 } };
  const drainer = createDrainer({
    db,
    redaction,
    sourcemaps: { map: (_projectId, _build, frames) => Promise.resolve([...frames]) },
    issues: { ...createIssues({ db, clock: systemClock }), ...writer },
    log: quietLog,
    onNews: (news) => void heard.push(...news),
    counts,
  });
  running.push(drainer);
  return { drainer, counts };
}

const idOf = (n: number) => n.toString(16).padStart(32, "0");

async function put(rows: readonly { kind?: string; projectId?: number; head?: object; body?: unknown }[]): Promise<void> {
  for (const { kind = "event", projectId = shop, head = {}, body } of rows) {
    const bytes = typeof body === "string" ? body : JSON.stringify(body);
    await test.database.query("INSERT INTO intake (project_id, kind, head, body) VALUES ($1, $2, $3, convert_to($4, 'UTF8'))", [
      projectId,
      kind,
      JSON.stringify(head),
      bytes,
    ]);
  }
}

const event = (n: number, more: object = {}) => ({
  head: { event_id: idOf(n) },
  body: { exception: { values: [{ type: "TypeError", value: "x is undefined" }] }, ...more },
});

const occurrences = () =>
  test.database.query<{
    event_id: string;
    session_id: string | null;
    user_id: string | null;
    message: string;
    project_id: number;
  }>("SELECT event_id, session_id, user_id, message, project_id FROM occurrences ORDER BY event_id");
const waiting = () =>
  test.database.query<{ attempts: number; fault: string | null; dead: boolean; wait: number }>(
    `SELECT attempts, fault, dead_at IS NOT NULL AS dead, extract(epoch FROM due_at - now())::float8 AS wait FROM intake ORDER BY intake_id`,
  );

describe("the digest", () => {
  it("DIG-1 writes what was accepted, removes it from the intake, and tells what became of issues", async () => {
    const { drainer, counts } = build();
    await put([
      event(1),
      { ...event(2), projectId: blog },
      {
        kind: "csp_report",
        head: { event_id: idOf(3) },
        body: {
          "csp-report": {
            "document-uri": "https://a/",
            "blocked-uri": "https://evil.example/x.js",
            "effective-directive": "script-src-elem",
          },
        },
      },
      {
        kind: "csp_report",
        head: { event_id: idOf(4) },
        body: {
          type: "csp-violation",
          body: { documentURL: "https://a/", blockedURL: "inline", effectiveDirective: "style-src" },
        },
      },
      {
        kind: "feedback",
        head: { event_id: idOf(5), item: "feedback" },
        body: {
          contexts: {
            feedback: { message: "it broke", contact_email: "ada@example.com", name: "Ada", associated_event_id: idOf(1) },
          },
        },
      },
      {
        kind: "feedback",
        head: { event_id: idOf(6), item: "user_report" },
        body: { event_id: idOf(2), comments: "s3cret words", email: "a@b.c", name: "B" },
      },
      { kind: "event", head: { event_id: idOf(7) }, body: { type: "transaction" } },
    ]);
    await drainer.drain();
    expect((await occurrences()).map(({ message, project_id }) => [message, project_id === shop])).toEqual([
      ["x is undefined", true],
      ["x is undefined", false],
      ["Content security policy: script-src-elem blocked evil.example", true],
      ["Content security policy: style-src blocked inline", true],
    ]);
    const feedback = await test.database.query("SELECT message, email, name, error_event_id FROM feedback ORDER BY feedback_id");
    expect(feedback).toEqual([
      { message: "it broke", email: "ada@example.com", name: "Ada", error_event_id: idOf(1) },
      { message: "[Filtered] words", email: "a@b.c", name: "B", error_event_id: idOf(2) },
    ]);
    expect(await waiting()).toEqual([]);
    expect(counts.digested.value).toBe(7);
    expect(heard.filter(({ kind }) => kind === "new")).toHaveLength(4);
  });

  it("DIG-1 leaves the segments of replays to whom they belong", async () => {
    await put([{ kind: "replay", head: { event_id: idOf(1) }, body: "x" }]);
    await build().drainer.drain();
    expect(await waiting()).toMatchObject([{ attempts: 0, dead: false }]);
  });

  it("DIG-9 redacts before anything is stored", async () => {
    await put([
      event(1, {
        exception: { values: [{ type: "E", value: "the s3cret is out" }] },
        breadcrumbs: [{ message: "s3cret" }],
        request: { url: "https://a/?q=s3cret", headers: { a: "s3cret" }, data: "s3cret" },
        user: { id: 7, email: "s3cret@a.b" },
        logentry: { message: "s3cret %s" },
        transaction: "s3cret",
      }),
    ]);
    await build().drainer.drain();
    const rows = await test.database.query<{ all: string }>(
      "SELECT (to_jsonb(o) || to_jsonb(i))::text AS all FROM occurrences o JOIN issues i USING (issue_id)",
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.all).toContain("the [Filtered] is out");
    // Headers go through the rules for named values, which this stand-in does not have.
    expect(rows[0]?.all.replace(/"headers": \[[^\]]*\]\]/, "")).not.toContain("s3cret");
  });

  it("DIG-10 keeps an item that never can be read as a dead letter at once, and digests its siblings", async () => {
    const { drainer, counts } = build();
    await put([
      event(1),
      { body: "{no json" },
      { body: `{"a":${"[".repeat(500)}` },
      { kind: "csp_report", body: { x: 1 } },
      event(2),
    ]);
    await drainer.drain();
    expect((await occurrences()).map(({ event_id }) => event_id)).toEqual([idOf(1), idOf(2)]);
    expect(await waiting()).toMatchObject([
      { dead: true, attempts: 1, fault: "the item is no JSON" },
      { dead: true, fault: "the item is nested deeper than 100 levels" },
      { dead: true, fault: "the item is no report of a content security policy" },
    ]);
    expect(counts.dead.value).toBe(3);
  });

  it("DIG-11 tries again what failed, alone, with a growing wait, and gives it up after the last try", async () => {
    const groups: number[] = [];
    const real = createIssues({ db: test.database, clock: systemClock });
    const { drainer, counts } = build({
      write(tx, digested: readonly Digested[]) {
        groups.push(digested.length);
        if (digested.some(({ eventId }) => eventId === idOf(2))) throw new Error("cannot");
        return real.write(tx, digested);
      },
    });
    await put([event(1), event(2), event(3)]);
    await drainer.drain();
    expect((await occurrences()).map(({ event_id }) => event_id)).toEqual([idOf(1), idOf(3)]);
    expect(groups).toEqual([3, 1, 1, 1]);
    let before = 0;
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
      const [row] = await waiting();
      expect(row).toMatchObject({ attempts: attempt, dead: false, fault: "Error: cannot" });
      expect(row?.wait).toBeGreaterThan(before * 2);
      before = row?.wait ?? 0;
      await test.database.query("UPDATE intake SET due_at = now()");
      await put([event(100 + attempt), event(200 + attempt)]);
      groups.length = 0;
      await drainer.drain();
      expect(groups).toEqual([2, 1]);
    }
    expect(await waiting()).toMatchObject([{ attempts: MAX_ATTEMPTS, dead: true }]);
    expect(counts).toMatchObject({ retried: { value: MAX_ATTEMPTS - 1 }, dead: { value: 1 } });
  });

  it("DIG-12 digests what a process claimed that died, and gives up what kills every process", async () => {
    await put([event(1), event(2)]);
    await test.database.query("UPDATE intake SET attempts = CASE WHEN head ->> 'event_id' = $1 THEN 1 ELSE $2 END", [
      idOf(1),
      MAX_ATTEMPTS,
    ]);
    await build().drainer.drain();
    expect((await occurrences()).map(({ event_id }) => event_id)).toEqual([idOf(1)]);
    expect(await waiting()).toMatchObject([{ dead: true, fault: "the process ended while it was digested" }]);
  });

  it("DIG-13 writes an event once: repeated, claimed twice, and by many drainers at the same time", async () => {
    const rows = Array.from({ length: 400 }, (_, n) => event(n % 350, { message: `m${n % 7}` }));
    await put(rows);
    const drainers = [build(), build(), build()];
    // The claims of one run out while it reads, again and again.
    let isDrained = false;
    const expire = async () => {
      while (!isDrained) {
        // It takes many rows at once, as nobody else does: one that meets a drainer half-way is given up.
        await test.database.query("UPDATE intake SET due_at = now(), attempts = 0 WHERE attempts > 0").catch((error: unknown) => {
          expect(error).toMatchObject({ code: "40P01" });
        });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const expiring = expire();
    await Promise.all(drainers.map(({ drainer }) => drainer.drain())).finally(() => (isDrained = true));
    await expiring;
    await test.database.query("UPDATE intake SET due_at = now(), attempts = 0");
    await drainers[0]?.drainer.drain();
    expect(await waiting()).toEqual([]);
    expect(await occurrences()).toHaveLength(350);
    const [sum] = await test.database.query<{ n: number }>("SELECT sum(occurrence_count)::integer AS n FROM issues");
    expect(sum?.n).toBe(350);
  });

  it("DIG-14 gives back, untried, what a stop or the absence of Postgres left", async () => {
    let isEntered = () => {};
    const entered = new Promise<void>((resolve) => (isEntered = resolve));
    let goOn = () => {};
    const real = createIssues({ db: test.database, clock: systemClock });
    const { drainer } = build({
      async write(tx, digested) {
        isEntered();
        await new Promise<void>((resolve) => (goOn = resolve));
        return real.write(tx, digested);
      },
    });
    await put(Array.from({ length: 250 }, (_, n) => event(n)));
    const draining = drainer.drain();
    await entered;
    const stopping = drainer.stop();
    goOn();
    await Promise.all([draining, stopping]);
    const left = await waiting();
    expect(left.length + (await occurrences()).length).toBe(250);
    expect(left.length).toBeGreaterThan(0);
    expect(left.filter(({ attempts, wait }) => attempts !== 0 || wait > 0)).toEqual([]);
  });
});

describe("sessions of ours", () => {
  it("DIG-5 are linked where they are the project's own; a person who is not told is the session's; what comes late for an erased one is dropped", async () => {
    await insertSession(test.database, { sessionId: SESSION, projectId: shop, startedOn: DAY, startedAt: T0, userId: "ada" });
    await test.database.query("INSERT INTO tombstones (session_id, project_id) VALUES ('gone-session', $1)", [shop]);
    const tagged = (id: string) => ({ tags: { "watchback.session": id } });
    await put([
      event(1, tagged(SESSION)),
      event(2, { ...tagged(SESSION), user: { id: "bob" } }),
      { ...event(3, tagged(SESSION)), projectId: blog },
      event(4, tagged("gone-session")),
      event(5, tagged("not-yet-known")),
    ]);
    await build().drainer.drain();
    expect((await occurrences()).map(({ session_id, user_id }) => [session_id, user_id])).toEqual([
      [SESSION, "ada"],
      [SESSION, "bob"],
      [null, null],
      ["not-yet-known", null],
    ]);
  });

  it("DIG-15 bring their errors with causes, state and breadcrumbs; an error that was erased meanwhile is passed over", async () => {
    await insertSession(test.database, { sessionId: SESSION, projectId: shop, startedOn: DAY, startedAt: T0, userId: "ada" });
    await insertTab(test.database, SESSION, "main", T0);
    const where = { sessionId: SESSION, startedOn: DAY, projectId: shop, tab: "main" };
    await insertBatch(test.database, {
      ...where,
      seq: 0,
      events: checkoutEvents(T0, "x"),
      markers: [
        { kind: "click", at: T0 + 1, name: "button", text: "Pay s3cret" },
        { kind: "console", at: T0 + 2, name: "warn", text: "slow" },
      ],
    });
    await insertBatch(test.database, { ...where, seq: 1, events: checkoutEvents(T0 + 10, "x") });
    await test.database.query(
      `INSERT INTO session_errors (error_id, session_id, tab, seq, ordinal, started_on, project_id, at, received_at, type, message, stack, url, data)
       SELECT gen_random_uuid(), $1, 'main', 1, n, $2::date, $3, $4, now(), 'TypeError', 'x is undefined',
         E'TypeError: x\\n    at pay (https://shop.example/a.js:1:2)', 'https://shop.example/pay', $5 FROM generate_series(1, 2) n`,
      [
        SESSION,
        DAY,
        shop,
        T0 + 20,
        JSON.stringify({
          handled: false,
          mechanism: "onerror",
          release: "shop@2",
          online: true,
          causes: [
            { name: "NetworkError", text: "offline", stack: "load@https://shop.example/n.js:3:4", source: "cause", of: 0 },
          ],
        }),
      ],
    );
    await test.database.query("DELETE FROM session_errors WHERE ordinal = 2");
    expect(await waiting()).toHaveLength(2);
    await build().drainer.drain();
    expect(await waiting()).toEqual([]);
    const rows = await test.database.query(
      "SELECT source, session_id, tab, user_id, at, type, message, culprit, release, url, detail FROM occurrences",
    );
    expect(rows).toMatchObject([
      {
        source: "tracker",
        session_id: SESSION,
        tab: "main",
        user_id: "ada",
        at: T0 + 20,
        type: "TypeError",
        message: "x is undefined",
        culprit: "pay (a.js)",
        release: "shop@2",
        url: "https://shop.example/pay",
        detail: {
          exceptions: [
            {
              type: "TypeError",
              mechanism: { type: "onerror", handled: false },
              frames: [{ function: "pay", line: 1, column: 2 }],
            },
            {
              type: "NetworkError",
              source: "cause",
              parentId: 0,
              frames: [{ function: "load", file: "https://shop.example/n.js" }],
            },
          ],
          contexts: { state: { online: true } },
          breadcrumbs: [
            { at: T0 + 1, category: "ui.click", message: "button Pay [Filtered]" },
            { at: T0 + 2, category: "console", level: "warning", message: "slow" },
          ],
        },
      },
    ]);
  });
});
