import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import type { SeenEvent, SeenTab } from "../test/harness/tracker-peer.ts";
import { eventually, KEY, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());
afterEach(() => {
  pages.peer.behaviour.isAcking = true;
});

function tabOf(url: string): [string, SeenTab] | undefined {
  return [...pages.peer.tabs].find(([, seen]) => seen.start.url === url);
}

function markersOf(seen: SeenTab | undefined, kind: string) {
  const batches = [...(seen?.batches.values() ?? [])].sort((a, b) => a.seq - b.seq);
  return batches.flatMap((batch) => batch.markers).filter((marker) => marker.kind === kind);
}

/** Waits for everything that happened so far to arrive, and returns the tab's events. */
async function arrived(page: Page, url: string): Promise<{ tab: string; seen: SeenTab; events: SeenEvent[] }> {
  const count = markersOf(tabOf(url)?.[1], "custom").length;
  await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    window.watchback?.mark?.("arrived");
    window.watchback?.flush?.();
  });
  const [tab, seen] = await eventually("what happened so far", () => {
    const found = tabOf(url);
    return markersOf(found?.[1], "custom").length > count ? found : null;
  });
  return { tab, seen, events: pages.peer.events(tab) };
}

/** Mutation events that hold this text. */
function mutationsWith(events: SeenEvent[], text: string): SeenEvent[] {
  return events.filter(({ type, data }) => type === 3 && data["source"] === 0 && JSON.stringify(data).includes(text));
}

async function askForCheckouts(page: Page, tab: string, seen: SeenTab, times: number): Promise<void> {
  const checkouts = (): number => [...seen.batches.values()].filter(({ checkout }) => checkout).length;
  for (let i = 0; i < times; i++) {
    const before = checkouts();
    pages.peer.send({ type: "checkout_request", data: { tab } });
    await eventually("a checkout", () => checkouts() > before);
  }
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 50)));
}

describe("recording", () => {
  test("TRK-40 changes in same-origin frames and shadow roots come once, however many checkouts there were", async () => {
    const body = `<iframe id=one srcdoc="<p id=p>inside</p>"></iframe><div id=host></div>
      <script>document.querySelector("#host").attachShadow({ mode: "open" }).innerHTML = "<p>shadow</p>";</script>`;
    const { page, url } = await pages.open(body);
    const { tab, seen } = await arrived(page, url);
    await askForCheckouts(page, tab, seen, 5);
    await page.evaluate(() => {
      document.querySelector<HTMLIFrameElement>("#one")?.contentDocument?.querySelector("#p")?.append("frame change");
      document.querySelector("#host")?.shadowRoot?.querySelector("p")?.append("shadow change");
      document.body.append("body change");
    });
    const { events } = await arrived(page, url);
    for (const what of ["frame change", "shadow change", "body change"])
      expect(mutationsWith(events, what), what).toHaveLength(1);
    await page.close();
  });

  test("TRK-40 a frame that navigates after many checkouts is recorded once, and its changes too", async () => {
    const inner = pages.peer.page("/frame-2", "<!doctype html><p>second document</p>");
    const { page, url } = await pages.open(`<iframe id=one srcdoc="<p>first document</p>"></iframe>`);
    const { tab, seen } = await arrived(page, url);
    await askForCheckouts(page, tab, seen, 5);
    await page.evaluate(
      (address) =>
        new Promise((resolve) => {
          const frame = document.querySelector<HTMLIFrameElement>("#one");
          if (!frame) return;
          frame.addEventListener("load", resolve);
          frame.removeAttribute("srcdoc");
          frame.src = address;
        }),
      inner,
    );
    await arrived(page, url);
    await page.evaluate(() => document.querySelector<HTMLIFrameElement>("#one")?.contentDocument?.body.append("late change"));
    const { events } = await arrived(page, url);
    expect(mutationsWith(events, "second document")).toHaveLength(1);
    expect(mutationsWith(events, "late change")).toHaveLength(1);
    await page.close();
  });

  test("TRK-41 the address changes without a page load: a marker, the new facts, and a checkout", async () => {
    const { page, url } = await pages.open(`<p>home</p>`);
    const { tab, seen } = await arrived(page, url);
    await page.evaluate(() => {
      history.pushState({}, "", "/cart?step=1");
      document.title = "Cart";
      history.replaceState({ same: "address" }, "");
    });
    await eventually("a checkout of the new page", () => {
      const metas = pages.peer.events(tab).filter(({ type }) => type === 4);
      return metas.some(({ data }) => data["href"] === `${pages.peer.origin}/cart?step=1`);
    });
    await page.evaluate(() => (location.hash = "#late"));
    await eventually("the hash", () => markersOf(seen, "navigation").length === 2);
    expect(markersOf(seen, "navigation")[0]).toMatchObject({
      name: `${pages.peer.origin}/cart?step=1`,
      text: "Cart",
      data: { from: url },
    });
    expect(pages.peer.log).toContainEqual({
      type: "session_update",
      data: { url: `${pages.peer.origin}/cart?step=1`, title: "Cart" },
    });
    await page.close();
  });

  test("TRK-42 errors, rejections and reported errors are markers with stack; a second one 200 ms later as well", async () => {
    const { page, url } = await pages.open(`<p>break</p>`);
    await page.evaluate(async () => {
      setTimeout(() => {
        throw new TypeError("first");
      });
      await new Promise((resolve) => setTimeout(resolve, 200));
      setTimeout(() => {
        throw new RangeError("second");
      });
      void Promise.reject(new Error("third"));
      void Promise.resolve().then(() => Reflect.apply((reason: unknown) => Promise.reject(reason as Error), null, ["fourth"]));
      window.watchback?.captureError?.(new Error("fifth"));
      document.body.append(Object.assign(new Image(), { src: "/missing.png" }));
    });
    const { seen } = await arrived(page, url);
    const errors = markersOf(seen, "error");
    expect(errors.map(({ name, text, data }) => [name, text, data?.["mechanism"]])).toEqual([
      ["TypeError", "first", "onerror"],
      ["Error", "fifth", "manual"],
      ["RangeError", "second", "onerror"],
      ["Error", "third", "onunhandledrejection"],
      ["Error", "fourth", "onunhandledrejection"],
    ]);
    expect(errors[0]?.stack).toContain("TypeError: first");
    await page.close();
  });

  test("TRK-43 failed requests are markers, by fetch and by XMLHttpRequest; good and cancelled ones are not", async () => {
    const { page, url } = await pages.open(`<p>net</p>`);
    await page.evaluate(async () => {
      await fetch("/missing", { method: "post" });
      await fetch(location.href);
      await fetch("http://127.0.0.1:1/down").catch(() => undefined);
      const aborter = new AbortController();
      const cancelled = fetch(location.href, { signal: aborter.signal }).catch(() => undefined);
      aborter.abort();
      await cancelled;
      for (const address of ["/gone", location.href]) {
        await new Promise((resolve) => {
          const request = new XMLHttpRequest();
          request.open("PUT", address);
          request.onloadend = resolve;
          request.send();
        });
      }
      const aborted = new XMLHttpRequest();
      aborted.open("GET", location.href);
      aborted.send();
      aborted.abort();
    });
    const { seen } = await arrived(page, url);
    expect(
      markersOf(seen, "failed_request").map(({ name, data }) => [
        name?.replace(pages.peer.origin, ""),
        data?.["method"],
        data?.["status"],
      ]),
    ).toEqual([
      ["/missing", "POST", 404],
      ["http://127.0.0.1:1/down", "GET", 0],
      ["/gone", "PUT", 404],
    ]);
    await page.close();
  });

  test("TRK-44 clicks are markers that say what was clicked; three quick ones in one place are rage", async () => {
    const body = `<button id=buy><b>Buy</b> <i>now</i></button><input id=mail aria-label="Your mail"><div class=wb-mask><a id=who href="#">Ada Lovelace</a></div>
      <button id=hello>Hello <span class=wb-mask>Grace</span><span class=wb-block>Hopper</span></button>`;
    const { page, url } = await pages.open(body);
    await page.click("#buy b");
    await page.click("#mail");
    await page.click("#who");
    await page.click("#hello");
    await page.click("#buy i", { clickCount: 4 });
    const { seen } = await arrived(page, url);
    const clicks = markersOf(seen, "click").map(({ name, text }) => [name, text]);
    expect(clicks.slice(0, 4)).toEqual([
      ["button#buy", "Buy now"],
      ["input#mail", "Your mail"],
      ["a#who", "*** ********"],
      ["button#hello", "Hello *****"],
    ]);
    expect(markersOf(seen, "rage_click").map(({ name }) => name)).toEqual(["button#buy"]);
    expect(markersOf(seen, "click")[0]?.data).toMatchObject({ x: expect.any(Number) as number, y: expect.any(Number) as number });
    await page.close();
  });

  test("TRK-45 console.error is a marker; with recordConsole and recordNetwork every call is one too, and an event like every request", async () => {
    const { page, url } = await pages.open(`<p>talk</p>`, { data: "data-record-console data-record-network" });
    await page.evaluate(async () => {
      console.log("hello", { a: 1 });
      console.error("%d bad", 2, new Error("inner"), document.body);
      const circle: Record<string, unknown> = {};
      circle["self"] = circle;
      console.warn(circle);
      await fetch(location.href);
    });
    const { seen, events } = await arrived(page, url);
    expect(markersOf(seen, "console_error").map(({ text }) => text)).toEqual(["2 bad Error: inner BODY"]);
    expect(markersOf(seen, "console").map(({ name, text }) => [name, text])).toEqual([
      ["log", `hello {"a":1}`],
      ["warn", "[object Object]"],
    ]);
    const plugins = events.filter(({ type }) => type === 6).map(({ data }) => [data["plugin"], JSON.stringify(data["payload"])]);
    expect(plugins.map(([name]) => name)).toEqual(["rrweb/console@1", "rrweb/console@1", "rrweb/console@1", "rrweb/network@1"]);
    expect(plugins[0]?.[1]).toContain(JSON.stringify(JSON.stringify(`{"a":1}`)).slice(1, -1));
    expect(plugins[3]?.[1]).toContain(`"status":200`);
    await page.close();
  });

  test("TRK-45 a page that logs without end takes no marker from anything else", async () => {
    const { page, url } = await pages.open(`<p>talk</p>`, { data: "data-record-console" });
    await page.evaluate(() => {
      for (let i = 0; i < 300; i++) console.log(`line ${i}`);
      console.error("the one that counts");
    });
    const { seen, events } = await arrived(page, url);
    expect(markersOf(seen, "console")).toHaveLength(200);
    expect(markersOf(seen, "console_error").map(({ text }) => text)).toEqual(["the one that counts"]);
    expect(events.filter(({ type }) => type === 6)).toHaveLength(301);
    await page.close();
  });

  test("TRK-46 a user who is named while the server has not answered yet is named to it when it has", async () => {
    const { page, url } = await pages.open("<p>early</p>", {
      before: () => {
        const send = Object.getOwnPropertyDescriptor(WebSocket.prototype, "send")?.value as WebSocket["send"];
        WebSocket.prototype.send = function (data) {
          send.call(this, data);
          if (typeof data === "string" && data.includes("session_start")) window.watchback?.identify?.("early bird", {});
        };
      },
    });
    const [, seen] = await eventually("the tab", () => [...pages.peer.tabs].find(([, tab]) => tab.start.url === url));
    expect(seen.start.userId ?? null).toBeNull();
    await eventually("the user", () =>
      pages.peer.log.find(({ type, data }) => type === "session_update" && "userId" in data && data.userId === "early bird"),
    );
    await page.close();
  });

  test("TRK-46 a mark and a user travel with what the wire takes of them", async () => {
    const { page, url } = await pages.open(`<p>who</p>`, { data: `data-user-id="42" data-release="1.0"` });
    await eventually("the first word", () => tabOf(url));
    await page.evaluate(() => {
      window.watchback?.mark?.("paid", { amount: 5, ok: true, none: null, bad: Number.NaN, deep: {} as unknown as string });
      window.watchback?.identify?.("ada", { plan: "pro", nested: [] as unknown as string });
    });
    const { seen } = await arrived(page, url);
    expect(seen.start).toMatchObject({ userId: "42", release: "1.0" });
    expect(seen.start.traits).toBeUndefined();
    expect(markersOf(seen, "custom")[0]).toMatchObject({ name: "paid", data: { amount: 5, ok: true, none: null } });
    expect(pages.peer.log).toContainEqual({ type: "session_update", data: { userId: "ada", traits: { plan: "pro" } } });
    await page.close();
  });

  test("TRK-47 error mode sends nothing until an error, and then at least beforeErrorSec of what was before", async () => {
    const { page, url } = await pages.open(`<p>calm</p>`, {
      data: `data-mode="error" data-before-error-sec="10"`,
      before: () => undefined,
    });
    await page.evaluate(async () => {
      for (let i = 0; i < 5; i++) {
        document.body.append(`change ${i} `);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    });
    expect(tabOf(url)).toBeUndefined();
    expect(await page.evaluate(() => indexedDB.databases().then((all) => all.length && localStorage.length))).toBeLessThanOrEqual(
      1,
    );
    await page.evaluate(() => {
      setTimeout(() => {
        throw new Error("at last");
      });
    });
    const { seen, events } = await arrived(page, url);
    expect(seen.batches.get(0)?.checkout).toBe(true);
    for (let i = 0; i < 5; i++) expect(mutationsWith(events, `change ${i} `), `change ${i}`).toHaveLength(1);
    expect(markersOf(seen, "error").map(({ text }) => text)).toEqual(["at last"]);
    expect(seen.start.startTime).toBeLessThanOrEqual(events[0]?.timestamp ?? 0);
    await page.close();
  });

  test("TRK-48 half an hour without an event ends the session: the next event begins another, with a checkout", async () => {
    const context = await pages.browser.newContext();
    const page = await context.newPage();
    await page.clock.install();
    const url = pages.peer.page("/idle", `<!doctype html><p>idle</p><script src="/tracker.js" data-key="${KEY}"></script>`);
    await page.goto(url);
    await page.clock.runFor(2_000);
    const [first] = await eventually("the tab", () => tabOf(url));
    await page.clock.fastForward(31 * 60_000);
    await page.evaluate(() => {
      document.body.append("back again");
      window.watchback?.mark?.("after the pause");
    });
    const second = await eventually("another tab", async () => {
      await page.clock.runFor(500);
      return [...pages.peer.tabs].find(
        ([tab, seen]) => tab !== first && seen.start.url === url && markersOf(seen, "custom").length > 0,
      );
    });
    expect(second[1].start.sessionId).not.toBe(pages.peer.tabs.get(first)?.start.sessionId);
    expect(second[1].batches.get(0)?.checkout).toBe(true);
    expect(JSON.stringify(pages.peer.events(second[0]))).toContain("back again");
    await context.close();
  });

  test("TRK-49 the server speaks of another connection for this tab, or of a session that is over: the page goes on as another tab", async () => {
    const { page, url } = await pages.open(`<p>gone</p>`);
    const { tab } = await arrived(page, url);
    for (const socket of pages.peer.sockets) socket.close(4004, "another connection has this tab");
    const second = await eventually("another tab", () =>
      [...pages.peer.tabs].find(([name, seen]) => name !== tab && seen.start.url === url),
    );
    await eventually("its checkout", () => second[1].batches.get(0)?.checkout);
    pages.peer.send({ type: "error", data: { code: "gone", message: "this session is over" } });
    await eventually("a third", () => [...pages.peer.tabs].filter(([, seen]) => seen.start.url === url).length === 3);
    await page.close();
  });

  test("TRK-50 a page that changes gets a checkout by itself, an idle one does not", async () => {
    const context = await pages.browser.newContext();
    const page = await context.newPage();
    await page.clock.install();
    const url = pages.peer.page("/slow", `<!doctype html><p>slow</p><script src="/tracker.js" data-key="${KEY}"></script>`);
    await page.goto(url);
    await page.clock.runFor(2_000);
    const [, seen] = await eventually("the tab", () => tabOf(url));
    const checkouts = (): number => [...seen.batches.values()].filter(({ checkout }) => checkout).length;
    await eventually("the first checkout", () => checkouts() === 1);
    await page.clock.runFor(120_000);
    expect(checkouts()).toBe(1);
    await page.evaluate(() => document.body.append("a change"));
    await page.evaluate(() => Promise.resolve());
    await page.clock.runFor(40_000);
    await eventually("another checkout", () => checkouts() === 2);
    await page.clock.runFor(120_000);
    expect(checkouts()).toBe(2);
    await context.close();
  });
});
