import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { copyLink, openDemo, openViewer, readReplay, storedSessionOf, waitForSame } from "../harness/visit.ts";
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

/** The demo page, recorded with everything that the panels can show. */
async function openTalkative(): Promise<{ page: Page; sessionId: string }> {
  const { page } = await openDemo(browser, app, { attributes: 'data-record-console="true" data-record-network="true"' });
  return { page, sessionId: await storedSessionOf(app, page) };
}

/** Rows of the panel in front that are drawn. */
const rowsOf = (viewer: Page): Promise<string[]> => viewer.getByRole("option").allInnerTexts();

async function waitForRow(viewer: Page, words: string): Promise<void> {
  await waitFor(async () => (await rowsOf(viewer)).some((row) => row.includes(words)), { what: () => `a row with ${words}` });
}

async function replayHas(viewer: Page, words: string, has = true): Promise<void> {
  await waitFor(async () => (await readReplay(viewer))?.includes(words) === has, {
    timeoutMs: 20_000,
    what: () => `the replay ${has ? "to show" : "not to show"} ${words}`,
  });
}

it(
  "VIE-92 the panels show what the page said on the clock of the player, and every row leads to its moment",
  { timeout: 120_000 },
  async () => {
    const visitor = await openTalkative();
    await visitor.page.evaluate(
      `console.log("basket", { items: 3 }); console.warn("slow"); for (let i = 0; i < 4; i++) console.log("again");
       watchback.mark("Added to basket", { price: 18 }); fetch("/nothing-here", { method: "POST" }); fetch("/health")`,
    );
    await visitor.page.fill("#search", "oolong");
    await waitFor(() => visitor.page.evaluate<boolean>("performance.now() > 4000"));
    await visitor.page.click("[data-page=workshop]");
    await visitor.page.click("#throw-twice");
    await waitFor(() => visitor.page.evaluate<boolean>("performance.now() > 6000"));

    const { page: viewer, faults } = await openViewer(browser, app, `/sessions/${visitor.sessionId}`);
    await replayHas(viewer, "Dropped two cups");
    await waitForRow(viewer, "the second cup fell");
    // Live at first: a row leads into the past, and the way back says how far it is.
    await viewer.keyboard.press("2");
    await waitForRow(viewer, "basket {items: 3}");
    await waitForRow(viewer, "slow");
    await waitFor(async () => (await rowsOf(viewer)).some((row) => /again[^]*4$/.test(row)), { what: () => "four rows in one" });
    await viewer.getByRole("option", { name: /basket/ }).click();
    await replayHas(viewer, "Dropped two cups", false);
    await viewer.getByRole("button", { name: /^Go live, \d+:\d\d behind$/ }).waitFor();
    await viewer.keyboard.press("Space");

    await viewer.keyboard.press("3");
    await waitForRow(viewer, "POST /nothing-here");
    await waitForRow(viewer, "GET /health");
    await viewer.keyboard.press("/");
    await viewer.keyboard.type("post 404");
    await waitFor(async () => (await rowsOf(viewer)).length === 1, { what: () => "the search to leave one row" });
    await viewer.keyboard.press("Escape");
    await viewer.keyboard.press("Escape");

    await viewer.keyboard.press("4");
    await viewer.getByRole("option", { name: /the first cup fell/ }).click();
    await viewer.getByRole("region", { name: "The chosen row" }).getByRole("link", { name: "To its issue" }).waitFor();
    await viewer.keyboard.press("6");
    await waitForRow(viewer, "Typed “oolong”");
    await viewer.keyboard.press("7");
    await waitForRow(viewer, "Added to basket");
    await viewer.keyboard.press("5");
    await waitForRow(viewer, "/demo");
    await viewer.keyboard.press("l");
    await waitForSame(visitor.page, viewer);
    expect(faults).toEqual([]);
  },
);

it(
  "VIE-93 a recording goes event by event, in a loop, and by a link to the very frame; the moment under the pointer has a picture",
  { timeout: 120_000 },
  async () => {
    const visitor = await openTalkative();
    await visitor.page.fill("#search", "oolong");
    await waitFor(() => visitor.page.evaluate<boolean>("performance.now() > 4000"));
    await visitor.page.click("[data-page=workshop]");
    await visitor.page.click("#throw-twice");
    await waitFor(() => visitor.page.evaluate<boolean>("performance.now() > 7000"));
    const { page: viewer, faults } = await openViewer(browser, app, `/sessions/${visitor.sessionId}?t=1.5&paused=1`);
    await replayHas(viewer, "oolong");
    const slider = viewer.getByRole("slider", { name: "Timeline" });
    const now = async (): Promise<string> => (await slider.getAttribute("aria-valuetext")) ?? "";
    expect(await now()).toMatch(/^0:01 /);
    await viewer.getByRole("button", { name: "Play", exact: true }).waitFor();

    // Steps go on until the cups have fallen, and one back.
    for (let steps = 0; steps < 400 && !(await readReplay(viewer))?.includes("Dropped two cups"); steps++) {
      const before = await viewer.evaluate<string>("location.href");
      await viewer.keyboard.press(".");
      await viewer.waitForTimeout(60);
      expect(await viewer.evaluate<string>("location.href")).toBe(before);
    }
    await replayHas(viewer, "Dropped two cups");
    for (let steps = 0; steps < 40 && (await readReplay(viewer))?.includes("Dropped two cups"); steps++) {
      await viewer.keyboard.press(",");
      await viewer.waitForTimeout(60);
    }
    await replayHas(viewer, "Dropped two cups", false);

    // A link to this frame shows this frame, standing still. The last step is taken when the link is the same twice.
    const copies: string[] = [];
    await waitFor(async () => copies.push(await copyLink(viewer)) > 1 && copies.at(-1) === copies.at(-2));
    await viewer.getByText("The link is copied").waitFor();
    const link = copies.at(-1) ?? "";
    expect(link).toMatch(/\?t=\d+(\.\d{1,3})?&paused=1$/);
    const other = await openViewer(browser, app, link.slice(app.baseUrl.length));
    const isSame = async () => {
      const [here, there] = [await readReplay(viewer), await readReplay(other.page)];
      return here !== null && here === there;
    };
    await waitFor(isSame, { what: () => "the same frame" });
    expect(await readReplay(other.page)).not.toContain("Dropped two cups");
    await other.page.close();

    // A loop is played again and again; the cups fall seconds after it begins, so that it is seen both with and without them.
    await viewer.keyboard.press("ArrowLeft");
    await viewer.keyboard.press("i");
    await viewer.keyboard.press("ArrowRight");
    await viewer.keyboard.press("ArrowRight");
    await viewer.keyboard.press("o");
    await viewer.getByRole("button", { name: "Take the loop away" }).waitFor();
    for (const hasFallen of [true, false, true, false]) await replayHas(viewer, "Dropped two cups", hasFallen);
    await viewer.keyboard.press("u");
    await viewer.keyboard.press("Space");

    const box = await slider.boundingBox();
    if (!box) throw new Error("there is no timeline");
    await viewer.mouse.move(box.x + box.width * 0.2, box.y + box.height - 8);
    await viewer.mouse.move(box.x + box.width * 0.21, box.y + box.height - 8);
    await waitFor(
      () =>
        viewer.evaluate<boolean>(
          `[...document.querySelectorAll(".bubble iframe")].some((frame) => frame.contentDocument?.querySelector(".scene iframe")?.contentDocument?.querySelector("h1"))`,
        ),
      { what: () => "a picture of the moment under the pointer" },
    );
    await viewer.keyboard.press("?");
    await viewer.getByRole("dialog", { name: "Keys" }).waitFor();
    expect(faults).toEqual([]);
  },
);
