/** Sends a recording as a tracker would have: batches of a second, deflated, the checkout first, markers in the batch of their time. */

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateRawSync } from "node:zlib";
import { createSessionId, createTabId } from "../../protocol/ids.ts";
import { MIN_DEFLATE_BYTES } from "../../protocol/limits.ts";
import type { Marker } from "../../protocol/markers.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { spanOf, type RecordedPage, type Recording } from "./recording.ts";
import { TrackerClient, type OutgoingBatch } from "./tracker-client.ts";

const BATCH_MS = 1_000;
const SETTLE_MS = 30_000;

export interface PlayOptions {
  url: URL;
  /** 1 is as fast as it happened; Infinity sends it all at once, as a visit that has just ended. */
  speed: number;
  userId?: string;
  traits?: Record<string, string | number | boolean>;
  /** Whether the session is ended behind it. */
  end: boolean;
}

/**
 * Plays a recording into a new session. Its times are moved so that it ends now, or when it is played out.
 * @throws Error where the server refuses it, or does not acknowledge all of it
 * @returns the session's id
 */
export async function playRecording(recording: Recording, options: PlayOptions): Promise<string> {
  const { startAt, endAt } = spanOf(recording);
  const begunAt = Date.now();
  const shift = begunAt + (endAt - startAt) / options.speed - endAt;
  const sessionId = createSessionId(startAt + shift, randomBytes(10));
  const resumeToken = randomBytes(18).toString("base64url");
  const groups = new Map(recording.pages.map(({ group }) => [group, createTabId(randomBytes(8))]));
  for (const page of recording.pages) {
    const client = openTab(recording, page, shift, {
      ...options,
      sessionId,
      resumeToken,
      tabGroup: groups.get(page.group) ?? "",
    });
    try {
      for (const batch of batchesOf(page, shift)) {
        const dueAt = begunAt + (batch.lastAt - shift - startAt) / options.speed;
        if (options.speed !== Number.POSITIVE_INFINITY) await sleep(Math.max(0, dueAt - Date.now()));
        client.send(batch);
      }
      if (!(await client.settled(SETTLE_MS)))
        throw new Error(`the server at ${options.url.host} does not acknowledge; is it healthy?`);
      client.say("tab_end", { tab: client.tab });
      if (options.end && page === recording.pages.at(-1)) client.say("session_end", { sessionId });
      await sleep(50); // what was said last leaves before the socket closes
    } finally {
      client.close();
    }
  }
  return sessionId;
}

function openTab(
  recording: Recording,
  page: RecordedPage,
  shift: number,
  options: PlayOptions & { sessionId: string; resumeToken: string; tabGroup: string },
): TrackerClient {
  return new TrackerClient({
    url: options.url,
    page: {
      sessionId: options.sessionId,
      resumeToken: options.resumeToken,
      answersResend: true,
      tab: createTabId(randomBytes(12)),
      tabGroup: options.tabGroup,
      ...(options.userId === undefined ? {} : { userId: options.userId }),
      ...(options.traits === undefined ? {} : { traits: options.traits }),
      url: page.url,
      title: page.title,
      userAgent: recording.userAgent,
      viewport: recording.viewport,
      startTime: (page.events[0]?.timestamp ?? 0) + shift,
      referrer: "https://search.example/",
      timeZone: "Europe/Berlin",
      language: "en",
    },
    onError: (error) => console.error(`the server says ${error.code}: ${error.message}`),
    onBreach: (what) => console.error(`the server said something odd: ${what}`),
  });
}

/** Cuts the events into batches of a second; one that begins with Meta + full snapshot is a checkout, and begins a batch. */
export function batchesOf(page: RecordedPage, shift: number): OutgoingBatch[] {
  const events = page.events.map((event) => ({ ...event, timestamp: event.timestamp + shift }));
  events.sort((a, b) => a.timestamp - b.timestamp);
  const groups: RrwebEvent[][] = [];
  let open: RrwebEvent[] = [];
  events.forEach((event, i) => {
    const isCheckout = event.type === RRWEB.meta && events[i + 1]?.type === RRWEB.fullSnapshot;
    if (open.length > 0 && (isCheckout || event.timestamp - (open[0]?.timestamp ?? 0) >= BATCH_MS)) {
      groups.push(open);
      open = [];
    }
    open.push(event);
  });
  groups.push(open);
  return groups.map((group, i) =>
    toBatch(group, markersBetween(page, shift, i === 0 ? 0 : group[0]?.timestamp, groups[i + 1]?.[0]?.timestamp)),
  );
}

/** Markers of a page from one page time up to another. */
function markersBetween(page: RecordedPage, shift: number, from = 0, until = Number.POSITIVE_INFINITY): Marker[] {
  return page.markers.map((marker) => ({ ...marker, at: marker.at + shift })).filter(({ at }) => at >= from && at < until);
}

function toBatch(events: readonly RrwebEvent[], markers: readonly Marker[]): OutgoingBatch {
  const raw = Buffer.from(JSON.stringify(events));
  const isDeflated = raw.length >= MIN_DEFLATE_BYTES;
  return {
    firstAt: events[0]?.timestamp ?? 0,
    lastAt: events.at(-1)?.timestamp ?? 0,
    count: events.length,
    checkout: events[0]?.type === RRWEB.meta && events[1]?.type === RRWEB.fullSnapshot,
    encoding: isDeflated ? "deflate-raw" : "json",
    rawBytes: raw.length,
    payload: isDeflated ? deflateRawSync(raw) : raw,
    markers,
  };
}
