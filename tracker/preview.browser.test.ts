import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { eventually, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());

const SCREENSHOTS = process.env["PREVIEW_SCREENSHOTS"];
const BODY = `<link rel=stylesheet href="/style.css"><h1 id=h>Orders of ada@example.com</h1><input id=i value="typed words">
  <div class=wb-block style="height:40px">blocked words</div><p id=late>as it was</p>`;

/** The replayed page inside of the preview: its text, and what its heading looks like. */
function shown(page: Page): Promise<{ text: string; color: string; value: string } | null> {
  return page.evaluate(() => {
    const frame = document.querySelector(".wb-preview")?.shadowRoot?.querySelector("iframe");
    const heading = frame?.contentDocument?.querySelector("#h");
    if (!heading || !frame?.contentWindow) return null;
    return {
      text: frame.contentDocument?.body.innerText ?? "",
      color: frame.contentWindow.getComputedStyle(heading).color,
      value: frame.contentDocument?.querySelector<HTMLInputElement>("#i")?.value ?? "",
    };
  });
}

describe("preview", () => {
  test.each(["?wb-preview", "a call"])(
    "TRK-70 by %s: shows what would be recorded, under default-src 'self', and sends nothing",
    async (way) => {
      pages.peer.page("/style.css", "#h { color: rgb(1, 2, 3); }", { "Content-Type": "text/css" });
      const isCall = way === "a call";
      const { page, url, faults, context } = await pages.open(BODY, {
        headers: { "Content-Security-Policy": "default-src 'self'" },
        withTag: true,
        path: `/preview-${isCall}`,
      });
      await eventually("the recording before", () => page.evaluate(() => window.watchback?.sessionId?.()));
      const log = (): number => pages.peer.log.length;
      if (isCall) {
        await eventually("what was recorded before", () =>
          [...pages.peer.tabs.values()].some((seen) => seen.start.url === url && seen.batches.size),
        );
        await page.evaluate(() => window.watchback?.preview?.());
        await eventually("the end of the recording", () =>
          [...pages.peer.tabs.values()].some((seen) => seen.start.url === url && seen.isEnded),
        );
      } else await page.goto(`${url}?wb-preview`);
      await eventually("no connection", () => pages.peer.sockets.size === 0);
      const before = log();
      const first = await eventually("the page in the preview", () => shown(page));
      expect(first.text).toContain("Orders of");
      expect(first.text).not.toMatch(/ada@example|blocked words/);
      expect(first.value).toBe("***********");
      // The style of a sheet that came as text, though the policy forbids style elements.
      await eventually("its style", async () => (await shown(page))?.color === "rgb(1, 2, 3)");
      await page.evaluate(() => {
        const late = document.querySelector("#late");
        if (late) late.textContent = "changed since";
        window.watchback?.mark?.("a mark of mine");
        console.error("a line for ada@example.com");
      });
      await eventually("the change", async () => (await shown(page))?.text.includes("changed since"));
      const notes = await eventually("the notes", () =>
        page.evaluate(() => {
          const text = document.querySelector(".wb-preview")?.shadowRoot?.querySelector("ol")?.innerText ?? "";
          return text.includes("a mark of mine") && text.includes("a line for") ? text : null;
        }),
      );
      expect(notes).not.toContain("ada@example");
      if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/preview-${isCall}.png` });
      await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_200)));
      expect(log()).toBe(before);
      await page.evaluate(() => {
        const buttons = document.querySelector(".wb-preview")?.shadowRoot?.querySelectorAll("button");
        buttons?.[1]?.click();
      });
      expect(await page.evaluate(() => document.querySelector(".wb-preview"))).toBe(null);
      await page.goto("about:blank");
      expect(log()).toBe(before);
      expect(faults).toEqual([]);
      await context.close();
    },
  );
});
