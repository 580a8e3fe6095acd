import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { eventsOf, LOOSE, type SeenTab } from "../test/harness/tracker-peer.ts";
import { eventually, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());
afterEach(() => {
  pages.peer.behaviour.settings = null;
});

interface Told {
  name: string;
  requestBody?: string;
  responseBody?: string;
}

function requestsOf(url: string): Told[] {
  const tabs: SeenTab[] = [...pages.peer.tabs.values()].filter((seen) => seen.start.url === url);
  return tabs
    .flatMap((seen) => [...seen.batches.values()].flatMap(eventsOf))
    .flatMap((event) => (event.type === 6 ? ((event["data"] as { payload: { requests?: Told[] } }).payload.requests ?? []) : []));
}

const ASK = async (): Promise<void> => {
  const body = JSON.stringify({ who: "ada@example.com", note: "x".repeat(20_000) });
  const answer = await fetch("/echo?fetch", { method: "POST", body });
  if (!(await answer.text()).includes("hello")) throw new Error("the page cannot read its answer");
  await (
    await fetch(new Request("/echo?request", { method: "POST", body: "a=1", headers: { "content-type": "text/plain" } }))
  ).text();
  await new Promise((resolve) => {
    const asked = new XMLHttpRequest();
    asked.open("POST", "/echo?xhr");
    asked.onload = resolve;
    asked.send(new URLSearchParams({ word: "sent" }));
  });
};

test.each([true, false])("TRK-89 bodies are told where project and page say so, masked and cut: %s", async (asks) => {
  pages.peer.behaviour.settings = { ...LOOSE, recordBodies: asks };
  const { page, url, context } = await pages.open("<p>x</p>", { data: "data-record-network=true" });
  await context.route("**/echo*", (route) =>
    route.fulfill({ contentType: "application/json", body: `{"hello":"bob@example.com"}` }),
  );
  await eventually("the project's rules", () =>
    page.evaluate(() => Object.keys(localStorage).some((name) => name.endsWith(".rules"))),
  );
  await page.reload({ waitUntil: "networkidle" });
  await page.evaluate(ASK);
  const told = await eventually("three requests", () => {
    const found = requestsOf(url).filter(({ name }) => name.includes("/echo"));
    return found.length === 3 ? found : null;
  });
  // A body is read by itself, and may take longer than that of the next one.
  const [first, second, third] = ["fetch", "request", "xhr"].map((way) => told.find(({ name }) => name.includes(`?${way}`)));
  expect([first, second, third]).not.toContain(undefined);
  if (asks) {
    expect(first?.requestBody).toHaveLength(8_000);
    expect(first?.responseBody).toMatch(/^\{"hello":"\*+"\}$/);
    expect([second?.requestBody, third?.requestBody]).toEqual(["a=1", "word=sent"]);
    expect(third?.responseBody).toContain("hello");
  } else for (const one of told) expect(Object.keys(one)).not.toContain("responseBody");
  expect(JSON.stringify(told)).not.toMatch(/ada@|bob@/);
  expect(await page.locator("script[src*=bodies]").count()).toBe(asks ? 1 : 0);
  await page.evaluate(() => window.watchback?.stop?.());
  expect(await page.locator("script[src*=bodies]").count()).toBe(0);
  await context.close();
});
