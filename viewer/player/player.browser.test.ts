/** The player in a real browser, held against rrweb's own replay of the same events. */

import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readRecording, type Recording } from "../../bin/lib/recording.ts";
import { runInPage, startTestBrowser, toSession, type TestBrowser } from "../../test/harness/player-browser.ts";

let browser: TestBrowser;
let page: Page;

beforeAll(async () => {
  browser = await startTestBrowser();
});

afterAll(() => browser.close());

afterEach(() => page.close());

beforeEach(async () => {
  page = await browser.open();
});

function recording(name: string): Recording {
  return readRecording(fileURLToPath(new URL(`../../test/fixtures/recordings/${name}.json.gz`, import.meta.url)));
}

function inPage<T>(args: unknown, body: string): Promise<T> {
  return runInPage<T>(page, args, body);
}

const NAMES = ["todo", "dashboard", "table", "errors"];

/** Waits until the stage shows what rrweb alone makes of the same events, up to `at`. */
const EXPECT_SAME = `
  const same = async (stage, tab, at, what) => {
    const events = args.batches.filter((batch) => batch.tab === tab).flatMap((batch) => batch.events);
    const wanted = describe(onPage.replayByTheBook(events.filter((event) => event.timestamp <= at), at));
    let seen = "";
    try {
      await until(() => (seen = stage.document ? describe(stage.document) : "") === wanted, what);
    } catch (error) {
      const [a, b] = [wanted.split("\\n"), seen.split("\\n")];
      const line = a.findIndex((one, i) => one !== b[i]);
      throw new Error(error.message + " line " + line + ": " + a[line] + " | " + b[line] + " " + JSON.stringify(stage.failures));
    }
  };`;

describe("the player", () => {
  it.each(NAMES)("VIE-13 joins %s live at any moment, and shows in the end what a whole replay shows", async (name) => {
    const session = toSession(recording(name));
    const joins = [0, 0.25, 0.5, 0.9].map((part) => Math.floor(part * (session.batches.length - 1)));
    await inPage(
      { ...session, joins },
      `${EXPECT_SAME}
      const last = args.batches.at(-1);
      for (const join of args.joins) {
        const stage = new onPage.TestStage(args.tabs);
        stage.player.setConnected(true);
        stage.player.goLive();
        const start = args.batches.findLastIndex((batch, i) => batch.checkout && i <= join);
        for (const batch of args.batches.slice(start, join + 1)) stage.arrive(batch);
        await until(() => stage.status.stage === "shown", "the first scene of join " + join);
        for (const batch of args.batches.slice(join + 1)) {
          stage.arrive(batch);
          if (batch.seq % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 4));
        }
        await same(stage, last.tab, last.lastAt, "join " + join);
        stage.remove();
      }`,
    );
  });

  it.each([-3_600_000, 3_600_000])("VIE-2 is live with a page whose clock is off by %i ms", async (skew) => {
    const { tabs, batches } = toSession(recording("todo"));
    const shift = (key: string, value: unknown): unknown =>
      typeof value === "number" && /^(timestamp|firstAt|lastAt|startedAt|endedAt|at)$/.test(key) ? value + skew : value;
    await inPage(
      JSON.parse(JSON.stringify({ tabs, batches }, shift)),
      `${EXPECT_SAME}
      const stage = new onPage.TestStage(args.tabs);
      stage.player.setConnected(true);
      stage.player.goLive();
      for (const batch of args.batches) {
        stage.arrive(batch);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await same(stage, "tab0", args.batches.at(-1).lastAt, "the end");`,
    );
  });

  it("VIE-14 goes on when events come late, older than what is shown", async () => {
    await inPage(
      toSession(recording("dashboard")),
      `${EXPECT_SAME}
      const stage = new onPage.TestStage(args.tabs);
      stage.player.setConnected(true);
      stage.player.goLive();
      const [first, ...rest] = args.batches;
      stage.arrive(first);
      await until(() => stage.status.stage === "shown", "the first scene");
      // A batch of the future sets the clock far ahead; everything after it is late.
      stage.player.acceptLive({ lastAt: args.batches.at(-1).lastAt + 60000, checkout: false });
      for (const batch of rest) stage.arrive(batch);
      await same(stage, "tab0", args.batches.at(-1).lastAt, "the end");`,
    );
  });

  it.each(NAMES)("VIE-15 shows in %s, after any seek, what a replay up to that moment shows", async (name) => {
    await inPage(
      toSession(recording(name)),
      `${EXPECT_SAME}
      const stage = new onPage.TestStage(args.tabs);
      stage.store(args.batches);
      const from = args.batches[0].firstAt, to = args.batches.at(-1).lastAt;
      const parts = [0.5, 0.1, 0.95, 0.45, 0.46, 1, 0.02];
      for (const part of parts) {
        const at = from + (to - from) * part;
        stage.player.seek(at);
        await until(() => stage.status.stage === "shown" && Math.abs(stage.status.at - at) < 1, "the seek to " + part);
        await same(stage, "tab0", at, "the moment " + part);
      }
      if (stage.sceneCount !== 1) throw new Error("old scenes are left");`,
    );
  });

  it("VIE-3 plays to the end at full speed, stops there, and begins again", async () => {
    await inPage(
      toSession(recording("todo")),
      `${EXPECT_SAME}
      const stage = new onPage.TestStage(args.tabs);
      stage.store(args.batches);
      stage.player.seek(0);
      stage.player.setSpeed(16);
      stage.player.play();
      await until(() => stage.status.stage === "shown" && !stage.status.playing, "the end");
      await same(stage, "tab0", args.batches.at(-1).lastAt, "the end");
      // At its own speed, so that it is not over before it is looked at.
      stage.player.setSpeed(1);
      stage.player.play();
      await until(() => stage.status.playing && stage.status.at < args.batches.at(-1).lastAt, "the beginning");
      stage.player.pause();
      const at = stage.status.at;
      await new Promise((resolve) => setTimeout(resolve, 120));
      if (Math.abs(stage.status.at - at) > 60) throw new Error("it moves while it is paused");`,
    );
  });

  it("VIE-8 plays the pages of a browser tab one after the other", async () => {
    const session = toSession(recording("visit"));
    const groups = new Set(session.tabs.map((tab) => ("tabGroup" in tab ? tab.tabGroup : "")));
    const seen = await inPage<string[]>(
      { ...session, groups: [...groups] },
      `const seen = new Set();
      for (const group of args.groups) {
        const stage = new onPage.TestStage(args.tabs);
        stage.store(args.batches);
        stage.player.showGroup(group);
        stage.player.seek(0);
        stage.player.setSpeed(16);
        stage.player.play();
        await until(() => stage.status.stage === "shown" && !stage.status.playing, "the end of " + group);
        for (const tab of stage.tabsShown) seen.add(tab);
        if (stage.failures.length > 0) throw new Error(stage.failures.join());
        stage.remove();
      }
      return [...seen].sort();`,
    );
    expect(seen).toEqual(session.tabs.map((_, index) => `tab${index}`));
  });

  it("VIE-16 leaves the live edge, shows what was, and comes back to what is", async () => {
    const requests = await inPage<number>(
      toSession(recording("todo")),
      `${EXPECT_SAME}
      const stage = new onPage.TestStage(args.tabs.map((tab) => ({ ...tab, endedAt: null })));
      stage.player.setConnected(true);
      stage.player.goLive();
      const half = 3;
      for (const batch of args.batches.slice(0, half)) stage.arrive(batch);
      await until(() => stage.status.stage === "shown", "the first scene");
      const at = args.batches[0].lastAt + 500;
      stage.player.pause();
      stage.player.seek(at);
      await same(stage, "tab0", at, "the past");
      for (const batch of args.batches.slice(half)) stage.arrive(batch);
      await same(stage, "tab0", at, "the past, while the visit goes on");
      stage.player.goLive();
      await same(stage, "tab0", args.batches.at(-1).lastAt, "the live edge");
      if (stage.status.mode !== "live") throw new Error("not live");
      return stage.requests.length;`,
    );
    expect(requests).toBe(0);
  });

  it.each(["over", "idle"])("VIE-79 plays a loop up to the end again and again in a session that is %s", async (state) => {
    await inPage(
      { ...toSession(recording("todo")), isIdle: state === "idle" },
      `const to = args.batches.at(-1).lastAt, from = to - 600;
      // Nothing comes any more from a visitor who does nothing; his newest moment is the live edge.
      const stage = new onPage.TestStage(args.tabs.map((tab) => (args.isIdle ? { ...tab, endedAt: null } : tab)), { from, to });
      stage.store(args.batches);
      stage.player.setConnected(args.isIdle);
      stage.player.seek(from);
      stage.player.play();
      let [rounds, before] = [0, from];
      await until(() => {
        if (stage.status.mode === "live") throw new Error("it became live");
        if (stage.status.at < before) rounds++;
        before = stage.status.at;
        return rounds === 3;
      }, "three rounds");`,
    );
  });

  it("SHA-12 says that it plays from its moment before a frame goes by, however late that is", async () => {
    const [isPlaying, playedMs] = await inPage<[boolean, number]>(
      toSession(recording("todo")),
      `const stage = new onPage.TestStage(args.tabs);
      stage.store(args.batches);
      let status = stage.status, first = null;
      Object.defineProperty(stage, "status", {
        get: () => status,
        set: (now) => { status = now; if (now.stage === "shown") first ??= now; },
      });
      // As soon as the page is revealed, the browser has other things to do.
      let isBusy = false;
      new MutationObserver(() => {
        if (isBusy || stage.player.status.stage !== "shown") return;
        isBusy = true;
        for (const end = performance.now() + 2_000; performance.now() < end; );
      }).observe(document.body, { attributes: true, childList: true, subtree: true });
      const from = args.batches[0].firstAt + 200;
      stage.player.seek(from);
      stage.player.play();
      await until(() => isBusy && first, "the page");
      return [first.playing, first.at - from];`,
    );
    expect(isPlaying).toBe(true);
    expect(playedMs).toBeLessThan(1_500);
  });

  it("VIE-81 becomes live where playback comes close to the live edge, and stands still there where it is paused", async () => {
    const modes = await inPage<string[]>(
      toSession(recording("todo")),
      `const stage = new onPage.TestStage(args.tabs.map((tab) => ({ ...tab, endedAt: null })));
      stage.player.setConnected(true);
      stage.player.goLive();
      for (const batch of args.batches) stage.arrive(batch);
      const isLive = () => stage.status.stage === "shown" && stage.status.mode === "live";
      await until(isLive, "the live edge");
      const edge = args.batches.at(-1).lastAt;
      stage.player.seek(edge - 200);
      const left = stage.player.status.mode;
      await until(isLive, "the live edge again");
      stage.player.pause();
      stage.player.seek(edge - 200);
      await until(() => stage.status.stage === "shown" && stage.status.at === edge - 200, "the past");
      await new Promise((resolve) => setTimeout(resolve, 300));
      return [left, stage.status.mode];`,
    );
    expect(modes).toEqual(["recorded", "recorded"]);
  });

  it("VIE-17 keeps the scene at a checkout that is in step, and builds a new one for another document", async () => {
    const kept = await inPage<boolean[]>(
      toSession(recording("todo")),
      `const stage = new onPage.TestStage(args.tabs);
      stage.player.setConnected(true);
      stage.player.goLive();
      const [first] = args.batches;
      stage.arrive(first);
      await until(() => stage.status.stage === "shown" && stage.document, "the first scene");
      const before = stage.document;
      const [meta, snapshot] = first.events;
      const later = (events, seq) => ({ ...first, seq, firstAt: first.lastAt + seq, lastAt: first.lastAt + seq + 1,
        events: events.map((event, i) => ({ ...event, timestamp: first.lastAt + seq + i })) });
      // The same document again: what came after the snapshot in the first batch is undone, so a batch of the snapshot alone is compared.
      const alone = new onPage.TestStage(args.tabs);
      alone.player.setConnected(true);
      alone.player.goLive();
      alone.arrive({ ...first, events: [meta, snapshot] });
      await until(() => alone.status.stage === "shown" && alone.document, "the second stage");
      const kept = alone.document;
      alone.arrive(later([meta, snapshot, { type: 5, data: { tag: "mark", payload: {} } }], 1));
      await until(() => alone.player.status.at >= 0 && alone.sceneCount === 1, "one scene");
      await new Promise((resolve) => setTimeout(resolve, 200));
      const isKept = alone.document === kept;
      const other = JSON.parse(JSON.stringify(snapshot).replace(/"id":(\\d+)/g, (_, id) => '"id":' + (Number(id) + 1000)));
      alone.arrive(later([meta, other], 2));
      await until(() => alone.document !== kept, "a new scene");
      return [isKept, before !== null];`,
    );
    expect(kept).toEqual([true, true]);
  });

  it("VIE-18 says so where a stretch cannot be shown, and goes on elsewhere", async () => {
    const session = toSession(recording("todo"));
    const failures = await inPage<string[]>(
      session,
      `${EXPECT_SAME}
      const broken = args.batches.map((batch) => batch.checkout ? { ...batch, events: batch.events.filter((event) => event.type !== 2) } : batch);
      const stage = new onPage.TestStage(args.tabs);
      stage.store(broken);
      stage.player.seek(0);
      await until(() => stage.status.stage === "broken", "the word");
      const whole = new onPage.TestStage(args.tabs);
      whole.store(args.batches);
      whole.player.seek(0);
      await until(() => whole.status.stage === "shown", "the other one");
      return stage.failures;`,
    );
    expect(failures).toHaveLength(1);
  });

  it("VIE-19 runs no script of a recording and asks for nothing that it names", async () => {
    const bad = `${browser.baseUrl.replace("127.0.0.1", "localhost")}/stolen`;
    const ran = await inPage<string[]>(
      { bad, steal: "parent.document.title = 'stolen'; parent.ran = true" },
      `window.ran = [];
      const text = (id, textContent) => ({ type: 3, id, textContent });
      let id = 10;
      const element = (tagName, attributes, children = []) => ({ type: 2, id: id++, tagName, attributes, childNodes: children });
      const nodes = () => [
        element("script", {}, [text(id++, args.steal)]),
        element("img", { src: args.bad + "/img", onerror: args.steal }),
        element("img", { src: "x:", onload: args.steal, srcset: args.bad + "/set 2x" }),
        element("iframe", { src: "javascript:" + args.steal }),
        element("iframe", { src: args.bad + "/frame", rr_src: args.bad + "/frame" }),
        element("iframe", { srcdoc: "<script>" + args.steal + "</" + "script><img src='" + args.bad + "/doc'>" }),
        element("object", { data: args.bad + "/object" }),
        element("embed", { src: args.bad + "/embed" }),
        element("video", { src: args.bad + "/video", poster: args.bad + "/poster", autoplay: "" }),
        element("link", { rel: "stylesheet", href: args.bad + "/css" }),
        element("meta", { "http-equiv": "refresh", content: "0;url=" + args.bad + "/refresh" }),
        element("base", { href: args.bad }),
        element("style", { _cssText: "@import url(" + args.bad + "/import); body { background: url(" + args.bad + "/bg) }" }),
        element("a", { href: "javascript:" + args.steal, ping: args.bad + "/ping" }),
        element("form", { action: args.bad + "/form" }),
        element("details", { open: "", ontoggle: args.steal }),
        { type: 2, id: id++, tagName: "svg", isSVG: true, attributes: { onload: args.steal }, childNodes: [
          { type: 2, id: id++, tagName: "script", isSVG: true, attributes: {}, childNodes: [text(id++, args.steal)] },
          { type: 2, id: id++, tagName: "image", isSVG: true, attributes: { href: args.bad + "/svg" }, childNodes: [] },
        ] },
      ];
      const body = element("body", { onpageshow: args.steal, onfocus: args.steal }, nodes());
      const head = element("head", {}, []);
      const html = element("html", {}, [head, body]);
      const at = 1000000;
      const mutation = { type: 3, timestamp: at + 20, data: { source: 0, removes: [], texts: [], attributes: [
        { id: body.id, attributes: { onclick: args.steal, style: { "background-image": "url(" + args.bad + "/style)" } } },
      ], adds: nodes().map((node) => ({ parentId: body.id, nextId: null, node: { ...node, childNodes: [] } })) } };
      const canvas = { type: 3, timestamp: at + 25, data: { source: 9, id: body.id, type: 0, property: "constructor", args: [args.steal] } };
      const custom = { type: 5, timestamp: at + 30, data: { tag: "<img src=x onerror=" + args.steal + ">", payload: {} } };
      const events = [
        { type: 4, timestamp: at, data: { href: "javascript:" + args.steal, width: 800, height: 600 } },
        { type: 2, timestamp: at + 1, data: { node: { type: 0, id: 1, childNodes: [html] }, initialOffset: { top: 0, left: 0 } } },
        mutation, canvas, custom,
      ];
      const batch = { tab: "tab0", seq: 0, firstAt: at, lastAt: at + 30, count: events.length, checkout: true, markers: [], events };
      const tab = { tab: "tab0", tabGroup: "tab0", url: "", title: "", viewport: null, startedAt: at, lastAt: at + 30, endedAt: null, upto: 0 };
      const stage = new onPage.TestStage([tab]);
      stage.player.setConnected(true);
      stage.player.goLive();
      stage.arrive({ ...batch, events: events.slice(0, 2) });
      await until(() => stage.status.stage === "shown" && stage.document, "the scene");
      stage.arrive({ ...batch, seq: 1, checkout: false, events: events.slice(2) });
      await until(() => stage.document.body.querySelectorAll("details").length === 2, "the change");
      for (const one of stage.document.querySelectorAll("a, body, form")) one.dispatchEvent(new Event("click"));
      await new Promise((resolve) => setTimeout(resolve, 700));
      const frame = document.querySelector(".scene iframe");
      return [String(window.ran), document.title, frame.getAttribute("sandbox")];`,
    );
    expect(ran).toEqual(["", "", "allow-same-origin"]);
    expect(browser.stolen.filter((path) => path.includes("stolen"))).toEqual([]);
    expect(page.url()).toBe(`${browser.baseUrl}/`);
  });
});
