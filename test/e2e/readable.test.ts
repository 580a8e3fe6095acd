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

/** What is wrong with a page in both themes and both widths; it is opened anew for each theme, as people do who choose one. */
async function faultsOf(page: Page, name: string, openIt: () => Promise<void>): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.setViewportSize({ width: 1280, height: 844 });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await openIt();
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 844 });
      const faults = [...(await pageFaults(page)), ...(await axeFaults(page))];
      found.push(...faults.map((fault) => `${colorScheme} ${width} ${name}: ${fault}`));
    }
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
  { timeout: 600_000 },
  async () => {
    const found: string[] = [];
    const stranger = await (await browser.newContext()).newPage();
    for (const path of ["/sign-in", "/setup", "/invite", "/nothing-here"]) {
      found.push(...(await faultsOf(stranger, path, () => open(stranger, path))));
    }

    const { page, faults } = await openViewer(browser, app, "/");
    for (const path of ["/", "/live", "/issues"]) {
      found.push(...(await faultsOf(page, `${path} (empty)`, () => open(page, path))));
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
      const openIt = async (): Promise<void> => {
        await open(page, path);
        if (path === "/live") await page.locator("article[data-state=watching]").waitFor();
      };
      found.push(...(await faultsOf(page, path, openIt)));
    }
    for (const path of issues) {
      const openIt = async (): Promise<void> => {
        await open(page, path);
        await page.getByText("By which keys it is found").click();
        await page.locator("code", { hasText: "exception ·" }).first().waitFor();
      };
      found.push(...(await faultsOf(page, path, openIt)));
    }
    const session = `/sessions/${sessionId}`;
    await open(page, session);
    await page.getByRole("tab").first().waitFor();
    for (const tab of await page.getByRole("tab").allTextContents()) {
      const name = tab.replaceAll(/[\d\s]+$/g, "").trim();
      const openIt = async (): Promise<void> => {
        await open(page, session);
        await page.getByRole("tab", { name }).first().click();
      };
      found.push(...(await faultsOf(page, `${session} ${name}`, openIt)));
    }
    expect(found).toEqual([]);
    expect(faults).toEqual([]);
  },
);
