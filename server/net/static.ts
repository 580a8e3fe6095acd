/** Files and pages: the viewer and its assets, the tracker script, the demo page. */

import { Buffer } from "node:buffer";
import { join } from "node:path";
import { AppError } from "../app-error.ts";
import { createAssets, pickEncoding, type Asset } from "./assets.ts";
import type { Exchange, Headers } from "./exchange.ts";
import type { Fallback, RequestHead } from "./http.ts";

/**
 * What the viewer's page may do. Recordings are shown in a page of their own ({@link stagePolicy}), so this one has to be good for the viewer
 * alone: no image from elsewhere, no frame but ours.
 */
const viewerPolicy = (ancestors: string) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "frame-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${ancestors}`,
  ].join("; ");

/** The page in which recordings are shown; the viewer's script puts everything else into it. */
const STAGE_PATH = "/player";
/** What guests are shown: a shared session, and an embedded one with its own stage, in the pages that its project names. */
const SHARE_PATH = /^\/share\/?$/;
const EMBED_PATH = /^\/embed\/([1-9]\d{0,9})(\/player)?\/?$/;
/** The page of a session; the id may stand in a header as it is. */
const SESSION_PATH = /^\/sessions\/([A-Za-z0-9_-]{1,64})\/?$/;
const EMBED_SCRIPT = "/embed.js";
const STAGE_PAGE =
  '<!doctype html>\n<html lang="en" data-page="stage"><head><meta charset="utf-8"><title>Player</title></head><body></body></html>\n';
/** An origin, or a folder of one: nothing in it can end a directive. */
const HOST = /^https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:\/[\w./-]*)?$/i;
const MAX_STAGE_HOSTS = 60;
/** The strictest policy that our script-tag users commonly have: the demo page proves that the tracker works under it. */
const DEMO_POLICY = "default-src 'self'";

/** What frames of recordings could ask the browser for and never need. */
const STAGE_PERMISSIONS = [
  ...[
    "accelerometer",
    "autoplay",
    "camera",
    "clipboard-read",
    "clipboard-write",
    "display-capture",
    "encrypted-media",
    "fullscreen",
  ],
  ...["geolocation", "gyroscope", "hid", "microphone", "midi", "payment", "publickey-credentials-get", "screen-wake-lock"],
  ...["serial", "usb", "xr-spatial-tracking"],
]
  .map((name) => `${name}=()`)
  .join(", ");

const FOR_EVER = "public, max-age=31536000, immutable";
const ALWAYS_ASK = "no-cache";
/** The tracker's address never changes, so a new version must get around within minutes. */
const TRACKER_AGE = "public, max-age=300";
const FOR_ALL_PAGES: Headers = {
  "Cache-Control": TRACKER_AGE,
  "Access-Control-Allow-Origin": "*",
  "Cross-Origin-Resource-Policy": "cross-origin",
};
/** An origin, or all below a host: nothing in it can end a directive. */
const ANCESTOR = /^https?:\/\/(?:\*\.)?(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;
const MAX_ID = 2_147_483_647;

export interface StaticDeps {
  /** Folder that holds `dist/` and `demo/`. */
  root: string;
  /** Ingest key written into the demo page. */
  demoKey: () => string;
  /** Further paths of the tracker script. */
  trackerPaths: readonly string[];
  /** Whose pages may show sessions of a project in a frame. */
  embedOrigins: (projectId: number) => Promise<readonly string[]>;
}

/** Builds the answerer of everything that is not a route. */
export function createStatic(deps: StaticDeps): Fallback {
  const assets = createAssets();
  const viewer = join(deps.root, "dist", "viewer");
  const tracker = join(deps.root, "dist", "tracker");
  const demo = join(deps.root, "demo");
  const scripts = new Map([
    ["/tracker.js", "tracker.js"],
    ["/tracker.mjs", "tracker.mjs"],
    ["/tracker-preview.js", "tracker-preview.js"],
    ["/tracker-bodies.js", "tracker-bodies.js"],
    ["/tracker-assist.js", "tracker-assist.js"],
    ...deps.trackerPaths.map((path): [string, string] => [path, path.endsWith(".mjs") ? "tracker.mjs" : "tracker.js"]),
  ]);
  const putKey = (text: string) => text.replaceAll("%PROJECT_KEY%", deps.demoKey());

  const guestPage = async (ancestors: string): Promise<{ asset: Asset; headers: Headers }> => {
    const page = await assets.get(join(viewer, "index.html"));
    if (!page) throw notBuilt("viewer");
    return { asset: page, headers: { ...viewerHeaders(false, ancestors), "Referrer-Policy": "no-referrer" } };
  };

  /** Those who may frame, as CSP takes them; nobody where the project names none. */
  const ancestorsOf = async (projectId: number): Promise<string> => {
    const origins = projectId > MAX_ID ? [] : await deps.embedOrigins(projectId);
    return origins.filter((origin) => ANCESTOR.test(origin)).join(" ");
  };

  const find = async (head: RequestHead): Promise<{ asset: Asset; headers: Headers } | null> => {
    const script = scripts.get(head.path);
    if (script !== undefined) {
      const asset = await assets.get(join(tracker, script));
      if (!asset) throw notBuilt("tracker");
      return { asset, headers: FOR_ALL_PAGES };
    }
    if (head.path === EMBED_SCRIPT) {
      const asset = await assets.get(join(viewer, "embed.js"));
      if (!asset) throw notBuilt("viewer");
      return { asset, headers: FOR_ALL_PAGES };
    }
    const parts = splitPath(head.path);
    if (!parts) return null;
    if (parts[0] === "demo") {
      const rest = parts.slice(1).filter((part) => part !== "");
      const name = rest.length === 0 ? "index.html" : rest.join("/");
      const asset = await assets.get(join(demo, name), name.endsWith(".html") ? putKey : undefined);
      return asset && { asset, headers: { "Cache-Control": ALWAYS_ASK, "Content-Security-Policy": DEMO_POLICY } };
    }
    const isPage = (head.headers["accept"] ?? "").includes("text/html");
    const name = head.path === "/" ? "index.html" : parts.join("/");
    const file = await assets.get(join(viewer, name));
    if (file) return { asset: file, headers: viewerHeaders(parts[0] === "assets") };
    if (!isPage || parts[0] === "assets" || parts[0] === "v1" || parts[0] === "api") return null;
    const sessionId = SESSION_PATH.exec(head.path)?.[1];
    const page = await assets.get(join(viewer, sessionId === undefined ? "index.html" : "session.html"));
    if (!page) throw notBuilt("viewer");
    return { asset: page, headers: { ...viewerHeaders(false), ...(sessionId === undefined ? {} : askAtOnce(sessionId)) } };
  };

  return async (head, exchange) => {
    if (head.path === STAGE_PATH) {
      exchange.sendBytes(200, stageHeaders(head.query), Buffer.from(STAGE_PAGE));
      return true;
    }
    const [, projectId, stage] = EMBED_PATH.exec(head.path) ?? [];
    if (projectId !== undefined) {
      const ancestors = await ancestorsOf(Number(projectId));
      if (stage !== undefined) {
        exchange.sendBytes(200, stageHeaders(head.query, ` ${ancestors}`.trimEnd()), Buffer.from(STAGE_PAGE));
        return true;
      }
      const page = await guestPage(ancestors || "'none'");
      sendAsset(exchange, head, page.asset, page.headers);
      return true;
    }
    if (SHARE_PATH.test(head.path)) {
      const page = await guestPage("'none'");
      sendAsset(exchange, head, page.asset, page.headers);
      return true;
    }
    const found = await find(head);
    if (!found) return false;
    sendAsset(exchange, head, found.asset, found.headers);
    return true;
  };
}

function sendAsset(exchange: Exchange, head: RequestHead, asset: Asset, headers: Headers): void {
  const common = { ...headers, ETag: asset.etag, Vary: "Accept-Encoding" };
  const known = head.headers["if-none-match"] ?? "";
  if (known === "*" || known.split(",").some((etag) => etag.trim().replace(/^W\//, "") === asset.etag)) {
    exchange.sendBytes(304, common, new Uint8Array(0));
    return;
  }
  const { bytes, encoding } = pickEncoding(asset, head.headers["accept-encoding"] ?? "");
  exchange.sendBytes(
    200,
    { ...common, "Content-Type": asset.contentType, ...(encoding === null ? {} : { "Content-Encoding": encoding }) },
    bytes,
  );
}

function viewerHeaders(isHashed: boolean, ancestors = "'self'"): Headers {
  return {
    "Cache-Control": isHashed ? FOR_EVER : ALWAYS_ASK,
    "Content-Security-Policy": viewerPolicy(ancestors),
    // Chromium looks up the host of every link on a page by itself, those of a recording included.
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Opener-Policy": "same-origin",
  };
}

/**
 * What a recording may do in the viewer's browser. The page in which it is shown has no script, and the frames inside inherit all of this: no
 * script, no connection, no frame, no form, and images, fonts and style sheets from nowhere but `hosts`.
 *
 * Not even from ourselves: an address of ours in a recording would be asked for with the viewer's cookie.
 * @param ancestors further origins whose pages may be around it, each after a space
 */
export function stagePolicy(hosts: readonly string[], ancestors = ""): string {
  const from = hosts.map((host) => ` ${host}`).join("");
  return [
    "default-src 'none'",
    `style-src 'unsafe-inline'${from}`,
    `img-src data: blob:${from}`,
    `font-src data:${from}`,
    "script-src 'none'",
    "connect-src 'none'",
    "media-src 'none'",
    "frame-src 'none'",
    "object-src 'none'",
    "worker-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors 'self'${ancestors}`,
    "sandbox allow-same-origin",
  ].join("; ");
}

/** @param query `from=` for each host that the viewer has allowed; what is no host is left out */
function stageHeaders(query: string, ancestors = ""): Headers {
  const hosts = new URLSearchParams(query).getAll("from").filter((host) => HOST.test(host));
  return {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": ALWAYS_ASK,
    "Content-Security-Policy": stagePolicy(hosts.slice(0, MAX_STAGE_HOSTS), ancestors),
    "Referrer-Policy": "no-referrer",
    "X-DNS-Prefetch-Control": "off",
    "Permissions-Policy": STAGE_PERMISSIONS,
  };
}

/** Has a browser ask for what the page of a session needs before the viewer's program runs, which asks for the same. */
function askAtOnce(sessionId: string): Headers {
  const paths = [`/v1/sessions/${sessionId}`, "/auth/me", "/v1/projects"];
  return { Link: paths.map((path) => `<${path}>; rel=preload; as=fetch; crossorigin`).join(", ") };
}

/** The decoded segments of a path, or null for one that could lead out of its folder or to a hidden file. */
export function splitPath(path: string): string[] | null {
  let parts: string[];
  try {
    parts = path.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return null;
  }
  return parts.some((part) => part.startsWith(".") || /[/\\\0]/.test(part)) ? null : parts;
}

function notBuilt(part: string): AppError {
  return new AppError("not_found", `the ${part} is not built yet: run "npm run build"`);
}
