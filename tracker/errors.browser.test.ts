import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import type { Cause } from "../protocol/markers.ts";
import { LOOSE } from "../test/harness/tracker-peer.ts";
import { eventually, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());
afterEach(() => {
  pages.peer.behaviour.settings = null;
});

/** The error markers of a page once there are so many. */
async function errorsOf(page: Page, url: string, count: number) {
  await page.evaluate(() => window.watchback?.flush?.());
  return eventually(`${count} errors`, () => {
    const tabs = [...pages.peer.tabs.values()].filter((seen) => seen.start.url === url);
    const batches = tabs.flatMap((seen) => [...seen.batches.values()].sort((a, b) => a.seq - b.seq));
    const errors = batches.flatMap(({ markers }) => markers).filter(({ kind }) => kind === "error");
    return errors.length >= count ? errors : null;
  });
}

const chainOf = (causes: readonly Cause[] | undefined) => causes?.map(({ name, text, source, of }) => [name, text, source, of]);

describe("an error", () => {
  test("TRK-53 comes with its causes, those that it gathers, and theirs, each with its stack and once", async () => {
    const { page, url } = await pages.open("<p>chain</p>");
    await page.evaluate(() => {
      function readPrice(): never {
        throw new TypeError("no price");
      }
      try {
        readPrice();
      } catch (cause) {
        const middle = new RangeError("no total", { cause });
        const gathered = new AggregateError([middle, new SyntaxError("bad coupon"), "no error at all"], "no checkout");
        // Back to where it began.
        Object.assign(cause as Error, { cause: gathered });
        window.watchback?.captureError?.(gathered);
        window.watchback?.captureError?.(new Error("plain", { cause: "only words" }));
        window.watchback?.captureError?.(Object.assign(new Error("invalid"), { errors: [{ path: "name" }] }));
      }
    });
    const [gathered, plain, invalid] = await errorsOf(page, url, 3);
    expect(chainOf(gathered?.causes)).toEqual([
      ["RangeError", "no total", "errors[0]", 0],
      ["TypeError", "no price", "cause", 1],
      ["SyntaxError", "bad coupon", "errors[1]", 0],
    ]);
    expect(gathered?.causes?.[1]?.stack).toContain("readPrice");
    expect(chainOf(plain?.causes)).toEqual([["Error", "only words", "cause", 0]]);
    expect(invalid?.causes).toBeUndefined();
    await page.close();
  });

  test("TRK-53 an endless chain and a huge gathering are cut", async () => {
    const { page, url } = await pages.open("<p>long</p>");
    await page.evaluate(() => {
      let error = new Error("0");
      for (let depth = 1; depth < 10_000; depth++) error = new Error(String(depth), { cause: error });
      window.watchback?.captureError?.(error);
      window.watchback?.captureError?.(new AggregateError(Array.from({ length: 100_000 }, (_, at) => new Error(String(at)))));
    });
    const [chain, many] = await errorsOf(page, url, 2);
    expect(chain?.causes?.map(({ text }) => text)).toEqual(["9998", "9997", "9996", "9995", "9994", "9993", "9992", "9991"]);
    expect(many?.causes?.map(({ source }) => source)).toEqual(Array.from({ length: 8 }, (_, at) => `errors[${at}]`));
    await page.close();
  });

  test("TRK-42 whatever is thrown is told: objects, nothing, errors of other windows, traps", async () => {
    const { page, url, faults } = await pages.open("<iframe srcdoc='<p>x</p>'></iframe>");
    await page.evaluate(async () => {
      const capture = (thrown: unknown) => window.watchback?.captureError?.(thrown);
      capture({ size: 17, why: "no such cup" });
      capture(undefined);
      capture(Symbol("sign"));
      capture(Object.create(null));
      capture(
        new Proxy(new Error("x"), {
          get() {
            throw new Error("trap");
          },
        }),
      );
      const other = document.querySelector("iframe")?.contentWindow as (Window & { Error: ErrorConstructor }) | null;
      await new Promise((resolve) => setTimeout(resolve));
      if (other) capture(new other.Error("of another window"));
      const script = document.createElement("script");
      script.textContent = "let broken = ;";
      document.body.append(script);
    });
    const errors = await errorsOf(page, url, 7);
    const told = errors.map(({ name, text }) => [name, text]);
    expect(told.slice(0, 3)).toEqual([
      ["Error", '{"size":17,"why":"no such cup"}'],
      ["Error", "undefined"],
      ["Error", "Symbol(sign)"],
    ]);
    expect(told.at(-2)).toEqual(["Error", "of another window"]);
    expect(told.at(-1)?.[0]).toBe("SyntaxError");
    expect(faults).toHaveLength(1);
    await page.close();
  });

  test("TRK-42 where the browser gives no stack, the place it names is one", async () => {
    const { page, url } = await pages.open(`<script>addEventListener("load", () => { throw "just words"; });</script>`);
    const [error] = await errorsOf(page, url, 1);
    expect(error).toMatchObject({ name: "Error", text: "just words" });
    expect(error?.stack).toMatch(/^ {4}at .*:\d+:\d+$/);
    await page.close();
  });

  test("TRK-54 comes with release, environment and the state of its page", async () => {
    const { page, url } = await pages.open("<p style='height:9000px'>state</p>", {
      data: `data-release="shop@7" data-environment="staging"`,
    });
    await page.evaluate(() => {
      scrollTo(0, 500);
      window.watchback?.captureError?.(new Error("here"));
    });
    const [error] = await errorsOf(page, url, 1);
    const viewport = page.viewportSize();
    expect(error?.data).toMatchObject({
      ...{
        handled: true,
        mechanism: "manual",
        release: "shop@7",
        environment: "staging",
        online: true,
        scrollX: 0,
        scrollY: 500,
      },
      ...{ visibility: "visible", readyState: "complete", width: viewport?.width, height: viewport?.height },
    });
    expect(error?.data?.["pageAgeMs"]).toBeGreaterThan(0);
    await page.close();
  });

  test("TRK-6 TRK-60 causes are masked like the error, also when stricter rules come after it", async () => {
    const throwIt = () => {
      const cause = new Error("to ada@example.com");
      window.watchback?.captureError?.(new Error(`the word "secret" of bob@example.com`, { cause }));
    };
    const mild = await pages.open("<p>mild</p>");
    await mild.page.evaluate(throwIt);
    const [first] = await errorsOf(mild.page, mild.url, 1);
    expect(JSON.stringify(first)).not.toMatch(/(ada|bob)@example/);
    expect(first?.text).toContain('"secret"');
    await mild.page.close();

    const strict = await pages.open("<p>strict</p>", { context: await pages.browser.newContext(), before: () => undefined });
    await strict.page.evaluate(throwIt);
    await errorsOf(strict.page, strict.url, 1);
    await strict.page.close();
    pages.peer.behaviour.settings = { ...LOOSE, maskText: "all" };
    const before = pages.peer.received.length;
    const late = await pages.open(`<script>
      window.addEventListener("DOMContentLoaded", () => window.watchback.captureError(
        new Error('outer "hidden-a"', { cause: new Error('inner "hidden-b"') })));</script>`);
    const [again] = await errorsOf(late.page, late.url, 1);
    expect(chainOf(again?.causes)).toEqual([["Error", "inner **********", "cause", 0]]);
    const sent = Buffer.concat(pages.peer.received.slice(before)).toString();
    const at = sent.search(/hidden-[ab]/);
    expect(at < 0 ? "" : sent.slice(at - 100, at + 50)).toBe("");
    await late.page.close();
  });
});
