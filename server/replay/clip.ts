/** The seconds around an error as rrweb events that play by themselves. */

import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { AppError } from "../app-error.ts";
import type { Queryable } from "../db/db.ts";
import { readPieces } from "./batch-reader.ts";
import { DamagedBatch, inflateEvents } from "./inflate.ts";
import { type Moment, planMoment } from "./clip-plan.ts";
import type { SessionKey } from "./session-rows.ts";

/** Inflated bytes of one clip; checkouts bound it far below that on every honest page. */
const MAX_CLIP_BYTES = 96 * 1024 * 1024;

/** Seqs that are missing inside a clip: never stored, or damaged. */
export interface ClipGap {
  tab: string;
  fromSeq: number;
  toSeq: number;
}

/** What can be played, and what is missing in it. */
export interface Clip {
  /** Page time of the first event: a checkout at or before `from`, or the session's beginning; null where nothing can be played. */
  startsAt: number | null;
  events: RrwebEvent[];
  gaps: ClipGap[];
}

/**
 * Reads a clip: the page contexts of the moment's browser tab, one after the other, from the last checkout at or before `from`.
 * @throws AppError `too_large` where so much lies between the checkout and the moment that it is not worth holding in memory
 */
export async function readClip(db: Queryable, session: SessionKey & { projectId: number }, moment: Moment): Promise<Clip> {
  const events: RrwebEvent[] = [];
  const gaps: ClipGap[] = [];
  let bytes = 0;
  const plan = await planMoment(db, session, moment);
  // A page that had drawn nothing by then is shown as it came.
  const to = Math.max(moment.to, ...plan.filter(({ tab }) => tab === moment.tab).map(({ firstAt }) => firstAt));
  for (const stretch of plan) {
    let expected = stretch.fromSeq;
    for await (const piece of readPieces(db, session, { ...stretch, untilAt: Math.min(to, stretch.beforeAt) })) {
      for (const batch of piece) {
        bytes += batch.rawBytes;
        if (bytes > MAX_CLIP_BYTES) throw new AppError("too_large", "the clip is too large; ask for fewer seconds");
        if (batch.seq > expected) gaps.push({ tab: stretch.tab, fromSeq: expected, toSeq: batch.seq - 1 });
        expected = batch.seq + 1;
        try {
          for (const event of await inflateEvents(batch)) {
            if (event.timestamp <= to && event.timestamp < stretch.beforeAt) events.push(event);
          }
        } catch (error) {
          if (!(error instanceof DamagedBatch)) throw error;
          gaps.push({ tab: stretch.tab, fromSeq: batch.seq, toSeq: batch.seq });
        }
      }
    }
  }
  const playable = inTimeOrder(fromFirstCheckout(events));
  return { startsAt: playable[0]?.timestamp ?? null, events: playable, gaps };
}

/** A page's clock may be set back; what happened later must not play earlier, or it changes what is not there yet. */
function inTimeOrder(events: readonly RrwebEvent[]): RrwebEvent[] {
  let newest = 0;
  return events.map((event) => {
    newest = Math.max(newest, event.timestamp);
    return event.timestamp === newest ? event : { ...event, timestamp: newest };
  });
}

/**
 * Leaves out what comes before the first Meta that a full snapshot follows: rrweb cannot show it. That is nothing at all where the
 * first batch is a checkout.
 */
export function fromFirstCheckout(events: readonly RrwebEvent[]): RrwebEvent[] {
  const snapshot = events.findIndex((event) => event.type === RRWEB.fullSnapshot);
  if (snapshot < 0) return [];
  const meta = events.findLastIndex((event, index) => index < snapshot && event.type === RRWEB.meta);
  return meta < 0 ? fromFirstCheckout(events.slice(snapshot + 1)) : events.slice(meta);
}
