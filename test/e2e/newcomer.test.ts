import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { openDemo, readReplay, sessionIdOf } from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";

let app: TestApp;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp({ administrator: false }), launchBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await app.remove();
});

/** The address that the start printed behind a label. */
function printed(label: string): string {
  return new RegExp(`${label}\\s+(http\\S+)`).exec(app.output())?.[1] ?? `(no ${label} in the output)`;
}

async function waitForReplay(viewer: Page, text: string): Promise<void> {
  await waitFor(async () => (await readReplay(viewer))?.includes(text), { what: () => `the replay to show ${text}` });
}

it("E2E-5 a newcomer sees himself live, scrubs back and returns, by what the start printed", { timeout: 120_000 }, async () => {
  const viewer = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  await viewer.goto(printed("First visit"));
  await viewer.fill("input[name=email]", "new@example.com");
  await viewer.fill("input[name=password]", "a password of mine");
  await viewer.click("button[type=submit]");
  await viewer.waitForURL(`${app.baseUrl}/`);

  // The page that the start printed, in the other half of the screen.
  expect(printed("Demo page")).toBe(`${app.baseUrl}/demo`);
  const visitor = await openDemo(browser, app, { masked: true });
  const sessionId = await sessionIdOf(visitor.page);
  // A new browser masks the title until it has heard what the project asks for, so that the row may come before its title.
  const row = viewer.locator(`a[href="/sessions/${sessionId}"]`, { hasText: "Kettle & Leaf" });
  await row.click();
  await waitForReplay(viewer, "Twelve things we would buy ourselves");
  await viewer.getByText("Live", { exact: true }).last().waitFor();

  await visitor.page.click("[data-page=workshop]");
  await visitor.page.click("#mark");
  await waitForReplay(viewer, "Left a mark called tea-time");

  await viewer.getByRole("button", { name: "Pause" }).click();
  await viewer.getByRole("slider", { name: "Timeline" }).focus();
  await viewer.keyboard.press("Home");
  await waitFor(async () => !((await readReplay(viewer)) ?? "Left a mark").includes("Left a mark"), {
    what: () => "the beginning",
  });
  await visitor.page.click("#log-error");
  await viewer.getByRole("button", { name: /^Go live/ }).click();
  await waitForReplay(viewer, "Complained to the console");
  expect(visitor.faults).toEqual([]);

  // Signed out, the same address shows nothing of anybody.
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(`${app.baseUrl}/sessions/${sessionId}`);
  await stranger.locator("input[type=password]").waitFor();
  expect(await readReplay(stranger)).toBeNull();
});
