import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { waitFor } from "../harness/wait.ts";
import { startAttacker, type Attacker } from "./attacker.ts";
import { hostileRecordings, type HostileRecording } from "./recordings.ts";
import {
  beginVisit,
  openWatcher,
  readTraces,
  waitForSentinel,
  waitUntilDone,
  type HostileVisit,
  type Watcher,
} from "./watcher.ts";

/** Pages that are watched side by side; two cores take no more. */
const SIDE_BY_SIDE = 3;

let app: TestApp;
let browser: Browser;
let attacker: Attacker;

beforeAll(async () => {
  [app, browser, attacker] = await Promise.all([startApp(), launchBrowser(), startAttacker()]);
});

afterAll(async () => {
  await browser.close();
  await attacker.close();
  await app.remove();
});

/** A recording on the server, of which the second half is still to come. */
async function sendOpening(recording: HostileRecording, at: number): Promise<HostileVisit> {
  const visit = beginVisit(app, at);
  await visit.send(recording.opening, { firstAt: at, lastAt: at + 100, checkout: true });
  return visit;
}

/** Watches a recording live and then from the beginning, and says what went wrong. */
async function watch(watcher: Watcher, recording: HostileRecording, at: number): Promise<string[]> {
  const { page } = watcher;
  const visit = await sendOpening(recording, at);
  const wrong: string[] = [];
  for (const way of ["live", "recorded"] as const) {
    await page.goto(`${app.baseUrl}/sessions/${visit.sessionId}${way === "live" ? "" : "?t=0"}`);
    if (way === "live") {
      await waitForSentinel(page, "not yet");
      await visit.send(recording.later, { firstAt: at + 300, lastAt: at + 900 });
    }
    await waitUntilDone(page);
    await page.keyboard.press("?");
    await waitFor(() => page.getByRole("dialog").isVisible(), { what: () => `the keys to be shown after ${recording.name}` });
    await page.keyboard.press("Escape");
    const traces = await readTraces(page);
    if (traces.ran.length > 0) wrong.push(`${way}: ran ${traces.ran.join()}`);
    if (traces.cookie !== "") wrong.push(`${way}: cookie ${traces.cookie}`);
    if (traces.polluted) wrong.push(`${way}: the prototype of everything was changed`);
    if (!/· Watchback$/.test(traces.title)) wrong.push(`${way}: title ${traces.title}`);
    if (new URL(page.url()).pathname !== `/sessions/${visit.sessionId}`) wrong.push(`${way}: moved to ${page.url()}`);
    if (way === "live") visit.end();
  }
  const found = [...wrong, ...watcher.harm, ...watcher.requests, ...watcher.faults].map((what) => `${recording.name}: ${what}`);
  for (const list of [watcher.harm, watcher.requests, watcher.faults]) list.length = 0;
  return found;
}

describe("hostile recordings", () => {
  it("VIE-19 run nothing, fetch nothing and move nothing, joined live and played back", { timeout: 240_000 }, async () => {
    const at = Date.now() - 5_000;
    const waiting = hostileRecordings(attacker, at);
    const total = waiting.length;
    const found: string[] = [];
    const watched: string[] = [];
    const work = async (): Promise<void> => {
      const watcher = await openWatcher(browser, app);
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        found.push(...(await watch(watcher, next, at)));
        watched.push(next.name);
      }
      await watcher.close();
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
    expect({ found, seen: attacker.seen, watched: watched.length }).toEqual({ found: [], seen: [], watched: total });
  });
});
