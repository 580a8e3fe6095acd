/** Visitors whose pages are never still: rows come and go, numbers change, the pointer moves, and now and then the page is loaded anew. */

import type { Browser } from "playwright-core";
import type { Watchback } from "../rig.ts";

/** How often a page changes. */
const STEP_MS = 300;
/** Rows that a page has at most. */
const MAX_ROWS = 150;
/** A page is loaded again after this long, and a little more for each next one. */
const RELOAD_MS = 70_000;

/** Runs in every page before its own scripts. */
const BE_BUSY = `((number) => {
  const begin = () => {
    const list = document.createElement("ol");
    list.className = "wb-unmask";
    list.style.cssText = "position:fixed;right:0;top:0;width:300px;height:100%;overflow:hidden;z-index:9;background:#fff";
    document.body.prepend(list);
    let step = 0;
    setInterval(() => {
      step++;
      const row = document.createElement("li");
      row.innerHTML = "<b>order " + step + "</b> <span>" + Math.random().toFixed(4) + "</span> <i style='color:hsl(" + (step % 360) + " 60% 40%)'>open</i>";
      list.prepend(row);
      if (list.children.length > ${MAX_ROWS}) list.lastElementChild.remove();
      const changed = list.children[Math.floor(Math.random() * list.children.length)];
      changed.lastElementChild.textContent = step % 2 ? "paid" : "open";
      changed.style.opacity = String(0.6 + Math.random() * 0.4);
      const at = { clientX: (step * 13) % 1200, clientY: (step * 7) % 700, bubbles: true };
      document.body.dispatchEvent(new MouseEvent("mousemove", at));
      if (step % 20 === 0) row.dispatchEvent(new MouseEvent("click", at));
    }, ${STEP_MS});
    setTimeout(() => location.reload(), ${RELOAD_MS} + number * 4000);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin); else begin();
})`;

/** Opens `count` of them, and resolves when all are recorded. */
export async function openBusyPages(browser: Browser, server: Watchback, count: number): Promise<string[]> {
  const sessions: string[] = [];
  for (let number = 0; number < count; number++) {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    await page.addInitScript(`${BE_BUSY}(${number})`);
    await page.goto(`${server.origin}/demo`);
    while (sessions.length <= number) {
      const id = await page.evaluate<string>("window.watchback?.sessionId?.() ?? ''");
      if (id === "") await new Promise((resolve) => setTimeout(resolve, 100));
      else sessions.push(id);
    }
  }
  return sessions;
}
