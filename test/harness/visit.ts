/** A visitor with the demo page, and somebody who watches him, each in a browser profile of his own. */

import type { Browser, Page } from "playwright-core";
import * as v from "valibot";
import type { TestApp } from "./app.ts";
import { describeDocument } from "./dom.ts";
import { waitFor } from "./wait.ts";

/** So that a replay can equal its page in what was typed as well; that masking works has tests of its own. */
const NOTHING_MASKED = 'data-mask-all-inputs="false" data-mask-text="none"';

export interface DemoOptions {
  /** Path and query of the page; default `/demo`. */
  path?: string;
  /** True to record as a site does that changes no default. */
  masked?: boolean;
  /** Further attributes of the script tag. */
  attributes?: string;
}

/** Opens the demo page as a new visitor would, in a profile of its own; the page's own faults are collected. */
export async function openDemo(
  browser: Browser,
  app: TestApp,
  options: DemoOptions = {},
): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  if (options.masked !== true) {
    await page.route(/\/demo(\?.*)?$/, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({
        response: answer,
        body: (await answer.text()).replace("data-key=", `${NOTHING_MASKED} ${options.attributes ?? ""} data-key=`),
      });
    });
  }
  await page.goto(app.baseUrl + (options.path ?? "/demo"));
  return { page, faults };
}

/** Opens a page of the viewer, signed in as the administrator. */
export async function openViewer(browser: Browser, app: TestApp, path: string): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const cookie = await app.signIn();
  const equals = cookie.indexOf("=");
  await context.addCookies([{ name: cookie.slice(0, equals), value: cookie.slice(equals + 1), url: app.baseUrl }]);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(app.baseUrl + path);
  return { page, faults };
}

/** How long {@link reloadUntil} looks at the first load of a page, and how much longer at each one after it. */
const FIRST_LOOK_MS = 2_000;
const LONGER_BY = 1.5;

/**
 * Opens a page of the viewer again and again until something is there: what was sent may still be digested. Each load is given more time
 * than the one before, for machines on which a page takes long to be read.
 */
export async function reloadUntil(app: TestApp, page: Page, path: string, selector: string): Promise<void> {
  let timeout = FIRST_LOOK_MS / LONGER_BY;
  await waitFor(
    async () => {
      timeout *= LONGER_BY;
      await page.goto(app.baseUrl + path);
      return page
        .locator(selector)
        .first()
        .waitFor({ timeout })
        .then(
          () => true,
          () => false,
        );
    },
    { timeoutMs: 30_000, what: () => `${selector} on ${path}` },
  );
}

/** Sends an event as Python's older SDKs do, with the key in a header. */
export async function sendEvent(app: TestApp, event: Readonly<Record<string, unknown>>): Promise<void> {
  const answer = await fetch(`${app.baseUrl}/api/1/store/`, {
    method: "POST",
    headers: { "X-Sentry-Auth": `Sentry sentry_version=7, sentry_client=sentry.python/2.0.0, sentry_key=${app.projectKey}` },
    body: JSON.stringify(event),
  });
  if (answer.status !== 200) throw new Error(`event: ${answer.status} ${await answer.text()}`);
}

/** Id of the session that a page records, once it does; the server may not have heard of it yet. */
export function sessionIdOf(page: Page): Promise<string> {
  return waitFor(() => page.evaluate<string | null>("window.watchback?.sessionId?.() ?? null"), {
    what: () => "the tracker to record",
  });
}

/** The same once the server has it: before that, the viewer and the API say rightly that there is no such session. */
export async function storedSessionOf(app: TestApp, page: Page): Promise<string> {
  const sessionId = await sessionIdOf(page);
  const Cookie = await app.signIn();
  await waitFor(async () => (await fetch(`${app.baseUrl}/v1/sessions/${sessionId}`, { headers: { Cookie } })).ok, {
    timeoutMs: 30_000,
    what: () => `the server to have session ${sessionId}`,
  });
  return sessionId;
}

/** Stops what moves by itself, so that a page and its replay can come to the same. */
export async function holdStill(page: Page): Promise<void> {
  await page.emulateMedia({ reducedMotion: "reduce" });
}

/** The source of `describeDocument`, for a browser. tsx wraps inner functions into a helper of its own, which a page has not. */
const DESCRIBE = `((root) => { const __name = (inner) => inner; return (${describeDocument.toString()})(root); })`;

/** The page as text. */
export function readPage(page: Page): Promise<string> {
  return page.evaluate<string>(`${DESCRIBE}(document)`);
}

const SCENES =
  "[...(document.querySelector('[data-testid=stage] iframe')?.contentDocument?.querySelectorAll('.scene') ?? [])].filter((one) => getComputedStyle(one).visibility !== 'hidden')";

/** The page that the viewer shows, as text; null while it shows none. */
export function readReplay(viewer: Page): Promise<string | null> {
  return viewer.evaluate<string | null>(`(() => {
    const shown = ${SCENES}.at(-1)?.querySelector("iframe")?.contentDocument;
    return shown ? ${DESCRIBE}(shown) : null;
  })()`);
}

/** Waits until the viewer shows just what the page is, and returns it; fails with the first lines that differ. */
export async function waitForSame(page: Page, viewer: Page, timeoutMs = 15_000): Promise<string> {
  let expected = "";
  let seen: string | null = null;
  return waitFor(
    async () => {
      expected = await readPage(page);
      seen = await readReplay(viewer);
      return seen === expected ? seen : null;
    },
    { timeoutMs, everyMs: 100, what: () => `the replay to equal the page:\n${firstDifference(expected, seen ?? "(nothing)")}` },
  );
}

/** A few lines around the first one that differs. */
export function firstDifference(expected: string, seen: string): string {
  const [left, right] = [expected.split("\n"), seen.split("\n")];
  const at = left.findIndex((line, i) => line !== right[i]);
  if (at === -1 && left.length === right.length) return "no difference";
  const from = at === -1 ? left.length : at;
  const show = (lines: readonly string[], sign: string) => lines.slice(from, from + 3).map((line) => `${sign} ${line}`);
  const before = left.slice(Math.max(0, from - 3), from).map((line) => `  ${line}`);
  return [`line ${from + 1}`, ...before, ...show(left, "page  "), ...show(right, "replay")].join("\n");
}

/** What the key for it puts into the clipboard: a link to the moment that is shown, exact to the millisecond. */
export async function copyLink(page: Page): Promise<string> {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.bringToFront();
  await page.evaluate(`navigator.clipboard.writeText("")`);
  await page.keyboard.press("c");
  let text = "";
  await waitFor(async () => (text = await page.evaluate<string>("navigator.clipboard.readText()")) !== "", {
    what: () => "the link",
  });
  return text;
}

const detail = v.looseObject({
  session: v.looseObject({ status: v.string(), eventCount: v.number(), startedAt: v.number(), lastAt: v.number() }),
  tabs: v.array(v.looseObject({ tab: v.string(), tabGroup: v.string(), upto: v.number(), lastAt: v.number() })),
  markers: v.array(
    v.looseObject({ kind: v.string(), at: v.number(), name: v.optional(v.string()), text: v.optional(v.string()) }),
  ),
  gaps: v.array(v.unknown()),
  checkouts: v.array(v.looseObject({ tab: v.string(), seq: v.number(), at: v.number() })),
  errors: v.array(v.looseObject({ id: v.string(), at: v.number(), message: v.string() })),
});

/** What `GET /v1/sessions/:id` says. */
export async function readSessionDetail(app: TestApp, sessionId: string): Promise<v.InferOutput<typeof detail>> {
  return v.parse(detail, await app.getJson(`/v1/sessions/${sessionId}`));
}
