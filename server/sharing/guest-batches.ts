/** The stored batches of a session as a guest gets them: each cut to what he may see, in a worker thread, one after the other. */

import type { ViewerBatch } from "../../protocol/batch.ts";
import { encodeBinary } from "../../protocol/codec.ts";
import { joinFrames } from "../../protocol/frames.ts";
import { AppError } from "../app-error.ts";
import type { CutPayload, Privacy } from "../privacy/privacy.ts";
import type { ShownSessions, StoredSession } from "../replay/replay.ts";
import { boundsOf, cutOf, isRange, shownTabs } from "./guest-view.ts";
import type { Guest } from "./guests.ts";
import { slicesOf } from "./slices.ts";

/** The payload of a batch without events. */
const NOTHING = new TextEncoder().encode("[]");

/** What is read. */
export interface GuestBatches {
  shown: Pick<ShownSessions, "readBatches" | "tabs">;
  privacy: Pick<Privacy, "cutPayload">;
  /** Throws where the guest may not have the rest; asked before each slice. */
  stillGood: (guest: Guest) => Promise<void>;
}

/** Which part of what the guest may see; page times. */
export interface GuestQuery {
  from: number;
  to: number;
  tab: string | null;
}

/**
 * Frames of `events_batch`. Whatever is asked for, nothing outside the guest's range leaves but the page as it was at its beginning; of tabs
 * that were over by then, or were opened later, nothing does.
 * @throws AppError `auth` when the link ends, `overload` where too many guests are served
 */
export async function* streamGuestBatches(
  { shown, privacy, stillGood }: GuestBatches,
  guest: Guest,
  found: StoredSession,
  query: GuestQuery,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { from, to } = boundsOf(guest);
  const range = { from: Math.max(query.from, from, 0), to: Math.min(query.to, to), tab: query.tab };
  const tabs = isRange(guest) ? await idsOfShown(shown, guest, found) : null;
  const isShown = (tab: string) => tabs?.has(tab) !== false;
  if (query.tab !== null && !isShown(query.tab)) return;
  for await (const piece of shown.readBatches(found, range, signal)) {
    const frames: Uint8Array[] = [];
    for (const row of piece) {
      if (!isShown(row.tab)) continue;
      const markers = guest.showsPanels ? row.markers.filter(({ at }) => at >= from && at <= to) : [];
      const cutting = privacy.cutPayload(
        { encoding: row.encoding, rawBytes: row.rawBytes, payload: row.payload.slice() },
        cutOf(guest),
      );
      if (!cutting) throw new AppError("overload", "too many guests are served at once", { retryAfterMs: 2_000 });
      // A batch of which nothing is left goes on without events, so that its seq is not missed.
      const left = (await cutting) ?? emptied(row, from, to);
      const batch: ViewerBatch = {
        sessionId: row.sessionId,
        tab: row.tab,
        seq: row.seq,
        firstAt: left.firstAt,
        lastAt: left.lastAt,
        count: left.count,
        checkout: row.checkout && left.checkout,
        encoding: left.encoding,
        rawBytes: left.rawBytes,
        payload: left.payload,
        markers: [...markers],
      };
      frames.push(encodeBinary("events_batch", batch));
    }
    for (const slice of slicesOf(joinFrames(frames))) {
      await stillGood(guest);
      yield slice;
    }
  }
}

async function idsOfShown(
  shown: GuestBatches["shown"],
  guest: Guest,
  { session, startedOn }: StoredSession,
): Promise<Set<string>> {
  const tabs = await shown.tabs({ sessionId: session.sessionId, startedOn });
  return new Set(shownTabs(tabs, guest).map(({ tab }) => tab));
}

function emptied(row: { firstAt: number; lastAt: number }, from: number, to: number): CutPayload {
  const inside = (at: number) => Math.min(Math.max(at, from), to);
  const [firstAt, lastAt] = [inside(row.firstAt), inside(row.lastAt)];
  return { encoding: "json", rawBytes: NOTHING.length, payload: NOTHING, count: 0, firstAt, lastAt, checkout: false };
}
