import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../server/db/connection.ts";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import {
  openDemo,
  openViewer,
  readReplay,
  readSessionDetail,
  reloadUntil,
  sendEvent,
  storedSessionOf,
} from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";

/** A clip begins this long before its error. */
const BEFORE_MS = 10_000;
/** And ends this long after it. */
const AFTER_MS = 5_000;

let app: TestApp;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp({ env: { ALERT_ALLOW_PRIVATE: "true" } }), launchBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await app.remove();
});

/** Lets so much time pass in a page. */
async function stay(page: Page, ms: number): Promise<void> {
  const since = await page.evaluate<number>("performance.now()");
  await waitFor(() => page.evaluate<boolean>(`performance.now() > ${since + ms}`), { timeoutMs: ms + 15_000 });
}

async function clockOf(page: Page): Promise<number> {
  const text = (await page.getByRole("region", { name: "Clip" }).locator(".time").textContent()) ?? "";
  const [, minutes = "0", seconds = "0"] = /(\d+):(\d+)/.exec(text) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}

it(
  "E2E-30 an error in a page becomes an issue, whose page plays what led to it at once, with breadcrumbs on the clip's clock",
  { timeout: 120_000 },
  async () => {
    const visitor = await openDemo(browser, app);
    const sessionId = await storedSessionOf(app, visitor.page);
    await visitor.page.fill("#search", "oolong");
    // Recorded for longer than the clip reaches back, and then for longer than it goes on.
    await stay(visitor.page, BEFORE_MS + 500);
    await visitor.page.click("[data-page=workshop]");
    await visitor.page.click("#throw");
    await stay(visitor.page, AFTER_MS + 1_000);
    await visitor.page.evaluate("window.watchback.flush()");
    const isStored = async () => {
      const { errors, tabs } = await readSessionDetail(app, sessionId);
      return tabs.some(({ lastAt }) => lastAt > (errors[0]?.at ?? Infinity) + AFTER_MS);
    };
    await waitFor(isStored, { what: () => "what came after the error to be stored" });

    const { page, faults } = await openViewer(browser, app, "/issues");
    const row = page.getByRole("link", { name: /reading 'volume'/ });
    await reloadUntil(app, page, "/issues", "a[href^='/issues/']");
    await row.click();
    await page.waitForURL(/\/issues\/[A-Z-]+\d+$/);
    const path = new URL(page.url()).pathname;

    // It plays by itself: first the page before the error, then the error.
    await waitFor(async () => (await readReplay(page))?.includes("Milk oolong"), { what: () => "the clip to play" });
    const crumbs = page.getByRole("region", { name: "What happened" });
    const thrown = crumbs.getByRole("button", { name: /Throw an error/ });
    expect(await thrown.locator(".time").textContent()).toMatch(/^0:(09|10)$/);
    await page.getByText("The error has happened").waitFor({ timeout: 45_000 });
    expect(await readReplay(page)).toContain("Poured from a pot that is not there");
    const play = page.getByRole("button", { name: "Play", exact: true });
    await play.waitFor();
    expect(await clockOf(page)).toBeGreaterThanOrEqual(14);

    // From its end a breadcrumb leads to its moment, and keys to the beginning. It plays on meanwhile, so each has seconds to be seen.
    await crumbs
      .getByRole("button", { name: /Break things/ })
      .first()
      .click();
    await waitFor(async () => (await clockOf(page)) < 14, { what: () => "the moment of the breadcrumb" });
    expect(await clockOf(page)).toBeGreaterThanOrEqual(8);
    await page.locator("h1").click();
    await page.keyboard.press("r");
    await waitFor(async () => (await clockOf(page)) < 8, { what: () => "the beginning" });
    await page.keyboard.press("k");
    await play.waitFor();
    expect(await page.getByRole("region", { name: "Stack" }).textContent()).toContain("pourFrom");

    // What is done to it is seen, and stays.
    await page.getByLabel("Comment").fill("The pot was empty.");
    await page.getByRole("button", { name: "Comment" }).click();
    await page.getByText("The pot was empty.").waitFor();
    await page.getByLabel("Priority").selectOption("high");
    await page.getByText("set the priority: high").waitFor();
    await page.getByRole("button", { name: "Resolve", exact: true }).click();
    await page.getByRole("button", { name: "Open again" }).waitFor();
    await page.getByText("Why it is in this issue").click();
    await page.getByText(/The same type of error/).waitFor();
    await page.goto(`${app.baseUrl}/issues`);
    await page.getByText("No open issues").waitFor();
    await page.getByLabel("Status").selectOption("resolved");
    await row.waitFor();
    expect(new URL(page.url()).search).toBe("?status=resolved");

    // Several at once.
    await page.getByRole("checkbox", { name: /^Choose / }).check();
    await page.getByRole("button", { name: "Ignore" }).click();
    await page.getByText("No issue fits.").waitFor();
    await page.goto(app.baseUrl + path);
    await page.locator(".pill.ignored").waitFor();
    expect(faults).toEqual([]);
  },
);

it(
  "E2E-31 the set-up page turns green with the first event, whose issue says why there is no clip",
  { timeout: 90_000 },
  async () => {
    const { page, faults } = await openViewer(browser, app, "/projects/1/set-up");
    await page.getByText("Waiting for the first event").waitFor();
    const dsn = new URL(
      (await page
        .locator("pre", { hasText: /^http\S+$/ })
        .first()
        .textContent()) ?? "",
    );
    expect(dsn.username).toBe(app.projectKey);
    const event = {
      event_id: "0123456789abcdef0123456789abcdef",
      platform: "python",
      exception: {
        values: [
          { type: "KeyError", value: "'tea'", stacktrace: { frames: [{ filename: "brew.py", function: "brew", lineno: 7 }] } },
        ],
      },
    };
    expect(`${dsn.protocol}//${dsn.host}/api${dsn.pathname}/`).toBe(`${app.baseUrl}/api/1/`);
    await sendEvent(app, event);
    await page.locator(".arrival.here", { hasText: "Events arrive" }).waitFor({ timeout: 20_000 });

    await reloadUntil(app, page, "/issues", "text=KeyError");
    await page.getByRole("link", { name: /KeyError/ }).click();
    await page.getByText("There is no clip").waitFor();
    await page.getByText("The SDK did not say in which session it happened.", { exact: false }).waitFor();
    expect(await page.getByRole("region", { name: "Stack" }).textContent()).toContain("brew.py:7");
    expect(faults).toEqual([]);
  },
);

it(
  "E2E-32 a webhook is made, tried and seen to arrive; a report that could not be digested is seen and thrown away",
  { timeout: 90_000 },
  async () => {
    const received: { message: IncomingMessage; text: string }[] = [];
    const server: Server = createServer((message, answer) => {
      let text = "";
      message.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      message.on("end", () => {
        received.push({ message, text });
        answer.end("ok");
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      const { page, faults } = await openViewer(browser, app, "/projects/1/alerts");
      await page.getByLabel("Kind").selectOption("webhook");
      await page.getByLabel("Name").first().fill("My program");
      await page.getByLabel("Address", { exact: true }).fill("no address");
      await page.getByRole("button", { name: "Make the channel" }).click();
      await page.getByLabel("Address", { exact: true }).fill(`http://127.0.0.1:${port}/hook`);
      await page.getByRole("button", { name: "Make the channel" }).click();
      expect(await page.getByRole("group", { name: "Secret of My program" }).locator("code").textContent()).toMatch(
        /^[0-9a-f]{64}$/,
      );
      await page.getByRole("button", { name: "Test My program" }).click();
      await waitFor(() => received.length === 1, { timeoutMs: 20_000, what: () => "the test message" });
      expect(received[0]?.message.headers["x-watchback-signature"]).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
      await page.locator(".pill.sent").waitFor();

      await page.getByText("New rule").click();
      await page.getByLabel("Name").last().fill("Everything");
      await page.getByRole("button", { name: "Make the rule" }).click();
      await page.getByText(/^new issues, issues that came back/).waitFor();
      await page.getByRole("switch", { name: "Everything is on" }).click();
      await page.locator(".grow.off").waitFor();

      await withClient({ connectionString: app.databaseUrl ?? "" }, (client) =>
        client.query(
          "INSERT INTO intake (project_id, kind, attempts, fault, dead_at) VALUES (1, 'event', 8, 'it was too much', now())",
        ),
      );
      await page.goto(`${app.baseUrl}/projects/1/dead-letters`);
      await page.getByText("it was too much").waitFor();
      await page.getByRole("button", { name: "Drop" }).click();
      await page.getByRole("alertdialog").getByRole("button", { name: "Throw it away" }).click();
      await page.getByText("Nothing: everything that came was digested.").waitFor();
      expect(faults).toEqual([]);
    } finally {
      server.close();
    }
  },
);
