/**
 * What to send next: batches in order from a cursor, a bounded number of bytes ahead of the acknowledgements, and `gap` where some were
 * dropped. Knows nothing of sockets: the way there is handed in with every connection.
 */

import type { TrackerGap } from "../protocol/tracker-messages.ts";
import type { Entry, Outbox } from "./outbox.ts";

/** Most bytes under way without an acknowledgement. One batch may always go. */
export const WINDOW_BYTES = 1024 * 1024;
/** The same after the server has asked for a pause, because it is full; it doubles with each acknowledgement. */
export const WINDOW_AFTER_PAUSE_BYTES = 64 * 1024;

/** What a message takes beside its payload. */
const FRAME_BYTES = 512;

/** A connection that can take messages. */
export interface Way {
  batch: (entry: Entry) => void;
  gap: (gap: TrackerGap) => void;
}

export interface Sender {
  /** The server has received everything up to `upto` over other connections: goes on behind it, with one batch at least. */
  resume: (upto: number) => void;
  /** Go on at `seq`, not before `pauseMs` have passed. */
  rewind: (seq: number, pauseMs: number) => void;
  acked: (upto: number) => void;
  /** Sends what may go now. */
  pump: (way: Way) => void;
  /**
   * Sends at most `maxBytes` of what is unsent, whatever the window says. In order, as far as it goes; where the rest cannot be sent later
   * (`isLast`), the newest, behind a gap.
   */
  pumpTail: (way: Way, maxBytes: number, isLast: boolean) => void;
  /** Entries that were not sent on this connection. */
  unsent: () => readonly Entry[];
  /** Milliseconds until a pause is over, 0 where there is none. */
  pausedMs: () => number;
}

/** @param tab names the tab whose batches these are */
export function createSender(outbox: Outbox, tab: () => string, now: () => number): Sender {
  /** Next seq to send. */
  let cursor = 0;
  let pausedUntil = 0;
  let windowBytes = WINDOW_BYTES;

  function unsent(): Entry[] {
    return outbox.entries.filter((entry) => entry.batch.seq >= cursor);
  }

  function skipTo(way: Way, seq: number): void {
    if (seq > cursor) way.gap({ tab: tab(), fromSeq: cursor, toSeq: seq - 1 });
    cursor = Math.max(cursor, seq);
  }

  function send(way: Way, entry: Entry): void {
    skipTo(way, entry.batch.seq);
    way.batch(entry);
    cursor = entry.batch.seq + 1;
  }

  return {
    unsent,
    resume(upto) {
      // Received is not durable: where all of it was received, the newest goes again, and its acknowledgement tells.
      cursor = Math.min(upto + 1, outbox.entries[outbox.entries.length - 1]?.batch.seq ?? Infinity);
      pausedUntil = 0;
    },
    rewind(seq, pauseMs) {
      cursor = seq;
      pausedUntil = now() + pauseMs;
      if (pauseMs) windowBytes = WINDOW_AFTER_PAUSE_BYTES;
    },
    acked(upto) {
      outbox.ack(upto);
      cursor = Math.max(cursor, upto + 1);
      windowBytes = Math.min(WINDOW_BYTES, windowBytes * 2);
    },
    pausedMs: () => Math.max(0, pausedUntil - now()),
    pump(way) {
      if (pausedUntil > now()) return;
      let underWay = 0;
      for (const entry of [...outbox.entries]) {
        if (entry.batch.seq >= cursor) {
          if (underWay && underWay + entry.bytes > windowBytes) return;
          send(way, entry);
        }
        underWay += entry.bytes;
      }
      skipTo(way, outbox.nextSeq);
    },
    pumpTail(way, maxBytes, isLast) {
      let room = maxBytes;
      const fits = (entry: Entry): boolean => (room -= entry.bytes + FRAME_BYTES) >= 0;
      const held = unsent();
      if (isLast) held.reverse();
      const misfit = held.findIndex((entry) => !fits(entry));
      const chosen = misfit < 0 ? held : held.slice(0, misfit);
      if (isLast) chosen.reverse();
      for (const entry of chosen) send(way, entry);
    },
  };
}
