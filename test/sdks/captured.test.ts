import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { waitFor } from "../harness/wait.ts";
import { startShop, type Shop } from "./browser-sdk.ts";
import { bodyOf, itemsOf, readEnvelope, startCapture, toObject } from "./capture.ts";
import { runNodeSdk, SDK_VERSIONS } from "./node-sdk.ts";

describe.each(SDK_VERSIONS)("@sentry/node %i", (version) => {
  it("SDK-1 reports as an application does, and what it sends is kept byte for byte", { timeout: 60_000 }, async () => {
    const server = await startCapture();
    const { version: exact, eventIds } = await runNodeSdk(version, { dsn: server.dsn(), options: { tracesSampleRate: 1 } });
    expect(exact).toMatch(new RegExp(`^${version}\\.`));
    const sent = itemsOf(server.requests, "event").map((item) => toObject(item.payload)["event_id"]);
    expect(sent.toSorted()).toEqual(eventIds.toSorted());
    expect(server.requests.some(({ headers }) => headers["content-encoding"] === "gzip")).toBe(true);
    expect(server.requests.every(({ headers }) => headers["transfer-encoding"] === "chunked")).toBe(true);
    await server.close();
  });
});

describe("@sentry/browser", () => {
  let browser: Browser;
  let shop: Shop;

  beforeAll(async () => {
    [browser, shop] = await Promise.all([launchBrowser(), startShop()]);
  });

  afterAll(async () => {
    await browser.close();
    await shop.close();
  });

  it.each(SDK_VERSIONS)("SDK-1 %i reports errors and records a replay", { timeout: 60_000 }, async (version) => {
    const server = await startCapture();
    const page = await browser.newPage();
    await page.goto(
      shop.pageUrl(version, {
        dsn: server.dsn(),
        options: { replaysSessionSampleRate: 1, replaysOnErrorSampleRate: 1 },
        replay: {},
      }),
    );
    await page.evaluate("shop.addLine('a kettle'); shop.fail('no kettle left')");
    await page.click("#buy");
    await waitFor(() => page.evaluate<boolean>("shop.eventIds.length === 1"));
    await page.evaluate("shop.flush()");
    await waitFor(() => itemsOf(server.requests, "replay_recording").length > 0);
    const [event] = itemsOf(server.requests, "replay_event");
    expect(toObject(event?.payload ?? Buffer.from("{}"))).toMatchObject({ segment_id: 0, replay_type: "session" });
    expect(itemsOf(server.requests, "event").map((item) => toObject(item.payload)["event_id"])).toEqual(
      await page.evaluate("shop.eventIds"),
    );
    expect(server.requests.map((request) => readEnvelope(bodyOf(request)).items.length).every((count) => count > 0)).toBe(true);
    await page.close();
    await server.close();
  });
});
