import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { eventsOf, LOOSE, type SeenTab } from "../test/harness/tracker-peer.ts";
import { eventually, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());
afterEach(() => {
  Object.assign(pages.peer.behaviour, { settings: null, refusal: null, takesSockets: true, takesHttp: true });
});

function tabsOf(url: string): SeenTab[] {
  return [...pages.peer.tabs.values()].filter((seen) => seen.start.url === url);
}

function textOf(tabs: readonly SeenTab[]): string {
  return JSON.stringify(
    tabs.map((seen) => [seen.start, [...seen.batches.values()].map((batch) => [eventsOf(batch), batch.markers])]),
  );
}

/** Waits until a mark made now has come. */
async function arrived(page: Page, url: string, name: string): Promise<string> {
  await page.evaluate((mark) => {
    window.watchback?.mark?.(mark);
    window.watchback?.flush?.();
  }, name);
  return eventually(`the mark ${name}`, () => {
    const text = textOf(tabsOf(url));
    return text.includes(`"name":"${name}"`) ? text : null;
  });
}

const STRICT = { ...LOOSE, maskText: "all" as const };
const BODY = `<title>Ada's page</title><p id=p>open words</p><p class=hidden>hidden words</p>`;

describe("what the project asks for", () => {
  test.each(["socket", "http"])("TRK-60 by %s: nothing that was recorded under looser rules is sent", async (way) => {
    pages.peer.behaviour.settings = { ...STRICT, maskTextSelector: ".other" };
    pages.peer.behaviour.takesSockets = way === "socket";
    const seen = pages.peer.received.length;
    const { page, url, context } = await pages.open(BODY);
    const text = await arrived(page, url, "after");
    for (const words of ["open words", "Ada"]) expect(text).not.toContain(words);
    expect(Buffer.concat(pages.peer.received.slice(seen)).toString()).not.toMatch(/open words|Ada's/);
    expect(tabsOf(url).at(-1)?.batches.get(0)?.checkout).toBe(true);
    // The next page load knows.
    const tabs = tabsOf(url).length;
    await page.reload();
    await eventually("the next page load", () => tabsOf(url).length === tabs + 1);
    expect(await arrived(page, url, "again")).not.toContain("open words");
    expect(tabsOf(url)).toHaveLength(tabs + 1);
    await context.close();
  });

  test("TRK-60 stricter while the page lives: what is not sent yet goes, and the page goes on under the stricter rules", async () => {
    pages.peer.behaviour.settings = LOOSE;
    const { page, url, context } = await pages.open(BODY);
    expect(await arrived(page, url, "first")).toContain("open words");
    pages.peer.behaviour.settings = { ...LOOSE, blockSelector: ".hidden" };
    pages.peer.behaviour.takesSockets = false;
    for (const socket of pages.peer.sockets) socket.terminate();
    await page.evaluate(() => {
      const hidden = document.querySelector(".hidden");
      if (hidden) hidden.textContent = "hidden later";
      window.watchback?.flush?.();
    });
    pages.peer.behaviour.takesSockets = true;
    const text = await arrived(page, url, "second");
    expect(text).not.toContain("hidden later");
    await context.close();
  });

  test("TRK-60 leftovers of an earlier page load that the project would not have today are not sent", async () => {
    pages.peer.behaviour.takesSockets = false;
    pages.peer.behaviour.takesHttp = false;
    const { page, context } = await pages.open("<p>left over words</p>");
    await eventually("a shelf", () =>
      page.evaluate(async () => (await indexedDB.databases()).some(({ name }) => name === "watchback")),
    );
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 800)));
    await page.close();
    const from = pages.peer.log.length;
    Object.assign(pages.peer.behaviour, { settings: STRICT, takesSockets: true, takesHttp: true });
    const next = await pages.open("<p>next</p>", { context });
    await arrived(next.page, next.url, "next");
    await eventually("an empty shelf", () =>
      next.page.evaluate(
        () =>
          new Promise<boolean>((resolve) => {
            const request = indexedDB.open("watchback");
            request.onsuccess = () => {
              const count = request.result.transaction("tabs").objectStore("tabs").count();
              count.onsuccess = () => resolve(count.result === 0);
            };
          }),
      ),
    );
    const sent = pages.peer.log
      .slice(from)
      .map((message) =>
        message.type === "events_batch" && "payload" in message.data ? JSON.stringify(eventsOf(message.data)) : "",
      );
    expect(sent.join("")).not.toContain("left over words");
    await context.close();
  });

  test("TRK-60 in error mode the error that opened the gates is still told, masked by the stricter rules", async () => {
    pages.peer.behaviour.settings = STRICT;
    const { page, url, context } = await pages.open(BODY, { data: `data-mode="error" data-mask-text="none"` });
    await page.evaluate(() => window.watchback?.captureError?.(new Error("no user ada@example.com")));
    const text = await eventually("the error", () => {
      const all = textOf(tabsOf(url));
      return all.includes("no user") && all.includes(`"type":2`) ? all : null;
    });
    expect(text).not.toMatch(/ada@example|open words/);
    await context.close();
  });

  test("TRK-61 the project's smaller share, its silence on console and network, and its respect of Do Not Track hold", async () => {
    pages.peer.behaviour.settings = { ...LOOSE, recordConsole: false, recordNetwork: false };
    const quiet = await pages.open("<p>quiet</p>", { data: "data-record-console data-record-network" });
    await eventually("its tab", () => tabsOf(quiet.url).at(-1)?.batches.size);
    await quiet.page.evaluate(() => console.log("a line"));
    expect(await arrived(quiet.page, quiet.url, "done")).not.toContain("a line");
    await quiet.context.close();

    pages.peer.behaviour.settings = { ...LOOSE, sampleRate: 0 };
    const none = await pages.open("<p>none</p>");
    await eventually("no session", () => none.page.evaluate(() => window.watchback?.sessionId?.() === null));
    const ended = tabsOf(none.url)[0]?.start.sessionId;
    await eventually("its last word", () =>
      pages.peer.log.some(({ type, data }) => type === "session_end" && data.sessionId === ended),
    );
    const known = pages.peer.log.length;
    const second = await pages.open("<p>none either</p>", { context: none.context });
    expect(await second.page.evaluate(() => window.watchback?.sessionId?.())).toBe(null);
    expect(pages.peer.log.slice(known)).toEqual([]);
    await none.context.close();

    pages.peer.behaviour.settings = { ...LOOSE, respectDoNotTrack: true };
    const asked = await pages.open("<p>asked</p>", {
      before: () => Object.defineProperty(navigator, "doNotTrack", { value: "1" }),
    });
    await eventually("no session", () => asked.page.evaluate(() => window.watchback?.sessionId?.() === null));
    expect(tabsOf(asked.url).flatMap((seen) => [...seen.batches.values()])).toEqual([]);
    await asked.context.close();
  });

  test("TRK-62 before the project was heard, title and address are told as any project would allow, then as they are", async () => {
    const { page, url, context } = await pages.open(BODY);
    await arrived(page, url, "done");
    expect(tabsOf(url)[0]?.start.title).toBe("****");
    expect(pages.peer.log).toContainEqual({ type: "session_update", data: { url, title: "Page" } });
    await context.close();
  });
});

describe("a server that says no", () => {
  test("TRK-63 refused for a while, by socket or HTTP: it comes back when it was told to, not sooner and not much later", async () => {
    for (const takesSockets of [true, false]) {
      Object.assign(pages.peer.behaviour, { takesSockets, refusal: { code: "limit", message: "full", retryAfterMs: 1_500 } });
      const from = pages.peer.log.length;
      const { page, url, context } = await pages.open("<p>later</p>");
      await eventually("the first try", () => pages.peer.log.length > from);
      pages.peer.behaviour.refusal = null;
      await eventually("the second", () => tabsOf(url).length);
      const [first = 0, second = 0] = pages.peer.log.flatMap(({ type }, index) =>
        index >= from && type === "session_start" ? [pages.peer.logAt[index] ?? 0] : [],
      );
      expect(second - first).toBeGreaterThan(1_200);
      expect(second - first).toBeLessThan(8_000);
      await page.close();
      await context.close();
    }
  });

  test.each([4000, 4001, 4003])("TRK-64 closed with %s: it stops for good, and quietly", async (code) => {
    const { page, url, faults, context } = await pages.open("<p>stopped</p>");
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    await arrived(page, url, "before");
    const from = pages.peer.log.length;
    for (const socket of pages.peer.sockets) socket.close(code, "no more");
    await eventually("no connection", () => pages.peer.sockets.size === 0);
    await page.evaluate(() => {
      document.body.append("more");
      window.watchback?.mark?.("after");
      window.watchback?.flush?.();
    });
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_500)));
    expect(pages.peer.log.slice(from)).toEqual([]);
    expect([...faults, ...said]).toEqual([]);
    await context.close();
  });

  test("TRK-49 a session that is gone is forgotten: nothing of it is sent again, and a fresh one begins", async () => {
    const { page, url, context } = await pages.open("<p>first</p>");
    await arrived(page, url, "sent");
    const [old] = tabsOf(url);
    pages.peer.behaviour.isAcking = false;
    await page.evaluate(() => document.body.append("erased words"));
    await eventually("the words", () => textOf(tabsOf(url)).includes("erased words"));
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
    pages.peer.behaviour.isAcking = true;
    const from = pages.peer.log.length;
    await page.evaluate(() => (document.body.textContent = "clean"));
    pages.peer.send({ type: "error", data: { code: "gone", message: "erased" } });
    const fresh = await eventually("a fresh session", () =>
      tabsOf(url).find((seen) => seen.start.sessionId !== old?.start.sessionId),
    );
    await eventually("its checkout", () => fresh.batches.get(0)?.checkout);
    await page.reload();
    await arrived(page, url, "reloaded");
    const later = pages.peer.log.slice(from);
    expect(JSON.stringify(later)).not.toContain(old?.start.sessionId);
    for (const message of later) {
      if (message.type === "events_batch" && "payload" in message.data)
        expect(JSON.stringify(eventsOf(message.data))).not.toContain("erased words");
    }
    await context.close();
  });
});
