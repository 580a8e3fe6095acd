/**
 * Six hours of somebody's work in a back office, as a tracker would have sent it: a page of some 4,000 elements that changes every half
 * second while he works, pointer moves, a click every eight seconds, errors now and then, breaks, and a checkout every half minute.
 */

import { fileURLToPath } from "node:url";
import { playRecording } from "../../bin/lib/play-recording.ts";
import { readRecording, type Recording } from "../../bin/lib/recording.ts";
import type { Marker } from "../../protocol/markers.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";

const FIXTURE = fileURLToPath(new URL("../../test/fixtures/recordings/dashboard.json.gz", import.meta.url));
export const LENGTH_MS = 6 * 3_600_000;
export const TICK_MS = 500;
const CHECKOUT_MS = 30_000;
/** Ten minutes of every fifty he does something else. */
const ROUND_MS = 50 * 60_000;
const BREAK_MS = 10 * 60_000;
const ROWS = 420;
const COLUMNS = 8;
/** Ids of nodes that the fixture does not have. */
const FIRST_ID = 1_000_000;

interface Node {
  type: number;
  id: number;
  tagName?: string;
  attributes?: Record<string, string>;
  textContent?: string;
  childNodes?: Node[];
}

/** Sends it and answers its session id. The page's heading says at which tick it is: `tick 1234`. */
export function sendSixHours(trackerUrl: URL): Promise<string> {
  return playRecording(makeRecording(), { url: trackerUrl, speed: Number.POSITIVE_INFINITY, end: true });
}

/** True while he works. */
export function isAtWork(sinceMs: number): boolean {
  return sinceMs % ROUND_MS < ROUND_MS - BREAK_MS;
}

function makeRecording(): Recording {
  const source = readRecording(FIXTURE);
  const [page] = source.pages;
  const meta = page?.events.find((event) => event.type === RRWEB.meta);
  const snapshot = page?.events.find((event) => event.type === RRWEB.fullSnapshot);
  if (!page || !meta || !snapshot) throw new Error("the fixture has no snapshot");
  const start = meta.timestamp;
  const head = JSON.stringify(snapshot);
  const heading = /"textContent":"Sales today"[^}]*?"id":(\d+)/.exec(head)?.[1];
  if (heading === undefined) throw new Error("the fixture has no heading");
  const cells = Array.from({ length: ROWS * COLUMNS }, (_, index) => `Order ${index}`);
  const events: RrwebEvent[] = [];
  const markers: Marker[] = [];
  for (let since = 0; since < LENGTH_MS; since += TICK_MS) {
    if (!isAtWork(since)) continue;
    const tick = since / TICK_MS;
    if (since % CHECKOUT_MS === 0 || !isAtWork(since - TICK_MS)) {
      const taken: unknown = JSON.parse(withTable(head.replace('"Sales today"', `"tick ${tick}"`), cells));
      if (typeof taken !== "object" || taken === null) continue;
      events.push({ ...meta, timestamp: start + since }, { ...snapshot, ...taken, timestamp: start + since });
    }
    const changed = (tick * 7_919) % cells.length;
    cells[changed] = `€ ${((tick * 31) % 9_973) / 100}`;
    const texts = [
      { id: Number(heading), value: `tick ${tick}` },
      { id: cellTextId(changed), value: cells[changed] },
    ];
    const at = start + since + 1;
    events.push({ type: RRWEB.incremental, timestamp: at, data: { source: 0, texts, attributes: [], removes: [], adds: [] } });
    if (tick % 2 === 0) events.push({ type: RRWEB.incremental, timestamp: at + 20, data: { source: 1, positions: wayOf(tick) } });
    if (tick % 16 === 0)
      markers.push({ kind: "click", at: at + 30, name: "button.save", text: `Save order ${changed}`, data: { x: 4, y: 7 } });
    if (tick % 1_200 === 7) markers.push({ kind: "error", at: at + 40, name: "TypeError", text: `order ${tick} is undefined` });
  }
  return { ...source, name: "six hours", pages: [{ ...page, events, markers }] };
}

function cellTextId(index: number): number {
  return FIRST_ID + 100_000 + index;
}

/** The snapshot with a table of orders at the end of its body. */
function withTable(snapshot: string, cells: readonly string[]): string {
  const rows = Array.from({ length: ROWS }, (_, row): Node => {
    const columns = Array.from({ length: COLUMNS }, (_unused, column): Node => {
      const index = row * COLUMNS + column;
      const text = { type: 3, id: cellTextId(index), textContent: cells[index] ?? "" };
      return { type: 2, id: FIRST_ID + 10_000 + index, tagName: "td", attributes: { class: "cell" }, childNodes: [text] };
    });
    return { type: 2, id: FIRST_ID + 1 + row, tagName: "tr", attributes: {}, childNodes: columns };
  });
  const table: Node = { type: 2, id: FIRST_ID, tagName: "table", attributes: { class: "orders" }, childNodes: rows };
  // The body is the first element with this name; its children begin right behind.
  return snapshot.replace(/("tagName":"body","attributes":\{[^}]*\},"childNodes":\[)/, `$1${JSON.stringify(table)},`);
}

function wayOf(tick: number): object[] {
  return Array.from({ length: 8 }, (_, step) => ({
    x: 100 + ((tick * 13 + step * 9) % 900),
    y: 80 + ((tick * 7 + step * 5) % 500),
    id: FIRST_ID,
    timeOffset: step * 50 - 400,
  }));
}
