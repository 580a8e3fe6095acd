import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { waitFor } from "../harness/wait.ts";
import { harm, startAttacker, type Attacker } from "./attacker.ts";
import { checkout, PageWriter } from "./nodes.ts";
import { beginVisit, openWatcher, readTraces, SHOWN, waitForSentinel } from "./watcher.ts";

let app: TestApp;
let browser: Browser;
let site: Attacker;

beforeAll(async () => {
  [app, browser, site] = await Promise.all([startApp(), launchBrowser(), startAttacker()]);
});

afterAll(async () => {
  await browser.close();
  await site.close();
  await app.remove();
});

/** A page with an image, a style sheet, a script and a frame of a site. */
async function recordSite(at: number): Promise<string> {
  const write = new PageWriter();
  const nodes = [
    write.element("img", {
      src: `${site.origin}/photo.gif`,
      class: "photo",
      referrerpolicy: "unsafe-url",
      onload: harm(site, "load"),
    }),
    write.element("style", { _cssText: `.sentinel { background: url(${site.origin}/paper.png) }` }),
    write.element("script", { src: `${site.origin}/code.js` }),
    write.element("iframe", { src: `${site.origin}/frame` }),
    write.element("img", { src: "/v1/sessions" }),
    write.element("canvas", { width: "300", height: "80" }),
    write.element("object", { data: `${site.origin}/object` }),
  ];
  const visit = beginVisit(app, at, {
    title: `<script>${harm(site, "title")}</script>\\u202egnp.exe`,
    userId: `<img src=x onerror="${harm(site, "user")}">`,
    traits: { name: `"><svg onload=${harm(site, "trait")}>` },
    url: `javascript:${harm(site, "url")}`,
  });
  const markers = (["custom", "error", "navigation"] as const).map((kind, i) => ({
    kind,
    at: at + i,
    name: `<img src=x onerror=${harm(site, "marker")}>`,
    text: `<script>${harm(site, "markerText")}</script>${"long ".repeat(300)}`,
    stack: `<b onclick=${harm(site, "stack")}>`,
  }));
  await visit.send(checkout(at, nodes), { firstAt: at, lastAt: at + 10, checkout: true, markers });
  visit.end();
  return visit.sessionId;
}

it(
  "VIE-36, VIE-37 images of a site are shown when its host was allowed, and nothing else of it",
  { timeout: 90_000 },
  async () => {
    const sessionId = await recordSite(Date.now() - 5_000);
    const { page, faults, harm: ran } = await openWatcher(browser, app);
    const address = `${app.baseUrl}/sessions/${sessionId}?t=0`;
    const photoWidth = () => page.evaluate<number>(`(${SHOWN})?.querySelector(".photo")?.naturalWidth ?? -1`);
    await page.goto(address);
    await waitForSentinel(page, "not yet");
    const button = page.getByRole("button", { name: /^Images and fonts of the site/ });
    await waitFor(() => button.isVisible(), { what: () => "the switch" });
    expect(await button.textContent()).toContain("Images: off");
    expect(site.seen).toEqual([]);
    const said = await page.evaluate<string>(`getComputedStyle((${SHOWN}).querySelector("canvas")).backgroundImage`);
    expect(said).toContain("is not recorded");

    await button.focus();
    await page.keyboard.press("Enter");
    expect(await page.locator(".images-pane li").allTextContents()).toEqual([site.origin]);
    await page.getByRole("button", { name: /^Show from/ }).click();
    await waitFor(async () => (await photoWidth()) === 1, { what: () => "the image" });
    await waitFor(() => site.seen.some((one) => one.includes("/paper.png")), { what: () => "the background" });
    expect(await button.textContent()).toContain("Images: on");
    expect(new Set(site.seen.filter((one) => one !== "connection"))).toEqual(new Set(["GET /photo.gif", "GET /paper.png"]));
    // No session is named: rrweb opens its document anew, and Chromium then adds the origin to what style sheets ask for.
    expect(new Set([...site.referrers, `${app.baseUrl}/`])).toEqual(new Set([`${app.baseUrl}/`]));
    expect((await readTraces(page)).ran).toEqual([]);

    // It was not asked to be remembered.
    site.seen.length = 0;
    await page.goto(address);
    await waitForSentinel(page, "not yet");
    expect(await photoWidth()).toBe(0);
    await button.click();
    await page.getByRole("checkbox").check();
    await page.getByRole("button", { name: /^Show from/ }).click();
    await waitFor(async () => (await photoWidth()) === 1, { what: () => "the image again" });
    await page.goto(address);
    await waitFor(async () => (await photoWidth()) === 1, { what: () => "the image, because it was remembered" });
    await button.click();
    await page.getByRole("button", { name: "Hide them" }).click();
    await waitFor(async () => (await photoWidth()) === 0, { what: () => "the image to go" });
    expect(await page.evaluate("localStorage.getItem('watchback.outside-hosts')")).toBe(null);

    await page.goto(`${app.baseUrl}/`);
    await waitFor(async () => (await page.locator("body").textContent())?.includes("onerror") === true, {
      what: () => "the list with its name as text",
    });
    expect((await readTraces(page)).ran).toEqual([]);
    expect([...faults, ...ran]).toEqual([]);
  },
);
