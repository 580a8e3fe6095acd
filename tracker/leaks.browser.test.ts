import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BrowserContext, Page } from "playwright-core";
import { createLeakPage, type LeakPage, type SecretKind } from "../test/harness/leak-page.ts";
import { findSecrets, type Evidence } from "../test/harness/leak-search.ts";
import { LOOSE } from "../test/harness/tracker-peer.ts";
import { eventually, KEY, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

const KINDS: readonly SecretKind[] = [
  "always",
  "typed",
  "email",
  "number",
  "token",
  "text",
  "masked",
  "blocked",
  "unmasked",
  "machine",
  "given",
];
/** What the definition of a mode lets through; everything else must not be found once. */
const MARKS = `data-mask-text-selector=".private" data-unmask-selector=".public" data-block-selector=".sealed" data-ignore-selector=".ignored"`;
const EVERYTHING = `${MARKS} data-record-console data-record-network`;
const SENSITIVE: readonly SecretKind[] = ["text", "unmasked", "given"];
const ALL: readonly SecretKind[] = ["unmasked", "given"];
const NONE: readonly SecretKind[] = ["email", "number", "token", "text", "unmasked", "given"];

type Transport = "socket" | "http" | "leaving" | "device";

let pages: TrackerPages;
const table: Record<string, string>[] = [];
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(async () => {
  console.table(table);
  await pages.close();
});

/** Has the page recorded by one way, and returns all that left it. */
async function record(leak: LeakPage, data: string, transport: Transport, name: string): Promise<Evidence> {
  const { peer } = pages;
  const context = await pages.browser.newContext();
  peer.behaviour.settings = LOOSE;
  const from = peer.page(`/from-${name}`, `<!doctype html><script src="/tracker.js" data-key="${KEY}" ${data}></script>`);
  const url = peer.page(
    `/leak-${name}`,
    `<!doctype html><html><head>${leak.head}</head><body>${leak.body}<script src="/tracker.js" data-key="${KEY}" ${data}></script></body></html>`,
  );
  const page = await context.newPage();
  // The project is known from the page before.
  await page.goto(from + leak.referrerSearch);
  await eventually("the page before", () =>
    page.evaluate(() => "watchback.0123456789abcdef0123456789abcdef.rules" in localStorage),
  );
  peer.forget();
  peer.behaviour.takesSockets = transport === "socket";
  peer.behaviour.takesHttp = transport === "http" || transport === "leaving";
  peer.behaviour.isAcking = transport === "socket" || transport === "http";
  await page.evaluate((to) => location.assign(to), url + leak.search);
  await page.waitForURL(`**/leak-${name}*`);
  await act(page, leak);
  if (transport === "leaving") await page.goto("about:blank");
  if (transport !== "device") await eventually("the last mark", () => JSON.stringify(peer.log).includes(`"name":"bought"`));
  const isKept = (text: string): boolean => transport !== "device" || text.includes(`"name":"bought"`);
  const device =
    transport === "leaving"
      ? ""
      : await eventually("what is on the device", async () => {
          const text = await deviceOf(page, context);
          return isKept(text) ? text : null;
        });
  await context.close();
  Object.assign(peer.behaviour, { takesSockets: true, takesHttp: true, isAcking: true, settings: null });
  return {
    bytes: [...peer.received],
    texts: [JSON.stringify(peer.allEvents()), JSON.stringify(peer.log), device],
  };
}

async function act(page: Page, leak: LeakPage): Promise<void> {
  await page.waitForFunction(() => Boolean(window.watchback?.sessionId?.()));
  for (const [selector, text] of leak.typing) await page.locator(selector).pressSequentially(text);
  await page.setInputFiles("#file", { name: "zqhiddenfile.txt", mimeType: "text/plain", buffer: Buffer.from("x") });
  await page.evaluate(`(async () => {${leak.script}})()`);
  await page.evaluate(() => window.watchback?.flush?.());
}

/** What is left on the visitor's device, inflated. */
async function deviceOf(page: Page, context: BrowserContext): Promise<string> {
  const stored = await page.evaluate(async () => {
    // Batches go to the device when they have waited for a while.
    await new Promise((resolve) => setTimeout(resolve, 600));
    const database = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open("watchback");
      request.onsuccess = () => resolve(request.result);
    });
    const read = (name: string): Promise<unknown[]> =>
      new Promise((resolve) => {
        const all = database.transaction(name).objectStore(name).getAll();
        all.onsuccess = () => resolve(all.result as unknown[]);
      });
    const entries = (await read("batches")) as { batch: { encoding: string; payload: Uint8Array<ArrayBuffer> } }[];
    const payloads = await Promise.all(
      entries.map(({ batch }) => {
        const { body } = new Response(batch.payload);
        return new Response(batch.encoding === "json" ? body : body?.pipeThrough(new DecompressionStream("deflate-raw"))).text();
      }),
    );
    const text = JSON.stringify([
      await read("tabs"),
      entries,
      Object.entries(localStorage),
      Object.entries(sessionStorage),
      payloads,
    ]);
    database.close();
    return text;
  });
  return stored + JSON.stringify(await context.storageState());
}

const CASES: [mode: string, transport: Transport, data: string, allowed: readonly SecretKind[]][] = [
  ["sensitive", "socket", EVERYTHING, SENSITIVE],
  ["sensitive", "http", EVERYTHING, SENSITIVE],
  ["sensitive", "leaving", EVERYTHING, SENSITIVE],
  ["sensitive", "device", EVERYTHING, SENSITIVE],
  ["sensitive, nothing said", "socket", MARKS, SENSITIVE],
  ["all", "socket", `${EVERYTHING} data-mask-text="all"`, ALL],
  ["all", "http", `${EVERYTHING} data-mask-text="all"`, ALL],
  ["all", "leaving", `${EVERYTHING} data-mask-text="all"`, ALL],
  ["all", "device", `${EVERYTHING} data-mask-text="all"`, ALL],
  ["none", "socket", `${EVERYTHING} data-mask-text="none"`, NONE],
  ["none, inputs shown", "socket", `${EVERYTHING} data-mask-text="none" data-mask-all-inputs="false"`, [...NONE, "typed"]],
  ["sensitive, inputs shown", "socket", `${EVERYTHING} data-mask-all-inputs="false"`, [...SENSITIVE, "typed"]],
];

describe("the masking page", () => {
  test.each(CASES)("TRK-8 mode %s by %s: nothing is found but what the mode allows", async (mode, transport, data, allowed) => {
    const leak = createLeakPage();
    leak.secrets.push({ place: "name of a file", kind: "typed", value: "zqhiddenfile" });
    const evidence = await record(leak, data, transport, String(table.length));
    const found = findSecrets(leak.secrets, evidence);
    const row: Record<string, string> = { mode, by: transport };
    for (const kind of KINDS) {
      const there = leak.secrets.filter((secret) => secret.kind === kind);
      row[kind] = `${found.filter(({ secret }) => secret.kind === kind).length}/${there.length}`;
    }
    table.push(row);
    // The page was recorded at all, and the search finds what is there.
    expect(found.filter(({ secret }) => secret.kind === "given")).toHaveLength(2);
    const leaks = found.filter(({ secret }) => !allowed.includes(secret.kind));
    expect(leaks.map(({ secret, form }) => `${secret.kind} in ${secret.place}: ${secret.value} (${form})`)).toEqual([]);
    if (allowed.includes("text"))
      expect(found.some(({ secret }) => secret.kind === "text" && secret.place === "text")).toBe(true);
  });
});
