import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { pageFaults } from "../harness/page-faults.ts";
import { openDemo, openViewer, reloadUntil, sendEvent, sessionIdOf } from "../harness/visit.ts";
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

const SECTIONS = ["set-up", "alerts", "grouping", "feedback", "source-maps", "dead-letters"];

it(
  "E2E-38 every control of the pages of errors has a name, every text can be read, and all of it fits a phone, in both themes",
  { timeout: 120_000 },
  async () => {
    const visitor = await openDemo(browser, app);
    await sessionIdOf(visitor.page);
    await visitor.page.click("[data-page=workshop]");
    await visitor.page.click("#fail-fetch");
    await visitor.page.click("#throw");
    await visitor.page.evaluate("window.watchback.flush()");
    const frame = { filename: "brew.py", function: "brew", lineno: 7, in_app: true, context_line: "raise KeyError(pot)" };
    const values = [{ type: "KeyError", value: "a pot", stacktrace: { frames: [frame] } }];
    await sendEvent(app, { platform: "python", level: "warning", tags: { region: "eu" }, exception: { values } });

    const { page, faults } = await openViewer(browser, app, "/issues");
    const issues: string[] = [];
    for (const title of ["reading 'volume'", "KeyError: a pot"]) {
      await reloadUntil(app, page, "/issues", `text=${title}`);
      issues.push((await page.getByRole("link", { name: title }).getAttribute("href")) ?? "");
    }
    const found: string[] = [];
    for (const colorScheme of ["light", "dark"] as const)
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.setViewportSize({ width, height: 844 });
        for (const path of ["/issues", ...issues, ...SECTIONS.map((name) => `/projects/1/${name}`)]) {
          await page.goto(app.baseUrl + path);
          await page.locator("h1").waitFor();
          if (issues.includes(path)) {
            await page.getByText("By which keys it is found").click();
            await page.locator("code", { hasText: "exception ·" }).first().waitFor();
          } else
            await waitFor(async () => (await page.locator("main [aria-busy=true]").count()) === 0, {
              what: () => `${path} to be read`,
            });
          for (const fault of await pageFaults(page)) found.push(`${colorScheme} ${width} ${path}: ${fault}`);
        }
      }
    expect(found).toEqual([]);
    expect(faults).toEqual([]);
  },
);
