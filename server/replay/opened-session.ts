/** A stored session for rooms that make files of it: its events batch by batch, inflated, with one batch in memory at a time. */

import type { Marker } from "../../protocol/markers.ts";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import type { TabSummary } from "../../protocol/session.ts";
import type { Queryable } from "../db/db.ts";
import { readPieces } from "./batch-reader.ts";
import { DamagedBatch, inflateEvents, type PackedEvents } from "./inflate.ts";
import { planStarts } from "./range-plan.ts";
import { findSession, listTabs, type StoredSession } from "./session-queries.ts";
import { listSpans } from "./span-queries.ts";

/** Part of a session, in page time; `to` may be Infinity. */
export interface SessionRange {
  from: number;
  to: number;
  /** Only this page context; null for all. */
  tab: string | null;
}

/** A batch with its events. */
export interface OpenedBatch {
  tab: string;
  seq: number;
  events: RrwebEvent[];
  markers: Marker[];
}

/** What is stored of a part of a session. */
export interface StoredSize {
  batchCount: number;
  eventCount: number;
  /** Bytes of the payloads, and of what is in them. */
  payloadBytes: number;
  rawBytes: number;
}

/** Reads sessions with their events. */
export interface OpenedSessions {
  /** One session of these projects, or null. */
  find(sessionId: string, projectIds: readonly number[]): Promise<StoredSession | null>;
  tabs(stored: StoredSession): Promise<TabSummary[]>;
  /** How much `batches` would read. */
  size(stored: StoredSession, range: SessionRange): Promise<StoredSize>;
  /**
   * The batches that show the range, from the last checkout at or before `from`: page context by page context, each in order. Events after
   * `to` are left out, and markers outside the range. A damaged batch is left out, as a gap.
   */
  batches(stored: StoredSession, range: SessionRange, signal: AbortSignal): AsyncGenerator<OpenedBatch>;
}

/** Builds a reader, which holds nothing. */
export function createOpenedSessions(db: Queryable): OpenedSessions {
  async function* batches(stored: StoredSession, range: SessionRange, signal: AbortSignal): AsyncGenerator<OpenedBatch> {
    const { session, startedOn } = stored;
    const key = { sessionId: session.sessionId, projectId: session.projectId, startedOn };
    const spans = await listSpans(db, key, range.from, range.tab);
    for (const start of planStarts(spans, range.to)) {
      for await (const piece of readPieces(db, key, { ...start, untilAt: range.to })) {
        for (const batch of piece) {
          if (signal.aborted) return;
          const events = await openEvents(batch, range.to);
          const markers = batch.markers.filter(({ at }) => at >= range.from && at <= range.to);
          if (events.length > 0) yield { tab: batch.tab, seq: batch.seq, events, markers };
        }
      }
    }
  }

  return {
    find: (sessionId, projectIds) => findSession(db, sessionId, projectIds),
    tabs: ({ session, startedOn }) => listTabs(db, { sessionId: session.sessionId, startedOn }),
    async size({ session, startedOn }, range) {
      const spans = await listSpans(db, { sessionId: session.sessionId, startedOn }, range.from, range.tab);
      const starts = planStarts(spans, range.to);
      const [row] = await db.query<{ batches: number; events: number; bytes: number; raw: number }>(
        `SELECT count(*)::integer AS batches, coalesce(sum(e.event_count), 0)::float8 AS events,
           coalesce(sum(octet_length(e.payload)), 0)::float8 AS bytes, coalesce(sum(e.raw_bytes), 0)::float8 AS raw
         FROM unnest($3::text[], $4::integer[]) AS s (tab, seq)
         JOIN session_events e ON e.session_id = $1 AND e.started_on = $2::date AND e.tab = s.tab AND e.seq >= s.seq
         WHERE e.first_at <= $5`,
        [session.sessionId, startedOn, starts.map(({ tab }) => tab), starts.map(({ fromSeq }) => fromSeq), range.to],
      );
      return {
        batchCount: row?.batches ?? 0,
        eventCount: row?.events ?? 0,
        payloadBytes: row?.bytes ?? 0,
        rawBytes: row?.raw ?? 0,
      };
    },
    batches,
  };
}

async function openEvents(batch: PackedEvents, to: number): Promise<RrwebEvent[]> {
  try {
    return (await inflateEvents(batch)).filter(({ timestamp }) => timestamp <= to);
  } catch (error) {
    if (error instanceof DamagedBatch) return [];
    throw error;
  }
}
