import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { axeFaults } from "../harness/axe.ts";
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

const LOOKS = (["light", "dark"] as const).flatMap((colorScheme) => [1280, 390].map((width) => ({ colorScheme, width })));

/** What is wrong with the page that is open, in every look. */
async function faultsOf(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const { colorScheme, width } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 844 });
    const faults = [...(await pageFaults(page)), ...(await axeFaults(page))];
    found.push(...faults.map((fault) => `${colorScheme} ${width} ${name}: ${fault}`));
  }
  return found;
}

/** Opens a page of the viewer, and waits until it has read what it shows. */
async function open(page: Page, path: string): Promise<void> {
  await page.goto(app.baseUrl + path);
  const isRead = "document.querySelector('main') !== null && document.querySelector('[aria-busy=true]') === null";
  await waitFor(() => page.evaluate<boolean>(isRead), { what: () => `${path} to be read` });
}

/** Paths that the open page leads to inside one of its navigations. */
function linksOf(page: Page): Promise<string[]> {
  return page.evaluate<string[]>("[...document.querySelectorAll('nav a[href]')].map((link) => link.getAttribute('href'))");
}

it(
  "E2E-38 every page can be used with eyes, keys and screen readers: axe finds nothing serious, and all of it fits a phone, in both themes",
  { timeout: 400_000 },
  async () => {
    const found: string[] = [];
    const stranger = await (await browser.newContext()).newPage();
    for (const path of ["/sign-in", "/setup", "/invite", "/nothing-here"]) {
      await open(stranger, path);
      found.push(...(await faultsOf(stranger, path)));
    }

    const { page, faults } = await openViewer(browser, app, "/");
    for (const path of ["/", "/live", "/issues"]) {
      await open(page, path);
      found.push(...(await faultsOf(page, `${path} (empty)`)));
    }

    const visitor = await openDemo(browser, app);
    const sessionId = await sessionIdOf(visitor.page);
    await visitor.page.click("[data-page=workshop]");
    await visitor.page.click("#fail-fetch");
    await visitor.page.click("#log-error");
    await visitor.page.click("#throw");
    await visitor.page.evaluate("window.watchback.flush()");
    const frame = { filename: "brew.py", function: "brew", lineno: 7, in_app: true, context_line: "raise KeyError(pot)" };
    const values = [{ type: "KeyError", value: "a pot", stacktrace: { frames: [frame] } }];
    await sendEvent(app, { platform: "python", level: "warning", tags: { region: "eu" }, exception: { values } });
    const issues: string[] = [];
    for (const title of ["reading 'volume'", "KeyError: a pot"]) {
      await reloadUntil(app, page, "/issues", `text=${title}`);
      issues.push((await page.getByRole("link", { name: title }).getAttribute("href")) ?? "");
    }

    const paths = new Set(["/", "/live", "/heat-map", "/issues", "/audit", "/no-such-page"]);
    for (const start of ["/", "/projects/1/general", "/account/password", "/admin/users"]) {
      await open(page, start);
      for (const path of await linksOf(page)) paths.add(path);
    }
    expect(paths.size).toBeGreaterThan(20);
    for (const path of paths) {
      await open(page, path);
      if (path === "/live") await page.locator("article[data-state=watching]").waitFor();
      found.push(...(await faultsOf(page, path)));
    }
    for (const path of issues) {
      await open(page, path);
      await page.getByText("By which keys it is found").click();
      await page.locator("code", { hasText: "exception ·" }).first().waitFor();
      found.push(...(await faultsOf(page, path)));
    }
    await page.setViewportSize({ width: 1280, height: 844 });
    await page.goto(`${app.baseUrl}/sessions/${sessionId}`);
    for (const tab of await page.getByRole("tab").all()) {
      await tab.click();
      found.push(...(await faultsOf(page, `session, ${(await tab.textContent()) ?? ""}`)));
      await page.setViewportSize({ width: 1280, height: 844 });
    }
    expect(found).toEqual([]);
    expect(faults).toEqual([]);
  },
);
