/** What one browser tab costs over time: its process, its JavaScript heap, its nodes, and the frames that it draws. */

import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import * as v from "valibot";

const processesSchema = v.object({ processInfo: v.array(v.looseObject({ type: v.string(), id: v.number() })) });
const metricsSchema = v.object({ metrics: v.array(v.object({ name: v.string(), value: v.number() })) });

/** One look at a tab. */
export interface TabSample {
  /** Seconds since the watching began. */
  at: number;
  /** Resident memory of its process: what it has for itself, and what it shares with others. */
  ownBytes: number;
  rssBytes: number;
  heapBytes: number;
  nodes: number;
}

/** Counts the frames of a page that is to be opened, and how long each took. */
export const COUNT_FRAMES = `(() => {
  let last = 0;
  window.frames50 = { all: 0, late: 0, slowest: 0 };
  const frame = (now) => {
    if (last > 0 && document.visibilityState === "visible") {
      const took = now - last;
      window.frames50.all += 1;
      if (took > 50) window.frames50.late += 1;
      window.frames50.slowest = Math.max(window.frames50.slowest, took);
    }
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})()`;

/** Watches the largest tab of a browser that has no other; the caller looks when it wants to. */
export async function watchTab(browser: Browser, page: Page): Promise<() => Promise<TabSample>> {
  const whole = await browser.newBrowserCDPSession();
  const own = await page.context().newCDPSession(page);
  await own.send("Performance.enable");
  const begun = performance.now();
  return async () => {
    const { processInfo } = v.parse(processesSchema, await whole.send("SystemInfo.getProcessInfo"));
    const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => readMemory(id));
    const largest = renderers.reduce((most, memory) => (memory.rssBytes > most.rssBytes ? memory : most), NOTHING);
    const { metrics } = v.parse(metricsSchema, await own.send("Performance.getMetrics"));
    const metric = (wanted: string) => metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN;
    return { at: (performance.now() - begun) / 1000, ...largest, heapBytes: metric("JSHeapUsedSize"), nodes: metric("Nodes") };
  };
}

const NOTHING = { ownBytes: 0, rssBytes: 0 };

function readMemory(pid: number): { ownBytes: number; rssBytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN);
  return { ownBytes: kilobytes("RssAnon") * 1024, rssBytes: kilobytes("VmRSS") * 1024 };
}
