import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import type { SeenTab } from "../test/harness/tracker-peer.ts";
import { eventually, KEY, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());

function tabOf(url: string): SeenTab | undefined {
  return [...pages.peer.tabs.values()].find((seen) => seen.start.url === url);
}

function markersOf(seen: SeenTab | undefined, kind?: string) {
  const all = [...(seen?.batches.values() ?? [])].sort((a, b) => a.seq - b.seq).flatMap((batch) => batch.markers);
  return kind === undefined ? all : all.filter((marker) => marker.kind === kind);
}

async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    window.watchback?.mark?.("settled");
    window.watchback?.flush?.();
  });
}

/** Waits for everything that happened so far to arrive. */
async function arrived(page: Page, url: string): Promise<SeenTab> {
  const count = markersOf(tabOf(url), "custom").length;
  await settle(page);
  return eventually("what happened so far", () => (markersOf(tabOf(url), "custom").length > count ? tabOf(url) : undefined));
}

/** The functions of the page that a recorder could have touched, by identity against the copies kept before it started. */
const KEEP_ORIGINALS = (): void => {
  const places: [string, object, string][] = [
    ["fetch", window, "fetch"],
    ["open", XMLHttpRequest.prototype, "open"],
    ["send", XMLHttpRequest.prototype, "send"],
    ["pushState", History.prototype, "pushState"],
    ["replaceState", History.prototype, "replaceState"],
    ["error", console, "error"],
    ["log", console, "log"],
    ["attachShadow", Element.prototype, "attachShadow"],
    ["insertRule", CSSStyleSheet.prototype, "insertRule"],
    ["deleteRule", CSSStyleSheet.prototype, "deleteRule"],
    ["setProperty", CSSStyleDeclaration.prototype, "setProperty"],
    ["define", CustomElementRegistry.prototype, "define"],
  ];
  const properties: [string, object, string][] = [
    ["value", HTMLInputElement.prototype, "value"],
    ["checked", HTMLInputElement.prototype, "checked"],
    ["area", HTMLTextAreaElement.prototype, "value"],
    ["select", HTMLSelectElement.prototype, "value"],
    ["adopted", Document.prototype, "adoptedStyleSheets"],
  ];
  const before = new Map<string, unknown>();
  const read = ([name, owner, key]: [string, object, string], isProperty: boolean): [string, unknown] => [
    name,
    isProperty ? Reflect.get(Object.getOwnPropertyDescriptor(owner, key) ?? {}, "set") : (Reflect.get(owner, key) as unknown),
  ];
  for (const place of places) before.set(...read(place, false));
  for (const place of properties) before.set(...read(place, true));
  const listeners = new Set<string>();
  const add: unknown = Reflect.get(EventTarget.prototype, "addEventListener");
  const remove: unknown = Reflect.get(EventTarget.prototype, "removeEventListener");
  const ids = new Map<unknown, number>();
  const idOf = (type: string, listener: unknown, target: unknown): string => {
    for (const one of [listener, target]) if (!ids.has(one)) ids.set(one, ids.size);
    return `${type} ${ids.get(listener)} ${ids.get(target)}`;
  };
  EventTarget.prototype.addEventListener = function (type: string, listener, options) {
    listeners.add(idOf(type, listener, this));
    if (typeof add === "function") Reflect.apply(add, this, [type, listener, options]);
  };
  EventTarget.prototype.removeEventListener = function (type: string, listener, options) {
    listeners.delete(idOf(type, listener, this));
    if (typeof remove === "function") Reflect.apply(remove, this, [type, listener, options]);
  };
  Object.assign(window, {
    changes: () =>
      [...places.map((place) => read(place, false)), ...properties.map((place) => read(place, true))]
        .filter(([name, now]) => before.get(name) !== now)
        .map(([name]) => name),
    listeners: () => [...listeners],
  });
};

declare global {
  interface Window {
    changes: () => string[];
    listeners: () => string[];
    broken: string[];
  }
}

describe("manners", () => {
  test("TRK-30 stop puts everything back: functions, listeners, sockets; what was recorded has been sent", async () => {
    const { page, url } = await pages.open(`<input id=i><div id=host></div>`, { before: KEEP_ORIGINALS });
    await eventually("the tab", () => tabOf(url)?.batches.size);
    expect((await page.evaluate(() => window.changes())).length).toBeGreaterThan(5);
    const sockets = pages.peer.sockets.size;
    await page.evaluate(() => {
      document.querySelector("#host")?.attachShadow({ mode: "open" }).append("in the shadow");
      window.watchback?.mark?.("before stop");
      window.watchback?.stop?.();
    });
    await eventually("what was recorded", () => markersOf(tabOf(url), "custom").length === 1);
    await eventually("a closed socket", () => pages.peer.sockets.size < sockets);
    expect(await page.evaluate(() => window.changes())).toEqual([]);
    const left = await page.evaluate(() => window.listeners());
    expect(left).toEqual([]);
    const seen = tabOf(url);
    const batches = seen?.batches.size;
    await page.evaluate(async () => {
      document.body.append("after stop");
      document.querySelector("#host")?.shadowRoot?.append("after stop");
      console.error("after stop");
      window.watchback?.mark?.("after stop");
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    });
    expect(tabOf(url)?.batches.size).toBe(batches);
    expect(seen?.isEnded).toBe(true);
    await page.close();
  });

  test("TRK-30 after stop the page can start again, in the same session", async () => {
    const { page, url } = await pages.open(`<p>again</p>`);
    const first = await eventually("the tab", () => tabOf(url));
    await page.evaluate((key) => {
      window.watchback?.stop?.();
      window.watchback?.init({ key });
    }, KEY);
    const second = await eventually("another tab", () =>
      [...pages.peer.tabs.values()].find((seen) => seen.start.url === url && seen !== first),
    );
    expect(second.start.sessionId).toBe(first.start.sessionId);
    await page.close();
  });

  test("TRK-31 works under default-src 'self', and breaks no rule of it", async () => {
    const { page, url, faults } = await pages.open(`<p>strict</p>`, {
      headers: { "Content-Security-Policy": "default-src 'self'" },
      before: () => {
        window.broken = [];
        document.addEventListener("securitypolicyviolation", (event) => {
          window.broken.push(event.violatedDirective);
        });
      },
    });
    await page.evaluate(() => document.body.append("words ".repeat(500)));
    const seen = await arrived(page, url);
    expect([...seen.batches.values()].some(({ encoding }) => encoding === "deflate-raw")).toBe(true);
    expect(await page.evaluate(() => window.broken)).toEqual([]);
    expect(faults).toEqual([]);
    await page.close();
  });

  const MISSING: [string, () => void][] = [
    ["no CompressionStream", () => Reflect.deleteProperty(window, "CompressionStream")],
    [
      "a CompressionStream without deflate-raw",
      () =>
        Reflect.set(window, "CompressionStream", function () {
          throw new TypeError("unsupported");
        }),
    ],
    ["no IndexedDB", () => Object.defineProperty(window, "indexedDB", { value: undefined })],
    [
      "IndexedDB that throws",
      () =>
        Object.defineProperty(window, "indexedDB", {
          get: () => {
            throw new DOMException("no", "SecurityError");
          },
        }),
    ],
    [
      "IndexedDB that fails to open",
      () => {
        IDBFactory.prototype.open = () => {
          throw new DOMException("no", "UnknownError");
        };
      },
    ],
    [
      "localStorage that throws",
      () => {
        for (const name of ["localStorage", "sessionStorage"])
          Object.defineProperty(window, name, {
            get: () => {
              throw new DOMException("no", "SecurityError");
            },
          });
      },
    ],
    [
      "storage that is full",
      () => {
        Storage.prototype.setItem = () => {
          throw new DOMException("full", "QuotaExceededError");
        };
      },
    ],
    [
      "no sendBeacon",
      () => {
        Reflect.deleteProperty(Navigator.prototype, "sendBeacon");
      },
    ],
  ];
  test.each(MISSING)("TRK-32 %s: still records, and throws nothing into the page", async (_what, before) => {
    const { page, url, faults } = await pages.open(`<p>${"words ".repeat(500)}</p>`, { before });
    const seen = await arrived(page, url);
    expect(seen.batches.get(0)?.checkout).toBe(true);
    await page.goto("about:blank");
    expect(faults).toEqual([]);
    await page.close();
  });

  test("TRK-32 without WebSocket, fetch and beacon nothing arrives, and nothing is thrown", async () => {
    const { page, url, faults } = await pages.open(`<p>alone</p>`, {
      before: () => {
        for (const name of ["WebSocket", "fetch"]) Reflect.deleteProperty(window, name);
      },
    });
    await settle(page);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_500)));
    expect(faults).toEqual([]);
    expect(tabOf(url)).toBeUndefined();
    await page.close();
  });

  test("TRK-33 wrapped functions look and behave as before", async () => {
    const { page, faults } = await pages.open("<p>same</p>", { before: KEEP_ORIGINALS });
    const seen = await page.evaluate(async () => {
      const facts: Record<string, unknown> = {
        names: [fetch.name, history.pushState.name, console.error.name, XMLHttpRequest.prototype.open.name],
        lengths: [fetch.length, history.pushState.length, XMLHttpRequest.prototype.open.length],
        text: [Function.prototype.toString.call(fetch).includes("native code")],
      };
      const push = Reflect.get(history, "pushState") as (...args: unknown[]) => unknown;
      const result = Reflect.apply(push, history, [{ a: 1 }, ""]);
      facts["result"] = result === undefined ? (history.state as unknown) : result;
      try {
        history.pushState({}, "", "http://elsewhere.invalid/");
      } catch (error) {
        facts["error"] = error instanceof DOMException && error.name;
      }
      try {
        Reflect.apply(push, {}, [{}, ""]);
      } catch (error) {
        facts["self"] = error instanceof TypeError;
      }
      const unhandled: unknown[] = [];
      addEventListener("unhandledrejection", (event) => {
        event.preventDefault();
        unhandled.push((event.reason as Error).name);
      });
      const handled = await fetch("http://127.0.0.1:1/").catch((error: unknown) => (error as Error).name);
      await new Promise((resolve) => setTimeout(resolve, 100));
      facts["handled"] = [handled, [...unhandled]];
      const reported = new Promise((resolve) => addEventListener("unhandledrejection", resolve, { once: true }));
      void fetch("http://127.0.0.1:1/");
      await reported;
      // Time for it to be reported once more.
      await new Promise((resolve) => setTimeout(resolve, 200));
      facts["unhandled"] = unhandled;
      const response = await fetch(location.href);
      facts["body"] = (await response.text()).includes("same");
      return facts;
    });
    expect(seen).toEqual({
      names: ["fetch", "pushState", "error", "open"],
      lengths: [1, 2, 2],
      text: [true],
      result: { a: 1 },
      error: "SecurityError",
      self: true,
      handled: ["TypeError", []],
      unhandled: ["TypeError"],
      body: true,
    });
    expect(faults).toEqual([]);
    await page.close();
  });

  test("TRK-34 its own traffic is not recorded, and a server that is away leaves no marker", async () => {
    pages.peer.behaviour.takesSockets = false;
    const { page, url } = await pages.open("<p>quiet</p>", { data: "data-record-network" });
    pages.peer.behaviour.takesSockets = true;
    const seen = await arrived(page, url);
    expect(markersOf(seen, "failed_request")).toEqual([]);
    expect(JSON.stringify(pages.peer.allEvents())).not.toContain("/v1/ingest");
    await page.close();
  });

  test("TRK-35 consent required: nothing is stored, patched or sent before it is given; withdrawn, the device is wiped", async () => {
    const { page, url, context } = await pages.open("<p>asked</p>", { data: `data-consent="required"`, before: KEEP_ORIGINALS });
    await settle(page);
    const traces = (): Promise<unknown> =>
      page.evaluate(async () => [
        window.changes(),
        localStorage.length,
        sessionStorage.length,
        (await indexedDB.databases()).map(({ name }) => name),
      ]);
    expect(await traces()).toEqual([[], 0, 0, []]);
    expect(tabOf(url)).toBeUndefined();
    await page.evaluate(() => window.watchback?.consent?.(true));
    await arrived(page, url);
    expect(await page.evaluate(() => localStorage.length)).toBe(1);
    const ends = pages.peer.log.length;
    await page.evaluate(() => window.watchback?.consent?.(false));
    await eventually("the end of the session", () => pages.peer.log.slice(ends).some(({ type }) => type === "session_end"));
    expect(await page.evaluate(() => [window.changes(), localStorage.length, sessionStorage.length])).toEqual([[], 0, 0]);
    await context.close();
  });

  test("TRK-36 Do Not Track and Global Privacy Control are kept where the site says so", async () => {
    for (const before of [
      () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }),
      () => Object.defineProperty(navigator, "doNotTrack", { value: "1" }),
    ]) {
      const asked = await pages.open("<p>no</p>", { data: "data-respect-do-not-track", before });
      await settle(asked.page);
      expect(await asked.page.evaluate(() => window.watchback?.sessionId?.())).toBe(null);
      const plain = await pages.open("<p>yes</p>", { before });
      await arrived(plain.page, plain.url);
      await asked.context.close();
      await plain.context.close();
    }
  });

  test("TRK-37 the draw of the sample rate holds for the session, over page loads and tabs", async () => {
    const { page, context, url } = await pages.open("<p>none</p>", { data: `data-sample-rate="0"`, before: KEEP_ORIGINALS });
    await settle(page);
    expect(await page.evaluate(() => [window.watchback?.sessionId?.(), window.changes()])).toEqual([null, []]);
    const other = await pages.open("<p>still none</p>", { context });
    await settle(other.page);
    expect(await other.page.evaluate(() => window.watchback?.sessionId?.())).toBe(null);
    expect(tabOf(url) ?? tabOf(other.url)).toBeUndefined();
    await context.close();
  });

  test("TRK-38 a second init is given the running tracker; a frame of a recorded page starts none", async () => {
    const { page, url } = await pages.open(`<iframe id=f></iframe>`);
    await eventually("the tab", () => tabOf(url));
    const inner = pages.peer.page("/inner", `<!doctype html><p>inner</p><script src="/tracker.js" data-key="${KEY}"></script>`);
    await page.evaluate((address) => {
      const frame = document.querySelector<HTMLIFrameElement>("#f");
      if (frame) frame.src = address;
    }, inner);
    await page.evaluate((key) => window.watchback?.init({ key }), KEY);
    await eventually("the frame's content", () => JSON.stringify(pages.peer.allEvents()).includes('"textContent":"inner"'));
    await arrived(page, url);
    expect(tabOf(inner)).toBeUndefined();
    expect([...pages.peer.tabs.values()].filter((seen) => seen.start.url === url)).toHaveLength(1);
    await page.close();
  });
});
