/** The live wall: who is online in a project, what they do, and which of them are watched in small live views. */

import { SvelteMap, SvelteSet } from "svelte/reactivity";
import type { SessionSummary } from "../../../protocol/session.ts";
import type { FeedSocket } from "../../net/feed-socket.ts";
import { ActivityRing } from "./activity-ring.ts";
import { Leavers } from "./leavers.ts";
import type { LiveTile } from "./live-tile.svelte.ts";
import { TileShelf } from "./tile-shelf.ts";
import { fillPlaces, NO_PLACES, type Places, type WallStart } from "./wall-places.ts";

/** How often the wall looks whether somebody is to come or go. */
const LOOK_MS = 500;

/** Somebody who is online. */
export interface Visitor {
  readonly session: SessionSummary;
  readonly activity: ActivityRing;
}

export class LiveWall {
  /** False before the server has told who is there. */
  isRead = $state(false);
  places = $state.raw<Places>(NO_PLACES);
  /** True where free places are filled by themselves. */
  fills = $state(true);
  readonly chosen = new SvelteSet<string>();
  private readonly online = new SvelteMap<string, Visitor>();
  private readonly leavers = new Leavers();
  private readonly dismissed = new SvelteSet<string>();
  private readonly shelf: TileShelf;
  private readonly unwatch: () => void;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(projectId: number, socket: FeedSocket, start: WallStart, onWithdrawn: () => void) {
    this.shelf = new TileShelf(socket);
    for (const id of start.chosen) this.chosen.add(id);
    this.places = { tiles: [], focus: start.focus };
    if (start.focus !== null) this.leavers.note(start.focus, performance.now());
    this.unwatch = socket.watchList(projectId, {
      onList: (sessions) => {
        for (const id of this.online.keys()) if (!sessions.some(({ sessionId }) => sessionId === id)) this.left(id);
        this.take(sessions);
        this.isRead = true;
      },
      onChanged: (sessions) => this.take(sessions),
      onWithdrawn,
    });
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Everybody who is online, newest first. */
  get visitors(): readonly Visitor[] {
    return [...this.online.values()].sort(
      ({ session: a }, { session: b }) => b.startedAt - a.startedAt || (a.sessionId < b.sessionId ? 1 : -1),
    );
  }

  visitor(sessionId: string): Visitor | null {
    return this.online.get(sessionId) ?? null;
  }

  /** The live view of somebody who has a place. */
  tile(sessionId: string): LiveTile {
    return this.shelf.get(sessionId);
  }

  /** Draws one large, or (null) all alike. */
  setFocus(sessionId: string | null): void {
    if (sessionId !== null) this.dismissed.delete(sessionId);
    this.places = { ...this.places, focus: sessionId };
    this.look();
  }

  /** Puts somebody on the wall. */
  add(sessionId: string): void {
    this.dismissed.delete(sessionId);
    this.chosen.add(sessionId);
    this.look();
  }

  /** Takes somebody off the wall; he comes back only by hand. */
  remove(sessionId: string): void {
    this.chosen.delete(sessionId);
    this.dismissed.add(sessionId);
    if (this.places.focus === sessionId) this.places = { ...this.places, focus: null };
    this.look();
  }

  setFills(fills: boolean): void {
    this.fills = fills;
    this.look();
  }

  stop(): void {
    clearInterval(this.timer);
    this.unwatch();
  }

  private take(sessions: readonly SessionSummary[]): void {
    const now = performance.now();
    for (const session of sessions) {
      const { sessionId } = session;
      if (session.status === "ended") {
        this.left(sessionId);
        continue;
      }
      this.leavers.forget(sessionId);
      const activity = this.online.get(sessionId)?.activity ?? new ActivityRing(session.eventCount, now);
      activity.note(session.eventCount, now);
      this.online.set(sessionId, { session, activity });
    }
    this.look();
  }

  private left(sessionId: string): void {
    if (!this.online.delete(sessionId)) return;
    this.dismissed.delete(sessionId);
    this.leavers.note(sessionId, performance.now());
  }

  private look(): void {
    for (const id of this.leavers.takeExpired(performance.now())) this.chosen.delete(id);
    const { places, chosen, dismissed, fills, shelf } = this;
    const online = this.visitors.filter(({ session }) => session.live).map(({ session }) => session.sessionId);
    // Who is looked at closely stays on the screen until he is taken off, gone or not.
    const held = places.focus !== null && this.isRead && places.tiles.includes(places.focus) ? [places.focus] : [];
    const present = [...this.online.keys(), ...this.leavers.ids, ...held].filter((id) => !shelf.isGone(id));
    const next = fillPlaces(places, { online, present, chosen, dismissed, fills });
    shelf.keepOnly(next.tiles);
    if (next.focus === places.focus && next.tiles.join() === places.tiles.join()) return;
    this.places = next;
  }
}
