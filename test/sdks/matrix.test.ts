import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as v from "valibot";
import { withClient } from "../../server/db/connection.ts";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { waitFor } from "../harness/wait.ts";
import { startShop, type Shop } from "./browser-sdk.ts";
import { itemsOf, startCapture, toObject, type CaptureServer } from "./capture.ts";
import { runNodeSdk, SDK_VERSIONS, type SdkVersion } from "./node-sdk.ts";

let app: TestApp;
let projectId: number;

beforeAll(async () => {
  app = await startApp({ env: { RATE_LIMIT_REQUESTS_PER_SEC: "1000", RATE_LIMIT_BURST: "5000" } });
  const { projects } = v.parse(v.object({ projects: v.array(v.object({ id: v.number() })) }), await app.getJson("/v1/projects"));
  projectId = projects[0]?.id ?? 0;
});

afterAll(async () => {
  await app.remove();
});

/** A server in front of the app, which keeps all that goes by; and the DSN that leads through it. */
async function inFront(): Promise<{ server: CaptureServer; dsn: string }> {
  const server = await startCapture({ proxyTo: app.baseUrl });
  return { server, dsn: server.dsn(app.projectKey, projectId) };
}

/** An application's own tunnel to the app: SDKs send everything to `tunnel`, and only the envelope says whose it is. */
async function behindTunnel(): Promise<{ server: CaptureServer; dsn: string; tunnel: string }> {
  const server = await startCapture({ tunnelTo: `${app.baseUrl}/api/${projectId}/envelope/` });
  const { host } = new URL(app.baseUrl);
  return { server, dsn: `http://${app.projectKey}@${host}/${projectId}`, tunnel: `${server.origin}/tunnel` };
}

function rows<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
  return withClient(
    { connectionString: app.databaseUrl ?? "" },
    async (client) => (await client.query<Row>(sql, [...values])).rows,
  );
}

/** Waits until each of these events is an occurrence, and fails where one is there twice. */
async function expectEachOnce(eventIds: readonly string[]): Promise<void> {
  const read = () =>
    rows<{ event_id: string }>("SELECT event_id FROM occurrences WHERE project_id = $1 AND event_id = ANY($2)", [
      projectId,
      eventIds,
    ]);
  const found = await waitFor(
    async () => {
      const seen = await read();
      return seen.length >= eventIds.length ? seen : null;
    },
    { timeoutMs: 30_000, what: () => `the events ${eventIds.join(", ")} to be digested` },
  );
  expect(found.map((row) => row.event_id).toSorted()).toEqual(eventIds.toSorted());
}

function expectAllAccepted(server: CaptureServer): void {
  expect(server.requests.length).toBeGreaterThan(0);
  expect(server.requests.filter(({ status }) => status !== 200).map(({ url, status }) => `${url} ${status}`)).toEqual([]);
}

describe.each(SDK_VERSIONS)("@sentry/node %i", (version) => {
  it("SDK-2 every request is answered 200, and every event becomes one occurrence: compressed, chunked", async () => {
    const { server, dsn } = await inFront();
    const { eventIds } = await runNodeSdk(version, { dsn, options: { tracesSampleRate: 1 } });
    expectAllAccepted(server);
    expect(server.requests.some(({ headers }) => headers["content-encoding"] === "gzip")).toBe(true);
    await expectEachOnce(eventIds);
    await server.close();
  });

  it("SDK-3 the same through a tunnel, where only the envelope says whose it is", async () => {
    const { server, dsn, tunnel } = await behindTunnel();
    const { eventIds } = await runNodeSdk(version, { dsn, options: { tunnel } });
    expectAllAccepted(server);
    expect(server.requests.every(({ url }) => url === "/tunnel")).toBe(true);
    await expectEachOnce(eventIds);
    await server.close();
  });
});

describe.each(SDK_VERSIONS)("@sentry/browser %i", (version) => {
  let browser: Browser;
  let shop: Shop;

  beforeAll(async () => {
    [browser, shop] = await Promise.all([launchBrowser(), startShop()]);
  });

  afterAll(async () => {
    await browser.close();
    await shop.close();
  });

  it.each([
    ["of the whole session, compressed", { replaysSessionSampleRate: 1 }, { useCompression: true }],
    ["of the whole session, as plain JSON", { replaysSessionSampleRate: 1 }, { useCompression: false }],
    ["on error only", { replaysSessionSampleRate: 0, replaysOnErrorSampleRate: 1 }, {}],
  ])(
    "SDK-2 SDK-4 every request is answered 200, every event and every segment is stored once: a replay %s",
    async (_what, options, replay) => {
      const { server, dsn } = await inFront();
      const page = await openShop(version, { dsn, options, replay });
      await shopAround(page, server, options.replaysSessionSampleRate === 0);
      await expectStored(page, server);
      await page.close();
      await server.close();
    },
  );

  it("SDK-3 SDK-4 the same through a tunnel", async () => {
    const { server, dsn, tunnel } = await behindTunnel();
    const page = await openShop(version, { dsn, options: { tunnel, replaysSessionSampleRate: 1 }, replay: {} });
    await shopAround(page, server);
    await expectStored(page, server);
    await page.close();
    await server.close();
  });

  async function openShop(sdk: SdkVersion, settings: Parameters<Shop["pageUrl"]>[1]): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(shop.pageUrl(sdk, settings));
    return page;
  }

  /** Looks, clicks, fails, goes on after the error. */
  async function shopAround(page: Page, server: CaptureServer, isOnError = false): Promise<void> {
    await page.evaluate("shop.addLine('a kettle'); shop.fetchMissing(); console.error('odd')");
    await page.click("#buy");
    await page.evaluate("shop.fail('no kettle left')");
    await waitFor(() => page.evaluate<boolean>("shop.eventIds.length === 1"));
    // After an error the SDK flushes by itself, and another flush at the same moment would end its recording.
    if (!isOnError) await page.evaluate("shop.flush()");
    await expectSegments(server, 1);
    await page.evaluate("shop.addLine('a cup')");
    if (!isOnError) await page.evaluate("shop.flush()");
    await expectSegments(server, 2);
  }

  async function expectSegments(server: CaptureServer, count: number): Promise<void> {
    const seen = () => itemsOf(server.requests, "replay_recording").length;
    await waitFor(() => seen() >= count, { what: () => `${count} segments; ${seen()} came` });
  }

  async function expectStored(page: Page, server: CaptureServer): Promise<void> {
    expectAllAccepted(server);
    await expectEachOnce(await page.evaluate<string[]>("shop.eventIds"));
    const segmentsOf = (requests: CaptureServer["requests"]) =>
      itemsOf(requests, "replay_event").map((item) => toObject(item.payload));
    const replayId = String(segmentsOf(server.requests)[0]?.["replay_id"]);
    // The SDK may send another one meanwhile.
    const { requests, stored } = await waitFor(
      async () => {
        const found = await rows<{ session_id: string; seq: number; encoding: number; payload: Buffer }>(
          `SELECT e.session_id, e.seq, e.encoding, e.payload FROM replays r JOIN session_events e USING (session_id)
           WHERE r.project_id = $1 AND r.replay_id = $2 ORDER BY e.seq`,
          [projectId, replayId],
        );
        const taken = [...server.requests];
        return found.length >= segmentsOf(taken).length ? { requests: taken, stored: found } : null;
      },
      { timeoutMs: 20_000, what: () => `the ${segmentsOf(server.requests).length} segments of ${replayId} to be stored` },
    );
    expect(stored.map(({ seq }) => seq)).toEqual(
      segmentsOf(requests)
        .map((segment) => segment["segment_id"])
        .toSorted(),
    );
    // As received, to the byte.
    const sent = itemsOf(requests, "replay_recording").map((item) => item.payload.toString("base64"));
    expect(stored.map(({ payload }) => payload.toString("base64")).toSorted()).toEqual(sent.toSorted());
    const linked = await rows<{ session_id: string | null }>(
      "SELECT session_id FROM occurrences WHERE project_id = $1 AND event_id = ANY($2)",
      [projectId, await page.evaluate<string[]>("shop.eventIds")],
    );
    expect(linked).toEqual([{ session_id: stored[0]?.session_id }]);
  }
});
