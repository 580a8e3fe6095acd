/** Co-browsing, both sides in a real browser: the visitor's pointer to the agent's screen, and the agent's pointer back into the visitor's page. */

import type { Browser } from "playwright-core";
import { press } from "../../test/harness/assist.ts";
import { launchBrowser } from "../../test/harness/browser.ts";
import { openSignedIn, readNumbers } from "../browser/watch.ts";
import { Samples } from "../load/samples.ts";
import type { Figure } from "../report.ts";
import type { Rig, Watchback } from "../rig.ts";

const ROUNDS = 100;

/** Notes, in the visitor's page, when what the agent points at has come: before anything else of the page hears of it. */
const LISTEN = `(() => {
  const Real = window.WebSocket;
  window.rounds = [];
  window.WebSocket = class extends Real {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        if (typeof data !== "string" || !data.includes('"assist_did"') || !data.includes('"pointer"') || !window.movedAt) return;
        const { data: { action } } = JSON.parse(data);
        if (action.x === undefined) return;
        window.rounds.push(performance.now() - window.movedAt);
        window.movedAt = 0;
      });
    }
  };
})()`;

/** The agent points as soon as he sees the visitor's pointer move. */
const ECHO = `(() => {
  const sheet = document.querySelector(".sheet");
  let n = 0;
  new MutationObserver((changes) => {
    if (!changes.some(({ target }) => target instanceof Element && target.matches("[data-from=visitor]"))) return;
    const box = sheet.getBoundingClientRect();
    const at = { clientX: box.left + 100 + (++n % 50), clientY: box.top + 100, bubbles: true, pointerId: 1 };
    sheet.dispatchEvent(new PointerEvent("pointermove", at));
  }).observe(sheet, { subtree: true, attributes: true, attributeFilter: ["style"] });
})()`;

/** A move of the visitor's, now and then. */
const MOVE = `(() => {
  let n = 0;
  const move = () => {
    window.movedAt = performance.now();
    document.body.dispatchEvent(new PointerEvent("pointermove", { clientX: 200 + (++n % 100), clientY: 200, bubbles: true }));
    setTimeout(move, 150 + Math.random() * 100);
  };
  move();
})()`;

/** The round trip. */
export async function assist(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback();
  const browser = await launchBrowser();
  const rounds = await measure(browser, server).finally(() => browser.close());
  await server.stop();
  const [p50, p95, p99] = rounds.percentiles([0.5, 0.95, 0.99]);
  return {
    name: "assist",
    title:
      "Co-browsing: visitor's pointer -> agent's screen -> agent's pointer in the visitor's page, in milliseconds; two real browser pages",
    head: ["what", "samples", "p50", "p95", "p99"],
    rows: [["round trip", rounds.size, p50, p95, p99]],
    checks: [{ what: "round trip, p95", value: p95, unit: "ms", bar: { atMost: 150 } }],
  };
}

async function measure(browser: Browser, server: Watchback): Promise<Samples> {
  const visitor = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await visitor.addInitScript(LISTEN);
  await visitor.goto(`${server.origin}/demo`);
  await readNumbers(visitor, "typeof window.watchback?.sessionId?.() === 'string'", "[]");
  const sessionId = await visitor.evaluate<string>("window.watchback.sessionId()");
  const agent = await (await openSignedIn(browser, server)).newPage();
  await agent.goto(`${server.origin}/sessions/${sessionId}`);
  await agent.getByRole("button", { name: "Help", exact: true }).click();
  await press(visitor, "Allow");
  await agent.getByText("You are helping").waitFor();
  await visitor.mouse.move(100, 100);
  await agent.locator(".sheet .pointer[data-from=visitor]").waitFor();
  await agent.evaluate(ECHO);
  await visitor.evaluate(MOVE);
  const samples = new Samples();
  for (const round of (await readNumbers(visitor, `window.rounds.length > ${ROUNDS}`, "window.rounds")).slice(1))
    samples.add(round);
  return samples;
}
