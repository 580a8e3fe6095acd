import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import type { SeenTab } from "../test/harness/tracker-peer.ts";
import { DEFAULT_TRACKER_LIMITS } from "../protocol/limits.ts";
import { LOOSE } from "../test/harness/tracker-peer.ts";
import { eventually, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());
afterEach(() => {
  Object.assign(pages.peer.behaviour, {
    settings: null,
    limits: DEFAULT_TRACKER_LIMITS,
    isAcking: true,
    takesSockets: true,
    takesHttp: true,
    loses: () => false,
    freshId: null,
  });
});

/** The tab whose first word came from this address. */
function tabOf(url: string): [string, SeenTab] | undefined {
  return [...pages.peer.tabs].find(([, seen]) => seen.start.url === url);
}

function marksOf(seen: SeenTab): string[] {
  const batches = [...seen.batches.values()].sort((a, b) => a.seq - b.seq);
  return batches.flatMap((batch) => batch.markers.filter(({ kind }) => kind === "custom").map(({ name }) => name ?? ""));
}

function mark(page: Page, ...names: string[]): Promise<void> {
  return page.evaluate((all) => {
    for (const name of all) {
      window.watchback?.mark?.(name);
      window.watchback?.flush?.();
    }
  }, names);
}

function seqsOf(seen: SeenTab): number[] {
  return [...seen.batches.keys()].sort((a, b) => a - b);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_value, index) => index);
}

/** Batches kept on the device, of all tabs. */
function shelved(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const request = indexedDB.open("watchback");
        request.onsuccess = () => {
          const database = request.result;
          const all = database.transaction("batches").objectStore("batches").count();
          all.onsuccess = () => {
            database.close();
            resolve(all.result);
          };
        };
      }),
  );
}

/** So that what comes does not come because its time is over. */
const NEVER_IDLE = { ...DEFAULT_TRACKER_LIMITS, flushIdleMs: 600_000 };

describe("delivery", () => {
  test("TRK-10 the first batch begins with Meta and full snapshot and says so; seqs rise from 0 without holes", async () => {
    const { page, url } = await pages.open("<p>one</p>");
    for (let i = 0; i < 5; i++) await mark(page, `m${i}`);
    const [tab, seen] = await eventually("five marks", () => {
      const found = tabOf(url);
      return found && marksOf(found[1]).length === 5 ? found : null;
    });
    expect(seqsOf(seen)).toEqual(range(seen.batches.size));
    expect(seen.batches.get(0)).toMatchObject({ checkout: true, tab });
    expect(
      pages.peer
        .events(tab)
        .slice(0, 2)
        .map(({ type }) => type),
    ).toEqual([4, 2]);
    for (const batch of seen.batches.values()) {
      expect(batch.count).toBeGreaterThanOrEqual(0);
      expect(batch.lastAt).toBeGreaterThanOrEqual(batch.firstAt);
      if (batch.encoding === "json") expect(batch.rawBytes).toBe(batch.payload.length);
    }
    await page.close();
  });

  test("TRK-11 a large snapshot is deflated in order behind what came before it", async () => {
    const { page, url } = await pages.open("<div id=big></div>");
    await page.evaluate(() => {
      const big = document.querySelector("#big");
      for (let i = 0; i < 20_000; i++)
        big?.append(Object.assign(document.createElement("p"), { textContent: `row ${i} of words` }));
    });
    await mark(page, "after");
    const [, seen] = await eventually("the mark", () => {
      const found = tabOf(url);
      return found && marksOf(found[1]).includes("after") ? found : null;
    });
    const large = [...seen.batches.values()].find((batch) => batch.rawBytes > 1_000_000);
    expect(large?.encoding).toBe("deflate-raw");
    expect(seqsOf(seen)).toEqual(range(seen.batches.size));
    await page.close();
  });

  test("TRK-12 a cut connection: everything is sent again from where the server stands, once and in order", async () => {
    const { page, url } = await pages.open("<p>two</p>");
    const [, seen] = await eventually("the tab", () => tabOf(url));
    pages.peer.behaviour.loses = (batch) => batch.markers.some(({ name }) => name === "lost");
    await mark(page, "before", "lost");
    await eventually("the first mark", () => marksOf(seen).includes("before"));
    pages.peer.behaviour.loses = () => false;
    for (const socket of pages.peer.sockets) socket.terminate();
    await mark(page, "after");
    await eventually("all marks", () => marksOf(seen).length === 3);
    expect(marksOf(seen)).toEqual(["before", "lost", "after"]);
    expect(seqsOf(seen)).toEqual(range(seen.batches.size));
    expect(seen.gaps).toEqual([]);
    await page.close();
  });

  test("TRK-13 a batch lost on the way is sent again when the server asks", async () => {
    const { page, url } = await pages.open("<p>three</p>");
    const [, seen] = await eventually("the tab", () => tabOf(url));
    let losses = 1;
    pages.peer.behaviour.loses = (batch) => batch.markers.some(({ name }) => name === "lost") && losses-- > 0;
    await mark(page, "lost", "next");
    await eventually("both marks", () => marksOf(seen).length === 2);
    expect(marksOf(seen)).toEqual(["lost", "next"]);
    await page.close();
  });

  test("TRK-14 a reload while nothing is acknowledged: the next page load sends what the first one could not", async () => {
    pages.peer.behaviour.takesSockets = false;
    pages.peer.behaviour.takesHttp = false;
    const { page, url, context } = await pages.open("<p>four</p>");
    await mark(page, "kept");
    await eventually("a shelf with batches", () => shelved(page));
    await page.reload();
    const held = await shelved(page);
    await mark(page, "kept as well");
    await eventually("more of them", async () => (await shelved(page)) > held);
    expect(tabOf(url)).toBeUndefined();
    pages.peer.behaviour.takesSockets = true;
    pages.peer.behaviour.takesHttp = true;
    await page.reload();
    const tabs = await eventually("three page loads", () => {
      const found = [...pages.peer.tabs.values()].filter((seen) => seen.start.url === url);
      return found.length === 3 && found.filter((seen) => seen.isEnded).length === 2 ? found : null;
    });
    const kept = tabs.find((seen) => marksOf(seen).includes("kept"));
    expect(kept && seqsOf(kept)).toEqual(kept && range(kept.batches.size));
    expect(kept?.batches.get(0)?.checkout).toBe(true);
    expect(new Set(tabs.map(({ start }) => start.sessionId)).size).toBe(1);
    expect(new Set(tabs.map(({ start }) => start.tabGroup)).size).toBe(1);
    await eventually("an empty shelf", async () => (await shelved(page)) === 0);
    await context.close();
  });

  test("TRK-14 a page that could not even write that it goes: the next one in its browser tab knows", async () => {
    pages.peer.behaviour.takesSockets = false;
    pages.peer.behaviour.takesHttp = false;
    const { page, url, context } = await pages.open("<p>five</p>");
    await mark(page, "kept");
    await eventually("a shelf with batches", () => shelved(page));
    await page.evaluate(() => {
      const refuse = (): never => {
        throw new DOMException("the page goes away", "InvalidStateError");
      };
      // Before the tracker hears that the page goes.
      addEventListener("beforeunload", () => (IDBDatabase.prototype.transaction = refuse));
    });
    await page.reload();
    pages.peer.behaviour.takesSockets = true;
    pages.peer.behaviour.takesHttp = true;
    await page.reload();
    const kept = await eventually("its end", () =>
      [...pages.peer.tabs.values()].find((seen) => seen.start.url === url && seen.isEnded && marksOf(seen).includes("kept")),
    );
    expect(seqsOf(kept)).toEqual(range(kept.batches.size));
    await eventually("an empty shelf", async () => (await shelved(page)) === 0);
    await context.close();
  });

  test("TRK-14 a closed tab: what it could not send is sent by another page of the same origin", async () => {
    const { context } = await pages.open("<p>first</p>");
    pages.peer.behaviour.takesSockets = false;
    pages.peer.behaviour.takesHttp = false;
    const { page, url } = await pages.open("<p>five</p>", { context });
    await mark(page, "kept");
    await eventually("a shelf with batches", () => shelved(page));
    await page.close({ runBeforeUnload: false });
    pages.peer.behaviour.takesSockets = true;
    pages.peer.behaviour.takesHttp = true;
    await pages.open("<p>later</p>", { context });
    const [, seen] = await eventually("the closed tab", () => tabOf(url));
    await eventually("its end", () => seen.isEnded);
    expect(marksOf(seen)).toEqual(["kept"]);
    await context.close();
  });

  test("TRK-15 nobody sends what a living tab holds", async () => {
    pages.peer.behaviour.isAcking = false;
    const { page, context, url } = await pages.open("<p>alive</p>");
    await mark(page, "mine");
    await eventually("a shelf with batches", () => shelved(page));
    const other = await pages.open("<p>other</p>", { context });
    await eventually("the other tab", () => tabOf(other.url));
    await mark(other.page, "theirs");
    await eventually("its mark", () => marksOf(tabOf(other.url)![1]).length === 1);
    const starts = pages.peer.log.filter((message) => message.type === "session_start" && message.data.url === url);
    expect(starts).toHaveLength(1);
    await context.close();
  });

  test("TRK-16 at pagehide the tail goes out, uncompressed, without waiting for its time", async () => {
    pages.peer.behaviour.limits = NEVER_IDLE;
    const { page, url } = await pages.open("<p>six</p>");
    const [, seen] = await eventually("the tab", () => tabOf(url));
    await eventually("the first batch", () => seen.batches.size > 0);
    await page.evaluate(() => {
      window.watchback?.mark?.("last words");
      document.body.append("word ".repeat(2_000));
    });
    await page.goto("about:blank");
    await eventually("the last words", () => marksOf(seen).includes("last words"));
    const last = [...seen.batches.values()].at(-1);
    expect(last?.encoding).toBe("json");
    expect(last?.rawBytes).toBeGreaterThan(5_000);
    await eventually("the end", () => seen.isEnded);
    await page.close();
  });

  test("TRK-16 the tail goes by beacon where there is no socket", async () => {
    pages.peer.behaviour.settings = LOOSE;
    const { page, context, url: first } = await pages.open("<p>the project is heard</p>");
    await eventually("the first page", () => tabOf(first)?.[1].batches.size);
    await page.close();
    pages.peer.behaviour.takesSockets = false;
    const { page: next, url } = await pages.open("<p>seven</p>", { context });
    await next.evaluate(() => window.watchback?.mark?.("last words"));
    await next.goto("about:blank");
    const [, seen] = await eventually("the tab", () => tabOf(url));
    await eventually("the last words", () => marksOf(seen).includes("last words"));
    await context.close();
  });

  test("TRK-17 where WebSockets are blocked everything goes by HTTP, and by socket again when they are not", async () => {
    pages.peer.behaviour.takesSockets = false;
    const { page, url } = await pages.open("<p>eight</p>");
    await mark(page, "by http");
    const [, seen] = await eventually("the tab", () => tabOf(url));
    await eventually("the mark", () => marksOf(seen).includes("by http"));
    expect(pages.peer.requests).toContain("/v1/ingest");
    await mark(page, "again");
    await eventually("the next mark", () => marksOf(seen).includes("again"));
    expect(seqsOf(seen)).toEqual(range(seen.batches.size));
    expect(seen.gaps).toEqual([]);
    await page.close();
  });

  test("TRK-17 where there is no WebSocket at all everything goes by HTTP", async () => {
    const { page, url } = await pages.open("<p>none</p>", { before: () => Reflect.deleteProperty(window, "WebSocket") });
    await mark(page, "by http");
    const [, seen] = await eventually("the tab", () => tabOf(url));
    await eventually("the mark", () => marksOf(seen).includes("by http"));
    await page.close();
  });

  test("TRK-18 a fresh session told by the server is taken: numbered from 0, with a checkout, and kept for the next page load", async () => {
    const fresh = { sessionId: "01a1fd3b-0000-7000-8000-00000000cafe", resumeToken: "t".repeat(32) };
    pages.peer.behaviour.freshId = (start) => (start.sessionId === fresh.sessionId ? null : fresh);
    const { page, url, context } = await pages.open("<p>nine</p>");
    await mark(page, "here");
    const [, seen] = await eventually("the tab", () => tabOf(url));
    await eventually("the mark", () => marksOf(seen).includes("here"));
    expect(seen.start.sessionId).toBe(fresh.sessionId);
    expect(seen.batches.get(0)?.checkout).toBe(true);
    expect(await page.evaluate(() => window.watchback?.sessionId?.())).toBe(fresh.sessionId);
    const next = await pages.open("<p>ten</p>", { context });
    const [, later] = await eventually("the next page", () => tabOf(next.url));
    expect(later.start).toMatchObject(fresh);
    await context.close();
  });

  test("TRK-19 watched pages send ten times a second, and a checkout comes when it is asked for", async () => {
    pages.peer.behaviour.limits = NEVER_IDLE;
    const { page, url } = await pages.open("<p>eleven</p>");
    const [tab, seen] = await eventually("the tab", () => tabOf(url));
    await eventually("the first batch", () => seen.batches.size > 0);
    pages.peer.send({ type: "watchers", data: { count: 1 } });
    // A machine that is busy may hold one of them up, and the word of the first watcher, but not every one of them.
    let texts = 0;
    await eventually("a text that comes soon", async () => {
      const text = `new text ${++texts};`;
      const before = Date.now();
      await page.evaluate((one) => document.body.append(one), text);
      await eventually(text, () => JSON.stringify(pages.peer.events(tab)).includes(text));
      return Date.now() - before < 700;
    });
    pages.peer.send({ type: "checkout_request", data: { tab } });
    await eventually("a second checkout", () => [...seen.batches.values()].filter(({ checkout }) => checkout).length === 2);
    await page.close();
  });

  test("TRK-20 a page that comes back goes on in its tab behind a new checkout", async () => {
    const { page, url } = await pages.open("<p>twelve</p>");
    const [tab, seen] = await eventually("the tab", () => tabOf(url));
    await mark(page, "there");
    // A driven Chromium keeps no page for the back button, so the page is told of it by the events that it would get.
    await page.evaluate(() => {
      document.body.append("last change");
      dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    });
    await eventually("the end", () => seen.isEnded);
    await eventually("a closed socket", () => pages.peer.sockets.size === 0);
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
    await mark(page, "back");
    await eventually("the mark", () => marksOf(seen).includes("back"));
    expect(seen.isEnded).toBe(false);
    expect([...seen.batches.values()].filter(({ checkout }) => checkout)).toHaveLength(2);
    expect(JSON.stringify(pages.peer.events(tab))).toContain("last change");
    expect(seqsOf(seen)).toEqual(range(seen.batches.size));
    await page.close();
  });

  test("TRK-21 the back button: the page before is a tab of its own in the same session and group", async () => {
    const { page, url, context } = await pages.open("<p>thirteen</p>");
    const [, seen] = await eventually("the tab", () => tabOf(url));
    await page.goto(pages.peer.page("/elsewhere", "<!doctype html><p>elsewhere"));
    await eventually("the end", () => seen.isEnded);
    await page.goBack();
    await mark(page, "gone back");
    const found = await eventually("the mark", () =>
      [...pages.peer.tabs.values()].find((tab) => marksOf(tab).includes("gone back")),
    );
    expect(found.start).toMatchObject({ sessionId: seen.start.sessionId, tabGroup: seen.start.tabGroup });
    await context.close();
  });

  test("TRK-21 two tabs share the session and not the tab group; a page load in the same tab keeps the group", async () => {
    const first = await pages.open("<p>one</p>");
    const second = await pages.open("<p>two</p>", { context: first.context });
    const [, one] = await eventually("one", () => tabOf(first.url));
    const [, two] = await eventually("two", () => tabOf(second.url));
    expect(two.start.sessionId).toBe(one.start.sessionId);
    expect(two.start.resumeToken).toBe(one.start.resumeToken);
    expect(two.start.tabGroup).not.toBe(one.start.tabGroup);
    await first.page.goto(second.url);
    const three = await eventually("three", () =>
      [...pages.peer.tabs.values()].find((seen) => seen !== two && seen.start.url === second.url),
    );
    expect(three.start.tabGroup).toBe(one.start.tabGroup);
    await first.context.close();
  });
});
