import type { Browser, Page } from "playwright-core";
import * as v from "valibot";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../server/db/connection.ts";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { firstDifference, openViewer, readPage, readReplay, readSessionDetail } from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";
import { startShop, type Shop } from "./browser-sdk.ts";
import { itemsOf, recordedEvents, startCapture, toObject, type CaptureServer } from "./capture.ts";
import type { SdkVersion } from "./node-sdk.ts";

const UNMASKED = { maskAllText: false, maskAllInputs: false, blockAllMedia: false };
const WHOLE = { replaysSessionSampleRate: 1 };
const ON_ERROR = { replaysSessionSampleRate: 0, replaysOnErrorSampleRate: 1 };

/** Of as many letters or stars as "Ada Lovelace". */
const LAST_INPUT = v.looseObject({ source: v.literal(5), text: v.pipe(v.string(), v.length(12)) });

const clipSchema = v.looseObject({
  startsAt: v.number(),
  at: v.number(),
  events: v.array(v.looseObject({ type: v.number(), timestamp: v.number() })),
});

let app: TestApp;
let browser: Browser;
let shop: Shop;

beforeAll(async () => {
  [app, browser, shop] = await Promise.all([
    startApp({ env: { RATE_LIMIT_REQUESTS_PER_SEC: "1000", RATE_LIMIT_BURST: "5000" } }),
    launchBrowser(),
    startShop(),
  ]);
});

afterAll(async () => {
  await browser.close();
  await shop.close();
  await app.remove();
});

const segmentsIn = (server: CaptureServer) => itemsOf(server.requests, "replay_event").map((item) => toObject(item.payload));

/** Buys, fails, and goes on. */
async function visit(page: Page, server: CaptureServer, isOnError: boolean): Promise<void> {
  await page.evaluate("shop.addLine('a kettle'); shop.addLine('a cup'); shop.fetchMissing(); console.error('odd')");
  await page.fill("#name", "Ada");
  await page.fill("#secret", "hunter2");
  await page.check("#gift");
  await page.click("#buy");
  await page.evaluate("shop.fail('no kettle left')");
  await waitFor(() => page.evaluate<boolean>("shop.eventIds.length === 1"));
  // After an error the SDK flushes by itself, and another flush at the same moment would end its recording.
  if (!isOnError) await page.evaluate("shop.flush()");
  await waitFor(() => segmentsIn(server).length >= 1, { what: () => "the first segment" });
  await page.evaluate("document.querySelector('.line').remove(); shop.addLine('a pot of tea')");
  await page.fill("#name", "Ada Lovelace");
  // A flush that finds another under way leaves its part to the next.
  const isSent = async () => {
    await page.evaluate("shop.flush()");
    const events = itemsOf(server.requests, "replay_recording").flatMap(recordedEvents);
    return events.some(({ type, data }) => type === 3 && v.is(LAST_INPUT, data));
  };
  await waitFor(isSent, { what: () => "a segment with the last changes" });
}

/** The session of what went by, once all of it is stored. */
async function sessionOf(server: CaptureServer): Promise<string> {
  const segments = segmentsIn(server);
  return waitFor(
    async () => {
      const rows = await withClient({ connectionString: app.databaseUrl ?? "" }, async (client) => {
        const found = await client.query<{ session_id: string; count: number }>(
          `SELECT session_id, count(*)::integer AS count FROM replays JOIN session_events USING (session_id)
           WHERE replay_id = $1 GROUP BY session_id`,
          [segments[0]?.["replay_id"]],
        );
        return found.rows;
      });
      return rows[0]?.count === segments.length ? rows[0].session_id : null;
    },
    { what: () => `${segments.length} segments to be stored` },
  );
}

/** What hides words with stars does so before anything is sent; only what holds words can differ. Of fields the spaces are hidden too. */
const starred = (page: string) =>
  page
    .replace(/(?<=value:)".*?"$/gm, (text) => `"${"*".repeat(text.length - 2)}"`)
    .replace(/^( *)(".*")$|(?<=<title> )(.*)$/gm, (text) => text.replace(/[^\s"]/g, "*"));

const CASES: [SdkVersion, string, Record<string, unknown>, Record<string, unknown>][] = [
  ...([7, 8, 9, 10, 11] as const).map((sdk): (typeof CASES)[number] => [sdk, "unmasked", WHOLE, UNMASKED]),
  ...([7, 11] as const).flatMap((sdk): typeof CASES => [
    [sdk, "masked", WHOLE, {}],
    [sdk, "uncompressed", WHOLE, { ...UNMASKED, useCompression: false }],
    [sdk, "on error", ON_ERROR, UNMASKED],
  ]),
];

it.each(CASES)(
  "RPL-1 RPL-2 @sentry/browser %i, %s: the replay ends like the page",
  { timeout: 90_000 },
  async (version, what, options, replay) => {
    const server = await startCapture({ proxyTo: app.baseUrl });
    const page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
    await page.goto(shop.pageUrl(version, { dsn: server.dsn(app.projectKey, 1), options, replay }));
    await visit(page, server, options === ON_ERROR);
    // Passwords are hidden in the page whatever a site says.
    const expected = (await readPage(page)).replace('"hunter2"', '"*******"');
    const [eventId] = await page.evaluate<string[]>("shop.eventIds");
    const sessionId = await sessionOf(server);
    await page.close();

    const detail = await waitFor(
      async () => {
        const read = await readSessionDetail(app, sessionId);
        return read.errors.length === 1 ? read : null;
      },
      { what: () => "the error to be in its session" },
    );
    expect(detail.gaps).toEqual([]);
    expect(detail.checkouts.length).toBeGreaterThan(0);
    expect(detail.tabs.map(({ tab }) => tab)).toEqual(["replay"]);
    expect(detail.session.status).toBe("ended");
    const kinds = detail.markers.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(["page_load", "click", "failed_request", "console_error", "error"]));
    const { startedAt, lastAt } = detail.session;
    expect(detail.markers.filter(({ at }) => at < startedAt || at > lastAt + 1)).toEqual([]);
    expect(lastAt - startedAt).toBeLessThan(60_000);

    const seconds = (lastAt - startedAt) / 1000;
    const viewer = await openViewer(browser, app, `/sessions/${sessionId}?t=${Math.max(0, seconds - 0.01)}`);
    let seen: string | null = null;
    const shape = what === "masked" ? starred : (text: string) => text;
    await waitFor(async () => (seen = await readReplay(viewer.page)) !== null && shape(seen) === shape(expected), {
      what: () => `the replay to end like the page:\n${firstDifference(shape(expected), shape(seen ?? "(nothing)"))}`,
    });
    expect(seen).toContain("checked:true");
    if (what === "masked") expect(seen).not.toMatch(/kettle|tea|Ada/);
    else expect(seen).toContain("a pot of tea");
    expect(viewer.faults).toEqual([]);
    await viewer.page.context().close();

    // The error has its clip, which plays by itself.
    const clip = v.parse(clipSchema, await app.getJson(`/v1/errors/${detail.errors[0]?.id}/clip`));
    expect(clip.events.slice(0, 2).map(({ type }) => type)).toEqual([4, 2]);
    expect(clip.startsAt).toBeLessThanOrEqual(clip.at);
    expect(clip.events.map(({ timestamp }) => timestamp)).toEqual(
      clip.events.map(({ timestamp }) => timestamp).toSorted((a, b) => a - b),
    );
    expect(eventId).toMatch(/^[0-9a-f]{32}$/);
    await server.close();
  },
);
