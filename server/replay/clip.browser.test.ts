import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser } from "../../test/harness/browser.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import {
  checkoutEvents,
  errorIdOf,
  insertBatch,
  insertProject,
  insertSession,
  insertTab,
  textEvent,
} from "../../test/harness/stored-session.ts";
import { noViews } from "../../test/harness/views.ts";
import type { Identity } from "../auth/auth.ts";
import { createErrorRoutes } from "./error-routes.ts";

const RRWEB = readFileSync(fileURLToPath(new URL("../../node_modules/rrweb/dist/rrweb.umd.min.cjs", import.meta.url)), "utf8");
const DAY = "2026-11-20";
const START = Date.parse("2026-11-20T10:00:00Z");
const FIRST_ERROR = START + 42_000;

let test: TestDatabase;
let browser: Browser;
let page: Page;
let member: Identity;

beforeAll(async () => {
  test = await createTestDatabase();
  const { id: projectId } = await insertProject(test.database, "shop");
  member = {
    kind: "user",
    userId: 1,
    email: "a@example.com",
    isAdmin: false,
    signInId: "",
    roles: new Map([[projectId, "viewer"]]),
  };
  const where = { sessionId: "failing", projectId, startedOn: DAY, tab: "main" };
  await insertSession(test.database, { ...where, startedAt: START });
  await insertTab(test.database, "failing", "main", START);
  for (let seq = 0; seq < 60; seq++) {
    const at = START + seq * 1_000;
    const events = seq % 30 === 0 ? [...checkoutEvents(at, `c${seq}`), textEvent(at + 1, `s${seq}`)] : [textEvent(at, `s${seq}`)];
    const errors = seq === 42 ? [FIRST_ERROR, FIRST_ERROR + 200] : [];
    await insertBatch(test.database, { ...where, seq, events, markers: errors.map((moment) => ({ kind: "error", at: moment })) });
  }
  browser = await launchBrowser();
  page = await browser.newPage();
  await page.setContent("<!doctype html><body></body>");
  await page.addScriptTag({ content: RRWEB });
});

afterAll(async () => {
  await browser.close();
  await test.drop();
});

/** Shows `at` of the events in a Replayer of its own and says what the heading of the replayed page reads. */
async function headingAt(events: unknown, at: number): Promise<unknown> {
  const show = `
    document.body.replaceChildren();
    const events = ${JSON.stringify(events)};
    const replayer = new rrweb.Replayer(events, { root: document.body, showWarning: true });
    new Promise((resolve) => {
      replayer.on("flush", () => setTimeout(() => resolve(replayer.iframe.contentDocument.querySelector("h1")?.textContent)));
      replayer.pause(${at} - events[0].timestamp);
    })`;
  return page.evaluate(`(() => { ${show.replace("new Promise", "return new Promise")} })()`);
}

it.each([0, 1])("REP-11 REP-12 rrweb shows the ten seconds before error %i from its clip alone", async (ordinal) => {
  const call = createCaller(createErrorRoutes(test.database, noViews));
  const answer = await call("GET", `/v1/errors/${errorIdOf("failing", "main", 42, ordinal)}/clip`, { identity: member });
  const clip = answer.json as { at: number; from: number; events: unknown[] };
  expect(await headingAt(clip.events, clip.from + 10)).toBe("s32");
  expect(await headingAt(clip.events, clip.at + 10)).toBe("s42");
  expect(await headingAt(clip.events, clip.at + 4_900)).toBe(ordinal === 0 ? "s46" : "s47");
});
