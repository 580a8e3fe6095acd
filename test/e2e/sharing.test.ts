/** A session shared by a link and embedded by a token, in a browser: live and as a replay, by people who are not signed in. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Frame, Page } from "playwright-core";
import * as v from "valibot";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { copyLink, openDemo, openViewer, readReplay, storedSessionOf } from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";

let app: TestApp;
let browser: Browser;
let office: Server | null = null;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), launchBrowser()]);
});

afterAll(async () => {
  await browser.close();
  office?.close();
  await app.remove();
});

async function ask(method: string, path: string, body: unknown): Promise<Record<string, unknown>> {
  const headers = { Cookie: await app.signIn(), "Content-Type": "application/json" };
  const response = await fetch(app.baseUrl + path, { method, headers, body: JSON.stringify(body) });
  expect(response.status, `${method} ${path}`).toBeLessThan(300);
  return v.parse(v.record(v.string(), v.unknown()), await response.json());
}

/** A page of somebody's own, on another origin, with the element in it. */
async function serveOffice(src: () => string): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(`<!doctype html><title>Office</title><script type="module" src="${app.baseUrl}/embed.js"></script>
      <watchback-session src="${src()}" label="The visit"></watchback-session>
      <script>window.heard = []; for (const type of ["ready", "time", "over"])
        document.querySelector("watchback-session").addEventListener(type, (event) => window.heard.push(event.type));</script>`);
  });
  office = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The text of the replay in a frame of the viewer. */
function replayIn(frame: Page | Frame): Promise<string> {
  return frame
    .evaluate<string>(
      `[...(document.querySelector("iframe.stage-frame")?.contentDocument?.querySelectorAll("iframe") ?? [])]
        .map((scene) => scene.contentDocument?.body?.innerText ?? "").join("\\n")`,
    )
    .catch(() => "");
}

/** Watches two parts of a session out of the playlist that is shown: led on by the strip, and by its end. */
async function watchPlaylist(page: Page, sessionId: string): Promise<void> {
  const response = await fetch(`${app.baseUrl}/v1/sessions/${sessionId}`, { headers: { Cookie: await app.signIn() } });
  const { session } = v.parse(v.object({ session: v.object({ startedAt: v.number() }) }), await response.json());
  const playlist = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  for (const from of [100, 300]) {
    const range = { fromAt: session.startedAt + from, toAt: session.startedAt + from + 500 };
    await ask("POST", `/v1/projects/1/playlists/${playlist}/items`, { sessionId, ...range });
  }
  await page.reload();
  await page.locator("li a").nth(1).click();
  await page.getByText("2 of 3").waitFor();
  expect(new URL(page.url()).search).toMatch(/^\?t=0\.1&playlist=\d+&item=\d+$/);
  await page.getByText(/^Next in \d s/).waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Staying here.").waitFor({ state: "attached" });
  await page.getByRole("link", { name: /^Next/ }).click();
  await page.getByText("3 of 3").waitFor();
  await page.getByText("The end of the playlist", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Teas" }).click();
}

it(
  "SHA-10 SHA-12 SHA-13 a guest sees a session by a link and in a page of one's own, live and as a replay",
  { timeout: 150_000 },
  async () => {
    const visitor = await openDemo(browser, app);
    const sessionId = await storedSessionOf(app, visitor.page);
    await visitor.page.fill("#search", "oolong");

    // Made on the session's page, as people do.
    const viewer = await openViewer(browser, app, `/sessions/${sessionId}`);
    await waitFor(async () => (await readReplay(viewer.page))?.includes("Milk oolong"), { what: () => "the session" });
    await viewer.page.getByRole("tab", { name: "Notes" }).click();
    await viewer.page.getByLabel(/^Note at/).fill("Look at the oolong");
    await viewer.page.getByRole("button", { name: "Add note" }).click();
    await viewer.page.getByText("Look at the oolong").last().waitFor();
    await viewer.page.getByRole("button", { name: "Edit the note" }).click();
    await viewer.page.getByLabel("The note", { exact: true }).fill("Look at the milk oolong");
    await viewer.page.getByRole("button", { name: "Save" }).click();
    await viewer.page.getByText(/, edited$/).waitFor();
    expect(await viewer.page.getByText("Look at the milk oolong").count()).toBe(1);
    await viewer.page.getByRole("button", { name: "Share" }).click();
    await viewer.page.getByRole("button", { name: "Make a link" }).click();
    const link = (await viewer.page.locator(".secret code").textContent()) ?? "";
    expect(link).toContain("/share#");
    await viewer.page.getByLabel("Its name").fill("Teas");
    await viewer.page.getByRole("button", { name: "Add to the playlist" }).click();
    await viewer.page.getByText("Added").waitFor();
    await viewer.page.goto(`${app.baseUrl}/playlists`);
    await viewer.page.getByRole("link", { name: "Teas" }).click();
    await viewer.page.locator(`li a[href^="/sessions/${sessionId}"]`).waitFor();
    await watchPlaylist(viewer.page, sessionId);

    const guest = await (await browser.newContext()).newPage();
    const asked: string[] = [];
    const faults: string[] = [];
    guest.on("request", (request) => asked.push(request.url()));
    guest.on("pageerror", (error) => faults.push(error.message));
    await guest.goto(link);
    await waitFor(async () => (await replayIn(guest)).includes("Milk oolong"), { what: () => "the guest's view" });
    await visitor.page.fill("#search", "sencha");
    const isSencha = (text: string) => text.includes("Sencha") && !text.includes("Milk oolong");
    await waitFor(async () => isSencha(await replayIn(guest)), { what: () => "the guest's live view to go on" });
    const secret = new URL(link).hash.slice(1);
    expect(asked.filter((url) => !url.startsWith(link) && url.includes(secret))).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(app.baseUrl))).toEqual([]);
    expect(await guest.getByRole("tab").count()).toBe(0);
    await guest.keyboard.press("k");
    // From the live edge, which is ahead of what happened last, to a moment of the past.
    await guest.keyboard.press("ArrowLeft");
    const copied = await copyLink(guest);
    expect(copied).toMatch(/\/share\?t=\d+(\.\d{1,3})?&paused=1#/);
    expect(new URL(copied).hash.slice(1)).toBe(secret);
    await guest.goto(copied);
    await waitFor(async () => /\w/.test(await replayIn(guest)), { what: () => "the moment of the link" });
    // To the very millisecond: what is copied there is the same.
    expect(await copyLink(guest)).toBe(copied);

    const project = 1;
    const { url } = await ask("POST", `/v1/sessions/${sessionId}/embed-tokens`, { expiresInSec: 600, showsPanels: true });
    const address = await serveOffice(() => String(url));
    const page = await (await browser.newContext()).newPage();
    await page.goto(address);
    // No origin is named yet: the browser shows nothing.
    await waitFor(() => page.frames().some((frame) => frame.url().startsWith("chrome-error:")), {
      what: () => "the frame to be refused",
    });
    await ask("PUT", `/v1/projects/${project}/embedding`, { origins: [address] });
    await page.goto(address);
    const inside = () => page.frames().find((frame) => frame.url().includes("/embed/1"));
    await waitFor(
      async () => {
        const frame = inside();
        return frame !== undefined && /\w/.test(await replayIn(frame));
      },
      { what: () => "the embedded view" },
    );
    await waitFor(() => page.evaluate<boolean>(`window.heard.includes("ready") && window.heard.includes("time")`), {
      what: () => "the element's events",
    });
    await ask("DELETE", `/v1/projects/${project}/embed-tokens`, {});
    await waitFor(() => page.evaluate<boolean>(`window.heard.includes("over")`), { timeoutMs: 6_000, what: () => "the end" });
    expect(faults).toEqual([]);
    expect(viewer.faults).toEqual([]);
  },
);
