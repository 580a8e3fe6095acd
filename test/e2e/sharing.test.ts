/** A session shared by a link and embedded by a token, in a browser: live and as a replay, by people who are not signed in. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Frame, Page } from "playwright-core";
import * as v from "valibot";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { openDemo, openViewer, readReplay, sessionIdOf } from "../harness/visit.ts";
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

it("SHA-10 a guest sees a session by a link and in a page of one's own, live and as a replay", { timeout: 150_000 }, async () => {
  const visitor = await openDemo(browser, app);
  const sessionId = await sessionIdOf(visitor.page);
  await visitor.page.fill("#search", "oolong");

  // Made on the session's page, as people do.
  const viewer = await openViewer(browser, app, `/sessions/${sessionId}`);
  await waitFor(async () => (await readReplay(viewer.page))?.includes("Milk oolong"), { what: () => "the session" });
  await viewer.page.getByRole("tab", { name: "Notes" }).click();
  await viewer.page.getByLabel(/^Note at/).fill("Look at the oolong");
  await viewer.page.getByRole("button", { name: "Add note" }).click();
  await viewer.page.getByText("Look at the oolong").last().waitFor();
  await viewer.page.getByRole("button", { name: "Share" }).click();
  await viewer.page.getByRole("button", { name: "Make a link" }).click();
  const link = (await viewer.page.locator(".secret code").textContent()) ?? "";
  expect(link).toContain("/share#");
  await viewer.page.getByLabel("Its name").fill("Teas");
  await viewer.page.getByRole("button", { name: "Add to the playlist" }).click();
  await viewer.page.getByText("Added").waitFor();
  await viewer.page.goto(`${app.baseUrl}/playlists`);
  await viewer.page.getByRole("link", { name: "Teas" }).click();
  await viewer.page.locator(`a[href^="/sessions/${sessionId}"]`).waitFor();

  const guest = await (await browser.newContext()).newPage();
  const asked: string[] = [];
  const faults: string[] = [];
  guest.on("request", (request) => asked.push(request.url()));
  guest.on("pageerror", (error) => faults.push(error.message));
  await guest.goto(link);
  await waitFor(async () => (await replayIn(guest)).includes("Milk oolong"), { what: () => "the guest's view" });
  await visitor.page.fill("#search", "sencha");
  await waitFor(async () => !(await replayIn(guest)).includes("Milk oolong"), { what: () => "the guest's live view to go on" });
  const secret = new URL(link).hash.slice(1);
  expect(asked.filter((url) => !url.startsWith(link) && url.includes(secret))).toEqual([]);
  expect(asked.filter((url) => !url.startsWith(app.baseUrl))).toEqual([]);
  expect(await guest.getByRole("tab").count()).toBe(0);

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
});
