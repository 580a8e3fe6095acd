/** The stored batches of a session as bytes: the payloads as the trackers made them, framed for `FrameReader`. */

import { encodeBinary } from "../../protocol/codec.ts";
import type { ViewerBatch } from "../../protocol/batch.ts";
import { joinFrames } from "../../protocol/frames.ts";
import type { Queryable } from "../db/db.ts";
import type { BatchRow } from "../store/store.ts";
import { readPieces } from "./batch-reader.ts";
import { planStarts } from "./range-plan.ts";
import type { SessionKey } from "./session-rows.ts";
import { listSpans } from "./span-queries.ts";

/** Content type of {@link streamBatches}. */
export const BATCHES_TYPE = "application/x-watchback-batches";

/** Which part of a session; times are page time. */
export interface BatchQuery {
  from: number;
  to: number;
  tab: string | null;
}

/**
 * Frames of `{type: "events_batch", data: ViewerBatch}`, from the last checkout at or before `from` up to `to`: tab by tab, each in
 * order. Memory stays flat whatever the session's length; reading stops when `signal` aborts.
 */
export async function* streamBatches(
  db: Queryable,
  session: SessionKey & { projectId: number },
  query: BatchQuery,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const piece of readRange(db, session, query, signal)) {
    if (piece.length > 0) yield joinFrames(piece.map((batch) => encodeBinary("events_batch", toViewerBatch(batch))));
  }
}

/** The same batches as rows, in pieces. */
export async function* readRange(
  db: Queryable,
  session: SessionKey & { projectId: number },
  query: BatchQuery,
  signal: AbortSignal,
): AsyncGenerator<BatchRow[]> {
  const spans = await listSpans(db, session, query.from, query.tab);
  for (const start of planStarts(spans, query.to)) {
    for await (const piece of readPieces(db, session, { ...start, untilAt: query.to })) {
      if (signal.aborted) return;
      yield piece;
    }
  }
}

function toViewerBatch(batch: BatchRow): ViewerBatch {
  return {
    sessionId: batch.sessionId,
    tab: batch.tab,
    seq: batch.seq,
    firstAt: batch.firstAt,
    lastAt: batch.lastAt,
    count: batch.count,
    checkout: batch.checkout,
    encoding: batch.encoding,
    rawBytes: batch.rawBytes,
    payload: batch.payload,
    markers: [...batch.markers],
  };
}
