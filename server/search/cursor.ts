/** The place behind one session in a list, as clients carry it; opaque to them. */

import { AppError } from "../app-error.ts";

/** What the session is sorted by (its start in microseconds, or a count or duration), then its id. */
export interface Cursor {
  key: number;
  sessionId: string;
}

/** As text for `nextCursor`. Lists in their usual order have cursors without a word before. */
export function writeCursor(cursor: Cursor, sort = "started"): string {
  const word = sort === "started" ? "" : `${sort} `;
  return Buffer.from(`${word}${cursor.key} ${cursor.sessionId}`).toString("base64url");
}

/**
 * Reads one back.
 * @throws AppError `protocol` for anything else, and for one of a list in another order
 */
export function readCursor(text: string | null, sort = "started"): Cursor | null {
  if (text === null || text === "") return null;
  const found = /^(?:([a-z]+) )?(\d{1,16}) ([A-Za-z0-9_-]{1,64})$/.exec(Buffer.from(text.slice(0, 256), "base64url").toString());
  if (!found?.[2] || !found[3] || (found[1] ?? "started") !== sort) {
    throw new AppError("protocol", "cursor: expected the nextCursor of a page in the same order");
  }
  return { key: Number(found[2]), sessionId: found[3] };
}
