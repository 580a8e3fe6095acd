/** The live views that exist: one for each place of the wall, made when it is first asked for. */

import type { FeedSocket } from "../../net/feed-socket.ts";
import { LiveTile } from "./live-tile.svelte.ts";

export class TileShelf {
  private readonly tiles = new Map<string, LiveTile>();
  private readonly socket: FeedSocket;

  constructor(socket: FeedSocket) {
    this.socket = socket;
  }

  /** The live view of a session. */
  get(sessionId: string): LiveTile {
    let tile = this.tiles.get(sessionId);
    if (!tile) this.tiles.set(sessionId, (tile = new LiveTile(sessionId, this.socket)));
    return tile;
  }

  /** True where a session was refused, or erased: there is nothing to show of it. */
  isGone(sessionId: string): boolean {
    return this.tiles.get(sessionId)?.state === "gone";
  }

  /** Forgets all others. Whoever shows one ends it. */
  keepOnly(sessionIds: readonly string[]): void {
    for (const id of this.tiles.keys()) if (!sessionIds.includes(id)) this.tiles.delete(id);
  }
}
