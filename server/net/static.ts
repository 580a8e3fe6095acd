/** Files and pages: the viewer and its assets, the tracker script, the demo page. */

import { join } from "node:path";
import { AppError } from "../app-error.ts";
import { createAssets, pickEncoding, type Asset } from "./assets.ts";
import type { Exchange, Headers } from "./exchange.ts";
import type { Fallback, RequestHead } from "./http.ts";

/**
 * What the viewer's page may do. Recordings are hostile input: with this, replayed pages fetch no address and run no script
 * (measured with 22 attack nodes), and the replay's iframe inherits it.
 */
const VIEWER_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "media-src 'self' data: blob:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join("; ");
/** The strictest policy that our script-tag users commonly have: the demo page proves that the tracker works under it. */
const DEMO_POLICY = "default-src 'self'";

const FOR_EVER = "public, max-age=31536000, immutable";
const ALWAYS_ASK = "no-cache";
/** The tracker's address never changes, so a new version must get around within minutes. */
const TRACKER_AGE = "public, max-age=300";

export interface StaticDeps {
  /** Folder that holds `dist/` and `demo/`. */
  root: string;
  /** Ingest key written into the demo page. */
  demoKey: () => string;
  /** Further paths of the tracker script. */
  trackerPaths: readonly string[];
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
    ...deps.trackerPaths.map((path): [string, string] => [path, path.endsWith(".mjs") ? "tracker.mjs" : "tracker.js"]),
  ]);
  const putKey = (text: string) => text.replaceAll("%PROJECT_KEY%", deps.demoKey());

  const find = async (head: RequestHead): Promise<{ asset: Asset; headers: Headers } | null> => {
    const script = scripts.get(head.path);
    if (script !== undefined) {
      const asset = await assets.get(join(tracker, script));
      if (!asset) throw notBuilt("tracker");
      return {
        asset,
        headers: {
          "Cache-Control": TRACKER_AGE,
          "Access-Control-Allow-Origin": "*",
          "Cross-Origin-Resource-Policy": "cross-origin",
        },
      };
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
    const page = await assets.get(join(viewer, "index.html"));
    if (!page) throw notBuilt("viewer");
    return { asset: page, headers: viewerHeaders(false) };
  };

  return async (head, exchange) => {
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

function viewerHeaders(isHashed: boolean): Headers {
  return {
    "Cache-Control": isHashed ? FOR_EVER : ALWAYS_ASK,
    "Content-Security-Policy": VIEWER_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
  };
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
