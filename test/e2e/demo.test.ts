import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { openDemo, readSessionDetail, sessionIdOf, storedSessionOf } from "../harness/visit.ts";
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

it("DEM-1, DEM-3 works under a strict policy, and leads to the viewer", { timeout: 60_000 }, async () => {
  const { page, faults } = await openDemo(browser, app, { path: "/demo?page=checkout", masked: true });
  // Of a socket that is left while it is being opened the browser says so itself.
  await storedSessionOf(app, page);
  const said: string[] = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  await page.addInitScript(
    "globalThis.violations = []; addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective))",
  );
  const answer = await page.reload();
  expect(answer?.headers()["content-security-policy"]).toBe("default-src 'self'");
  await sessionIdOf(page);
  await page.fill("#name", "Somebody");
  await page.click("#place-order");
  await page.click("#close-thanks");
  await page.click("[data-page=shop]");
  await page.fill("#search", "nothing like this");
  await page.locator("#nothing-found").waitFor();
  await page.goBack();
  await page.locator("#checkout").waitFor();
  await waitFor(() => page.evaluate<boolean>("document.querySelector('#chart-now').textContent !== '0'"));
  expect(await page.evaluate("violations")).toEqual([]);
  expect(faults).toEqual([]);
  expect(said.filter((line) => !line.startsWith("log"))).toEqual([]);
  const link = page.getByRole("link", { name: "Open the viewer" });
  expect(await link.getAttribute("href")).toBe("/");
});

it("DEM-2 everything that is broken becomes a marker of its kind", { timeout: 60_000 }, async () => {
  const { page } = await openDemo(browser, app, { masked: true });
  const sessionId = await storedSessionOf(app, page);
  await page.click("[data-page=workshop]");
  for (const id of ["throw", "throw-twice", "reject", "fail-fetch", "fail-xhr", "log-error", "mark"]) await page.click(`#${id}`);
  await page.locator("#rage").click({ clickCount: 6, delay: 30 });
  await page.evaluate("window.watchback.flush()");
  const expected: [string, RegExp][] = [
    ["page_load", /demo/],
    ["navigation", /page=workshop/],
    ["click", /Throw an error/],
    ["error", /reading 'volume'/],
    ["error", /the first cup fell/],
    ["error", /the second cup fell as well/],
    ["error", /the tea that was promised/],
    ["failed_request", /stock-of-1974/],
    ["failed_request", /reserve-table/],
    ["console_error", /The water is only/],
    ["custom", /tea-time/],
    ["rage_click", /does nothing/],
  ];
  let markers: Awaited<ReturnType<typeof readSessionDetail>>["markers"] = [];
  const missing = () =>
    expected.filter(([kind, text]) => !markers.some((marker) => marker.kind === kind && text.test(JSON.stringify(marker))));
  await waitFor(
    async () => {
      ({ markers } = await readSessionDetail(app, sessionId));
      return missing().length === 0;
    },
    { what: () => `markers ${missing().join(" ")}; there are ${JSON.stringify(markers, null, 1)}` },
  );
  expect(JSON.stringify(markers)).not.toContain("secret=token");
});
