/** A session of six hours, opened at random moments: how long until the page of that moment is there, and how many bytes it took. */

import type { BrowserContext } from "playwright-core";
import { launchBrowser } from "../../test/harness/browser.ts";
import { isAtWork, LENGTH_MS, sendSixHours, TICK_MS } from "../browser/six-hours.ts";
import { onEveryFrame, openSignedIn, readNumbers } from "../browser/watch.ts";
import { Samples } from "../load/samples.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";

const OPENINGS = 24;
const COLD_OPENINGS = 4;
const MIB = 1024 * 1024;
/** The heading may be this far from the moment that was asked for; `t` is exact, the page changes twice a second. */
const TOLERANCE_TICKS = 1;

export async function firstFrame(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback();
  const sessionId = await sendSixHours(server.trackerUrl);
  const browser = await launchBrowser();
  const [warm, cold, seeks] = [new Samples(), new Samples(), new Samples()];
  const [warmBytes, coldBytes] = [new Samples(), new Samples()];
  const seed = Math.floor(Math.random() * 1e6);
  const moments = chooseMoments(seed, OPENINGS + COLD_OPENINGS);
  try {
    const address = (at: number): string => `${server.origin}/sessions/${sessionId}?t=${at / 1000}&paused=1`;
    for (const at of moments.slice(0, COLD_OPENINGS)) {
      const context = await openSignedIn(browser, server);
      const opened = await open(context, address(at), at);
      cold.add(opened.tookMs);
      coldBytes.add(opened.bytes / MIB);
      await context.close();
    }
    const context = await openSignedIn(browser, server);
    await open(context, address(0), 0);
    for (const at of moments.slice(COLD_OPENINGS)) {
      const opened = await open(context, address(at), at);
      warm.add(opened.tookMs);
      warmBytes.add(opened.bytes / MIB);
    }
    await seekAround(context, address(0), moments.slice(COLD_OPENINGS), seeks);
  } finally {
    await browser.close();
  }
  await server.stop();
  const [, p95] = warm.percentiles([0.5, 0.95]);
  const [most] = coldBytes.percentiles([1]);
  const shown = (samples: Samples) => samples.percentiles([0.5, 0.95, 1]);
  return {
    name: "first-frame",
    title: `The page of a random moment of a session of six hours (seed ${seed}): milliseconds and MiB from the address to the frame`,
    head: ["what", "samples", "p50", "p95", "most"],
    rows: [
      ["address opened -> page of that moment, ms", warm.size, ...shown(warm)],
      ["loaded, MiB", warmBytes.size, ...shown(warmBytes)],
      ["the same in a new browser profile, ms", cold.size, ...shown(cold)],
      ["loaded, MiB", coldBytes.size, ...shown(coldBytes)],
      ["seek in the open session, ms", seeks.size, ...shown(seeks)],
    ],
    checks: [
      { what: "first useful frame, p95", value: p95, unit: "ms", bar: { atMost: 500 } },
      { what: "loaded, most", value: most, unit: "MiB", bar: { atMost: 3 } },
    ],
  };
}

/** Random moments (milliseconds from the start) at which something was recorded. */
function chooseMoments(seed: number, count: number): number[] {
  const moments: number[] = [];
  for (let state = seed; moments.length < count;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const at = Math.floor((state / 4_294_967_296) * (LENGTH_MS / TICK_MS - 4)) * TICK_MS + 250;
    if (isAtWork(at)) moments.push(at);
  }
  return moments;
}

async function open(context: BrowserContext, address: string, at: number): Promise<{ tookMs: number; bytes: number }> {
  const page = await context.newPage();
  const wire = await context.newCDPSession(page);
  let bytes = 0;
  await wire.send("Network.enable");
  // What comes out of the browser's cache is not loaded: its length is 0 there.
  wire.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await onEveryFrame(page, watchFor("window.wanted ??= Number(new URLSearchParams(location.search).get('t')) * 1000"));
  await page.goto(address, { waitUntil: "commit" });
  const [tookMs = NaN] = await readNumbers(page, "window.took !== undefined", "[window.took]");
  if (!Number.isFinite(tookMs)) throw new Error(`nothing was shown of ${at}`);
  await page.close();
  return { tookMs, bytes };
}

/** Notes when the heading says the moment that is wanted. */
function watchFor(begin: string): string {
  return `(shown) => {
    ${begin};
    const tick = Number(/tick (\\d+)/.exec(shown.querySelector("h1")?.textContent ?? "")?.[1] ?? NaN);
    if (window.took === undefined && Math.abs(tick - window.wanted / ${TICK_MS}) <= ${TOLERANCE_TICKS}) window.took = performance.now() - (window.since ?? 0);
  }`;
}

/** Jumps in one open session by its address line's twin, the timeline: as far as a pixel of it is exact. */
async function seekAround(context: BrowserContext, address: string, moments: readonly number[], seeks: Samples): Promise<void> {
  const page = await context.newPage();
  await onEveryFrame(
    page,
    `(() => {
      addEventListener("pointerdown", () => (window.since = performance.now()), true);
      return (shown) => {
        const tick = Number(/tick (\\d+)/.exec(shown.querySelector("h1")?.textContent ?? "")?.[1] ?? NaN);
        if (window.took === undefined && window.since !== undefined && Math.abs(tick * ${TICK_MS} - window.wanted) <= window.pixelMs) window.took = performance.now() - window.since;
      };
    })()`,
  );
  await page.goto(address, { waitUntil: "load" });
  const slider = page.getByRole("slider", { name: "Timeline" });
  await page.waitForTimeout(1_500);
  for (const at of moments) {
    const box = await slider.boundingBox();
    if (!box) throw new Error("the viewer shows no timeline");
    await page.evaluate(
      `window.took = window.since = undefined; window.wanted = ${at}; window.pixelMs = ${(1.5 * LENGTH_MS) / box.width}`,
    );
    await page.mouse.click(box.x + (box.width * at) / LENGTH_MS, box.y + box.height - 10);
    const [took = NaN] = await readNumbers(page, "window.took !== undefined", "[window.took]");
    seeks.add(took);
    await page.waitForTimeout(100);
  }
  await page.close();
}
