/**
 * Six busy visitors on the live wall, one of them in focus: what the viewer's tab costs over time, and whether its frames come in time.
 * The tab's memory is what its process has for itself, as the browser's own task manager counts it; the program is shared by all tabs.
 * `WALL_MINUTES` says for how long (30 for the published figure); what is before a sixth of it, at most five minutes, is warming up.
 */

import { launchBrowser } from "../../test/harness/browser.ts";
import { openBusyPages } from "../browser/busy-page.ts";
import { COUNT_FRAMES, watchTab, type TabSample } from "../browser/tab-memory.ts";
import { openSignedIn } from "../browser/watch.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";

const VISITORS = 6;
const DEFAULT_MINUTES = 3;
const LOOK_MS = 5_000;
const MIB = 1024 * 1024;
/** Rows of the table. */
const ROWS = 8;
/** What two medians of a sawtooth may differ by without anything having grown. */
const SAWTOOTH = 0.1;

export async function wall(rig: Rig): Promise<Figure> {
  const minutes = Number(process.env["WALL_MINUTES"] ?? DEFAULT_MINUTES);
  const server = await rig.startWatchback();
  const [crowd, browser] = await Promise.all([launchBrowser(), launchBrowser()]);
  try {
    await openBusyPages(crowd, server, VISITORS);
    const page = await (await openSignedIn(browser, server)).newPage();
    await page.addInitScript(COUNT_FRAMES);
    const look = await watchTab(browser, page);
    await page.goto(`${server.origin}/live`);
    await page
      .locator("article[data-state=watching]")
      .nth(VISITORS - 1)
      .waitFor();
    await page
      .getByRole("button", { name: /^Look closely at/ })
      .first()
      .click();
    const samples: TabSample[] = [];
    for (const until = performance.now() + minutes * 60_000; performance.now() < until;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      samples.push(await look());
    }
    const watching = await page.locator("article[data-state=watching]").count();
    const [all = 0, late = 0, slowest = 0] = await page.evaluate<number[]>("Object.values(window.frames50)");
    return toFigure(minutes, samples, { watching, all, late, slowest });
  } finally {
    await Promise.all([crowd.close(), browser.close()]);
    await server.stop();
  }
}

interface Seen {
  watching: number;
  all: number;
  late: number;
  slowest: number;
}

function toFigure(minutes: number, samples: readonly TabSample[], seen: Seen): Figure {
  const warmUntil = Math.min(300, (minutes * 60) / 6);
  const warm = samples.filter(({ at }) => at >= warmUntil);
  const third = Math.max(1, Math.floor(warm.length / 3));
  const [early, end] = [warm.slice(0, third), warm.slice(-third)];
  const grown = (of: (sample: TabSample) => number) => median(end.map(of)) / median(early.map(of)) - 1;
  const step = Math.max(1, Math.floor(samples.length / ROWS));
  return {
    name: "wall",
    title: `Six busy visitors on the wall for ${minutes} minutes, one in focus: the viewer's tab`,
    head: ["at s", "tab MB", "with what all tabs share", "JS heap MB", "nodes"],
    rows: samples
      .filter((_, index) => index % step === step - 1)
      .map(({ at, rssBytes, ownBytes, heapBytes, nodes }) => [
        Math.round(at).toString(),
        ownBytes / MIB,
        rssBytes / MIB,
        heapBytes / MIB,
        nodes,
      ]),
    checks: [
      {
        what: "the tab's memory, at most",
        value: Math.max(...samples.map(({ ownBytes }) => ownBytes)) / MIB,
        unit: "MB",
        bar: { atMost: 400 },
      },
      {
        what: "growth of the tab's memory after warming up",
        value: grown(({ ownBytes }) => ownBytes),
        unit: "",
        bar: { atMost: SAWTOOTH },
      },
      {
        what: "growth of the heap after warming up",
        value: grown(({ heapBytes }) => heapBytes),
        unit: "",
        bar: { atMost: 2 * SAWTOOTH },
      },
      { what: "live views that are drawn at the end", value: seen.watching, unit: "", bar: { atLeast: VISITORS } },
      { what: "frames that came within 50 ms", value: 1 - seen.late / Math.max(1, seen.all), unit: "", bar: { atLeast: 0.95 } },
    ],
    details: { ...seen, framesPerSec: seen.all / (minutes * 60) },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
