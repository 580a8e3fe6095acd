/** Real `@sentry/browser`, versions 7 to 11, in a page of a shop: bundled by the test, served by the test, run in a real browser. */

import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import type { SdkVersion } from "./node-sdk.ts";

/** The packages, by major version. */
export const BROWSER_SDKS: Readonly<Record<SdkVersion, string>> = {
  7: "sentry-browser-7",
  8: "sentry-browser-8",
  9: "sentry-browser-9",
  10: "sentry-browser-10",
  11: "@sentry/browser",
};

/** How the page sets its SDK up. */
export interface PageSettings {
  dsn: string;
  /** Given to `Sentry.init` besides. */
  options?: Record<string, unknown>;
  /** Options of the replay integration; absent: it is left out. */
  replay?: Record<string, unknown>;
}

/** A server of pages, one for each version of the SDK. */
export interface Shop {
  origin: string;
  /** Address of a page of this version with these settings. */
  pageUrl(version: SdkVersion, settings: PageSettings): string;
  close(): Promise<void>;
}

const bundles = new Map<SdkVersion, Promise<string>>();

/** The page's script with one version of the SDK in it; built once a process. */
export function bundleSdk(version: SdkVersion): Promise<string> {
  const known = bundles.get(version) ?? buildBundle(version);
  bundles.set(version, known);
  return known;
}

async function buildBundle(version: SdkVersion): Promise<string> {
  const entry = fileURLToPath(new URL("browser-program.mjs", import.meta.url));
  const built = await build({
    configFile: false,
    logLevel: "silent",
    define: { "process.env.NODE_ENV": '"production"' },
    resolve: { alias: { sdk: BROWSER_SDKS[version] } },
    build: { write: false, minify: true, lib: { entry, name: "shopPage", formats: ["iife"] } },
  });
  for (const output of Array.isArray(built) ? built : [built]) {
    if (!("output" in output)) continue;
    const [chunk] = output.output;
    return chunk.code;
  }
  throw new Error(`no bundle of ${BROWSER_SDKS[version]}`);
}

/** Starts the shop on a free port. */
export async function startShop(): Promise<Shop> {
  const pages = new Map<string, PageSettings>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://shop");
    const [, versionText = "", file = ""] = pathname.split("/");
    const version = ([7, 8, 9, 10, 11] as const).find((known) => String(known) === versionText);
    if (version === undefined) {
      response.writeHead(404).end("not here");
    } else if (file === "page.js") {
      void bundleSdk(version).then((code) => response.writeHead(200, { "Content-Type": "text/javascript" }).end(code));
    } else {
      const settings = pages.get(pathname) ?? { dsn: "" };
      response.writeHead(200, { "Content-Type": "text/html;charset=utf-8" }).end(pageHtml(version, settings));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    origin,
    pageUrl(version, settings) {
      const path = `/${version}/${pages.size}`;
      pages.set(path, settings);
      return origin + path;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function pageHtml(version: SdkVersion, settings: PageSettings): string {
  const json = JSON.stringify(settings).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>The shop</title>
<style>body { font: 16px sans-serif; margin: 20px } .line { color: rgb(0, 90, 0) }</style>
<script type="application/json" id="settings">${json}</script>
</head>
<body>
<h1 id="heading">The shop</h1>
<ul id="lines"></ul>
<form onsubmit="return false">
<label>Name <input id="name" type="text"></label>
<label>Password <input id="secret" type="password"></label>
<label><input id="gift" type="checkbox"> a gift</label>
<button id="buy" type="button">Buy</button>
</form>
<script src="/${version}/page.js"></script>
</body>
</html>`;
}
