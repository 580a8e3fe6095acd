import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Identity } from "../auth/auth.ts";
import { createTestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import {
  checkoutEvents,
  insertBatch,
  insertProject,
  insertSession,
  insertTab,
  textEvent,
} from "../../test/harness/stored-session.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { createAudit } from "../audit/audit.ts";
import { type Clock, systemClock } from "../clock.ts";
import { createPrivacy, type Privacy } from "./privacy.ts";
import type { Method } from "../net/route.ts";
import { claimScan, insertScan, saveSession, type Finding, type LeakScan } from "./scan-queries.ts";

const DAY = "2026-11-20";
const T0 = Date.parse("2026-11-20T10:00:00Z");
const CARD = "4111 1111 1111 1111";
const MAIL = "ada.lovelace@example.com";
const TOKEN = ["ghp", "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA1bC2"].join("_");
const SECRETS = [CARD, MAIL, TOKEN, "hunter2-Zq", "s3cret-Value"];

let test: TestDatabase;
let shop: number;
let blog: number;
let privacy: Privacy;
const started: Privacy[] = [];

const identity = (role: "viewer" | "member" | "admin", projectId: number): Identity => ({
  kind: "user",
  userId: 1,
  email: "ada@example.com",
  isAdmin: false,
  signInId: "1",
  roles: new Map([[projectId, role]]),
});

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
});

afterAll(async () => {
  await test.drop();
});

beforeEach(async () => {
  for (const table of ["leak_scans", "sessions", "session_tabs", "session_events", "session_markers", "session_errors"])
    await test.database.query(`TRUNCATE ${table} CASCADE`);
  privacy = build();
});

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

function build(clock: Clock = systemClock): Privacy {
  const db = test.database;
  return createPrivacy({ db, clock, log: quietLog, audit: createAudit({ db, clock, log: quietLog }) });
}

async function begin(one: Privacy = privacy): Promise<void> {
  started.push(one);
  await one.start();
}

const call =
  (who: Identity) =>
  (method: Method, address: string, more: { body?: unknown } = {}) =>
    createCaller(privacy.routes)(method, address, { identity: who, ...more });

async function putSession(id: string, projectId = shop, isLeaking = true): Promise<void> {
  await insertSession(test.database, {
    sessionId: id,
    projectId,
    startedOn: DAY,
    startedAt: T0,
    url: isLeaking ? "https://shop.example/?token=s3cret-Value" : "https://shop.example/",
    title: isLeaking ? `Orders of ${MAIL}` : "Orders",
  });
  await insertTab(test.database, id, "main", T0);
  const where = { sessionId: id, startedOn: DAY, projectId, tab: "main" };
  await insertBatch(test.database, { ...where, seq: 0, events: [...checkoutEvents(T0, id), textEvent(T0 + 500, "plain words")] });
  if (!isLeaking) return;
  await insertBatch(test.database, {
    ...where,
    seq: 1,
    events: [
      textEvent(T0 + 1_000, `card ${CARD}`),
      textEvent(T0 + 1_100, `card ${CARD}`),
      { type: 3, timestamp: T0 + 1_200, data: { source: 5, id: 7, text: MAIL, isChecked: false } },
      {
        type: 3,
        timestamp: T0 + 1_300,
        data: { source: 0, texts: [], removes: [], adds: [], attributes: [{ id: 7, attributes: { placeholder: MAIL } }] },
      },
      {
        type: 6,
        timestamp: T0 + 1_400,
        data: { plugin: "rrweb/console@1", payload: { level: "log", payload: [`"using ${TOKEN}"`] } },
      },
    ],
    markers: [
      { kind: "failed_request", at: T0 + 1_500, name: "/x", data: { url: "/x?api_key=hunter2-Zq" } },
      { kind: "error", at: T0 + 1_600, name: "E", text: `no ${CARD}` },
    ],
  });
  await insertBatch(test.database, { ...where, seq: 2, events: [textEvent(T0 + 2_000, "x")], claims: { rawBytes: 1 } });
}

async function ask(body: object = {}): Promise<number> {
  const answer = await call(identity("admin", shop))("POST", `/v1/projects/${shop}/leak-scans`, { body });
  expect(answer.status).toBe(201);
  return (answer.json as { id: number }).id;
}

async function read(id: number): Promise<LeakScan & { findings: Finding[] }> {
  const answer = await call(identity("admin", shop))("GET", `/v1/projects/${shop}/leak-scans/${id}`);
  expect(answer.status).toBe(200);
  return answer.json as LeakScan & { findings: Finding[] };
}

async function readDone(id: number): Promise<LeakScan & { findings: Finding[] }> {
  await waitFor(async () => (await read(id)).state === "done", { timeoutMs: 20_000 });
  return read(id);
}

describe("a leak scan", () => {
  it("PRV-14 reports every known leak with its place, and a sample that gives nothing away", async () => {
    await putSession("shop-leaks");
    await putSession("shop-clean", shop, false);
    await putSession("blog-leaks", blog);
    await begin();
    const scan = await readDone(await ask());
    expect(scan).toMatchObject({
      totalSessions: 2,
      scannedSessions: 2,
      scannedBatches: 4,
      unreadableBatches: 1,
      truncated: false,
      error: null,
    });
    expect(scan.scannedBytes).toBeGreaterThan(0);
    const seen = scan.findings.map(({ sessionId, tab, seq, at, kind, where, sample, occurrences }) => [
      sessionId,
      tab,
      seq,
      at === null ? null : at - T0,
      kind,
      where,
      sample,
      occurrences,
    ]);
    expect(seen.sort()).toEqual(
      [
        ["shop-leaks", null, null, null, "named", "session url", "token = ***", 1],
        ["shop-leaks", null, null, null, "email", "session title", "a***@e***.com", 1],
        ["shop-leaks", "main", 1, 1_500, "named", "marker failed_request data.url", "api_key = ***", 1],
        ["shop-leaks", "main", 1, 1_600, "card", "error message", "**** (card number of 16 digits)", 1],
        ["shop-leaks", "main", 1, 1_000, "card", "text", "**** (card number of 16 digits)", 2],
        ["shop-leaks", "main", 1, 1_200, "email", "input", "a***@e***.com", 1],
        ["shop-leaks", "main", 1, 1_300, "email", "attribute placeholder", "a***@e***.com", 1],
        ["shop-leaks", "main", 1, 1_400, "token", "console", `ghp_*** (${TOKEN.length} characters)`, 1],
      ].sort(),
    );
    const stored = JSON.stringify(await test.database.query("SELECT * FROM leak_findings, leak_scans"));
    for (const secret of SECRETS) expect(stored).not.toContain(secret);
  });

  it("PRV-14 looks for what it is told to, and in the time it is told", async () => {
    await putSession("shop-leaks");
    await begin();
    const cards = await readDone(await ask({ patterns: ["card"] }));
    expect(new Set(cards.findings.map(({ kind }) => kind))).toEqual(new Set(["card", "named"]));
    expect(await readDone(await ask({ from: T0 + 1 }))).toMatchObject({ totalSessions: 0, findings: [] });
    expect(await readDone(await ask({ from: T0, to: T0 }))).toMatchObject({ scannedSessions: 1 });
  });

  it("PRV-15 goes on behind the last session after its runner died, and nothing is listed twice", async () => {
    for (const n of [1, 2, 3]) await putSession(`shop-${n}`);
    const id = await test.database.transaction((tx) =>
      insertScan(tx, { projectId: shop, requestedBy: 1, patterns: ["email"], from: null, to: null }, 1),
    );
    // A runner that does one session and is never heard of again.
    const claimed = await claimScan(test.database, "dead");
    expect(claimed?.id).toBe(id);
    const finding = {
      sessionId: "shop-1",
      tab: null,
      seq: null,
      at: null,
      kind: "email",
      where: "by the dead",
      sample: "***",
      occurrences: 1,
    };
    const result = {
      sessionId: "shop-1",
      findings: [finding],
      foundCount: 1,
      batches: 3,
      bytes: 1,
      unreadable: 0,
      isTruncated: false,
    };
    expect(await saveSession(test.database, id ?? 0, "dead", result)).toBe(true);
    expect(await claimScan(test.database, "other")).toBeNull();
    await test.database.query("UPDATE leak_scans SET lease_until = now() - interval '1 second'");
    await begin();
    const scan = await readDone(id ?? 0);
    expect(scan).toMatchObject({ scannedSessions: 3 });
    expect(new Set(scan.findings.map(({ sessionId }) => sessionId))).toEqual(new Set(["shop-1", "shop-2", "shop-3"]));
    expect(scan.findings.filter(({ sessionId }) => sessionId === "shop-1")).toEqual([finding]);
    // The dead one wakes up: it has nothing to say any more.
    expect(await saveSession(test.database, id ?? 0, "dead", result)).toBe(false);
  });

  it("PRV-15 is given back at a stop, and finished by the next process", async () => {
    for (let n = 0; n < 40; n++) await putSession(`shop-${n}`);
    await begin();
    const id = await ask();
    await waitFor(async () => (await read(id)).scannedSessions > 0);
    await privacy.stop();
    const between = await read(id);
    privacy = build();
    await begin(privacy);
    const scan = await readDone(id);
    expect(scan.scannedSessions).toBe(40);
    expect(between.state === "pending" || between.state === "done").toBe(true);
    const places = scan.findings.map(({ sessionId, where, kind }) => `${sessionId} ${where} ${kind}`);
    expect(new Set(places).size).toBe(places.length);
  });

  it("PRV-16 can be cancelled, and removed when it is over", async () => {
    await putSession("shop-leaks");
    const id = await ask();
    const admin = call(identity("admin", shop));
    expect((await read(id)).state).toBe("pending");
    expect((await admin("DELETE", `/v1/projects/${shop}/leak-scans/${id}`)).json).toEqual({ cancelled: true });
    await begin();
    const later = await readDone(await ask());
    expect(later.findings.length).toBeGreaterThan(0);
    expect(await read(id)).toMatchObject({ state: "cancelled", scannedSessions: 0, findings: [] });
    expect((await admin("DELETE", `/v1/projects/${shop}/leak-scans/${later.id}`)).json).toEqual({ removed: true });
    expect((await admin("GET", `/v1/projects/${shop}/leak-scans/${later.id}`)).status).toBe(404);
    expect(await test.database.query("SELECT 1 FROM leak_findings")).toEqual([]);
  });

  it("PRV-16 lists a bounded number of findings, says that there were more, and takes no more than three at a time", async () => {
    await insertSession(test.database, { sessionId: "shop-many", projectId: shop, startedOn: DAY, startedAt: T0 });
    const events = Array.from({ length: 120 }, (_, n) => textEvent(T0 + n, `ada${n}@example.com`));
    await insertBatch(test.database, { sessionId: "shop-many", startedOn: DAY, projectId: shop, tab: "main", seq: 0, events });
    const [first] = [await ask(), await ask(), await ask()];
    expect((await call(identity("admin", shop))("POST", `/v1/projects/${shop}/leak-scans`, { body: {} })).status).toBe(429);
    await begin();
    const scan = await readDone(first);
    expect(scan.findings).toHaveLength(50);
    expect(scan).toMatchObject({ truncated: true, foundCount: 120 });
  });

  it("PRV-17 keeps nothing of a session that is gone", async () => {
    await putSession("shop-leaks");
    await putSession("shop-other");
    const id = await test.database.transaction((tx) =>
      insertScan(tx, { projectId: shop, requestedBy: 1, patterns: ["email"], from: null, to: null }, 1),
    );
    await claimScan(test.database, "me");
    // Erased while it is scanned: its rows are gone before its findings are kept.
    await test.database.query("DELETE FROM sessions WHERE session_id = 'shop-leaks'");
    const finding = {
      sessionId: "shop-leaks",
      tab: null,
      seq: null,
      at: null,
      kind: "email",
      where: "text",
      sample: "***",
      occurrences: 1,
    };
    const result = { findings: [finding], foundCount: 1, batches: 1, bytes: 1, unreadable: 0, isTruncated: false };
    expect(await saveSession(test.database, id ?? 0, "me", { ...result, sessionId: "shop-leaks" })).toBe(true);
    expect(await test.database.query("SELECT 1 FROM leak_findings")).toEqual([]);
    // Erased afterwards: hidden at once, whoever sweeps the rows.
    await saveSession(test.database, id ?? 0, "me", {
      ...result,
      sessionId: "shop-other",
      findings: [{ ...finding, sessionId: "shop-other" }],
    });
    expect((await read(id ?? 0)).findings).toHaveLength(1);
    await test.database.query("DELETE FROM sessions WHERE session_id = 'shop-other'");
    expect((await read(id ?? 0)).findings).toEqual([]);
  });

  it("PRV-18 is for administrators of the project, and is written down", async () => {
    const id = await ask();
    const paths = [`/v1/projects/${shop}/leak-scans`, `/v1/projects/${shop}/leak-scans/${id}`];
    for (const path of paths) {
      expect((await call(identity("member", shop))("GET", path)).status).toBe(403);
      expect((await call(identity("admin", blog))("GET", path)).status).toBe(404);
    }
    for (const who of [identity("viewer", shop), identity("admin", blog)])
      expect((await call(who)("POST", `/v1/projects/${shop}/leak-scans`, { body: {} })).status).toBe(
        who.kind === "user" && who.roles.has(shop) ? 403 : 404,
      );
    // An id of another project's scan is no id at all.
    expect((await call(identity("admin", blog))("GET", `/v1/projects/${blog}/leak-scans/${id}`)).status).toBe(404);
    expect((await call(identity("admin", blog))("DELETE", `/v1/projects/${blog}/leak-scans/${id}`)).status).toBe(404);
    const written = await test.database.query(
      "SELECT action, project_id, subject_kind, subject_id FROM audit_log ORDER BY id DESC LIMIT 1",
    );
    expect(written).toEqual([{ action: "leak_scan_run", project_id: shop, subject_kind: "leak_scan", subject_id: String(id) }]);
    const list = await call(identity("admin", shop))("GET", `/v1/projects/${shop}/leak-scans`);
    expect(list.json).toMatchObject({ scans: [{ id, state: "pending", totalSessions: null }] });
    for (const body of [{ from: "x" }, { patterns: [] }, { patterns: ["nonsense"] }, { to: -1 }])
      expect((await call(identity("admin", shop))("POST", `/v1/projects/${shop}/leak-scans`, { body })).status).toBe(400);
  });
});

describe("settings", () => {
  it("PRV-13 a change holds within 5 s", async () => {
    const clock = createTestClock(Date.now());
    privacy = build(clock);
    await begin();
    const marker = { kind: "custom" as const, at: 1, text: `write to ${MAIL}` };
    expect(privacy.redaction.markers(shop, [marker])).toEqual([marker]);
    expect(privacy.redaction.readsPayloads(shop)).toBe(false);
    await test.database.query(`UPDATE projects SET redaction = '{"payloads": true, "patterns": ["email"]}' WHERE id = $1`, [
      shop,
    ]);
    clock.advance(5_000);
    await waitFor(() => privacy.redaction.readsPayloads(shop));
    expect(privacy.redaction.markers(shop, [marker])[0]?.text).toBe("write to [Filtered]");
    expect(privacy.redaction.readsPayloads(blog)).toBe(false);
    await test.database.query(`UPDATE projects SET redaction = '{}' WHERE id = $1`, [shop]);
  });
});
