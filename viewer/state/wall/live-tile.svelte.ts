/**
 * One small live view: a session from its newest checkout on, without history, timeline or panels, and with bounds on what it may cost.
 *
 * States: `joining` (nothing is on the stage yet) -> `watching` <-> `resting` (out of sight: the feed is left, the last picture stays) ->
 * `ended`; or `large` (its page is too large for a small view), `gone` (refused, or erased).
 */

import { untrack } from "svelte";
import type { ViewerBatch } from "../../../protocol/batch.ts";
import type { SessionSummary, TabSummary } from "../../../protocol/session.ts";
import { createBatchSource } from "../../net/batches-reader.ts";
import type { FeedSocket } from "../../net/feed-socket.ts";
import { isNeeded } from "../../player/ahead.ts";
import { BatchCache } from "../../player/batch-cache.ts";
import { History } from "../../player/history.ts";
import type { PlayerDeps } from "../../player/player-deps.ts";
import { INITIAL_STATUS, type PlayerStatus } from "../../player/player-status.ts";
import { Player } from "../../player/player.ts";
import { isInteraction } from "../../player/rrweb-events.ts";
import { StageFrame } from "../../player/stage.ts";
import { Timeline } from "../../player/timeline.ts";
import { OutsideFiles } from "../outside-files.svelte.ts";
import { isHeavy, openGroups, presentTabs, slimTimeline } from "./slim-timeline.ts";

export type TileState = "joining" | "watching" | "resting" | "large" | "ended" | "gone";

/** What is older than the newest checkout goes as soon as there is this much. */
const MAX_HELD_BYTES = 1024 * 1024;
/** A page whose checkout is larger (JSON) costs more than a small view is worth. */
const MAX_CHECKOUT_BYTES = 4 * 1024 * 1024;
/** Out of sight for this long: the feed is left, so that neither the visitor's page nor ours works for nobody. */
const REST_AFTER_MS = 2_000;
/** A small view is drawn this often; the one in focus with everything that comes. */
const DRAW_EVERY_MS = 250;

export class LiveTile {
  readonly sessionId: string;
  state = $state<TileState>("joining");
  session = $state.raw<SessionSummary | null>(null);
  /** Size, address and stage of what is shown. */
  shown = $state.raw<Pick<PlayerStatus, "width" | "height" | "href" | "stage" | "group">>(INITIAL_STATUS);
  /** Browser tabs that are open. */
  groupCount = $state(0);
  private readonly socket: FeedSocket;
  private readonly cache = new BatchCache(MAX_HELD_BYTES);
  private timeline = new Timeline();
  private deps: PlayerDeps | null = null;
  private player: Player | null = null;
  private leave: (() => void) | null = null;
  private rest: ReturnType<typeof setTimeout> | undefined;
  private isSeen = false;
  private inFocus = false;
  /** Batches that wait to be drawn together. */
  private waiting: ViewerBatch[] = [];
  private drawing: ReturnType<typeof setTimeout> | undefined;
  /** True until the first checkout after joining: only from there on can be shown. */
  private awaitsCheckout = true;

  constructor(sessionId: string, socket: FeedSocket) {
    this.sessionId = sessionId;
    this.socket = socket;
  }

  /** Begins to show the session in `place`; the returned function ends it. */
  mount(place: HTMLElement): () => void {
    const stage = new StageFrame(
      place,
      untrack(() => new OutsideFiles(() => undefined).allowed),
    );
    const { timeline, cache } = this;
    this.deps = {
      stage,
      timeline,
      cache,
      history: this.createHistory(),
      onChange: (status) => this.show(status),
      // What cannot be shown may be at the next checkout: the player tries again there by itself.
      onFailure: () => undefined,
      isSmall: true,
    };
    this.player = new Player(this.deps);
    document.addEventListener("visibilitychange", this.look);
    this.look();
    return () => {
      document.removeEventListener("visibilitychange", this.look);
      clearTimeout(this.rest);
      this.leaveFeed();
      this.player?.destroy();
      this.player = null;
      stage.remove();
    };
  }

  /** Tells whether the tile is on the screen; where nobody sees it, it rests. */
  setSeen(isSeen: boolean): void {
    this.isSeen = isSeen;
    this.look();
  }

  /** A view that is in focus is drawn as it comes, and takes pages of any size that a player takes. */
  setFocus(inFocus: boolean): void {
    this.inFocus = inFocus;
    if (inFocus && untrack(() => this.state) === "large") {
      this.state = "joining";
      this.look();
    }
  }

  /** Tells whether the visitor's page can be heard; to be called when the connection changes. */
  setConnected(isOpen: boolean): void {
    this.player?.setConnected(isOpen && this.session?.live === true && this.leave !== null);
  }

  private readonly look = (): void => {
    clearTimeout(this.rest);
    const state = untrack(() => this.state);
    if (!this.player || state === "ended" || state === "gone" || state === "large") return;
    if (!this.isSeen || document.hidden) {
      if (this.leave) this.rest = setTimeout(() => this.stopFeed("resting"), REST_AFTER_MS);
    } else if (!this.leave) this.join();
  };

  private join(): void {
    this.awaitsCheckout = true;
    this.leave = this.socket.join(this.sessionId, {
      onJoined: (session, tabs) => this.update(session, tabs),
      onPhase: () => undefined,
      onUpdated: (session, tabs) => this.update(session, tabs),
      onBatch: (batch) => this.hold(batch),
      onGap: (tab, fromSeq, toSeq) => this.cache.markKnown(tab, fromSeq, toSeq),
      onEnded: (_at, reason) => this.stopFeed(reason === "erased" ? "gone" : "ended"),
      onError: () => this.stopFeed("gone"),
    });
  }

  /** Leaves the feed; the picture stands still. */
  private stopFeed(state: TileState): void {
    this.leaveFeed();
    this.player?.setConnected(false);
    this.player?.pause();
    this.state = state;
  }

  private leaveFeed(): void {
    this.leave?.();
    this.leave = null;
    clearTimeout(this.drawing);
    this.drawing = undefined;
    this.waiting = [];
  }

  private update(session: SessionSummary, tabs: readonly TabSummary[]): void {
    this.session = session;
    this.timeline.setTabs(presentTabs(tabs, this.timeline));
    const open = openGroups(tabs);
    this.groupCount = open.size;
    this.player?.setConnected(session.live);
    // The browser tab that was shown has been closed: the one that is left is in use.
    const { group } = this.shown;
    if (group !== null && open.size > 0 && !open.has(group)) this.renew(null);
    if (session.status === "ended") this.stopFeed("ended");
  }

  /** What comes within a quarter of a second is drawn at once: six pages that are laid out with every batch are too many. */
  private hold(batch: ViewerBatch): void {
    this.waiting.push(batch);
    if (this.inFocus || this.awaitsCheckout) this.draw();
    else this.drawing ??= setTimeout(() => this.draw(), DRAW_EVERY_MS);
  }

  private draw(): void {
    clearTimeout(this.drawing);
    this.drawing = undefined;
    const { waiting } = this;
    this.waiting = [];
    for (const batch of waiting) if (this.leave) this.takeBatch(batch);
  }

  private takeBatch(batch: ViewerBatch): void {
    if (batch.checkout && batch.rawBytes > MAX_CHECKOUT_BYTES && !this.inFocus) {
      this.stopFeed("large");
      return;
    }
    const cached = this.cache.add(batch);
    this.timeline.noteBatch(batch);
    const isInOtherGroup = this.timeline.page(batch.tab)?.group !== this.shown.group;
    if (this.groupCount > 1 && isInOtherGroup)
      void cached.events().then((events) => this.noteUse(batch.tab, events.findLast(isInteraction)?.timestamp));
    if (batch.checkout && this.awaitsCheckout) {
      this.awaitsCheckout = false;
      this.state = "watching";
      this.player?.goLive();
    }
    this.player?.acceptLive(batch);
    if (isHeavy(this.timeline)) this.renew(this.player?.status.tab ?? null);
    const { timeline } = this;
    const playing = this.player?.status.tab ?? null;
    this.cache.trim((held) => {
      const isOver = timeline.page(held.tab)?.ended !== false && held.tab !== playing;
      return !isOver && isNeeded(timeline, held, playing, Infinity);
    });
  }

  /** Who moves the pointer in another browser tab is in that one now; a marker tells the timeline so. */
  private noteUse(tab: string, at: number | undefined): void {
    if (at !== undefined) this.timeline.addMarkers(tab, [{ kind: "navigation", at }]);
  }

  /** Forgets what is past. The player reads what it was given with every frame, so that it goes on with the new. */
  private renew(keep: string | null): void {
    this.timeline = slimTimeline(this.timeline, keep);
    if (!this.deps) return;
    this.deps.timeline = this.timeline;
    this.deps.history.stop();
    this.deps.history = this.createHistory();
  }

  private createHistory(): History {
    return new History(createBatchSource(this.sessionId), this.cache, this.timeline);
  }

  /** Called with every frame; the screen is told only what is different. */
  private show({ width, height, href, stage, group }: PlayerStatus): void {
    const now = this.shown;
    if (now.width === width && now.height === height && now.href === href && now.stage === stage && now.group === group) return;
    this.shown = { width, height, href, stage, group };
  }
}
