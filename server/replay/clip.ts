/** The seconds around an error as rrweb events that play by themselves. */

import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { AppError } from "../app-error.ts";
import type { Queryable } from "../db/db.ts";
import { readPieces } from "./batch-reader.ts";
import { DamagedBatch, inflateEvents } from "./inflate.ts";
import { planClip, type Stretch } from "./range-plan.ts";
import type { SessionKey } from "./session-rows.ts";
import { listSpans } from "./span-queries.ts";

/** Inflated bytes of one clip; checkouts bound it far below that on every honest page. */
const MAX_CLIP_BYTES = 96 * 1024 * 1024;

/** Something that happened, and how much around it is wanted; times are page time. */
export interface Moment {
  tab: string;
  at: number;
  from: number;
  to: number;
}

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
  const spans = await listSpans(db, session, moment.from);
  const events: RrwebEvent[] = [];
  const gaps: ClipGap[] = [];
  let bytes = 0;
  for (const stretch of planClip(spans, moment.tab, moment.at, moment.to)) {
    let expected = stretch.fromSeq;
    for await (const piece of readPieces(db, session, { ...stretch, untilAt: Math.min(moment.to, stretch.beforeAt) })) {
      for (const batch of piece) {
        bytes += batch.rawBytes;
        if (bytes > MAX_CLIP_BYTES) throw new AppError("too_large", "the clip is too large; ask for fewer seconds");
        if (batch.seq > expected) gaps.push({ tab: stretch.tab, fromSeq: expected, toSeq: batch.seq - 1 });
        expected = batch.seq + 1;
        try {
          for (const event of await inflateEvents(batch)) if (isWithin(event, stretch, moment)) events.push(event);
        } catch (error) {
          if (!(error instanceof DamagedBatch)) throw error;
          gaps.push({ tab: stretch.tab, fromSeq: batch.seq, toSeq: batch.seq });
        }
      }
    }
  }
  const playable = fromFirstCheckout(events);
  return { startsAt: playable[0]?.timestamp ?? null, events: playable, gaps };
}

function isWithin(event: RrwebEvent, stretch: Stretch, moment: Moment): boolean {
  return event.timestamp <= moment.to && event.timestamp < stretch.beforeAt;
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
