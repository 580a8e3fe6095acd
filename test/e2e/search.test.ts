import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Marker } from "../../protocol/markers.ts";
import type { Database } from "../../server/db/db.ts";
import { createDatabase } from "../../server/db/pool.ts";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { quietLog } from "../harness/postgres.ts";
import { checkoutEvents, insertBatch, insertSession, insertTab, textEvent } from "../harness/stored-session.ts";
import { openViewer } from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";

const DAY = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
const T0 = Date.parse(`${DAY}T10:00:00Z`);
const FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";

let app: TestApp;
let browser: Browser;
let db: Database;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), launchBrowser()]);
  db = createDatabase({ connection: { connectionString: app.databaseUrl ?? "" }, log: quietLog });
  for (let n = 0; n < 12; n++) await visit(n);
  // The server folds what it did not take in itself as well.
  await waitFor(async () => (await db.query("SELECT FROM session_facts WHERE is_due")).length === 0, {
    // It pauses between two passes for nine times as long as one took.
    timeoutMs: 60_000,
    what: () => "the visits to be folded",
  });
});

afterAll(async () => {
  await db.stop();
  await browser.close();
  await app.remove();
});

/** A visit of yesterday: every third from Germany, every fourth with rage clicks. */
async function visit(n: number): Promise<void> {
  const at = T0 + n * 60_000;
  const where = { sessionId: `visit-${n}`, startedOn: DAY, projectId: 1, tab: "main" };
  await insertSession(db, {
    ...where,
    startedAt: at,
    lastAt: at + 30_000,
    userId: `visitor-${n}`,
    url: `https://shop.example/page-${n}`,
  });
  await db.query("UPDATE sessions SET country = $2, user_agent = $3 WHERE session_id = $1", [
    where.sessionId,
    n % 3 === 0 ? "DE" : "AT",
    FIREFOX,
  ]);
  await insertTab(db, where.sessionId, "main", at);
  const markers: Marker[] = [{ kind: "page_load", at, name: "https://shop.example/checkout" }];
  if (n % 4 === 0) markers.push({ kind: "rage_click", at, name: "button" });
  await insertBatch(db, { ...where, seq: 0, events: [...checkoutEvents(at, "Shop"), textEvent(at + n * 1_000, "a")], markers });
}

const shown = async (page: Page): Promise<string[]> =>
  (await page.locator(".row .name").allTextContents()).map((text) => text.trim());

async function shows(page: Page, expected: readonly number[]): Promise<void> {
  const names = expected.map((n) => `visitor-${n}`);
  let seen: string[] = [];
  await waitFor(async () => (seen = await shown(page)).join() === names.join(), {
    what: () => `${seen.join()} to be ${names.join()}`,
  });
}

/** By the keyboard; what opens has the focus before anything is pressed in it. */
async function openFilters(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Filter", exact: true }).press("Enter");
  await page.locator(".add-condition :focus").waitFor();
}

it("SEA-15 sessions are narrowed by chips, counted, saved by name, and erased at once", { timeout: 120_000 }, async () => {
  const { page, faults } = await openViewer(browser, app, "/");
  await page.getByText("12 sessions", { exact: false }).waitFor();

  // By mouse: a value of those that sessions have.
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByRole("button", { name: "Country" }).click();
  await page.getByRole("button", { name: /^Germany\s*4$/ }).click();
  await shows(page, [9, 6, 3, 0]);
  expect(page.url()).toContain("country=DE");
  await page.getByText("4 sessions", { exact: false }).waitFor();

  // By keys: the field has the focus, and Enter adds.
  await openFilters(page);
  await page.getByRole("button", { name: "Visited page" }).press("Enter");
  await page.locator(".add-condition input:focus").waitFor();
  await page.keyboard.type("/CHECK");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Back to all filters" }).waitFor({ state: "detached" });
  await openFilters(page);
  await page.getByRole("button", { name: "Has", exact: true }).press("Enter");
  await page.locator(".add-condition .offer:focus").waitFor();
  await page.keyboard.press("Enter");
  await shows(page, [0]);
  expect(new URL(page.url()).searchParams.getAll("has")).toEqual(["rage_click"]);

  await page.getByRole("button", { name: "Save search" }).click();
  await page.getByLabel("Name").fill("Angry Germans");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Saved" }).waitFor();
  await page.getByRole("button", { name: "Remove Country Germany" }).click();
  await shows(page, [8, 4, 0]);
  await page.getByRole("button", { name: "Clear" }).click();
  await shows(page, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  await page.getByLabel("Sorted by").selectOption("Longest active");
  await shows(page, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  await page.getByRole("button", { name: "Saved" }).click();
  await page.getByRole("button", { name: "Angry Germans" }).first().click();
  await shows(page, [0]);
  // A link with the search in it is the same search.
  await page.reload();
  await shows(page, [0]);

  await page.getByRole("button", { name: "Remove Has rage clicks" }).click();
  await shows(page, [9, 6, 3, 0]);
  await page.getByRole("button", { name: "Erase all that fit" }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByRole("heading", { name: "Erase 4 sessions?" }).waitFor();
  expect(await dialog.getByRole("button", { name: "Erase", exact: true }).isDisabled()).toBe(true);
  await dialog.getByRole("textbox").fill("erase 4");
  await dialog.getByRole("button", { name: "Erase", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByText("No earlier visit fits.").waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await shows(page, [11, 10, 8, 7, 5, 4, 2, 1]);

  // Some by hand.
  await page.getByRole("checkbox", { name: "Choose the session of visitor-11" }).check();
  await page.getByRole("checkbox", { name: "Choose the session of visitor-2" }).check();
  await page.getByRole("button", { name: "Erase 2 chosen sessions" }).click();
  await dialog.getByRole("textbox").fill("erase 2");
  await dialog.getByRole("button", { name: "Erase", exact: true }).click();
  await shows(page, [10, 8, 7, 5, 4, 1]);
  expect(faults).toEqual([]);
});
