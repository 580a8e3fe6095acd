import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { eventually, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());

function markersOf(url: string, ...kinds: string[]) {
  return [...pages.peer.tabs.values()]
    .filter((seen) => seen.start.url === url)
    .flatMap((seen) => [...seen.batches.values()].sort((a, b) => a.seq - b.seq).flatMap((batch) => batch.markers))
    .filter((marker) => kinds.includes(marker.kind));
}

const CONTROL = `<button id=control>control</button>`;

/** Opens the page; its first batch has come. */
async function open(body: string): Promise<{ page: Page; url: string }> {
  const { page, url, context } = await pages.open(`${CONTROL}${body}`, { data: `data-record-network=true` });
  await context.route("**/nothing*", (route) => route.fulfill({ status: 204 }));
  await context.route("**/never", () => undefined);
  // Longer than anything may take to come of a click.
  await context.route("**/slow", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await route.fulfill({ status: 204 });
  });
  await eventually("the first batch", () => [...pages.peer.tabs.values()].find((seen) => seen.start.url === url)?.batches.size);
  return { page, url };
}

/** Clicks without waiting for a navigation that it may begin. */
async function press(page: Page, selector: string): Promise<void> {
  await page.hover(selector);
  await page.mouse.down();
  await page.mouse.up();
}

/** Does something, then clicks what is surely dead; where that has been told, what came before has been as well. */
async function deadAfter(body: string, act: (page: Page) => Promise<unknown>): Promise<string[]> {
  const { page, url } = await open(body);
  await act(page);
  await eventually(`the control beside ${body}`, async () => {
    if (markersOf(url, "dead_click").some(({ text }) => text === "control")) return true;
    await press(page, "#control");
    return new Promise<false>((resolve) => setTimeout(resolve, 200, false));
  });
  const dead = markersOf(url, "dead_click").map(({ name = "" }) => name);
  await page.context().close();
  return dead.filter((name) => name !== "button#control");
}

const click = (page: Page) => press(page, "#x");

/** What somebody may click, or do, without it being a dead click. */
const ALIVE: Record<string, [body: string, act?: (page: Page) => Promise<unknown>]> = {
  "a link to another page": [`<a id=x href="/nothing">go</a>`],
  "a link within the page": [`<a id=x href="#there">go</a><p id=there>there</p>`],
  "a link to another window": [`<a id=x href="/nothing" target=_blank>go</a>`],
  "a link in a background tab": [`<a id=x href="/nothing">go</a>`, (page) => page.click("#x", { modifiers: ["Control"] })],
  "a mail link": [`<a id=x href="mailto:nobody@example.com">write</a>`],
  "a download": [`<a id=x download="a.txt" href="data:text/plain,a">save</a>`],
  "a download made by a script": [
    `<button id=x onclick="const a=document.createElement('a');a.href=URL.createObjectURL(new Blob(['a']));a.download='a.txt';a.click()">save</button>`,
  ],
  "a navigation by a script that takes long": [`<button id=x onclick="location.href='/slow'">go</button>`],
  "a router": [`<a id=x href="/other" onclick="event.preventDefault();history.pushState(0,'','?other')">go</a>`],
  "a choice": [`<select id=x><option>a<option>b</select>`],
  "a text field": [`<input id=x>`],
  "a box that is ticked": [`<input id=x type=checkbox>`],
  "a chosen radio button": [`<input id=x type=radio checked>`],
  "a label": [`<label id=x for=f style="cursor:pointer">name</label><input id=f>`],
  "a file dialog": [`<button id=x onclick="f.click()">file</button><input id=f type=file hidden>`],
  "an editor": [`<div id=x contenteditable style="cursor:pointer">text</div>`],
  "a disabled button": [
    `<button id=x disabled><b id=y>no</b></button>`,
    (page) => page.click("#y", { force: true, position: { x: 3, y: 3 } }),
  ],
  "a button that says it is disabled": [`<button id=x aria-disabled=true>no</button>`],
  "plain text": [`<p id=x>words</p>`],
  "selected text": [
    `<p id=x style="cursor:pointer">words to select</p>`,
    (page) => page.dblclick("#x", { position: { x: 12, y: 8 } }),
  ],
  "controls of a video": [`<video id=x controls width=300 height=150 style="cursor:pointer"></video>`],
  "a button that plays": [`<button id=x onclick="new Audio('data:,').play().catch(()=>0)">play</button>`],
  "details that open": [`<details><summary id=x>more</summary>text</details>`],
  "a popover": [`<button id=x popovertarget=p>more</button><div popover id=p>text</div>`],
  "a dialog": [`<button id=x onclick="d.showModal();d.close()">ask</button><dialog id=d>text</dialog>`],
  "a form that is not complete": [`<form action="/nothing"><input required><button id=x>send</button></form>`],
  "a form that is sent": [`<form action="/nothing"><button id=x>send</button></form>`],
  "a request": [`<button id=x onclick="fetch('/never').catch(()=>0)">load</button>`],
  "a change after a second": [`<button id=x onclick="setTimeout(()=>document.body.append('done'),1000)">load</button>`],
  "a menu that opens when it is pressed": [`<button id=x onpointerdown="document.body.append('menu')">menu</button>`],
  "a style that changes": [`<button id=x onclick="document.documentElement.className='dark'">dark</button>`],
  "a copy": [
    `<button id=x onclick="getSelection().selectAllChildren(t);document.execCommand('copy');getSelection().empty()">copy</button><p id=t>t</p>`,
  ],
  "a field that gets the focus": [`<button id=x onclick="f.focus()">search</button><input id=f>`],
  "a scroll": [`<button id=x onclick="scrollTo(0,500)">down</button><p style="height:3000px">`],
  "a large drawing": [
    `<canvas style="width:90vw;height:99px"></canvas><button id=x>zoom</button>`,
    async (page) => {
      await page.click("#x");
      // On such a page the control is not dead either.
      await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 2_500)));
      await page.evaluate(() => document.querySelector("canvas")?.remove());
    },
  ],
  "what is blocked": [`<div class=wb-block><button id=x>secret</button></div>`],
  "a component that shows nothing of itself": [
    `<x-closed id=x style="cursor:pointer;display:block">c</x-closed><script>customElements.define("x-closed",class extends HTMLElement{constructor(){super();this.attachShadow({mode:"closed"}).innerHTML="<b>in</b>"}})</script>`,
  ],
  "a click by a script": [
    `<button id=x>go</button>`,
    (page) => page.evaluate(() => document.querySelector<HTMLElement>("#x")?.click()),
  ],
};

describe("dead clicks", () => {
  test("TRK-80 what looks as if it could be clicked, and answers nothing in two seconds, is told once", async () => {
    const { page, url } = await open(`<a id=a href="#">nothing</a><div id=b style="cursor:pointer">nothing</div>`);
    await page.click("#b");
    await page.click("#b");
    const dead = await eventually("the dead click", () => markersOf(url, "dead_click")[0]);
    expect(dead).toMatchObject({ name: "div#b", text: "nothing", data: { path: "#b" } });
    const [first] = markersOf(url, "click");
    expect(dead.at).toBe(first?.at);
    const links = () => markersOf(url, "dead_click").filter(({ name }) => name === "a#a").length;
    // The first time it changes the address.
    await page.click("#a");
    await eventually("the address", () => markersOf(url, "navigation").length);
    await page.click("#a");
    await eventually("a link to nowhere", () => links() === 1);
    await page.keyboard.press("Enter");
    await eventually("the same by a key", () => links() === 2);
    await page.context().close();
  });

  test("TRK-81 is none: whatever the browser, the page or the visitor does by it", { timeout: 120_000 }, async () => {
    const told: Record<string, string[]> = {};
    const cases = Object.entries(ALIVE);
    const work = async (): Promise<void> => {
      for (let next = cases.shift(); next; next = cases.shift()) {
        const [name, [body, act = click]] = next;
        const dead = await deadAfter(body, act);
        if (dead.length > 0) told[name] = dead;
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
    expect(told).toEqual({});
  });

  test("TRK-82 an error right behind a click makes an error click, and no dead one", async () => {
    const { page, url } = await open(`<button id=x onclick="undefined.boom">buy</button>`);
    await page.click("#x");
    const found = await eventually("the error click", () => markersOf(url, "error_click")[0]);
    expect(found).toMatchObject({ name: "button#x", text: "buy" });
    expect(String(found.data?.["error"])).toContain("boom");
    await page.evaluate(() => void Promise.reject(new Error("long after")));
    await eventually("an error long after", () => markersOf(url, "error").length === 2);
    await page.click("#control");
    await eventually("the control", () => markersOf(url, "dead_click").length);
    expect(markersOf(url, "dead_click", "error_click").map(({ text }) => text)).toEqual(["buy", "control"]);
    await page.context().close();
  });
});
