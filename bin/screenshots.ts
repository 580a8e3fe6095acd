/** Takes the picture of the README from the running product: `node bin/run.mjs bin/screenshots.ts`. */

import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright-core";
import { startApp } from "../test/harness/app.ts";
import { launchBrowser } from "../test/harness/browser.ts";
import { root } from "../test/harness/tree.ts";
import { openDemo, openViewer, readReplay, sessionIdOf } from "../test/harness/visit.ts";
import { waitFor } from "../test/harness/wait.ts";

const folder = path.join(root, "docs/images");
mkdirSync(folder, { recursive: true });

const app = await startApp();
const browser = await launchBrowser();
try {
  const { page } = await openDemo(browser, app, { masked: true });
  const sessionId = await sessionIdOf(page);
  await shop(page);
  const viewer = await openViewer(browser, app, `/sessions/${sessionId}`);
  await waitFor(async () => (await readReplay(viewer.page))?.includes("What happened"));
  await page.click("#throw-twice");
  await page.mouse.move(760, 330, { steps: 12 });
  await waitFor(async () => (await readReplay(viewer.page))?.includes("Dropped two cups"));
  await page.click("[data-page=shop]");
  await page.mouse.move(240, 690, { steps: 20 });
  await pause(viewer.page, 1_500);
  await viewer.page.screenshot({ path: path.join(folder, "session.png") });
} finally {
  await browser.close();
  await app.remove();
}
process.exit(0);

/** A visit with something on the timeline. */
async function shop(page: Page): Promise<void> {
  await page.mouse.move(500, 380, { steps: 20 });
  await page.fill("#search", "pot");
  await pause(page, 1_500);
  await page.click("[data-add=kyusu]");
  await pause(page, 1_000);
  await page.fill("#search", "");
  await page.selectOption("#sort", "rating");
  await page.click("[data-page=checkout]");
  await page.fill("#name", "Ada Lovelace");
  await page.fill("#email", "ada@example.com");
  await pause(page, 2_000);
  await page.click("[data-page=workshop]");
  await page.click("#fail-fetch");
  await pause(page, 2_500);
  await page.click("#mark");
  await pause(page, 1_500);
}

/** A person takes his time; in a picture one sees it on the timeline. */
function pause(page: Page, ms: number): Promise<void> {
  return page.waitForTimeout(ms);
}
