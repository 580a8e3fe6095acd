/**
 * Makes the recordings in `test/fixtures/recordings/`: real rrweb events of real pages in a real browser.
 * Run by hand when they should change: `node bin/run.mjs test/recordings/record.ts`.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import chromium from "@sparticuz/chromium";
import { chromium as playwright, type Browser } from "playwright-core";
import type { RecordedPage, Recording } from "../../bin/lib/recording.ts";
import { broken, dashboard, longTable, todo, type SamplePage } from "./pages.ts";

const FOLDER = fileURLToPath(new URL("../fixtures/recordings/", import.meta.url));
const RECORDER = readFileSync(
  fileURLToPath(new URL("../../node_modules/@rrweb/record/dist/record.umd.min.cjs", import.meta.url)),
  "utf8",
);
const VIEWPORT = { width: 1280, height: 800 };

/** Each recording: its pages in the order of their visit, with the browser tab that each was in. */
const RECORDINGS: Readonly<Record<string, readonly { page: SamplePage; group: string; path: string }[]>> = {
  todo: [{ page: todo, group: "first", path: "/todo" }],
  dashboard: [{ page: dashboard, group: "first", path: "/dashboard" }],
  table: [{ page: longTable, group: "first", path: "/stock" }],
  errors: [{ page: broken, group: "first", path: "/checkout" }],
  visit: [
    { page: todo, group: "first", path: "/todo" },
    { page: broken, group: "first", path: "/checkout" },
    { page: dashboard, group: "second", path: "/dashboard" },
  ],
};

mkdirSync(FOLDER, { recursive: true });
const browser = await playwright.launch({
  executablePath: await chromium.executablePath(),
  args: ["--no-sandbox", "--disable-gpu"],
  headless: true,
});
try {
  for (const [name, visits] of Object.entries(RECORDINGS)) {
    const pages: RecordedPage[] = [];
    for (const visit of visits) pages.push(await record(browser, visit));
    const recording: Recording = { name, userAgent: await userAgentOf(browser), viewport: VIEWPORT, pages };
    const bytes = gzipSync(JSON.stringify(recording), { level: 9 });
    writeFileSync(`${FOLDER}${name}.json.gz`, bytes);
    console.log(`${name}: ${pages.reduce((sum, page) => sum + page.events.length, 0)} events, ${bytes.length} bytes`);
  }
} finally {
  await browser.close();
}

async function userAgentOf(browser: Browser): Promise<string> {
  const page = await browser.newPage();
  const userAgent = await page.evaluate(() => navigator.userAgent);
  await page.close();
  return userAgent;
}

async function record(browser: Browser, visit: { page: SamplePage; group: string; path: string }): Promise<RecordedPage> {
  const url = `https://shop.example${visit.path}`;
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.route("**/*", (route) => route.fulfill({ contentType: "text/html", body: visit.page.html }));
  await page.goto(url);
  await page.addScriptTag({ content: RECORDER });
  const taken = await page.evaluate<string>(`(async () => {
    const events = [], markers = [];
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const report = (error) => markers.push({ kind: "error", at: Date.now(), name: error.name, text: error.message, stack: error.stack });
    addEventListener("error", (event) => report(event.error));
    addEventListener("unhandledrejection", (event) => report(event.reason));
    addEventListener("click", (event) => markers.push({ kind: "click", at: Date.now(), name: event.target.tagName.toLowerCase(), text: event.target.textContent.slice(0, 40) }), true);
    markers.push({ kind: "page_load", at: Date.now(), name: location.href, text: document.title });
    const library = window.rrwebRecord;
    const stop = library.record({ emit: (event) => events.push(event), maskAllInputs: true, slimDOMOptions: "all" });
    await (async () => { ${visit.page.act} })();
    await wait(600);
    stop();
    return JSON.stringify({ events, markers });
  })()`);
  await page.close();
  const { events, markers } = JSON.parse(taken) as Pick<RecordedPage, "events" | "markers">;
  return { group: visit.group, url, title: visit.page.title, events, markers };
}
