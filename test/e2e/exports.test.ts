import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import * as v from "valibot";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { chromiumScript, download, openExport, shownText } from "../harness/exported.ts";
import { makeScratch } from "../harness/scratch.ts";
import { checkoutEvents, textEvent } from "../harness/stored-session.ts";
import { openViewer } from "../harness/visit.ts";
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

/** How far a replay is, by what it shows; NaN where it shows something else. */
function secondOf(shown: string | null): number {
  return shown === NASTY ? SECONDS : Number(/^second (\d+)$/.exec(shown ?? "")?.[1] ?? NaN);
}

/** What has the focus, as words: its text or value, and what describes it. */
function focused(page: Page): Promise<{ name: string; says: string; isInside: boolean }> {
  return page.evaluate(`(() => {
    const one = document.activeElement;
    const says = document.getElementById(one.getAttribute("aria-describedby")?.split(" ")[0] ?? "");
    const name = one.labels?.[0]?.textContent || one.getAttribute("aria-label") || one.textContent;
    return { name: name.trim(), says: says?.textContent ?? "", isInside: one.closest("[role=dialog]") !== null };
  })()`);
}

async function press(page: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

/** Lets a file fall onto the page, as a person does with a mouse. */
async function drop(page: Page, name: string, text: string): Promise<void> {
  await page.evaluate(`(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}));
    for (const type of ["dragover", "drop"])
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  })()`);
}

describe("without a mouse", () => {
  it("EXP-10, EXP-11 a part of a session is saved with the keyboard, and comes back as one that says it was imported", async () => {
    const { page, faults } = await openViewer(browser, app, `/sessions/${sessionId}`);
    await page.getByRole("button", { name: "Export" }).focus();
    await press(page, "Enter");
    await waitFor(async () => (await focused(page)).name.startsWith("Web page"), { what: () => "the focus on the first choice" });
    for (let step = 0; step < 8; step++) {
      await press(page, "Tab");
      expect(await focused(page)).toMatchObject({ isInside: true });
    }
    await press(page, "Escape");
    await waitFor(async () => (await focused(page)).name === "Export", { what: () => "the focus back on the button" });

    await press(page, "Enter");
    await waitFor(async () => (await focused(page)).name.startsWith("Web page"), { what: () => "the focus inside again" });
    await press(page, "ArrowDown");
    expect((await focused(page)).name).toMatch(/^Data/);
    await press(page, "Tab", "ArrowDown", "Tab");
    await page.keyboard.type("soon");
    // Who tries to save it is led to what is wrong, and told.
    await press(page, "Tab", "Enter");
    expect(await focused(page)).toMatchObject({ name: "From", says: "Write a time like 1:05." });
    await press(page, "Control+a");
    await page.keyboard.type("0:04");
    await press(page, "Tab");
    await page.keyboard.type("0:06.5");
    const [saved] = await Promise.all([page.waitForEvent("download"), press(page, "Enter")]);
    const text = readFileSync(await saved.path(), "utf8");
    expect(saved.suggestedFilename()).toMatch(/\.json$/);
    expect(text).toContain("second 6");
    expect(text).not.toContain("second 7");
    await waitFor(async () => (await focused(page)).name === "Export", { what: () => "the focus back after saving" });

    // The browser has to know early that somebody else answers.
    const choosing = page.waitForEvent("filechooser");
    await page.goto(`${app.baseUrl}/projects/1/import`);
    await page.getByRole("button", { name: "Choose a file" }).focus();
    await press(page, "Enter");
    const chooser = await choosing;
    await chooser.setFiles({ name: "cat.gif", mimeType: "image/gif", buffer: Buffer.from("GIF89a") });
    await page.getByRole("alert").getByText("This is no session file.").waitFor();
    await drop(page, "part.json", text.slice(0, -40));
    await page.getByRole("alert").getByText("cannot be read").waitFor();
    await drop(page, "part.json", text);
    await page.getByRole("link", { name: "Watch it" }).focus();
    await press(page, "Enter");
    await page.getByRole("button", { name: "Imported" }).focus();
    await page.getByRole("tooltip").getByText("It came as a file").waitFor();
    await page.getByRole("link", { name: "Back to the sessions" }).click();
    await page.locator("li", { hasText: "Imported" }).first().waitFor();
    expect(faults).toEqual([]);
    await page.context().close();
  });
});

describe("a session as a page", () => {
  it("EXP-1 plays from disk under its own strict policy, and asks nobody for anything", { timeout: 120_000 }, async () => {
    const opened = await openExport(browser, await save("whole.html", `/v1/sessions/${sessionId}/export?format=html`));
    const { page } = opened;
    await waitFor(async () => (await shownText(page)) === "second 0", { what: () => "the first moment" });
    expect(await page.textContent("h1")).toBe(NASTY);
    await page.keyboard.press("ArrowRight");
    await waitFor(async () => (await shownText(page)) === "second 5", { what: () => "five seconds later" });
    await page.keyboard.press(" ");
    await waitFor(async () => secondOf(await shownText(page)) >= 7, { what: () => "it to play" });
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
