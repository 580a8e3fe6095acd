import type { Browser, CDPSession } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { waitFor } from "../harness/wait.ts";
import { addition, changes, checkout, done, IDS, incremental, PageWriter, type WrittenNode } from "./nodes.ts";
import { beginVisit, openWatcher, waitForSentinel, waitUntilDone, type Watcher } from "./watcher.ts";

/** The longest that anything of these may hold the viewer's screen. */
const LONGEST_BLOCK_MS = 5_000;

let app: TestApp;
let browser: Browser;
let watcher: Watcher;
let cdp: CDPSession;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp({ env: { MAX_EVENTS_PER_SESSION: "10000000" } }), launchBrowser()]);
  watcher = await openWatcher(browser, app);
  cdp = await watcher.context.newCDPSession(watcher.page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  await watcher.page.addInitScript(
    `window.__longest = 0; (function look(last) { setTimeout(() => { const now = performance.now(); window.__longest = Math.max(window.__longest, now - last); look(now); }, 20); })(performance.now())`,
  );
});

afterAll(async () => {
  await browser.close();
  await app.remove();
});

/** What the thread of the screen has worked so far, in milliseconds of the processor: what else the machine does is not counted. */
async function workedMs(): Promise<number> {
  const { metrics } = await cdp.send("Performance.getMetrics");
  const { value } = metrics.find(({ name }) => name === "TaskDuration") ?? { value: NaN };
  return 1_000 * value;
}

/** Opens a session, waits for these words on the screen, and says for how long the screen was held, all in all. */
async function openAndRead(sessionId: string, words: RegExp): Promise<number> {
  const { page } = watcher;
  await page.goto("about:blank");
  const before = await workedMs();
  await page.goto(`${app.baseUrl}/sessions/${sessionId}`);
  await waitFor(() => page.getByText(words).first().isVisible(), { timeoutMs: 30_000, what: () => `the words ${words.source}` });
  await page.keyboard.press("?");
  await waitFor(() => page.getByRole("dialog").isVisible(), { what: () => "the viewer to answer a key" });
  await page.keyboard.press("Escape");
  const after = await workedMs();
  return after - before;
}

/** A tree of so many nodes, in rows. */
function rows(write: PageWriter, count: number): WrittenNode[] {
  return Array.from({ length: count / 100 }, () =>
    write.element(
      "p",
      {},
      Array.from({ length: 99 }, () => write.element("i")),
    ),
  );
}

function nestedText(depth: number): string {
  const inner = `{"type":2,"id":200,"tagName":"b","attributes":{},"childNodes":[`;
  return inner.repeat(depth) + "]}".repeat(depth);
}

describe("recordings that are too much", () => {
  it.each([
    ["64 MiB of one text", () => "x".repeat(64_000_000)],
    ["a text of 40 MB", () => "y".repeat(40_000_000)],
  ])("VIE-33 %s is not opened, and the viewer says so", { timeout: 120_000 }, async (_name, text) => {
    const at = Date.now() - 5_000;
    const visit = beginVisit(app, at);
    await visit.send(checkout(at, [new PageWriter().text(text())]), { firstAt: at, lastAt: at + 10, checkout: true });
    expect(await openAndRead(visit.sessionId, /too large to be shown/)).toBeLessThan(LONGEST_BLOCK_MS);
    visit.end();
  });

  it("VIE-33 a text of 20 MB is cut, and the page is shown", { timeout: 120_000 }, async () => {
    const at = Date.now() - 5_000;
    const visit = beginVisit(app, at);
    await visit.send(checkout(at, [new PageWriter().text("word ".repeat(4_000_000))]), {
      firstAt: at,
      lastAt: at + 10,
      checkout: true,
    });
    await watcher.page.goto(`${app.baseUrl}/sessions/${visit.sessionId}`);
    await waitForSentinel(watcher.page, "not yet");
    expect(await watcher.page.evaluate<number>("window.__longest")).toBeLessThan(LONGEST_BLOCK_MS);
    visit.end();
  });

  it("VIE-34 a page of half a million nodes is not built, and the viewer says so", { timeout: 120_000 }, async () => {
    const at = Date.now() - 5_000;
    const visit = beginVisit(app, at);
    await visit.send(checkout(at, rows(new PageWriter(), 400_000)), { firstAt: at, lastAt: at + 10, checkout: true });
    expect(await openAndRead(visit.sessionId, /more parts than can be shown|too large to be shown/)).toBeLessThan(
      LONGEST_BLOCK_MS,
    );
    visit.end();
  });

  it("VIE-34 a page that grows past the bound stops growing, and the viewer says so", { timeout: 120_000 }, async () => {
    const at = Date.now() - 5_000;
    const write = new PageWriter();
    const visit = beginVisit(app, at);
    await visit.send(checkout(at, []), { firstAt: at, lastAt: at + 10, checkout: true });
    for (let i = 1; i <= 8; i++)
      await visit.send([addition(at + i * 20, rows(write, 20_000))], { firstAt: at + i * 20, lastAt: at + i * 20 });
    await visit.send([done(at + 400)], { firstAt: at + 400, lastAt: at + 400 });
    expect(await openAndRead(visit.sessionId, /Parts of this page are too large/)).toBeLessThan(2 * LONGEST_BLOCK_MS);
    visit.end();
  });

  it("VIE-34 nesting of 100,000 levels is not opened, and a chain that is added is cut", { timeout: 120_000 }, async () => {
    const at = Date.now() - 5_000;
    const deep = beginVisit(app, at);
    const opening = JSON.parse(JSON.stringify(checkout(at, []))) as unknown[];
    await deep.send(opening, { firstAt: at, lastAt: at + 10, checkout: true });
    await deep.sendText(`[{"type":3,"timestamp":${at + 20},"data":{"node":${nestedText(100_000)}}}]`, {
      firstAt: at + 20,
      lastAt: at + 20,
    });
    const write = new PageWriter();
    let parent: unknown = IDS.body;
    const chain = Array.from({ length: 15_000 }, () => {
      const node = write.element("b");
      const add = { parentId: parent, nextId: null, node };
      parent = node.id;
      return add;
    });
    await deep.send([incremental(at + 30, { source: 0, adds: chain, removes: [], texts: [], attributes: [] })], {
      firstAt: at + 30,
      lastAt: at + 30,
    });
    await deep.send([done(at + 40)], { firstAt: at + 40, lastAt: at + 40 });
    expect(await openAndRead(deep.sessionId, /Parts of this page are too large/)).toBeLessThan(LONGEST_BLOCK_MS);
    deep.end();
  });

  it("VIE-35 100,000 events at once and 50,000 a second leave the viewer answering", { timeout: 120_000 }, async () => {
    const at = Date.now() - 5_000;
    const visit = beginVisit(app, at);
    const flood = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => changes(from, [{ id: IDS.body, attributes: { "data-n": String(i) } }]));
    await visit.send(checkout(at, []), { firstAt: at, lastAt: at + 10, checkout: true });
    const { page } = watcher;
    await page.goto(`${app.baseUrl}/sessions/${visit.sessionId}`);
    await waitForSentinel(page, "not yet");
    await visit.send(flood(at + 20, 100_000), { firstAt: at + 20, lastAt: at + 20 });
    for (let i = 1; i <= 20; i++) {
      await visit.send(flood(at + 20 + i * 100, 5_000), { firstAt: at + 20 + i * 100, lastAt: at + 20 + i * 100 });
      await page.keyboard.press("?");
      await waitFor(() => page.getByRole("dialog").isVisible(), { what: () => "an answer in the flood" });
      await page.keyboard.press("Escape");
      await waitFor(async () => !(await page.getByRole("dialog").isVisible()), { what: () => "the answer to go again" });
    }
    await visit.send([done(at + 3_000)], { firstAt: at + 3_000, lastAt: at + 3_000 });
    await waitUntilDone(page);
    expect(await page.evaluate<number>("window.__longest")).toBeLessThan(LONGEST_BLOCK_MS);
    expect(watcher.faults).toEqual([]);
    visit.end();
  });
});
