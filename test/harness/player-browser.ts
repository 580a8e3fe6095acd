/** A real browser with the player in it, for tests: the page of `viewer/player/test-page.ts`, served under the policy of the stage. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import type { Page } from "playwright-core";
import { build } from "vite";
import { batchesOf } from "../../bin/lib/play-recording.ts";
import type { Recording } from "../../bin/lib/recording.ts";
import type { ViewerBatch } from "../../protocol/batch.ts";
import { launchBrowser } from "./browser.ts";
import { describeDocument } from "./dom.ts";

const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "media-src 'self' data: blob:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** A batch as JSON: the payload is the events themselves. */
type PlainBatch = Omit<ViewerBatch, "payload" | "encoding" | "rawBytes" | "sessionId"> & { events: unknown[] };

/** A session that a test makes up. */
export interface TestSession {
  tabs: object[];
  batches: PlainBatch[];
}

/** The browser, and what recordings made it ask for. */
export interface TestBrowser {
  baseUrl: string;
  /** Paths that a page asked for besides its own. */
  stolen: string[];
  open(): Promise<Page>;
  close(): Promise<void>;
}

/** Starts it; the caller closes it. */
export async function startTestBrowser(): Promise<TestBrowser> {
  const { script, style } = await bundle();
  const stolen: string[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/script.js") response.writeHead(200, { "Content-Type": "text/javascript" }).end(script);
    else if (request.url === "/style.css") response.writeHead(200, { "Content-Type": "text/css" }).end(style);
    else if (request.url === "/") {
      response.writeHead(200, { "Content-Type": "text/html", "Content-Security-Policy": CSP });
      response.end('<!doctype html><link rel="stylesheet" href="/style.css"><script src="/script.js"></script><body></body>');
    } else {
      stolen.push(request.url ?? "");
      response.writeHead(200, { "Content-Type": "text/plain" }).end("x");
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${address.port}`;
  const browser = await launchBrowser();
  return {
    baseUrl,
    stolen,
    async open() {
      stolen.length = 0;
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      await page.goto(baseUrl);
      return page;
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}

/** The page's side of the tests as one script, built as the viewer is. */
async function bundle(): Promise<{ script: string; style: string }> {
  const entry = fileURLToPath(new URL("../../viewer/player/test-page.ts", import.meta.url));
  const built = await build({
    configFile: false,
    logLevel: "error",
    build: { write: false, minify: false, lib: { entry, formats: ["iife"], name: "onPage" } },
  });
  const output = (Array.isArray(built) ? built : [built]).flatMap((one) => ("output" in one ? one.output : []));
  const script = output.find((file) => file.type === "chunk");
  const style = output.find((file) => file.type === "asset" && file.fileName.endsWith(".css"));
  return {
    script: script?.type === "chunk" ? script.code : "",
    style: style?.type === "asset" ? String(style.source) : "",
  };
}

/** A recording as a session: one tab for each of its pages. */
export function toSession(recorded: Recording): TestSession {
  const tabs: object[] = [];
  const batches: PlainBatch[] = [];
  recorded.pages.forEach((one, index) => {
    const tab = `tab${index}`;
    const made = batchesOf(one, 0).map((batch, seq) => {
      const raw = batch.encoding === "json" ? Buffer.from(batch.payload) : inflateRawSync(batch.payload);
      const { firstAt, lastAt, count, checkout, markers } = batch;
      const events: unknown = JSON.parse(raw.toString("utf8"));
      return { tab, seq, firstAt, lastAt, count, checkout, markers: [...markers], events: Array.isArray(events) ? events : [] };
    });
    batches.push(...made);
    const lastAt = made.at(-1)?.lastAt ?? 0;
    const rest = { url: one.url, title: one.title, viewport: null, startedAt: made[0]?.firstAt ?? 0, endedAt: lastAt };
    tabs.push({ tab, tabGroup: one.group, lastAt, upto: made.length - 1, ...rest });
  });
  return { tabs, batches };
}

const DESCRIBE = `const describe = ${describeDocument.toString()};`;

/** Runs in the page, with the arguments under `args` and the tools under `onPage`, `describe` and `until`. */
export function runInPage<T>(page: Page, args: unknown, body: string): Promise<T> {
  const until = `const until = async (look, what) => {
    const start = performance.now();
    for (;;) {
      const seen = look();
      if (seen) return seen;
      if (performance.now() - start > 15000) throw new Error("waited in vain for " + what + " " + JSON.stringify(onPage.stages.map((one) => [one.status.stage, one.failures])));
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  };`;
  return page.evaluate<T>(`(async (args) => { ${DESCRIBE} ${until} ${body} })(${JSON.stringify(args)})`);
}
