import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { openDemo, openViewer, readReplay, readSessionDetail, sessionIdOf, storedSessionOf } from "../harness/visit.ts";
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

it("E2E-6 what was typed is starred in everything that leaves the page", { timeout: 60_000 }, async () => {
  const secrets = ["Grace Hopper", "grace@example.com", "hunter2hunter2", "4111 1111 1111 1111", "a private note", "Lisboa"];
  const [name = "", email = "", password = "", card = "", note = "", town = ""] = secrets;
  const visitor = await openDemo(browser, app, { path: "/demo?page=checkout", masked: true });
  const sessionId = await storedSessionOf(app, visitor.page);
  await visitor.page.fill("#name", name);
  await visitor.page.fill("#email", email);
  await visitor.page.fill("#password", password);
  await visitor.page.fill("#card", card);
  await visitor.page.fill("#note", note);
  await visitor.page.frameLocator("#estimate").locator("#town").fill(town);
  await visitor.page.click("#place-order");
  await visitor.page.evaluate("window.watchback.flush()");
  const read = async () => JSON.stringify(await app.getJson(`/sessions/${sessionId}/events?limit=5000`));
  const events = await waitFor(async () => ((await read()).includes("on its way to nowhere") ? await read() : null));
  const detail = JSON.stringify(await readSessionDetail(app, sessionId));
  expect(secrets.filter((secret) => events.includes(secret) || detail.includes(secret))).toEqual([]);
  expect(events).toContain("*".repeat(name.length));
});

it("E2E-7 a reload and a second browser tab belong to the same session, and play in it", { timeout: 90_000 }, async () => {
  const visitor = await openDemo(browser, app);
  const sessionId = await storedSessionOf(app, visitor.page);
  await visitor.page.fill("#search", "mint");
  await visitor.page.reload();
  expect(await sessionIdOf(visitor.page)).toBe(sessionId);
  const secondTab = await visitor.page.context().newPage();
  await secondTab.goto(`${app.baseUrl}/demo?page=workshop`);
  expect(await sessionIdOf(secondTab)).toBe(sessionId);
  await secondTab.click("#log-error");
  const { tabs, gaps } = await waitFor(
    async () => {
      const detail = await readSessionDetail(app, sessionId);
      return detail.tabs.length === 3 && detail.markers.some(({ kind }) => kind === "console_error") ? detail : null;
    },
    { what: () => "three tabs and a marker" },
  );
  expect(new Set(tabs.map(({ tabGroup }) => tabGroup)).size).toBe(2);
  expect(gaps).toEqual([]);

  const viewer = await openViewer(browser, app, `/sessions/${sessionId}?t=0.5`);
  await waitFor(async () => (await readReplay(viewer.page))?.includes("Twelve things"), { what: () => "the first page" });
  await viewer.page.keyboard.press("l");
  await waitFor(async () => (await readReplay(viewer.page))?.includes("Complained to the console"), {
    what: () => "the second browser tab, live",
  });
  expect(viewer.faults).toEqual([]);
});
