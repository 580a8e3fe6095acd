import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { openDemo, openViewer, sessionIdOf } from "../harness/visit.ts";
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

/** What each live view shows, as text, by the label of its visitor. */
function readViews(page: Page): Promise<Record<string, string>> {
  return page.evaluate<Record<string, string>>(`Object.fromEntries([...document.querySelectorAll("article")].map((view) => {
    const scenes = view.querySelector("iframe.stage-frame")?.contentDocument?.querySelectorAll(".scene") ?? [];
    const shown = [...scenes].filter((scene) => getComputedStyle(scene).visibility !== "hidden").at(-1);
    return [view.getAttribute("aria-label"), shown?.querySelector("iframe")?.contentDocument?.body?.innerText ?? ""];
  }))`);
}

function nameOf(sessionId: string): string {
  return `Visitor ${sessionId.replaceAll("-", "").slice(-6)}`;
}

async function waitForText(page: Page, name: string, text: string): Promise<void> {
  let seen: Record<string, string> = {};
  await waitFor(async () => (seen = await readViews(page))[name]?.includes(text), {
    what: () => `${name} to show ${text}; it shows ${JSON.stringify(seen[name]?.slice(0, 300))}`,
  });
}

it(
  "E2E-50 visitors appear on the wall by themselves, side by side and as they are; one in focus is followed through page loads and tabs",
  { timeout: 120_000 },
  async () => {
    const { page, faults } = await openViewer(browser, app, "/live");
    await page.getByRole("heading", { name: "Nobody is on your pages right now" }).waitFor();

    const one = await openDemo(browser, app);
    const two = await openDemo(browser, app, { path: "/demo?page=workshop" });
    const [first, second] = [nameOf(await sessionIdOf(one.page)), nameOf(await sessionIdOf(two.page))];
    await page.getByText("2 visitors online").waitFor();
    await waitForText(page, first, "Twelve things we would buy ourselves");
    await waitForText(page, second, "Throw an error");
    const row = page.locator("li", { has: page.getByRole("link", { name: second }) });
    await two.page.click("#throw");
    await row.getByText("1 error").waitFor();
    expect(await row.textContent()).toMatch(/Chrome.* on Linux/);

    await page.getByRole("button", { name: `Look closely at ${first}` }).click();
    await waitFor(() => page.url().includes("focus="));
    // A page load, and then a second browser tab, which he uses.
    await one.page.goto(`${app.baseUrl}/demo?page=workshop`);
    await waitForText(page, first, "Throw an error");
    const other = await one.page.context().newPage();
    await other.goto(`${app.baseUrl}/demo?page=checkout`);
    await waitForText(page, first, "Place the order");
    // He goes on in the first one: what the other still had to tell when he left it is soon the older news.
    await one.page.bringToFront();
    let x = 300;
    const isBack = async () => {
      await one.page.mouse.move((x += 5), 340);
      return (await readViews(page))[first]?.includes("Throw an error");
    };
    await waitFor(isBack, { everyMs: 200, what: () => `${first} to be followed back into the first tab` });

    // The address holds who is in focus; Escape makes all alike.
    await page.reload();
    await page.locator("article.focus").waitFor();
    await waitForText(page, first, "Throw an error");
    await page.keyboard.press("Escape");
    await waitFor(async () => (await page.locator("article.focus").count()) === 0);
    await page.getByRole("button", { name: `Take ${second} off the wall` }).click();
    await waitFor(async () => !(second in (await readViews(page))));
    await page.getByRole("button", { name: `${second} on the wall` }).click();
    await waitForText(page, second, "Throw an error");
    expect(faults).toEqual([]);
  },
);

it("E2E-51 a live view that nobody sees is left, and comes back where it is now", { timeout: 90_000 }, async () => {
  const visitor = await openDemo(browser, app, { path: "/demo?page=workshop" });
  const name = nameOf(await sessionIdOf(visitor.page));
  const { page } = await openViewer(browser, app, "/live");
  const view = page.locator(`article[aria-label="${name}"]`);
  await view.and(page.locator("[data-state=watching]")).waitFor();
  await page.evaluate("document.querySelector('main').style.paddingTop = '3000px'");
  await view.and(page.locator("[data-state=resting]")).waitFor();
  await visitor.page.click("#mark");
  await page.evaluate("document.querySelector('main').style.paddingTop = ''");
  await waitForText(page, name, "Left a mark called tea-time");
});

it("E2E-52 who comes to an empty project sees his first visit arrive where the steps were", { timeout: 120_000 }, async () => {
  const empty = await startApp();
  try {
    const { page, faults } = await openViewer(browser, empty, "/");
    await page.getByRole("textbox", { name: "Name of the project" }).fill("Kettles");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("button", { name: "Saved" }).waitFor();
    await page.getByText("Waiting for the first visit").waitFor();
    const visitor = await openDemo(browser, empty, { path: "/demo?page=workshop" });
    const sessionId = await sessionIdOf(visitor.page);
    await page.getByText("The first visit is here").waitFor();
    await waitForText(page, nameOf(sessionId), "Throw an error");
    await page.getByRole("link", { name: "Watch it live" }).click();
    await page.waitForURL(`${empty.baseUrl}/sessions/${sessionId}`);
    expect(faults).toEqual([]);
  } finally {
    await empty.remove();
  }
});
