import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { openDemo, openViewer, readSessionDetail, reloadUntil, storedSessionOf } from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";

let app: TestApp;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), launchBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await app.remove();
});

/** Where the heat is, in shares of the picture: the middle of all pixels that have any. */
const MIDDLE = `(() => {
  const canvas = document.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let [x, y, count] = [0, 0, 0];
  for (let at = 3; at < data.length; at += 4) {
    if (data[at] < 40) continue;
    x += ((at - 3) / 4) % canvas.width;
    y += Math.floor((at - 3) / 4 / canvas.width);
    count++;
  }
  return count === 0 ? null : { x: x / count / canvas.width, y: y / count / canvas.height };
})()`;

it(
  "FRI-5 clicks of wide and narrow windows are drawn on the element that was clicked, over a recording of the page",
  { timeout: 120_000 },
  async () => {
    for (const width of [1280, 700]) {
      const { page } = await openDemo(browser, app);
      const sessionId = await storedSessionOf(app, page);
      await page.setViewportSize({ width, height: 800 });
      for (let click = 0; click < 3; click++) await page.click("[data-page=workshop]");
      await page.evaluate("window.scrollTo(0, 200)");
      await page.evaluate("window.watchback.flush()");
      await waitFor(
        async () => (await readSessionDetail(app, sessionId)).markers.filter(({ kind }) => kind === "click").length === 3,
        { what: () => "the clicks to be stored" },
      );
      await page.context().close();
    }
    const { page, faults } = await openViewer(browser, app, "/heat-map");
    await reloadUntil(app, page, "/heat-map", `ol.clicked li:first-child button:has-text("6")`);
    const middle = await waitFor(() => page.evaluate<{ x: number; y: number } | null>(MIDDLE));
    const box = await page.evaluate<{ x: number; y: number }>(`(() => {
    const stage = document.querySelector(".picture iframe").contentDocument;
    const frame = stage.querySelector(".scene iframe");
    const target = frame.contentDocument.querySelector("[data-page=workshop]").getBoundingClientRect();
    const { width, height } = document.querySelector(".picture").style;
    return { x: (target.left + target.width / 2) / parseFloat(width), y: (target.top + target.height / 2) / parseFloat(height) };
  })()`);
    expect(middle.x).toBeCloseTo(box.x, 2);
    expect(middle.y).toBeCloseTo(box.y, 2);
    for (const [scheme, width] of [
      ["light", 1280],
      ["dark", 390],
    ] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 900 });
      if (process.env["SHOTS"] !== undefined)
        await page.screenshot({ path: `${process.env["SHOTS"]}/heat-${width}.png`, fullPage: true });
    }
    expect(faults).toEqual([]);
  },
);
