/** A visitor and a viewer in a real browser, and what they can measure of themselves. Sources in strings run in the page. */

import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Watchback } from "../rig.ts";

const VIEWPORT = { width: 1280, height: 800 };
const PATIENCE_MS = 30_000;

/** The document that the viewer shows now, as an expression; undefined while it shows none. */
export const SHOWN = `[...(document.querySelector("[data-testid=stage] iframe")?.contentDocument?.querySelectorAll(".scene") ?? [])]
  .filter((scene) => getComputedStyle(scene).visibility !== "hidden").at(-1)?.querySelector("iframe")?.contentDocument`;

/** Opens the demo page as a visitor, and resolves when it is recorded. */
export async function openVisitor(browser: Browser, server: Watchback): Promise<{ page: Page; sessionId: string }> {
  const page = await (await browser.newContext({ viewport: VIEWPORT })).newPage();
  await page.goto(`${server.origin}/demo`);
  await until(page, "typeof window.watchback?.sessionId?.() === 'string'");
  return { page, sessionId: await page.evaluate<string>("window.watchback.sessionId()") };
}

/** A browser profile that is signed in. */
export async function openSignedIn(browser: Browser, server: Watchback): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const [name = "", ...value] = (await server.signIn()).split("=");
  await context.addCookies([{ name, value: value.join("="), url: server.origin }]);
  return context;
}

/** Calls `source`, a function of the shown document, on every frame of the page that is to come; it ends when that returns true. */
export async function onEveryFrame(page: Page, source: string): Promise<void> {
  await page.addInitScript(`(() => {
    const look = ${source};
    const frame = () => { const shown = ${SHOWN}; if (!shown || look(shown) !== true) requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
  })()`);
}

/** Waits for an expression in the page to be true, then answers another as numbers. */
export async function readNumbers(page: Page, condition: string, expression: string): Promise<number[]> {
  await until(page, condition);
  const numbers = await page.evaluate<unknown>(expression);
  if (!Array.isArray(numbers)) throw new Error(`${expression} is no list`);
  return numbers.map(Number);
}

/** Asks again and again from outside: a function that waits in the page is not allowed by the viewer's content security policy. */
async function until(page: Page, condition: string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !(await page.evaluate<boolean>(condition));) {
    if (Date.now() > deadline) throw new Error(`not in ${PATIENCE_MS / 1000} s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
