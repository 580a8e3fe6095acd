/** Where in a playlist a session is watched, and the ways on and back. Pure. */

import type { PlaylistItem } from "../net/api-sharing.ts";
import { writeStart } from "./session-start.ts";

/** What the address of a session says of the playlist that led there. */
export interface PlaylistPlace {
  playlistId: number;
  /** A session may be in a playlist several times; null where the address names none. */
  itemId: number | null;
}

/** What comes before and after; `index` is null where the session is not in the playlist any more. */
export interface Neighbours {
  index: number | null;
  item: PlaylistItem | null;
  previous: PlaylistItem | null;
  next: PlaylistItem | null;
}

/** Reads `?playlist=&item=`; null without a playlist. */
export function readPlaylistPlace(query: URLSearchParams): PlaylistPlace | null {
  const playlistId = toId(query.get("playlist"));
  return playlistId === null ? null : { playlistId, itemId: toId(query.get("item")) };
}

/** The address at which an item is watched: from its first moment, and as a part of the playlist. */
export function itemAddress({ itemId, sessionId, fromAt, session }: PlaylistItem, playlistId: number): string {
  const at = fromAt === null ? 0 : fromAt - session.startedAt;
  const start = writeStart({ at, paused: false, loop: null });
  return `/sessions/${encodeURIComponent(sessionId)}${start}&playlist=${playlistId}&item=${itemId}`;
}

/** Finds the item that is watched: by its id, else the first one of the session. */
export function findNeighbours(items: readonly PlaylistItem[], sessionId: string, itemId: number | null): Neighbours {
  const own = items.findIndex((item) => item.itemId === itemId && item.sessionId === sessionId);
  const index = own < 0 ? items.findIndex((item) => item.sessionId === sessionId) : own;
  if (index < 0) return { index: null, item: null, previous: null, next: items[0] ?? null };
  return { index, item: items[index] ?? null, previous: items[index - 1] ?? null, next: items[index + 1] ?? null };
}

function toId(text: string | null): number | null {
  return text !== null && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;
}
