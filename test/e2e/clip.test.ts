import path from "node:path";
import type { Browser, Page } from "playwright-core";
import * as v from "valibot";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { root } from "../harness/tree.ts";
import { openDemo, openViewer, readReplay, readSessionDetail, storedSessionOf } from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";

const BEFORE_MS = 10_000;

const clipSchema = v.looseObject({
  errorId: v.string(),
  at: v.number(),
  from: v.number(),
  to: v.number(),
  startsAt: v.number(),
  events: v.array(v.looseObject({ type: v.number(), timestamp: v.number() })),
});

let app: TestApp;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), launchBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await app.remove();
});

/** Shows a moment of a clip with nothing but rrweb, in a page that has never seen the session; the text of the body. */
async function playClip(page: Page, clip: v.InferOutput<typeof clipSchema>, at: number): Promise<string> {
  await page.goto("about:blank");
  await page.addScriptTag({ path: path.join(root, "node_modules/rrweb/dist/rrweb.umd.min.cjs") });
  return page.evaluate<string>(`(() => {
    const events = ${JSON.stringify(clip.events)};
    const replayer = new rrweb.Replayer(events, { showWarning: false });
    return new Promise((resolve) => {
      replayer.on("flush", () => setTimeout(() => resolve(replayer.iframe.contentDocument.body.innerText)));
      replayer.pause(${at} - events[0].timestamp);
    });
  })()`);
}

it(
  "E2E-3, E2E-4 ten seconds before an error are playable, for a second one 200 ms later as well",
  { timeout: 120_000 },
  async () => {
    const visitor = await openDemo(browser, app);
    const sessionId = await storedSessionOf(app, visitor.page);
    await visitor.page.fill("#search", "oolong");
    // A page that has been recorded for longer than the clip reaches back, however long it took to be loaded.
    const since = await visitor.page.evaluate<number>("performance.now()");
    await waitFor(() => visitor.page.evaluate<boolean>(`performance.now() > ${since + BEFORE_MS + 500}`), { timeoutMs: 20_000 });
    await visitor.page.click("[data-page=workshop]");
    await visitor.page.click("#throw-twice");
    const { errors, session } = await waitFor(
      async () => {
        const detail = await readSessionDetail(app, sessionId);
        return detail.errors.length === 2 ? detail : null;
      },
      { what: () => "two errors to be stored" },
    );
    const [first, second] = errors.toSorted((a, b) => a.at - b.at);
    expect(first?.message).toContain("the first cup fell");
    expect(second?.message).toContain("the second cup fell as well");
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(150);

    const player = await browser.newPage();
    for (const error of [first, second]) {
      const clip = v.parse(clipSchema, await app.getJson(`/v1/errors/${error?.id ?? ""}/clip`));
      expect(clip.at).toBe(error?.at);
      expect(clip.startsAt).toBeLessThanOrEqual(clip.at - BEFORE_MS);
      expect(clip.startsAt).toBeGreaterThanOrEqual(session.startedAt - 1);
      expect(clip.events.slice(0, 2).map(({ type }) => type)).toEqual([4, 2]);
      expect(clip.events[0]?.timestamp).toBe(clip.startsAt);
      const before = await playClip(player, clip, clip.at - BEFORE_MS);
      expect(before).toContain("Milk oolong");
      expect(before).not.toContain("Dropped two cups");
      // The words come with the error, and how soon is the machine's affair.
      const last = clip.events.at(-1)?.timestamp ?? 0;
      expect(last).toBeLessThanOrEqual(clip.to);
      expect(await playClip(player, clip, last + 1)).toContain("Dropped two cups");
    }

    const viewer = await openViewer(browser, app, `/sessions/${sessionId}?error=${second?.id ?? ""}`);
    const before = await waitFor(
      async () => {
        const seen = await readReplay(viewer.page);
        return seen?.includes("Milk oolong") === true ? seen : null;
      },
      { what: () => "the viewer to play before the error" },
    );
    expect(before).not.toContain("Dropped two cups");
    await waitFor(async () => (await readReplay(viewer.page))?.includes("Dropped two cups"), {
      timeoutMs: 45_000,
      what: () => "the error",
    });
    expect(viewer.faults).toEqual([]);
  },
);
