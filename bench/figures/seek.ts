/** Seeking in an hour of 45,000 events, played back from the database in the real viewer. */

import type { Page } from "playwright-core";
import { launchBrowser } from "../../test/harness/browser.ts";
import { EVENT_COUNT, sendLongSession, TICK_MS } from "../browser/long-session.ts";
import { onEveryFrame, openSignedIn, readNumbers } from "../browser/watch.ts";
import { Samples } from "../load/samples.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";

/** Where to, as parts of the hour: far jumps forth and back, near ones, and one that was made before. */
const PLACES = [
  0.5, 0.1, 0.9, 0.3, 0.7, 0.02, 0.98, 0.45, 0.55, 0.46, 0.2, 0.8, 0.35, 0.65, 0.05, 0.95, 0.5, 0.15, 0.85, 0.25, 0.75, 0.4, 0.6,
  0.12,
];
const SETTLE_MS = 2_000;
/** The heading may be this far from where the click was: the pointer's pixel is five seconds wide. */
const TOLERANCE_TICKS = 8_000 / TICK_MS;

export async function seek(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback();
  const sessionId = await sendLongSession(server.trackerUrl);
  const browser = await launchBrowser();
  const seeks = new Samples();
  const first = new Samples();
  try {
    const page = await (await openSignedIn(browser, server)).newPage();
    await onEveryFrame(
      page,
      `(() => {
        addEventListener("pointerdown", () => (window.pressedAt = performance.now()), true);
        return (shown) => {
          window.tick = Number(/tick (\\d+)/.exec(shown.querySelector("h1")?.textContent ?? "")?.[1] ?? -1);
          if (window.openedAt === undefined && window.tick >= 0) window.openedAt = performance.now();
          if (window.wanted !== undefined && Math.abs(window.tick - window.wanted) <= ${TOLERANCE_TICKS}) {
            window.took = performance.now() - window.pressedAt; window.wanted = undefined;
          }
        };
      })()`,
    );
    await page.goto(`${server.origin}/sessions/${sessionId}`, { waitUntil: "commit" });
    for (const opened of await readNumbers(page, "window.openedAt > 0", "[window.openedAt]")) first.add(opened);
    await page.waitForTimeout(SETTLE_MS); // the layout stands still before anybody clicks in it
    for (const place of PLACES) seeks.add(await seekTo(page, place));
  } finally {
    await browser.close();
  }
  await server.stop();
  const [p50, p95, most] = seeks.percentiles([0.5, 0.95, 1]);
  return {
    name: "seek",
    title: `Seeking in a session of an hour and ${EVENT_COUNT.toLocaleString("en-US")} events, in milliseconds from the click to the page of that moment`,
    head: ["what", "samples", "p50", "p95", "most"],
    rows: [
      ["seek", seeks.size, p50, p95, most],
      ["address opened -> page visible", first.size, ...first.percentiles([0.5, 0.95, 1])],
    ],
    checks: [{ what: "seek, p95", value: p95, unit: "ms", bar: { atMost: 300 } }],
  };
}

async function seekTo(page: Page, place: number): Promise<number> {
  const box = await page.getByRole("slider", { name: "Timeline" }).boundingBox();
  if (!box) throw new Error("the viewer shows no timeline");
  await page.evaluate(`window.took = undefined; window.wanted = ${Math.round(place * EVENT_COUNT)}`);
  await page.mouse.click(box.x + box.width * place, box.y + box.height / 2);
  const [took = Number.NaN] = await readNumbers(page, "window.took !== undefined", "[window.took]");
  await page.waitForTimeout(150);
  return took;
}
