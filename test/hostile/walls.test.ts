import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Browser, BrowserContext } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { waitFor } from "../harness/wait.ts";
import { startAttacker, type Attacker } from "./attacker.ts";
import { addition, checkout, done, PageWriter } from "./nodes.ts";
import { VECTORS } from "./vectors.ts";
import { beginVisit, openWatcher, readTraces, waitForSentinel, waitUntilDone } from "./watcher.ts";

const VIEWER = fileURLToPath(new URL("../../viewer/", import.meta.url));

/** What is taken away from a viewer. */
interface Bent {
  policy?: boolean;
  sandbox?: boolean;
  cleaning?: boolean;
}

let app: TestApp;
let browser: Browser;
let attacker: Attacker;
/** Files of a viewer that cleans nothing, by their path. */
const uncleaned = new Map<string, string>();

beforeAll(async () => {
  // A page that a test has answered counts as one of the internet, which may not ask this machine for anything.
  const flags = ["--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"];
  [app, browser, attacker] = await Promise.all([startApp(), launchBrowser(flags), startAttacker(), buildUncleaned()]);
});

afterAll(async () => {
  await browser.close();
  await attacker.close();
  await app.remove();
});

/** Builds a viewer whose cleaning lets everything through. */
async function buildUncleaned(): Promise<void> {
  const letThrough: Readonly<Record<string, string>> = {
    "clean-events.ts": "export const cleanEvent = (event) => event;",
    "scene-guard.ts":
      "export class SceneGuard { isCut = false; admit(event) { return event; } } export const countChanges = () => 1;",
  };
  const built = await build({
    root: VIEWER,
    configFile: false,
    logLevel: "error",
    publicDir: false,
    plugins: [
      {
        name: "without-cleaning",
        enforce: "pre",
        load: (id) => letThrough[/\/player\/([\w-]+\.ts)$/.exec(id)?.[1] ?? ""] ?? null,
      },
      svelte({ configFile: false }),
    ],
    build: { write: false, target: "es2023", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
  for (const file of (Array.isArray(built) ? built : [built]).flatMap((one) => ("output" in one ? one.output : [])))
    uncleaned.set(`/${file.fileName}`, file.type === "chunk" ? file.code : Buffer.from(file.source).toString("utf8"));
}

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript",
  css: "text/css",
  html: "text/html",
  svg: "image/svg+xml",
};

/** Takes walls of the viewer away, in what its browser receives. */
async function bend(context: BrowserContext, without: Bent): Promise<void> {
  const open = (script: string) =>
    without.sandbox === true
      ? script
          .replace(/UNSAFE_replayCanvas:(!1|false),showWarning/, "UNSAFE_replayCanvas:!0,showWarning")
          .replaceAll("allow-same-origin", "allow-same-origin allow-scripts")
      : script;
  await context.route(`${app.baseUrl}/**`, async (route) => {
    const request = route.request();
    const { pathname } = new URL(request.url());
    const isPage = request.resourceType() === "document";
    if (!isPage && !pathname.startsWith("/assets/")) return route.continue();
    const own =
      without.cleaning === true ? uncleaned.get(isPage && pathname !== "/player" ? "/index.html" : pathname) : undefined;
    const answer = own === undefined ? await route.fetch() : null;
    const headers = answer?.headers() ?? {
      "content-type": TYPES[isPage ? "html" : (pathname.split(".").pop() ?? "")] ?? "text/plain",
    };
    if (own !== undefined && isPage)
      headers["content-security-policy"] = (await route.fetch()).headers()["content-security-policy"] ?? "";
    if (without.policy === true) delete headers["content-security-policy"];
    await route.fulfill({ status: 200, headers, body: open(own ?? (await answer?.text()) ?? "") });
  });
}

/**
 * Plays the vectors that need no more than to be built, and counts what ran and what was asked for.
 * @param expected where walls are missing: what was set off needs its time to arrive, and is waited for until it is more than this
 */
async function play(
  without: Bent,
  expected?: { scripts: number; requests: number },
): Promise<{ scripts: number; requests: number }> {
  attacker.seen.length = 0;
  const watcher = await openWatcher(browser, app, (context) => bend(context, without));
  const at = Date.now() - 5_000;
  const write = new PageWriter();
  const nodes = ["scripts", "handlers", "media", "styles"].flatMap((name) => VECTORS[name]?.(write, attacker) ?? []);
  const visit = beginVisit(app, at);
  await visit.send(checkout(at, nodes), { firstAt: at, lastAt: at + 10, checkout: true });
  await watcher.page.goto(`${app.baseUrl}/sessions/${visit.sessionId}`);
  await waitForSentinel(watcher.page, "not yet");
  await visit.send([addition(at + 20, VECTORS["handlers"]?.(write, attacker) ?? []), done(at + 30)], {
    firstAt: at + 20,
    lastAt: at + 30,
  });
  await waitUntilDone(watcher.page);
  const count = async () => ({
    scripts: (await readTraces(watcher.page)).ran.length + watcher.harm.length,
    requests: attacker.seen.filter((one) => one !== "connection").length,
  });
  let counted = await count();
  if (expected)
    await waitFor(
      async () => {
        counted = await count();
        return counted.scripts > expected.scripts && counted.requests > expected.requests;
      },
      { what: () => `more than ${JSON.stringify(expected)}; ${JSON.stringify(counted)} came` },
    );
  visit.end();
  await watcher.close();
  return counted;
}

describe("the walls", () => {
  it("VIE-32 hold each by itself, and without them the suite sees what happens", { timeout: 180_000 }, async () => {
    const whole = await play({});
    const policyAlone = await play({ sandbox: true, cleaning: true });
    const sandboxAlone = await play({ policy: true, cleaning: true }, { scripts: -1, requests: 0 });
    const cleaningAlone = await play({ policy: true, sandbox: true }, { scripts: -1, requests: 0 });
    // The mutants: no policy, and scripts allowed.
    const none = await play({ policy: true, sandbox: true, cleaning: true }, { scripts: 0, requests: sandboxAlone.requests / 2 });
    expect(whole).toEqual({ scripts: 0, requests: 0 });
    expect(policyAlone).toEqual({ scripts: 0, requests: 0 });
    expect(sandboxAlone.scripts).toBe(0);
    expect(cleaningAlone.scripts).toBe(0);
    expect(sandboxAlone.requests).toBeGreaterThan(0);
    expect(none.scripts).toBeGreaterThan(0);
    expect(none.requests).toBeGreaterThan(sandboxAlone.requests / 2);
    console.log("walls:", JSON.stringify({ whole, policyAlone, sandboxAlone, cleaningAlone, none }));
  });
});
