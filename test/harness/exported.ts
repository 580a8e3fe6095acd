/** Exported files in a real browser, opened from disk, with an ear on everything that must not happen. */

import { chmodSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContext, Page, Request } from "playwright-core";
import type { TestApp } from "./app.ts";
import { findBrowser } from "./browser.ts";

/** Chromium's reasons for not sending a request at all (`Network.BlockedReason`). */
const REFUSALS = new Set(["csp", "origin", "other", "mixed-content"]);

/** A page that was opened from disk. */
export interface OpenedExport {
  context: BrowserContext;
  page: Page;
  /** Every request but the one for the file itself, data and blobs. */
  requests: string[];
  /** Uncaught errors, refusals of the policy that are the page's own, windows, dialogs, words of a script that ran. */
  faults: string[];
}

/** Downloads an export; the bytes. */
export async function download(app: TestApp, address: string, token: string): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(`${app.baseUrl}${address}`, { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${await answer.text()}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Opens a file in a browser profile of its own. */
export async function openExport(browser: Browser, file: string, viewport = { width: 1280, height: 800 }): Promise<OpenedExport> {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  const opened: OpenedExport = { context, page, requests: [], faults: [] };
  const own = pathToFileURL(file).href;
  context.on("page", (other) => opened.faults.push(`a window was opened: ${other.url()}`));
  const note = (request: Request): void => {
    const url = request.url();
    if (url.split("#")[0] === own || url.startsWith("data:") || url.startsWith("blob:") || url === "about:blank") return;
    opened.requests.push(url);
  };
  page.on("requestfinished", note);
  page.on("requestfailed", (request) => {
    // The browser tells of what it refused as well; that never left.
    const isRefused = REFUSALS.has(request.failure()?.errorText ?? "") && request.timing().requestStart === -1;
    if (!isRefused) note(request);
  });
  page.on("pageerror", (error) => opened.faults.push(error.message));
  page.on("dialog", (dialog) => {
    opened.faults.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (message.text().startsWith("HARM")) opened.faults.push(message.text());
  });
  page.on("framenavigated", (frame) => {
    if (frame !== page.mainFrame() && !frame.url().startsWith("about:")) opened.faults.push(`a frame went to ${frame.url()}`);
  });
  await page.goto(own, { timeout: 15_000 });
  return opened;
}

/** What the frame of the recording shows, as text; null while there is none. */
export function shownText(page: Page): Promise<string | null> {
  return page.evaluate<string | null>(
    "document.querySelector('.replayer-wrapper iframe')?.contentDocument?.body?.textContent ?? null",
  );
}

/** A script that starts the tests' browser as an installed one is started, with what it needs of its environment. */
export async function chromiumScript(folder: string): Promise<string> {
  const { executablePath, env } = await findBrowser();
  const file = path.join(folder, "chromium");
  const variables = Object.entries(env).map(([name, value]) => `export ${name}='${value}'`);
  writeFileSync(file, ["#!/bin/sh", ...variables, `exec '${executablePath}' "$@"`, ""].join("\n"));
  chmodSync(file, 0o755);
  return file;
}
