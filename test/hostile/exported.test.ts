import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readPageFiles, writeHtmlFile } from "../../server/exports/html-file.ts";
import { ensureBuilt } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { openExport, shownText } from "../harness/exported.ts";
import { makeScratch } from "../harness/scratch.ts";
import { root } from "../harness/tree.ts";
import { waitFor } from "../harness/wait.ts";
import { Random } from "../loss/random.ts";
import { type Attacker, startAttacker } from "./attacker.ts";
import { DONE } from "./nodes.ts";
import { type HostileRecording, hostileRecordings } from "./recordings.ts";

let browser: Browser;
let attacker: Attacker;
const folder = makeScratch("wb-hostile-export-");

beforeAll(async () => {
  [browser, attacker] = await Promise.all([launchBrowser(), startAttacker(), ensureBuilt()]);
});

afterAll(async () => {
  await browser.close();
  await attacker.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The recording as an exported page, around the server that would have stored it. */
async function save(recording: HostileRecording, at: number): Promise<string> {
  const name = `</title><script>console.log("HARM title")</script>${recording.name}`;
  const session = { userId: name, url: "javascript:alert(1)", title: name };
  const markers = [{ kind: "custom", at, name, text: name }];
  const batches = [recording.opening, recording.later].map((events, seq) => ({ tab: "t", seq, events, markers }));
  const head = { format: "watchback-session", version: 1, exportedAt: at, range: null, tabs: [{ tab: "t", title: name }] };
  const json = Buffer.from(JSON.stringify({ ...head, session, batches }));
  const pieces: Uint8Array[] = [];
  for await (const piece of writeHtmlFile(await readPageFiles(root), name, once(json))) pieces.push(piece);
  const file = path.join(folder, `${recording.name.replace(/\W+/g, "-")}.html`);
  writeFileSync(file, Buffer.concat(pieces));
  return file;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

const SEEKS = 3;

/** Two pictures later everything that was asked for has been drawn. */
function painted(page: Page): Promise<unknown> {
  return page.evaluate("new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))");
}

/** Plays it from its beginning, goes to moments at random, and then past the end; or the page says that it has nothing to show. */
async function playAll(page: Page, random: Random): Promise<void> {
  const isRefused = async () => (await page.locator("p.wait", { hasText: "nothing" }).count()) > 0;
  await waitFor(async () => (await shownText(page)) !== null || (await isRefused()), { what: () => "the recording to be shown" });
  if (await isRefused()) return;
  await page.locator(".rr-controller__btns button", { hasText: "8x" }).click();
  await page.locator(".rr-controller__btns button").first().click();
  const isOver = async () => {
    const words = (await shownText(page)) ?? "";
    return words.includes(DONE) || (await page.locator(".rr-timeline__time").first().textContent()) !== "00:00";
  };
  await waitFor(isOver, { everyMs: 20, what: () => "the recording to be played" });
  const line = await page.locator(".rr-progress").boundingBox();
  for (let seek = 0; seek < SEEKS && line; seek++) {
    await page.mouse.click(line.x + line.width * random.next(), line.y + line.height / 2);
    await painted(page);
  }
  await page.mouse.move(0, 0);
  await page.keyboard.press("ArrowRight");
  await painted(page);
}

it("EXP-4 hostile recordings run nothing, fetch nothing and move nothing in an exported page", { timeout: 240_000 }, async () => {
  const at = Date.now() - 5_000;
  const found: string[] = [];
  const seed = at % 1_000_000;
  const random = new Random(seed);
  const recordings = hostileRecordings(attacker, at);
  for (const recording of recordings) {
    const opened = await openExport(browser, await save(recording, at));
    await playAll(opened.page, random);
    const ran = await opened.page.evaluate<string>("String(globalThis.__ran ?? '')");
    const isPolluted = await opened.page.evaluate<boolean>("'polluted' in {}");
    if (ran !== "") found.push(`${recording.name}: ran ${ran}`);
    if (isPolluted) found.push(`${recording.name}: the prototype of everything was changed`);
    found.push(...[...opened.requests, ...opened.faults].map((what) => `${recording.name}: ${what}`));
    await opened.context.close();
  }
  expect(found, `seed ${seed}`).toEqual([]);
  expect(attacker.seen, `seed ${seed}`).toEqual([]);
  expect(recordings.length).toBeGreaterThan(5);
});
