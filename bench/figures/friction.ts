/**
 * What it costs a page that friction is looked for: the same hands on the same page of thousands of elements, with the shipped tracker, with
 * the same one without its watchers of friction, and with none, in turns.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, CDPSession, Page } from "playwright-core";
import * as v from "valibot";
import { build, type Plugin } from "vite";
import { launchBrowser } from "../../test/harness/browser.ts";
import { readNumbers } from "../browser/watch.ts";
import { median } from "../load/samples.ts";
import { ROOT } from "../processes.ts";
import type { Figure } from "../report.ts";
import type { Rig, Watchback } from "../rig.ts";

/** Dead and error clicks, shaken pointers, forms, reloads. That a third click is rage is read from the marker of the click, which is there anyway. */
const WATCHERS = /[\\/]tracker[\\/]capture[\\/](outcomes|thrash|forms|reloads)\.ts$/;
const KINDS = ["no tracker", "without friction", "with friction"] as const;
type Kind = (typeof KINDS)[number];

const ROUNDS = 4;
const STEPS = 120;
/** Five elements each. */
const ROWS = 800;
/** Until the first checkout is made and sent, and until a dead click is one. */
const SETTLE_MS = 2_500;

/** A page that answers most of what is done to it with five changes; one column of it is dead. */
const PAGE = `<!doctype html><title>Friction</title><style>
  ol { margin: 0; padding: 0; list-style: none } li { display: grid; grid-template-columns: repeat(4, 200px); height: 24px }
  .dead { cursor: pointer }
</style><form><ol></ol></form><script>
  const list = document.querySelector("ol");
  for (let n = 0; n < ${ROWS}; n++) {
    const row = document.createElement("li");
    row.innerHTML = "<button type=button>Open " + n + "</button><span class=dead>Offer " + n + "</span><input aria-label=Amount><b>" + n + "</b>";
    list.append(row);
  }
  const cells = list.querySelectorAll("b");
  let changes = 0;
  const answer = ({ target }) => {
    if (!target.closest(".dead")) for (let n = 0; n < 5; n++) cells[(changes++ * 7) % cells.length].textContent = "changed " + changes;
  };
  for (const type of ["click", "input", "wheel"]) document.addEventListener(type, answer, { passive: true });
  window.long = { tasks: 0, ours: 0 };
  new PerformanceObserver((seen) => (long.tasks += seen.getEntries().length)).observe({ type: "longtask" });
  new PerformanceObserver((seen) => {
    for (const { scripts } of seen.getEntries())
      for (const { sourceURL, duration } of scripts) if (sourceURL.endsWith("/bench-tracker.mjs")) long.ours = Math.max(long.ours, duration);
  }).observe({ type: "long-animation-frame" });
</script>`;

/** What a page spent on its main thread while it was used, in milliseconds. */
interface Spent {
  all: number;
  script: number;
  inputs: number;
  /** Tasks over 50 ms, whoever made them. */
  longTasks: number;
  /** The longest script of the tracker's in a frame over 50 ms, as the browser attributes it. */
  longestOwn: number;
}

/** The cost by event, and the long tasks. */
export async function friction(rig: Rig): Promise<Figure> {
  const folder = mkdtempSync(path.join(tmpdir(), "wb-friction-"));
  const server = await rig.startWatchback();
  const browser = await launchBrowser();
  const rounds: Record<Kind, Spent[]> = { "no tracker": [], "without friction": [], "with friction": [] };
  try {
    const trackers: Record<Kind, string> = {
      "no tracker": "",
      "without friction": await buildWithout(folder),
      "with friction": readFileSync(path.join(ROOT, "dist/tracker/tracker.mjs"), "utf8"),
    };
    for (let round = 0; round <= ROUNDS; round++) {
      for (const kind of KINDS) {
        const spent = await use(browser, server, trackers[kind]);
        if (round > 0) rounds[kind].push(spent); // the first warms up the browser
      }
    }
  } finally {
    await browser.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const perInput = (kind: Kind, of: "all" | "script") => median(rounds[kind].map((spent) => (spent[of] / spent.inputs) * 1_000));
  const longTasks = (kind: Kind) => rounds[kind].reduce((sum, spent) => sum + spent.longTasks, 0);
  const longestOwn = (kind: Kind) => Math.max(...rounds[kind].map((spent) => spent.longestOwn));
  const ratio = (of: "all" | "script") => perInput("with friction", of) / perInput("without friction", of);
  return {
    name: "friction",
    title: `What looking for friction costs a page of ${(ROWS * 5).toLocaleString("en-US")} elements, a round: ${STEPS} times pointer, click, keys, wheel; medians of ${ROUNDS}`,
    head: [
      "tracker",
      "inputs",
      "main thread an input, us",
      "scripts of that, us",
      "tasks over 50 ms",
      "longest script of ours in one, ms",
    ],
    rows: KINDS.map((kind) => [
      kind,
      rounds[kind][0]?.inputs ?? 0,
      perInput(kind, "all"),
      perInput(kind, "script"),
      longTasks(kind),
      longestOwn(kind),
    ]),
    checks: [
      { what: "main thread with friction / without", value: ratio("all"), unit: "x", bar: { atMost: 1.1 } },
      {
        what: "more script by input",
        value: perInput("with friction", "script") - perInput("without friction", "script"),
        unit: "us",
        bar: { atMost: 100 },
      },
      {
        what: "longest script of the tracker in a task over 50 ms",
        value: longestOwn("with friction"),
        unit: "ms",
        bar: { atMost: 50 },
      },
    ],
  };
}

/** The tracker as it is shipped, but for its watchers of friction. */
async function buildWithout(folder: string): Promise<string> {
  const left = new Set<string>();
  const leaveOut: Plugin = {
    name: "without-friction",
    enforce: "pre",
    load(id) {
      const [, name] = WATCHERS.exec(id) ?? [];
      if (name === undefined) return null;
      left.add(name);
      return `export const capture${name.slice(0, 1).toUpperCase()}${name.slice(1)} = () => {};`;
    },
  };
  await build({
    configFile: path.join(ROOT, "tracker/vite.config.ts"),
    mode: "module",
    logLevel: "warn",
    plugins: [leaveOut],
    build: { outDir: folder, emptyOutDir: true },
  });
  if (left.size !== 4) throw new Error(`the watchers of friction are elsewhere now: only ${[...left].join()} were found`);
  return readFileSync(path.join(folder, "tracker.mjs"), "utf8");
}

async function use(browser: Browser, server: Watchback, tracker: string): Promise<Spent> {
  const context = await browser.newContext({ viewport: { width: 1_000, height: 700 } });
  try {
    const page = await context.newPage();
    const start = `<script type="module">
      import { init } from "/bench-tracker.mjs";
      window.handle = init({ key: "${server.key}", endpoint: location.origin });
    </script>`;
    await page.route("**/bench-page", (route) =>
      route.fulfill({ contentType: "text/html", body: tracker === "" ? PAGE : PAGE + start }),
    );
    await page.route("**/bench-tracker.mjs", (route) => route.fulfill({ contentType: "text/javascript", body: tracker }));
    await page.goto(`${server.origin}/bench-page`);
    if (tracker !== "") await readNumbers(page, "typeof window.handle?.sessionId?.() === 'string'", "[]");
    await page.waitForTimeout(SETTLE_MS);
    await page.evaluate("long.tasks = long.ours = 0");
    const cdp = await context.newCDPSession(page);
    await cdp.send("Performance.enable");
    const before = await readMetrics(cdp);
    const inputs = await work(page);
    await page.waitForTimeout(SETTLE_MS);
    const after = await readMetrics(cdp);
    const [longTasks = 0, longestOwn = 0] = await readNumbers(page, "true", "[long.tasks, long.ours]");
    return { all: after.all - before.all, script: after.script - before.script, inputs, longTasks, longestOwn };
  } finally {
    await context.close();
  }
}

/** The same hands every time: over all columns, to and fro; how many inputs that were. */
async function work(page: Page): Promise<number> {
  let inputs = 0;
  for (let step = 0; step < STEPS; step++) {
    const column = step % 4;
    await page.mouse.move(60 + 200 * column, 40 + ((step * 97) % 600), { steps: 3 });
    await page.mouse.down();
    await page.mouse.up();
    inputs += 5;
    if (column === 2) {
      await page.keyboard.type("12");
      inputs += 2;
    }
    if (step % 5 === 0) {
      await page.mouse.wheel(0, step % 2 ? -240 : 360);
      inputs++;
    }
  }
  return inputs;
}

const metricsSchema = v.object({ metrics: v.array(v.object({ name: v.string(), value: v.number() })) });

/** What the page's main thread has spent so far, in milliseconds, as the browser counts it. */
async function readMetrics(cdp: CDPSession): Promise<{ all: number; script: number }> {
  const { metrics } = v.parse(metricsSchema, await cdp.send("Performance.getMetrics"));
  const msOf = (name: string) => (metrics.find((metric) => metric.name === name)?.value ?? Number.NaN) * 1_000;
  return { all: msOf("TaskDuration"), script: msOf("ScriptDuration") };
}
