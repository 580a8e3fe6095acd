/** A page with the built tracker in a real browser, and the peer it speaks to. */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchBrowser } from "./browser.ts";
import { startPeer, type TrackerPeer } from "./tracker-peer.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export const KEY = "0123456789abcdef0123456789abcdef";

export interface TrackerPages {
  browser: Browser;
  peer: TrackerPeer;
  /** Opens a page with this body and the script tag in a browser profile of its own, or in the one given. */
  open: (body: string, options?: OpenOptions) => Promise<{ page: Page; context: BrowserContext; faults: string[]; url: string }>;
  close: () => Promise<void>;
}

export interface OpenOptions {
  /** Attributes of the script tag beside `src` and `data-key`. */
  data?: string;
  context?: BrowserContext;
  headers?: Record<string, string>;
  /** Runs in the page before anything else. */
  before?: () => void;
  /** False: the page has no script tag. */
  withTag?: boolean;
  /** A server the page speaks to besides the one it came from. */
  path?: string;
}

let pageNumber = 0;

/** Builds the tracker if it is not fresh, and starts a browser and a peer. */
export async function startTrackerPages(): Promise<TrackerPages> {
  execFileSync(process.execPath, ["bin/build.mjs", "--quiet", "tracker"], { cwd: root, stdio: "pipe" });
  const peer = await startPeer(`${root}dist/tracker`);
  const browser = await launchBrowser();
  const contexts: BrowserContext[] = [];
  return {
    browser,
    peer,
    async open(body, options = {}) {
      const context = options.context ?? (await browser.newContext());
      contexts.push(context);
      const page = await context.newPage();
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      if (options.before) await page.addInitScript(options.before);
      const tag = options.withTag === false ? "" : `<script src="/tracker.js" data-key="${KEY}" ${options.data ?? ""}></script>`;
      const path = options.path ?? `/page-${++pageNumber}`;
      const url = peer.page(path, `<!doctype html><title>Page</title><body>${body}${tag}`, options.headers);
      await page.goto(url);
      return { page, context, faults, url };
    },
    async close() {
      for (const context of contexts) await context.close().catch(() => undefined);
      await browser.close();
      await peer.close();
    },
  };
}

/**
 * Waits until `look` gives something other than undefined, null or false, and returns it.
 * @throws Error with `what` after 15 s
 */
export async function eventually<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const until = Date.now() + 15_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > until) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
