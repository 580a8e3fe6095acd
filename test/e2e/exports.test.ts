import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser } from "playwright-core";
import * as v from "valibot";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { chromiumScript, download, openExport, shownText } from "../harness/exported.ts";
import { makeScratch } from "../harness/scratch.ts";
import { checkoutEvents, textEvent } from "../harness/stored-session.ts";
import { waitFor } from "../harness/wait.ts";
import { beginVisit } from "../hostile/watcher.ts";

/** What ends an element, begins a comment, or is a letter beyond all planes but one. */
const NASTY = 'a</script><script>console.log("HARM")</script><!-- b ]]> \u2028 \u{1F600}';
const AT = Date.now() - 60_000;
const SECONDS = 12;

const describedSchema = v.object({ session: v.looseObject({ importedAt: v.number() }) });

let app: TestApp;
let browser: Browser;
let token: string;
let sessionId: string;
const folder = makeScratch("wb-export-");

beforeAll(async () => {
  const chromium = await chromiumScript(folder);
  [app, browser] = await Promise.all([
    startApp({ env: { CHROMIUM_PATH: chromium, CHROMIUM_SANDBOX: "false" } }),
    launchBrowser(),
  ]);
  token = await app.createToken();
  const visit = beginVisit(app, AT, { title: NASTY, userId: "ada" });
  sessionId = visit.sessionId;
  await visit.send(checkoutEvents(AT, "second 0"), { firstAt: AT, lastAt: AT, checkout: true });
  for (let second = 1; second <= SECONDS; second++) {
    const at = AT + second * 1_000;
    const words = second === SECONDS ? NASTY : `second ${second}`;
    const markers = second === 5 ? [{ kind: "custom" as const, at, name: "half-way", text: NASTY }] : [];
    await visit.send([textEvent(at, words)], { firstAt: at, lastAt: at, markers });
  }
  visit.end();
});

afterAll(async () => {
  await browser.close();
  await app.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function save(name: string, address: string): Promise<string> {
  const file = path.join(folder, name);
  writeFileSync(file, await download(app, address, token));
  return file;
}

function readBatches(file: Uint8Array): unknown[] {
  return v.parse(v.object({ batches: v.array(v.unknown()) }), JSON.parse(new TextDecoder().decode(file))).batches;
}

function importFile(bytes: Uint8Array<ArrayBuffer>): Promise<Response> {
  return fetch(`${app.baseUrl}/v1/projects/1/imports`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/octet-stream" },
    body: bytes,
  });
}

describe("a session as a page", () => {
  it("EXP-1 plays from disk under its own strict policy, and asks nobody for anything", { timeout: 120_000 }, async () => {
    const opened = await openExport(browser, await save("whole.html", `/v1/sessions/${sessionId}/export?format=html`));
    const { page } = opened;
    await waitFor(async () => (await shownText(page)) === "second 0", { what: () => "the first moment" });
    expect(await page.textContent("h1")).toBe(NASTY);
    await page.keyboard.press("ArrowRight");
    await waitFor(async () => (await shownText(page)) === "second 5", { what: () => "five seconds later" });
    await page.keyboard.press(" ");
    await waitFor(async () => (await shownText(page)) === "second 7", { what: () => "it to play", timeoutMs: 15_000 });
    await page.keyboard.press("ArrowRight");
    await waitFor(async () => (await shownText(page)) === NASTY, { what: () => "its end" });
    await page.click(".moment.custom");
    await waitFor(async () => (await shownText(page)) === "second 5", { what: () => "the moment of a mark" });
    const policy = await page.getAttribute('meta[http-equiv="Content-Security-Policy"]', "content");
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[\w+/=]+'; /);
    expect(await page.evaluate("fetch('https://shop.example/').then(() => 'went', () => 'refused')")).toBe("refused");
    expect(opened).toMatchObject({ requests: [], faults: [] });
    await opened.context.close();
  });

  it("EXP-2 of a clip begins at its first moment, and holds nothing after its last", { timeout: 60_000 }, async () => {
    const [from, to] = [AT + 4_000, AT + 6_500];
    const file = await save("clip.html", `/v1/sessions/${sessionId}/export?format=html&from=${from}&to=${to}`);
    const opened = await openExport(browser, file, { width: 390, height: 780 });
    await waitFor(async () => (await shownText(opened.page)) === "second 4", { what: () => "the clip's first moment" });
    for (let press = 0; press < 3; press++) await opened.page.keyboard.press("ArrowRight");
    await waitFor(async () => (await shownText(opened.page)) === "second 6", { what: () => "the clip's last moment" });
    const isWide = await opened.page.evaluate("document.documentElement.scrollWidth > innerWidth");
    expect(isWide).toBe(false);
    expect(opened).toMatchObject({ requests: [], faults: [] });
    await opened.context.close();
  });
});

describe("a file as a session", () => {
  it("EXP-3 a page and its JSON come back as sessions that show the same", { timeout: 60_000 }, async () => {
    const first = await download(app, `/v1/sessions/${sessionId}/export?format=json`, token);
    const html = await download(app, `/v1/sessions/${sessionId}/export?format=html`, token);
    for (const bytes of [first, html]) {
      const answer = await importFile(bytes);
      expect(answer.status).toBe(201);
      const { sessionId: copy } = v.parse(v.object({ sessionId: v.string() }), await answer.json());
      expect(copy).not.toBe(sessionId);
      const again = await download(app, `/v1/sessions/${copy}/export?format=json`, token);
      expect(readBatches(again)).toEqual(readBatches(first));
      const described = v.parse(describedSchema, await app.getJson(`/v1/sessions/${copy}`));
      expect(described.session).toMatchObject({ userId: "ada", status: "ended" });
      expect(described.session.importedAt).toBeGreaterThan(AT);
    }
  });
});

describe("a session as a film", () => {
  it("EXP-7 shows in a browser what the page shows, and lasts as long", { timeout: 120_000 }, async () => {
    const film = await save("film.webm", `/v1/sessions/${sessionId}/export?format=webm&from=${AT + 2_000}&to=${AT + 6_000}`);
    const page = await browser.newPage();
    // A blob is of the page itself, which may look at what it draws.
    const facts = await page.evaluate<{ duration: number; width: number; height: number; fault: string; shades: number }>(`
      new Promise((resolve) => {
        const bytes = Uint8Array.from(atob("${readFileSync(film).toString("base64")}"), (letter) => letter.charCodeAt(0));
        const video = document.createElement("video");
        const tell = () => {
          const canvas = new OffscreenCanvas(video.videoWidth || 1, video.videoHeight || 1);
          const context = canvas.getContext("2d");
          context.drawImage(video, 0, 0);
          const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
          const shades = new Set(pixels.filter((_, index) => index % 4 === 0)).size;
          const fault = video.error?.message ?? "";
          resolve({ duration: video.duration, width: video.videoWidth, height: video.videoHeight, fault, shades });
        };
        video.onerror = tell;
        video.onseeked = tell;
        video.onloadeddata = () => { video.currentTime = 3; };
        video.src = URL.createObjectURL(new Blob([bytes], { type: "video/webm" }));
      })`);
    expect(facts).toMatchObject({ width: 800, height: 600, fault: "" });
    expect(facts.duration).toBeCloseTo(4, 1);
    // Black letters on white have many; nothing at all has one.
    expect(facts.shades).toBeGreaterThan(4);
    await page.close();
  });
});
