/** An hour of a recorded page in one session: a change every 80 ms, a checkout every 30 s, as the tracker would have sent it. */

import { fileURLToPath } from "node:url";
import { playRecording } from "../../bin/lib/play-recording.ts";
import { readRecording, type Recording } from "../../bin/lib/recording.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";

const FIXTURE = fileURLToPath(new URL("../../test/fixtures/recordings/dashboard.json.gz", import.meta.url));
export const EVENT_COUNT = 45_000;
export const TICK_MS = 80;
const CHECKOUT_TICKS = 30_000 / TICK_MS;

/** Ends an hour later than it begins; the page's heading says at which tick it is. */
function makeRecording(): Recording {
  const source = readRecording(FIXTURE);
  const [page] = source.pages;
  const meta = page?.events.find((event) => event.type === RRWEB.meta);
  const snapshot = page?.events.find((event) => event.type === RRWEB.fullSnapshot);
  if (!page || !meta || !snapshot) throw new Error("the fixture has no snapshot");
  const { heading, others } = findTexts(snapshot);
  const at = (tick: number) => meta.timestamp + tick * TICK_MS;
  const events: RrwebEvent[] = [];
  for (let tick = 0; tick < EVENT_COUNT; tick++) {
    if (tick % CHECKOUT_TICKS === 0) {
      const text = JSON.stringify(snapshot).replace('"textContent":"Sales today"', `"textContent":"tick ${tick}"`);
      const taken: unknown = JSON.parse(text);
      if (typeof taken !== "object" || taken === null) continue;
      events.push({ ...meta, timestamp: at(tick) }, { ...snapshot, ...taken, timestamp: at(tick) });
    }
    const changed = others[tick % others.length] ?? heading;
    const texts = [
      { id: heading, value: `tick ${tick}` },
      { id: changed, value: String((tick * 7919) % 9973) },
    ];
    events.push({
      type: RRWEB.incremental,
      data: { source: 0, texts: tick % 2 === 0 ? texts : texts.slice(0, 1), attributes: [], removes: [], adds: [] },
      timestamp: at(tick) + 1,
    });
  }
  return { ...source, name: "an hour", pages: [{ ...page, events, markers: [] }] };
}

/** Ids of the heading's text node, and of others. */
function findTexts(snapshot: RrwebEvent): { heading: number; others: number[] } {
  const texts = [...JSON.stringify(snapshot).matchAll(/"textContent":"([^"]*)"(?:,"[a-zA-Z]+":(?:true|false))?,"id":(\d+)/g)];
  const heading = texts.find(([, text]) => text === "Sales today")?.[2];
  if (heading === undefined) throw new Error("the fixture has no heading");
  return { heading: Number(heading), others: texts.filter(([, text]) => text === "0").map(([, , id]) => Number(id)) };
}

/** Sends it and answers its session id. */
export function sendLongSession(trackerUrl: URL): Promise<string> {
  return playRecording(makeRecording(), { url: trackerUrl, speed: Number.POSITIVE_INFINITY, end: true });
}
