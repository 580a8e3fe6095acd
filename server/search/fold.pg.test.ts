import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Marker, MarkerKind } from "../../protocol/markers.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertBatch, insertProject, insertSession, insertTab, textEvent } from "../../test/harness/stored-session.ts";
import { systemClock } from "../clock.ts";
import { createFolder, type Folder } from "./fold.ts";
import { findPage, parseSessionListing } from "./search.ts";

const DAY = "2026-11-20";
const T0 = Date.parse("2026-11-20T10:00:00Z");
const LENGTH_MS = 600_000;

let test: TestDatabase;
let project: number;
let folder: Folder;

beforeAll(async () => {
  test = await createTestDatabase();
  project = (await insertProject(test.database, "shop")).id;
  folder = createFolder({ db: test.database, clock: systemClock, log: quietLog });
});

afterAll(async () => {
  await test.drop();
});

afterEach(async () => {
  await test.database.query("DELETE FROM session_facts");
  for (const table of [
    ...["session_words", "session_folds", "session_news", "session_markers", "session_events", "session_tabs", "sessions"],
    "occurrences",
  ]) {
    await test.database.query(`DELETE FROM ${table}`);
  }
});

interface Facts {
  status: string;
  active_ms: number;
  duration_ms: number;
  page_count: number;
  click_count: number;
  rage_click_count: number;
  custom_count: number;
  error_count: number;
  marks: string[];
  pages: string;
  console: string;
  errors: string;
  browser: string;
  os: string;
  device: string;
  head: string;
  traits: string[];
  is_due: boolean;
}

async function factsOf(sessionId: string): Promise<Facts | undefined> {
  const [row] = await test.database.query<Facts>(
    "SELECT * FROM session_facts JOIN session_words USING (session_id) WHERE session_id = $1",
    [sessionId],
  );
  return row;
}

async function begin(sessionId: string, status: "live" | "ended" = "live", tabs = ["main"]): Promise<void> {
  await insertSession(test.database, {
    url: "https://shop.example/b",
    sessionId,
    projectId: project,
    startedOn: DAY,
    startedAt: T0,
    lastAt: status === "live" ? T0 : T0 + LENGTH_MS,
    status,
  });
  for (const tab of tabs) await insertTab(test.database, sessionId, tab, T0);
}

/** A batch that spans `ms` from `at` on; the store's progress tells of it, as it does each second. */
async function send(sessionId: string, seq: number, at: number, ms: number, markers: readonly Marker[] = [], tab = "main") {
  const events = [textEvent(at, "a"), textEvent(at + ms, "b")];
  await insertBatch(test.database, { sessionId, startedOn: DAY, projectId: project, tab, seq, events, markers });
  await test.database.query(
    "UPDATE sessions SET received_at = clock_timestamp(), last_at = greatest(last_at, to_timestamp($2)) WHERE session_id = $1",
    [sessionId, Math.min(at + ms, T0 + LENGTH_MS) / 1000],
  );
}

const marker = (kind: MarkerKind, at: number, name = "", text = ""): Marker => ({ kind, at, name, text });
const close = (sessionId: string) =>
  test.database.query("UPDATE sessions SET status = 'ended' WHERE session_id = $1", [sessionId]);

/** An error as the digest writes it. */
async function report(sessionId: string, message: string, facts: { source?: "sdk" | "tracker"; of?: number; at?: number } = {}) {
  await test.database.query(
    `INSERT INTO occurrences (error_id, project_id, issue_id, event_id, source, received_at, at, session_id, type, message)
     VALUES (gen_random_uuid(), $1, 1, gen_random_uuid()::text, $2, now(), $3, $4, 'PaymentError', $5)`,
    [facts.of ?? project, facts.source ?? "sdk", facts.at ?? T0, sessionId, message],
  );
}

async function findByError(words: string): Promise<readonly string[]> {
  const page = await findPage(test.database, [project], parseSessionListing(new URLSearchParams({ error: words })));
  return page.sessionIds;
}

describe("folding", () => {
  it("SEA-5 adds up what markers and batches say: kinds, pages, words and active time", async () => {
    await begin("visit");
    await test.database.query("UPDATE sessions SET user_agent = $1, traits = $2 WHERE session_id = 'visit'", [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
      JSON.stringify({ Plan: "Pro", seats: 3 }),
    ]);
    await send("visit", 0, T0, 1_000, [
      marker("page_load", T0, "https://shop.example/A"),
      marker("click", T0 + 10),
      marker("console", T0 + 15, "log", "Two teas"),
      marker("console_error", T0 + 20, "error", "Order\nFAILED"),
      marker("error", T0 + 30, "TypeError", "x is not a function"),
      marker("custom", T0 + 40, "Signed up"),
    ]);
    // Four seconds later: still the same stretch. A minute later: another one.
    await send("visit", 1, T0 + 5_000, 1_000, [
      marker("rage_click", T0 + 5_500),
      marker("navigation", T0 + 5_600, "https://shop.example/b"),
    ]);
    await send("visit", 2, T0 + 66_000, 2_000, [
      marker("custom", T0 + 66_000, "Signed up"),
      marker("custom", T0 + 66_001, "Paid"),
    ]);
    expect(await folder.foldDue()).toBe(1);
    expect(await factsOf("visit")).toMatchObject({
      active_ms: 6_000 + 2_000,
      duration_ms: 68_000,
      page_count: 2,
      click_count: 1,
      rage_click_count: 1,
      custom_count: 3,
      error_count: 1,
      marks: ["Signed up", "Paid"],
      pages: "https://shop.example/a\nhttps://shop.example/b",
      console: "order failed\ntwo teas",
      errors: "typeerror: x is not a function",
      browser: "Firefox",
      os: "Windows",
      device: "desktop",
      traits: ["plan", "plan=pro", "seats", "seats=3"],
      is_due: true,
    });
  });

  it("SEA-5 goes on where it was, and leaves what has no news", async () => {
    await begin("visit");
    await send("visit", 0, T0, 1_000, [marker("click", T0), marker("page_load", T0, "https://shop.example/a")]);
    expect(await folder.foldDue()).toBe(1);
    expect(await folder.foldDue()).toBe(0);
    await send("visit", 1, T0 + 2_000, 1_000, [marker("click", T0 + 2_000), marker("navigation", T0, "https://shop.example/b")]);
    expect(await folder.foldDue()).toBe(1);
    expect(await factsOf("visit")).toMatchObject({
      click_count: 2,
      page_count: 2,
      active_ms: 3_000,
      pages: "https://shop.example/a\nhttps://shop.example/b",
    });
    await close("visit");
    expect(await folder.foldDue()).toBe(1);
    expect(await factsOf("visit")).toMatchObject({ click_count: 2, active_ms: 3_000, is_due: false, status: "ended" });
    expect(await folder.foldDue()).toBe(0);
    expect(await test.database.query("SELECT * FROM session_folds")).toEqual([]);
  });

  it("SEA-5 tells the active time of a session that goes on from its newest event, and after a pause no more than went by", async () => {
    await begin("visit");
    await send("visit", 0, T0, 1_000);
    await folder.foldDue();
    await send("visit", 1, T0 + 8_000, 2_000);
    await folder.foldDue();
    expect(await factsOf("visit")).toMatchObject({ active_ms: 10_000 });
    // Half a minute without an event, and then one second: the fold before was a moment ago.
    await send("visit", 2, T0 + 40_000, 1_000);
    await folder.foldDue();
    const estimate = (await factsOf("visit"))?.active_ms ?? 0;
    expect(estimate).toBeGreaterThanOrEqual(10_000);
    expect(estimate).toBeLessThan(41_000);
    await close("visit");
    await folder.foldDue();
    expect(await factsOf("visit")).toMatchObject({ active_ms: 11_000 });
  });

  it("SEA-6 a session that is over has the same facts, however it was folded while it went on", async () => {
    const seed = Math.floor(Math.random() * 1e9);
    const random = createRandom(seed);
    for (const id of ["often", "once"]) await begin(id, "live", ["main", "other"]);
    const kinds: MarkerKind[] = ["click", "rage_click", "page_load", "custom", "console_error", "error", "dead_click"];
    const next = { main: 0, other: 0 };
    for (let n = 0; n < 40; n++) {
      const tab = random() < 0.5 ? "main" : "other";
      // Page times of two tabs overlap, and now and then a clock jumps.
      const at = T0 + Math.floor(n * 4_000 + random() * 9_000 - (random() < 0.1 ? 60_000 : 0));
      const kind = kinds[Math.floor(random() * kinds.length)] ?? "click";
      const said = `${kind} ${Math.floor(random() * 6)}`;
      const seq = next[tab]++;
      const ms = Math.floor(random() * 3_000);
      for (const id of ["often", "once"]) await send(id, seq, at, ms, [marker(kind, at, said, said)], tab);
      // A fold that is rolled back, as by a kill, leaves nothing behind.
      if (random() < 0.2) {
        await test.database
          .transaction(async (tx) => {
            await tx.query("UPDATE session_facts SET click_count = 999, folded_at = now() WHERE session_id = 'often'");
            throw new Error("killed");
          })
          .catch(() => undefined);
      }
      if (random() < 0.4) await foldOnly("often");
    }
    for (const id of ["often", "once"]) await close(id);
    await folder.foldDue();
    const [often, once] = [await withoutIds("often"), await withoutIds("once")];
    expect(often, `seed ${seed}`).toEqual(once);
    expect(often["is_due"]).toBe(false);
  });

  it("SEA-6 what is written after the end is folded as well", async () => {
    await begin("visit", "ended");
    await folder.foldDue();
    expect(await factsOf("visit")).toMatchObject({ click_count: 0, is_due: false });
    await send("visit", 0, T0, 1_000, [marker("click", T0)]);
    expect(await factsOf("visit")).toMatchObject({ is_due: true });
    await folder.foldDue();
    expect(await factsOf("visit")).toMatchObject({ click_count: 1, active_ms: 1_000, is_due: false });
  });

  it("SEA-6 two processes fold each session once", async () => {
    for (let n = 0; n < 150; n++) {
      await begin(`visit-${n}`, "ended");
      await send(`visit-${n}`, 0, T0, 1_000, [marker("click", T0)]);
    }
    const other = createFolder({ db: test.database, clock: systemClock, log: quietLog });
    const counts = await Promise.all([folder.foldDue(), other.foldDue()]);
    await folder.foldDue();
    expect(counts[0] + counts[1]).toBeLessThanOrEqual(150);
    const [row] = await test.database.query<{ n: number }>(
      "SELECT count(*) AS n FROM session_facts WHERE click_count = 1 AND NOT is_due",
    );
    expect(row?.n).toBe(150);
  });

  it("SEA-7 what a session says of itself is known at once", async () => {
    await begin("visit");
    expect(await factsOf("visit")).toMatchObject({ status: "live", head: "https://shop.example/b\nshop\n\nvisit" });
    await test.database.query(
      "UPDATE sessions SET url = 'https://shop.example/Next', user_id = 'Ada' WHERE session_id = 'visit'",
    );
    expect(await factsOf("visit")).toMatchObject({ head: "https://shop.example/next\nshop\nada\nvisit" });
    await test.database.query("DELETE FROM sessions WHERE session_id = 'visit'");
  });

  it("SEA-8 texts are kept up to a bound, and nonsense of a page's clock breaks nothing", async () => {
    await begin("visit");
    const long = Array.from({ length: 60 }, (_each, n) =>
      marker("console_error", T0 + n, "error", `${n} ${"long ".repeat(300)}`),
    );
    const marks = Array.from({ length: 80 }, (_each, n) => marker("custom", T0 + n, `mark ${n}`));
    await send("visit", 0, T0, 1_000, [...long, ...marks]);
    await folder.foldDue();
    await send("visit", 1, 8.6e15, 1_000, [
      ...long.map((one) => ({ ...one, text: `again ${one.text}` })),
      marker("click", 8.6e15),
    ]);
    await send("visit", 2, 0, 1_000);
    await folder.foldDue();
    await close("visit");
    await folder.foldDue();
    const facts = await factsOf("visit");
    expect(facts?.console.length).toBe(8_000);
    expect(facts?.console.split("\n")[0]?.length).toBe(500);
    expect(facts?.marks).toHaveLength(50);
    expect(facts).toMatchObject({ click_count: 1, is_due: false });
    expect(facts?.active_ms).toBeLessThanOrEqual(610_000);
  });
});

describe("errors that SDKs report", () => {
  it("SEA-16 are found like those of the tracker, whether they come before the session, while it goes on or after its end", async () => {
    await report("visit", "card Refused");
    expect(await folder.foldDue()).toBe(0);
    expect(await test.database.query("SELECT FROM session_news")).toEqual([]);
    await begin("visit");
    await send("visit", 0, T0, 1_000, [marker("click", T0), marker("error", T0 + 5, "TypeError", "x is undefined")]);
    await folder.foldDue();
    expect(await findByError("card refused")).toEqual(["visit"]);
    expect(await folder.foldDue()).toBe(0);
    // Nothing of the page comes with it.
    await report("visit", "no stock", { at: T0 + 10 });
    expect(await folder.foldDue()).toBe(1);
    expect(await findByError("no stock")).toEqual(["visit"]);
    await close("visit");
    await folder.foldDue();
    expect(await factsOf("visit")).toMatchObject({ is_due: false, click_count: 1, active_ms: 1_000 });
    await report("visit", "sent too late", { at: T0 + 20 });
    expect(await folder.foldDue()).toBe(1);
    expect(await factsOf("visit")).toMatchObject({
      errors: "paymenterror: card refused\ntypeerror: x is undefined\npaymenterror: no stock\npaymenterror: sent too late",
      is_due: false,
      click_count: 1,
      error_count: 1,
    });
    expect(await findByError("too late")).toEqual(["visit"]);
    expect(await folder.foldDue()).toBe(0);
  });

  it("SEA-16 of another project, or told by a tracker, are no words of the session", async () => {
    await begin("visit", "ended");
    await folder.foldDue();
    await report("visit", "of somebody else", { of: project + 1 });
    await report("visit", "a marker says it", { source: "tracker" });
    await folder.foldDue();
    expect(await factsOf("visit")).toMatchObject({ errors: "", is_due: false });
  });

  it("SEA-16 however many they are, each is one line, up to a bound", async () => {
    await begin("visit");
    for (let n = 0; n < 40; n++) for (let again = 0; again < 2; again++) await report("visit", `${n} ${"long ".repeat(300)}`);
    await folder.foldDue();
    const { errors = "" } = (await factsOf("visit")) ?? {};
    expect(errors.length).toBe(8_000);
    expect(new Set(errors.split("\n")).size).toBe(errors.split("\n").length);
  });

  it("SEA-16 a session that somebody holds is folded when he lets go, and nobody waits", async () => {
    await begin("visit", "ended");
    await folder.foldDue();
    await test.database.transaction(async (tx) => {
      await tx.query("SELECT FROM session_facts WHERE session_id = 'visit' FOR UPDATE");
      await report("visit", "card refused");
      expect(await folder.foldDue()).toBe(0);
    });
    expect(await folder.foldDue()).toBe(1);
    expect(await findByError("card refused")).toEqual(["visit"]);
  });
});

async function foldOnly(sessionId: string): Promise<void> {
  await test.database.query("UPDATE session_facts SET is_due = false WHERE session_id <> $1", [sessionId]);
  await folder.foldDue();
  await test.database.query("UPDATE session_facts SET is_due = true");
}

async function withoutIds(sessionId: string): Promise<Record<string, unknown>> {
  const [row = {}] = await test.database.query<Record<string, unknown>>("SELECT * FROM session_facts WHERE session_id = $1", [
    sessionId,
  ]);
  return { ...row, session_id: "", head: "", folded_at: null, seen_at: null };
}

function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
