import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { eventsOf, type SeenTab } from "../test/harness/tracker-peer.ts";
import { eventually, startTrackerPages, type OpenOptions, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());

function tabsOf(url: string): SeenTab[] {
  return [...pages.peer.tabs.values()].filter((seen) => seen.start.url === url);
}

function batchesOf(url: string) {
  return tabsOf(url).flatMap((seen) => [...seen.batches.values()].sort((a, b) => a.seq - b.seq));
}

function markersOf(url: string, ...kinds: string[]) {
  return batchesOf(url)
    .flatMap((batch) => batch.markers)
    .filter((marker) => kinds.includes(marker.kind));
}

async function open(body: string, options: OpenOptions = {}): Promise<{ page: Page; url: string }> {
  const { page, url, context } = await pages.open(body, options);
  await context.route("**/away", (route) => route.fulfill({ contentType: "text/html", body: "away" }));
  await context.route("**/nothing*", (route) => route.fulfill({ status: 204 }));
  await eventually("the first batch", () => batchesOf(url).length);
  return { page, url };
}

async function leave(page: Page, url: string): Promise<void> {
  const tabs = tabsOf(url).length;
  const away = new URL("/away", url).href;
  // A form that is on its way may end the first try.
  await page.goto(away).catch(() => page.goto(away));
  await eventually("what was known at the end", () => markersOf(url, "web_vitals").length >= tabs);
}

/** Time between two moves, by the clock of the page: the recorder looks no closer. */
const MOVE_MS = 50;

/** Moves in a straight line, in so many moves; the page's clock stands still but for them, so that it does not matter how fast this machine is. */
async function move(page: Page, from: [x: number, y: number], to: [x: number, y: number], moves: number): Promise<void> {
  for (let done = 1; done <= moves; done++) {
    const [x, y] = [0, 1].map((axis) => (from[axis]! * (moves - done) + to[axis]! * done) / moves);
    await page.mouse.move(x!, y!);
    await page.clock.runFor(MOVE_MS);
  }
}

/** Moves to and fro, at six or seven strokes a second. */
async function shake(page: Page, strokes: number, pixels: number): Promise<void> {
  for (let stroke = 0; stroke < strokes; stroke++) {
    const ends = [300, 300 + pixels];
    await move(page, [ends[(stroke + 1) % 2]!, 200 + stroke], [ends[stroke % 2]!, 200 + stroke], 3);
  }
}

const FORM = `<form id=order action="/nothing"><input name=first aria-label=First><input name=second aria-label=Second><button>send</button></form>`;

describe("friction", () => {
  test("TRK-83 a shaken pointer is told once; reading, small moves and drawing are not", async () => {
    const context = await pages.browser.newContext();
    await context.clock.install();
    const { page, url } = await open(`<p id=p style="height:500px">words</p>`, { context });
    await context.clock.pauseAt((await page.evaluate(() => Date.now())) + 1_000);
    await shake(page, 40, 60);
    for (let line = 0; line < 6; line++) {
      const y = 100 + 20 * line;
      await move(page, [500, y - 20], [100, y], 1);
      await move(page, [100, y], [500, y], 20);
    }
    await page.mouse.down();
    await shake(page, 30, 300);
    await page.mouse.up();
    await page.clock.runFor(1_100);
    await page.evaluate(() => {
      window.watchback?.mark?.("moved");
      window.watchback?.flush?.();
    });
    await eventually("all of it", () => markersOf(url, "custom").length);
    expect(markersOf(url, "thrash")).toEqual([]);
    await shake(page, 12, 300);
    await page.clock.runFor(1_600);
    const thrash = await eventually("the thrash", () => markersOf(url, "thrash")[0]);
    expect(thrash).toMatchObject({ name: "p#p", text: "words" });
    await page.context().close();
  });

  test("TRK-84 a form that was filled in and left is told, by page load and by address", async () => {
    const { page, url } = await open(FORM);
    await page.fill("[name=first]", "Ada");
    await page.keyboard.press("x");
    await leave(page, url);
    const [left] = markersOf(url, "form_abandoned");
    expect(left).toMatchObject({ name: "form#order", text: "First", data: { fields: 2, filled: 1 } });

    const other = await open(FORM);
    await other.page.click("[name=second]");
    await other.page.keyboard.type("Ada");
    await other.page.evaluate(() => {
      history.pushState(0, "", "?next");
      document.querySelector("form")?.remove();
    });
    await eventually("the form", () => markersOf(other.url, "form_abandoned").length);
    await page.context().close();
    await other.page.context().close();
  });

  test.each([
    ["sent", FORM, (page: Page) => page.click("form button")],
    ["sent by a script", FORM, (page: Page) => page.evaluate(() => document.querySelector("form")?.submit())],
    [
      "read by a script",
      FORM,
      (page: Page) => page.evaluate(() => new FormData(document.querySelector("form") ?? undefined).has("first")),
    ],
    [
      "followed by a request",
      FORM,
      (page: Page) => page.evaluate(async () => (await fetch("/nothing", { method: "POST" })).status),
    ],
    ["emptied", FORM, (page: Page) => page.evaluate(() => document.querySelector("form")?.reset())],
    ["emptied by hand", FORM, (page: Page) => page.fill("[name=first]", "")],
    ["a search", FORM.replace("<form", "<form role=search"), () => Promise.resolve()],
    ["one field", `<form><input name=first></form>`, () => Promise.resolve()],
    ["no form", `<input name=first><input name=second>`, () => Promise.resolve()],
    ["still there behind another address", FORM, (page: Page) => page.evaluate(() => history.pushState(0, "", "?step2"))],
  ])("TRK-84 a form is not abandoned: %s", async (what, body, act) => {
    const { page, url } = await open(body);
    await page.click("[name=first]");
    await page.keyboard.type("Ada");
    await act(page);
    if (what.startsWith("still")) await eventually("the address", () => markersOf(url, "navigation").length);
    else await leave(page, url);
    expect(markersOf(url, "form_abandoned")).toEqual([]);
    await page.context().close();
  });

  test("TRK-85 loaded again and again within half a minute: told at the fourth, whether by hand or by itself", async () => {
    const { page, url } = await open(`<p>x</p>`);
    for (let load = 2; load <= 5; load++) {
      await page.reload();
      await eventually("the next load", () => tabsOf(url).length === load && markersOf(url, "page_load").length === load);
    }
    expect(markersOf(url, "reload_loop")).toHaveLength(1);
    const itself = await pages.open(
      `<script>const n = Number(sessionStorage.n || 0) + 1; sessionStorage.n = n; if (n < 4) addEventListener("load", () => setTimeout(() => (location.href = location.href), 300));</script>`,
    );
    await eventually("the loop", () => markersOf(itself.url, "reload_loop").length);
    await page.context().close();
    await itself.context.close();
  });

  test("TRK-85 a form that comes back to the same address again and again is none", async () => {
    const { page, url } = await open(`<form><button id=x>+</button></form>`);
    const again = `${url}?`;
    await page.click("#x");
    for (let load = 2; load <= 6; load++) {
      await eventually("the next load", () => markersOf(again, "page_load").length === load - 1);
      await page.click("#x");
    }
    expect(markersOf(again, "reload_loop")).toEqual([]);
    expect(markersOf(url, "reload_loop")).toEqual([]);
    await page.context().close();
  });

  test("TRK-44 a paragraph that is selected by three clicks is no rage; a button is", async () => {
    const { page, url } = await open(`<p id=p>some words to select</p><button id=b>x</button>`);
    await page.click("#p", { clickCount: 3 });
    await page.click("#b", { clickCount: 3 });
    await eventually("the rage", () => markersOf(url, "rage_click").length);
    expect(markersOf(url, "rage_click").map(({ name }) => name)).toEqual(["button#b"]);
    await page.context().close();
  });

  test("TRK-86 a click says where on its element it was, and where that is in the page; nothing of what is blocked", async () => {
    const { page, url } = await open(
      `<ul id=menu><li>a<li>b<li><a id=x1 href="#" style="display:inline-block;width:100px;height:40px">c</a></ul><div class=wb-block><b id=no>no</b></div>`,
    );
    await page.click("#x1", { position: { x: 25, y: 30 } });
    await page.click("#no");
    await eventually("two clicks", () => markersOf(url, "click").length === 2);
    const [first, second] = markersOf(url, "click");
    expect(first?.data).toMatchObject({ path: "#menu>li:3>a", ex: 0.25, ey: 0.75 });
    expect(Object.keys(second?.data ?? {})).toEqual(["x", "y"]);
    await page.context().close();
  });

  test("TRK-87 a page says at its end how far it was seen, and what its vitals were", async () => {
    const { page, url } = await open(
      `<p>${"large words ".repeat(50)}</p><button id=slow>slow</button><div style="height:3600px"></div>`,
    );
    await page.evaluate(() => {
      document.querySelector("#slow")?.addEventListener("click", () => {
        const until = performance.now() + 120;
        while (performance.now() < until);
      });
    });
    // What is painted behind a click is no largest paint any more.
    await page.evaluate(
      () =>
        new Promise((resolve) => new PerformanceObserver(resolve).observe({ type: "largest-contentful-paint", buffered: true })),
    );
    await page.click("#slow");
    await page.evaluate(
      () =>
        new Promise<void>((resolve) =>
          new PerformanceObserver((list) => {
            if (list.getEntriesByName("click").length > 0) resolve();
          }).observe({ type: "event", buffered: true, durationThreshold: 40 } as PerformanceObserverInit),
        ),
    );
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.evaluate(() => scrollTo(0, 1_200));
    await eventually("the scroll", () =>
      batchesOf(url)
        .flatMap(eventsOf)
        .some((event) => JSON.stringify(event).includes('"source":3')),
    );
    await page.evaluate(() => history.pushState(0, "", "?next"));
    const next = await eventually("the next address", () => markersOf(url, "navigation")[0]);
    const { height: screen } = page.viewportSize() ?? { height: 0 };
    expect(next.data).toEqual({ from: url, depth: Math.round((100 * (1_200 + screen)) / height) / 100 });
    await leave(page, url);
    const vitals = markersOf(url, "web_vitals").at(-1);
    expect(vitals?.name).toBe(`${url}?next`);
    expect(vitals?.data).toMatchObject({ cls: expect.any(Number) as number, lcpMs: expect.any(Number) as number });
    expect(Number(vitals?.data?.["inpMs"])).toBeGreaterThanOrEqual(100);
    await page.context().close();
  });

  test("TRK-88 state and storage that the site tells are events, masked like lines of the console", async () => {
    const { page, url } = await open(`<p>x</p>`);
    await page.evaluate(() => {
      window.watchback?.state?.("cart", { items: 2, who: "ada@example.com" });
      window.watchback?.storage?.("local", "theme", "dark");
      window.watchback?.storage?.("session", "gone", null);
    });
    const told = await eventually("three events", () => {
      const found = batchesOf(url)
        .flatMap(eventsOf)
        .flatMap((event) => (event.type === 5 ? [event["data"]] : []));
      return found.length === 3 && found;
    });
    expect(told).toEqual([
      { tag: "watchback/state", payload: { area: "state", name: "cart", value: `{"items":2,"who":"***************"}` } },
      { tag: "watchback/storage", payload: { area: "local", name: "theme", value: "dark" } },
      { tag: "watchback/storage", payload: { area: "session", name: "gone", value: null } },
    ]);
    await page.context().close();
  });
});
