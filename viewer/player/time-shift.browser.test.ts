/** Two minutes back and to the live edge again, fifty times at random, in a visit that goes on meanwhile. */

import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readRecording } from "../../bin/lib/recording.ts";
import { RRWEB } from "../../protocol/rrweb-event.ts";
import { Random } from "../../test/loss/random.ts";
import { isRecord, type RrwebEvent } from "./rrweb-events.ts";
import { runInPage, startTestBrowser, type TestBrowser, type TestSession } from "../../test/harness/player-browser.ts";

const SHIFTS = 50;
const BACK_MS = 120_000;
/**
 * What is played from less than this (0.4 s) before the live edge becomes live at once, which is looked at in another test; from there it is
 * far enough for a machine that stands still for a while.
 */
const LEAST_BACK_MS = 10_000;
/** What is in the visit when the viewer joins it, when the shifting begins, and at its end. */
const JOINED_MS = 60_000;
const BEGUN_MS = 150_000;
const LENGTH_MS = 240_000;
const TICK_MS = 400;
const BATCH_MS = 1_000;
const CHECKOUT_MS = 30_000;
/** No jump may take longer, on a machine that has other work. */
const MOST_MS = 5_000;

let browser: TestBrowser;
let page: Page;

beforeAll(async () => {
  browser = await startTestBrowser();
  page = await browser.open();
});

afterAll(() => browser.close());

/** A visit to a page of which something changes every 400 ms, with a checkout every half minute, in batches of a second. */
function makeVisit(random: Random): TestSession {
  const fixture = fileURLToPath(new URL("../../test/fixtures/recordings/dashboard.json.gz", import.meta.url));
  const [recorded] = readRecording(fixture).pages;
  const meta = recorded?.events.find((event) => event.type === RRWEB.meta);
  const snapshot = recorded?.events.find((event) => event.type === RRWEB.fullSnapshot);
  if (!recorded || !meta || !snapshot) throw new Error("the fixture has no snapshot");
  const texts = new Map<number, string>();
  forEachText(snapshot["data"], (node, id) => texts.set(id, String(node["textContent"])));
  const ids = [...texts.keys()].filter((id) => texts.get(id)?.trim() !== "");
  const start = meta.timestamp;
  const batches: TestSession["batches"] = [];
  for (let from = 0; from < LENGTH_MS; from += BATCH_MS) {
    const checkout = from % CHECKOUT_MS === 0;
    const events: RrwebEvent[] = checkout ? takeCheckout(meta, snapshot, texts, start + from) : [];
    for (let at = from + TICK_MS / 2; at < from + BATCH_MS; at += TICK_MS) {
      const id = random.pick(ids);
      texts.set(id, `changed at ${at}`);
      const data = { source: 0, texts: [{ id, value: `changed at ${at}` }], attributes: [], removes: [], adds: [] };
      events.push({ type: RRWEB.incremental, timestamp: start + at, data });
    }
    const [firstAt = 0, lastAt = 0] = [events[0]?.timestamp, events.at(-1)?.timestamp];
    batches.push({ tab: "a", seq: batches.length, firstAt, lastAt, count: events.length, checkout, markers: [], events });
  }
  const rest = { url: recorded.url, title: "", viewport: null, startedAt: start, endedAt: null };
  return { tabs: [{ tab: "a", tabGroup: "a", lastAt: start + JOINED_MS, upto: JOINED_MS / BATCH_MS - 1, ...rest }], batches };
}

/** Meta and full snapshot of the page as it is. */
function takeCheckout(meta: RrwebEvent, snapshot: RrwebEvent, texts: ReadonlyMap<number, string>, at: number): RrwebEvent[] {
  const data: unknown = structuredClone(snapshot.data);
  forEachText(data, (node, id) => (node["textContent"] = texts.get(id)));
  return [
    { ...meta, timestamp: at },
    { ...snapshot, data, timestamp: at },
  ];
}

/** Every text node of a snapshot that is shown as text. */
function forEachText(data: unknown, visit: (node: Record<string, unknown>, id: number) => void, isStyle = false): void {
  if (Array.isArray(data)) for (const one of data) forEachText(one, visit, isStyle);
  if (!isRecord(data) || Array.isArray(data)) return;
  if (data["type"] === 3 && typeof data["id"] === "number" && !isStyle && data["isStyle"] !== true) visit(data, data["id"]);
  forEachText(data["node"], visit);
  forEachText(
    data["childNodes"],
    visit,
    data["tagName"] === "style" || data["tagName"] === "script" || data["tagName"] === "title",
  );
}

it("VIE-81 a visit is left for its past and joined again fifty times, without a hole, a freeze or a difference", async () => {
  const seed = Math.floor(Math.random() * 1e9);
  const random = new Random(seed);
  const visit = makeVisit(random);
  const shifts = Array.from({ length: SHIFTS }, () => random.chance(0.6)).map((pauses) => ({
    pauses,
    backMs: random.between(pauses ? 1 : LEAST_BACK_MS, BACK_MS),
    // Batches that come while the past is shown, and with the way back.
    meanwhile: random.between(0, 1),
    behind: random.chance(0.5) ? 1 : 0,
  }));
  const numbers = { joined: JOINED_MS / BATCH_MS, begun: BEGUN_MS / BATCH_MS };
  const took = await runInPage<number[]>(
    page,
    { ...visit, ...numbers, shifts, seed },
    `const stage = new onPage.TestStage(args.tabs);
    const { player } = stage;
    let arrived = args.joined;
    const advance = (count) => { for (const batch of args.batches.slice(arrived, arrived + count)) stage.arrive(batch); arrived = Math.min(arrived + count, args.batches.length); };
    const edge = () => args.batches[arrived - 1].lastAt;
    const wanted = (at) => {
      const events = args.batches.flatMap((batch) => batch.events).filter((event) => event.timestamp <= at);
      const from = events.findLastIndex((event) => event.type === 4);
      const shown = describe(onPage.replayByTheBook(events.slice(from), at));
      document.body.lastElementChild.remove();
      return shown;
    };
    const same = async (at, what) => {
      const text = wanted(at);
      await until(() => stage.document && describe(stage.document) === text, what + " (seed " + args.seed + ")");
    };
    stage.store(args.batches.slice(0, args.joined));
    player.setConnected(true);
    player.goLive();
    const start = args.batches.findLastIndex((batch, index) => batch.checkout && index < args.joined);
    for (const batch of args.batches.slice(start, args.joined)) stage.arrive(batch);
    advance(args.begun - args.joined);
    await until(() => stage.status.stage === "shown" && stage.status.mode === "live", "the live edge");
    await same(edge(), "the live edge");
    const took = [];
    for (const [index, shift] of args.shifts.entries()) {
      const at = Math.max(args.batches[0].firstAt, edge() - shift.backMs);
      let from = performance.now();
      if (shift.pauses) player.pause();
      player.seek(at);
      await until(() => stage.status.stage === "shown" && stage.status.mode === "recorded" && stage.status.at >= at - 1 && stage.document, "shift " + index + " by " + shift.backMs + " (seed " + args.seed + ")");
      took.push(performance.now() - from);
      if (shift.pauses) await same(at, "shift " + index + " by " + shift.backMs);
      advance(shift.meanwhile);
      if (shift.pauses) await same(at, "shift " + index + ", while the visit goes on");
      from = performance.now();
      player.goLive();
      advance(shift.behind);
      await until(() => stage.status.stage === "shown" && stage.status.mode === "live", "the way back of " + index);
      took.push(performance.now() - from);
      await same(edge(), "the live edge after shift " + index);
    }
    advance(args.batches.length);
    await same(edge(), "the end");
    if (stage.sceneCount !== 1) throw new Error("old scenes are left");
    if (stage.failures.length > 0) throw new Error(stage.failures.join());
    return took;`,
  );
  expect(took).toHaveLength(2 * SHIFTS);
  expect(Math.max(...took), `the longest jump (seed ${seed})`).toBeLessThan(MOST_MS);
}, 180_000);
