import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import {
  firstDifference,
  holdStill,
  openDemo,
  openViewer,
  readPage,
  readReplay,
  readSessionDetail,
  storedSessionOf,
  waitForSame,
} from "../harness/visit.ts";
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

/** What a visitor does before anybody watches. */
async function lookAround(page: Page): Promise<void> {
  await page.click("[data-add=kettle]");
  await page.click("[data-add=sencha]");
  await page.fill("#search", "tea");
  await page.fill("#search", "");
  await page.selectOption("#sort", "dear");
  await page.locator("#product-kettle shop-rating button").click();
}

/** And what he does while somebody does. */
async function goToCheckout(page: Page): Promise<void> {
  await page.click("#open-cart");
  await page.locator("#cart-lines button").first().click();
  await page.click("#to-checkout");
  await page.fill("#name", "Ada Lovelace");
  await page.fill("#email", "ada@example.com");
  await page.selectOption("#country", "pt");
  await page.check("#gift");
  await page.check("input[value=fast]");
  await page.fill("#note", "Two lines\nof a note, <b>not</b> bold & “quoted”.");
  await page.fill("#day", "2027-03-01");
  const frame = page.frameLocator("#estimate");
  await frame.locator("#town").fill("Évora");
  await frame.locator("#distance").fill("44");
}

it("E2E-1, E2E-2 the replay equals the page: joined half-way, live, and out of the database", { timeout: 120_000 }, async () => {
  const visitor = await openDemo(browser, app);
  const sessionId = await storedSessionOf(app, visitor.page);
  await lookAround(visitor.page);

  const viewer = await openViewer(browser, app, `/sessions/${sessionId}`);
  await holdStill(visitor.page);
  const joined = await waitForSame(visitor.page, viewer.page);
  expect(joined).toContain("Copper kettle");
  expect(joined).toContain("#shadow");
  expect(joined).toContain('"♥ liked"');

  await goToCheckout(visitor.page);
  const live = await waitForSame(visitor.page, viewer.page);
  expect(live).toContain('value:"ada@example.com"');
  expect(live).toContain('value:"Évora"');
  expect(live).toContain("#frame");
  expect(viewer.faults).toEqual([]);

  await visitor.page.evaluate("window.watchback.flush()");
  const expected = await readPage(visitor.page);
  await visitor.page.context().close();
  await viewer.page.context().close();
  await waitFor(async () => (await readSessionDetail(app, sessionId)).session.status !== "live", {
    what: () => "the visitor to be gone",
  });

  // A server that has forgotten everything: what it shows now can only come out of the database.
  await app.kill9();
  await app.start();
  const { session, gaps } = await readSessionDetail(app, sessionId);
  expect(gaps).toEqual([]);
  const seconds = (session.lastAt - session.startedAt) / 1000;
  const later = await openViewer(browser, app, `/sessions/${sessionId}?t=${Math.max(0, seconds - 0.2)}`);
  let seen: string | null = null;
  await waitFor(async () => (seen = await readReplay(later.page)) === expected, {
    what: () => `the stored replay to end like the page:\n${firstDifference(expected, seen ?? "(nothing)")}`,
  });
  expect(later.faults).toEqual([]);
  expect(visitor.faults).toEqual([]);
});
