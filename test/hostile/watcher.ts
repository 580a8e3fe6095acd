/** Somebody who watches a hostile recording in a real browser, with an ear on everything that must not happen. */

import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import type { Browser, BrowserContext, Page, Request } from "playwright-core";
import { TrackerClient } from "../../bin/lib/tracker-client.ts";
import { createSessionId, createTabId } from "../../protocol/ids.ts";
import type { Marker } from "../../protocol/markers.ts";
import type { SessionStart } from "../../protocol/tracker-messages.ts";
import type { TestApp } from "../harness/app.ts";
import { waitFor } from "../harness/wait.ts";
import { DONE } from "./nodes.ts";

/** What the header of a batch says. */
interface Span {
  firstAt: number;
  lastAt: number;
  checkout?: boolean;
  markers?: readonly Marker[];
}

/** A visit of which a test sends the bytes. */
export interface HostileVisit {
  sessionId: string;
  client: TrackerClient;
  send(events: readonly unknown[], span: Span): Promise<void>;
  /** The same for JSON that is written by hand. */
  sendText(json: string, span: Span): Promise<void>;
  /** Says that the visit is over, and leaves. */
  end(): void;
}

/** Begins a session as a tracker does. */
export function beginVisit(app: TestApp, at: number, about: Partial<SessionStart> = {}): HostileVisit {
  const sessionId = createSessionId(at, randomBytes(10));
  const client = new TrackerClient({
    url: new URL(`ws://localhost:${app.port}/ws?type=tracker&key=${app.projectKey}`),
    page: {
      url: "https://shop.example/",
      title: "Shop",
      userAgent: "Mozilla/5.0",
      startTime: at,
      ...about,
      tab: createTabId(randomBytes(12)),
      sessionId,
      resumeToken: randomBytes(18).toString("base64url"),
    },
  });
  const sendRaw = async (
    raw: Buffer,
    count: number,
    { firstAt, lastAt, checkout = false, markers = [] }: Span,
  ): Promise<void> => {
    const header = { firstAt, lastAt, checkout, markers, count: Math.min(count, 20_000) };
    client.send({ ...header, encoding: "deflate-raw", rawBytes: raw.length, payload: deflateRawSync(raw) });
    if (!(await client.settled(20_000))) throw new Error("the server did not take a hostile batch");
  };
  return {
    sessionId,
    client,
    send: (events, span) => sendRaw(Buffer.from(JSON.stringify(events)), events.length, span),
    sendText: (json, span) => sendRaw(Buffer.from(json), 1, span),
    end() {
      client.say("tab_end", { tab: client.tab });
      client.say("session_end", { sessionId });
      client.close();
    },
  };
}

/**
 * Chromium's reasons for not sending a request at all (`Network.BlockedReason`), and what it says where a scene goes before it has decided. That
 * nothing was sent is not taken from here: the attacker counts every connection.
 */
const REFUSALS = new Set(["csp", "origin", "other", "mixed-content", "net::ERR_ABORTED"]);

/** A signed-in browser profile whose every request, window, dialog and word is looked at. */
export interface Watcher {
  context: BrowserContext;
  page: Page;
  /** Signs that something of a recording ran. */
  harm: string[];
  /** Requests that only a recording can have caused. */
  requests: string[];
  /** Uncaught errors of the viewer. */
  faults: string[];
  close(): Promise<void>;
}

/** @param bend called with the context before anything is opened, to take walls away */
export async function openWatcher(
  browser: Browser,
  app: TestApp,
  bend?: (context: BrowserContext) => Promise<void>,
): Promise<Watcher> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  // Signed in as a person is, so that the cookie is the server's own, with all that it says of itself.
  await context.request.post(`${app.baseUrl}/auth/login`, {
    data: { email: app.email, password: app.password },
    headers: { Origin: app.baseUrl },
  });
  await bend?.(context);
  const page = await context.newPage();
  const watcher: Watcher = { context, page, harm: [], requests: [], faults: [], close: () => context.close() };
  context.on("page", (other) => watcher.harm.push(`a window was opened: ${other.url()}`));
  page.on("dialog", (dialog) => {
    watcher.harm.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("download", (download) => watcher.harm.push(`a download: ${download.url()}`));
  page.on("console", (message) => {
    if (message.text().startsWith("HARM")) watcher.harm.push(message.text());
  });
  page.on("pageerror", (error) => watcher.faults.push(error.message));
  page.on("crash", () => watcher.faults.push("the page crashed"));
  page.on("framenavigated", (frame) => {
    const { origin, pathname } = URL.canParse(frame.url()) ? new URL(frame.url()) : { origin: "", pathname: "" };
    if (frame === page.mainFrame() && origin !== app.baseUrl) watcher.harm.push(`the top went to ${frame.url()}`);
    else if (frame !== page.mainFrame() && origin !== "null" && pathname !== "/player")
      watcher.harm.push(`a frame went to ${frame.url()}`);
  });
  page.on("websocket", (socket) => {
    if (!socket.url().startsWith(app.baseUrl.replace("http", "ws"))) watcher.requests.push(`socket ${socket.url()}`);
  });
  page.on("requestfinished", (request) => note(request));
  page.on("requestfailed", (request) => {
    // The browser tells of what it refused as well; that never left.
    const isRefused = REFUSALS.has(request.failure()?.errorText ?? "") && request.timing().requestStart === -1;
    if (!isRefused) note(request);
  });
  const note = (request: Request): void => {
    const url = new URL(request.url());
    if (url.protocol === "data:" || url.protocol === "blob:") return;
    const isOurs = url.origin === app.baseUrl;
    const isStage = isOurs && url.pathname === "/player" && request.isNavigationRequest();
    if (!isOurs || !(isStage || request.frame() === page.mainFrame()))
      watcher.requests.push(`${request.resourceType()} ${request.url()}, ${request.failure()?.errorText ?? "answered"}`);
  };
  return watcher;
}

/** The page that is shown, as an expression in the viewer. */
export const SHOWN = `[...(document.querySelector("[data-testid=stage] iframe")?.contentDocument?.querySelectorAll(".scene") ?? [])]
  .filter((scene) => getComputedStyle(scene).visibility !== "hidden").at(-1)?.querySelector("iframe")?.contentDocument`;

/** Waits until the sentinel of the page that is shown says this. */
export async function waitForSentinel(page: Page, text: string): Promise<void> {
  const read = () => page.evaluate<string | null>(`(${SHOWN})?.querySelector(".sentinel")?.textContent ?? null`);
  await waitFor(async () => (await read().catch(() => null)) === text, {
    timeoutMs: 20_000,
    what: () => `the replay to say "${text}" at ${page.url()}`,
  });
}

/** Waits until all of a hostile recording has been applied. */
export function waitUntilDone(page: Page): Promise<void> {
  return waitForSentinel(page, DONE);
}

/** What scripts of a recording left behind in the viewer's page, and what can be seen of the cookie from inside. */
export async function readTraces(page: Page): Promise<{ ran: string[]; title: string; cookie: string; polluted: boolean }> {
  return page.evaluate(`(() => ({
    ran: window.__ran ?? [],
    title: document.title,
    cookie: document.cookie + ((${SHOWN})?.cookie ?? ""),
    polluted: "polluted" in {} || "polluted" in [],
  }))()`);
}
