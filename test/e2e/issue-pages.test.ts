import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import * as v from "valibot";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../server/db/connection.ts";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { makeScratch } from "../harness/scratch.ts";
import { BREAKS, breakShop, buildShop } from "../harness/shop-build.ts";
import { root } from "../harness/tree.ts";
import { openViewer, readReplay, reloadUntil, sendEvent } from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";
import { startShop, type Shop } from "../sdks/browser-sdk.ts";

const run = promisify(execFile);

let app: TestApp;
let browser: Browser;
let shop: Shop;

beforeAll(async () => {
  const env = { ALERT_ALLOW_PRIVATE: "true", RATE_LIMIT_REQUESTS_PER_SEC: "1000", RATE_LIMIT_BURST: "5000" };
  [app, browser, shop] = await Promise.all([startApp({ env }), launchBrowser(), startShop()]);
});

afterAll(async () => {
  await browser.close();
  await shop.close();
  await app.remove();
});

const eventId = () => randomUUID().replaceAll("-", "");

/** An error of a backend. */
function sendError(type: string, value: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const exception = {
    values: [{ type, value, stacktrace: { frames: [{ filename: `${type}.py`, function: "brew", lineno: 7 }] } }],
  };
  return sendEvent(app, { event_id: eventId(), platform: "python", exception, ...more });
}

/** What somebody wrote by the form of an SDK. */
async function sendFeedback(feedback: Readonly<Record<string, unknown>>): Promise<void> {
  const id = eventId();
  const item = JSON.stringify({ event_id: id, contexts: { feedback } });
  await fetch(`${app.baseUrl}/api/1/envelope/?sentry_key=${app.projectKey}`, {
    method: "POST",
    body: `${JSON.stringify({ event_id: id })}\n${JSON.stringify({ type: "feedback" })}\n${item}\n`,
  });
}

const query = (sql: string, values: readonly unknown[] = []) =>
  withClient({ connectionString: app.databaseUrl ?? "" }, (client) => client.query(sql, [...values]));

/** Waits until nothing that was sent waits for its digest. */
async function digested(): Promise<void> {
  await waitFor(async () => (await query("SELECT FROM intake LIMIT 1")).rows.length === 0, {
    timeoutMs: 30_000,
    what: () => "all of it to be digested",
  });
}

/** Opens the issue that the list calls so; gives its path. */
async function openIssue(page: Page, title: RegExp): Promise<string> {
  await page.getByRole("link", { name: title }).first().click();
  await page.waitForURL(/\/issues\/[A-Z-]+\d+$/);
  return new URL(page.url()).pathname;
}

it(
  "E2E-33 issues are merged in the list, and split again by their keys; one that was resolved comes back; the keys are in the help",
  { timeout: 90_000 },
  async () => {
    // One bug, as two browsers word it; and another.
    const source = {
      filename: "src/cart.ts",
      function: "addPrice",
      lineno: 12,
      in_app: true,
      context_line: "  return sum + item.cents;",
    };
    const sendFault = (value: string) =>
      sendError("TypeError", value, {
        platform: "javascript",
        exception: { values: [{ type: "TypeError", value, stacktrace: { frames: [source] } }] },
      });
    const safari = "undefined is not an object (evaluating 'e.cents')";
    await sendFault("Cannot read properties of undefined (reading 'cents')");
    await sendFault(safari);
    await sendFault(safari);
    await sendError("KeyError", "no teapot");
    const { page, faults } = await openViewer(browser, app, "/issues");
    await reloadUntil(app, page, "/issues", "text=KeyError");
    await reloadUntil(app, page, "/issues", "text=reading 'cents'");
    await digested();
    await page.reload();
    await page.getByText("2 issues", { exact: true }).waitFor();
    for (const box of await page.getByRole("checkbox", { name: /^Choose / }).all()) await box.check();
    await page.getByText("2 chosen").waitFor();
    await page.getByRole("button", { name: "Merge" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Merge" }).click();
    await page.getByText("1 issue", { exact: true }).waitFor();
    await page.getByText("1 open, 1 new today").waitFor();
    const issue = await openIssue(page, /TypeError/);
    const merged = page.getByRole("region", { name: "Merged into this one" });
    await merged.getByText("KeyError: no teapot").waitFor();

    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("Older occurrence").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Older occurrence", disabled: false }).waitFor();
    await page.keyboard.press("]");
    await page.waitForURL(/\?error=/);
    await page.keyboard.press("[");
    await page.goto(app.baseUrl + issue);

    await page.getByText("By which keys it is found").click();
    await page.getByRole("checkbox", { name: /exception · TypeError · undefined is not an object/ }).check();
    expect(await page.getByRole("checkbox", { name: /exception · KeyError/ }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Split off 1 key" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Split off" }).click();
    const made = page.getByRole("link", { name: "Open it" });
    await made.waitFor();
    await page.getByRole("alertdialog").waitFor({ state: "detached" });
    await merged.getByRole("button", { name: "Split off" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Split off" }).click();
    await merged.waitFor({ state: "detached" });
    await page.getByRole("alertdialog").waitFor({ state: "detached" });
    await made.click();
    await page.getByRole("heading", { name: /TypeError: undefined is not an object/ }).waitFor();

    await page.getByRole("button", { name: "Resolve", exact: true }).click();
    await page.getByRole("button", { name: "Open again" }).waitFor();
    const resolved = new URL(page.url()).pathname;
    await sendFault(safari);
    await reloadUntil(app, page, resolved, "text=It came back");
    await page.getByRole("button", { name: "Resolve", exact: true }).waitFor();
    expect(faults).toEqual([]);
  },
);

it(
  "E2E-34 what people wrote leads to its error, a channel is changed, and dead letters are read page by page",
  { timeout: 90_000 },
  async () => {
    const about = eventId();
    await sendError("LookupError", "no spoon", { event_id: about });
    await sendFeedback({
      message: "The button does nothing.",
      name: "Ada",
      contact_email: "ada@example.com",
      associated_event_id: about,
    });
    const { page, faults } = await openViewer(browser, app, "/projects/1/feedback");
    await reloadUntil(app, page, "/projects/1/feedback", "text=The error");
    await page.getByText("Ada (ada@example.com)").waitFor();
    await page.getByRole("link", { name: "The error" }).click();
    await page.getByRole("heading", { name: "LookupError: no spoon" }).waitFor();

    await page.goto(`${app.baseUrl}/projects/1/alerts`);
    await page.getByLabel("Kind").selectOption("webhook");
    await page.getByLabel("Name").first().fill("My program");
    await page.getByLabel("Address", { exact: true }).fill("https://hooks.example/a");
    await page.getByRole("button", { name: "Make the channel" }).click();
    await page.getByRole("button", { name: "Change My program" }).click();
    await page.getByLabel("Name").first().fill("Our program");
    await page.getByRole("button", { name: "Save" }).first().click();
    await page.getByText("Webhook: https://hooks.example").waitFor();
    await page.getByRole("button", { name: "Change Our program" }).click();
    await page.getByLabel("Address", { exact: true }).first().fill("https://other.example/b");
    await page.getByRole("button", { name: "Save" }).first().click();
    await page.getByText("Webhook: https://other.example").waitFor();

    await query(
      `INSERT INTO intake (project_id, kind, attempts, fault, dead_at)
       SELECT 1, 'event', 8, 'too much of ' || i, now() FROM generate_series(1, 60) AS i`,
    );
    await page.goto(`${app.baseUrl}/projects/1/dead-letters`);
    await page.getByRole("button", { name: "Try these 50 again" }).waitFor();
    await page.getByRole("button", { name: "Show more" }).click();
    await page.getByText("too much of 1", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Try all 60 again" }).waitFor();
    await query("DELETE FROM intake WHERE dead_at IS NOT NULL");
    expect(faults).toEqual([]);
  },
);

it(
  "E2E-35 a map that comes after an error is on the page of uploads, and the stack shows the source; without the upload it is gone",
  { timeout: 90_000 },
  async () => {
    const scratch = makeScratch("wb-e2e-maps-");
    try {
      const dist = await buildShop(scratch, "esbuild");
      const [first] = BREAKS;
      const frames = await breakShop(dist, "https://shop.example/app/", (broken) => first?.run(broken));
      await sendError("TypeError", "cannot read cents", {
        platform: "javascript",
        release: "shop@7",
        exception: {
          values: [
            {
              type: "TypeError",
              value: "cannot read cents",
              stacktrace: {
                frames: frames
                  .map(({ file, function: called, line, column }) => ({
                    filename: file,
                    function: called,
                    lineno: line,
                    colno: column,
                  }))
                  .toReversed(),
              },
            },
          ],
        },
      });
      const { page, faults } = await openViewer(browser, app, "/projects/1/source-maps");
      await page.getByText("There are none: stacks show the code as browsers got it.").waitFor();
      await reloadUntil(app, page, "/issues", "text=cannot read cents");
      const issue = await openIssue(page, /cannot read cents/);
      const stack = page.getByRole("region", { name: "Stack" });
      await stack
        .getByText(/main-\w+\.js/)
        .first()
        .waitFor();

      const made = await fetch(`${app.baseUrl}/v1/tokens`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Cookie: await app.signIn() },
        body: JSON.stringify({ name: "build", scopes: ["sourcemaps"], projectId: 1 }),
      });
      const { token } = v.parse(v.object({ token: v.string() }), await made.json());
      const command = [path.join(root, "bin/watchback.mjs"), "sourcemaps", "upload", dist, "--release", "shop@7"];
      const env = { WATCHBACK_URL: app.baseUrl, WATCHBACK_TOKEN: token, WATCHBACK_PROJECT: "1" };
      await run(process.execPath, command, { cwd: scratch, env });

      await reloadUntil(app, page, issue, "text=src/cart.ts");
      expect(await stack.textContent()).toContain("const { cents } = item.price!;");
      await page.goto(`${app.baseUrl}/projects/1/source-maps`);
      await page.getByText("1 script, 1 map", { exact: false }).waitFor();
      await page.getByRole("button", { name: "Scripts of shop@7" }).click();
      await page.getByText("with its map").waitFor();
      await page.getByRole("button", { name: "Remove shop@7" }).click();
      await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
      await page.getByText("There are none: stacks show the code as browsers got it.").waitFor();
      await page.goto(app.baseUrl + issue);
      await stack.getByText("src/cart.ts", { exact: false }).first().waitFor();
      expect(faults).toEqual([]);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
);

it(
  "E2E-36 the page of an error says why it is in its issue, and a dry run what another setting would do, before it is saved",
  { timeout: 90_000 },
  async () => {
    await sendError("OSError", "pot 17 is empty", { transaction: "/shop" });
    await sendError("OSError", "pot 42 is empty", { transaction: "/cart" });
    await digested();
    const { page, faults } = await openViewer(browser, app, "/issues");
    await reloadUntil(app, page, "/issues", "text=/OSError: pot/");
    await openIssue(page, /OSError: pot/);
    await page.getByText("Why it is in this issue").click();
    await page.getByText(/The same type of error, first line, without what differs/).waitFor();
    await page.getByText(/“pot \d+ is empty” is read as/).waitFor();

    await page.goto(`${app.baseUrl}/projects/1/grouping`);
    const splits = page.getByRole("switch", { name: "The route splits" });
    const before = await splits.isChecked();
    await page.getByRole("button", { name: "Try it" }).click();
    await page.getByText("Nothing would change.").waitFor();
    await splits.click();
    await page.getByRole("button", { name: "Try it" }).click();
    await page
      .getByText(before ? "Would be one issue:" : "Would be 2 issues:")
      .first()
      .waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved").waitFor();
    await page.reload();
    await waitFor(async () => (await splits.isChecked()) === !before, { what: () => "the setting to be kept" });
    expect(faults).toEqual([]);
  },
);

it(
  "E2E-37 an error that a Sentry SDK reported plays its Sentry replay on the issue's page, and leads to the whole session",
  { timeout: 90_000 },
  async () => {
    const visitor = await browser.newPage();
    const dsn = `http://${app.projectKey}@localhost:${app.port}/1`;
    const options = { replaysSessionSampleRate: 1 };
    await visitor.goto(shop.pageUrl(11, { dsn, options, replay: { maskAllText: false, maskAllInputs: false } }));
    await visitor.evaluate("shop.addLine('a copper kettle')");
    await visitor.fill("#name", "Ada");
    await visitor.click("#buy");
    await visitor.evaluate("shop.fail('no kettle is left')");
    await waitFor(() => visitor.evaluate<boolean>("shop.eventIds.length === 1"));
    await visitor.evaluate("shop.flush()");

    const replayId = await visitor.evaluate<string>("shop.replayId()");

    const { page, faults } = await openViewer(browser, app, "/issues");
    await reloadUntil(app, page, "/issues", "text=no kettle is left");
    const issue = await openIssue(page, /no kettle is left/);
    await reloadUntil(app, page, issue, "section[aria-label=Clip] .controls");
    await waitFor(async () => (await readReplay(page))?.includes("a copper kettle"), {
      timeoutMs: 20_000,
      what: () => "the replay",
    });
    await page
      .getByRole("region", { name: "What happened" })
      .getByText(/button#buy/)
      .waitFor();
    await page.getByRole("link", { name: "Whole session" }).click();
    await page.waitForURL(/\/sessions\//);
    await page.getByRole("button", { name: "Play", exact: true }).click();
    await waitFor(async () => (await readReplay(page))?.includes("a copper kettle"), {
      timeoutMs: 20_000,
      what: () => "the session",
    });

    // What he writes afterwards leads to the same session.
    const { pathname } = new URL(page.url());
    await sendFeedback({ message: "Where are the kettles?", replay_id: replayId });
    await reloadUntil(app, page, "/projects/1/feedback", "text=The visit");
    expect(await page.getByRole("link", { name: "The visit" }).getAttribute("href")).toBe(pathname);
    expect(faults).toEqual([]);
  },
);
