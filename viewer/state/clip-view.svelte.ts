/** The seconds around an error, played out of its session's history: from before it to a moment after it, again and again as one likes. */

import { untrack } from "svelte";
import { ApiError } from "../net/api.ts";
import { readSession } from "../net/api-sessions.ts";
import { createBatchSource } from "../net/batches-reader.ts";
import { BatchCache, MAX_CACHE_BYTES } from "../player/batch-cache.ts";
import { History } from "../player/history.ts";
import { differs, INITIAL_STATUS, type PlayerStatus } from "../player/player-status.ts";
import { Player } from "../player/player.ts";
import { StageFrame } from "../player/stage.ts";
import { Timeline, type PageGroup, type TimelineGap, type TimelineMarker } from "../player/timeline.ts";
import { app } from "./app.svelte.ts";
import { describeProblem } from "./fault.ts";
import { OutsideFiles } from "./outside-files.svelte.ts";

/** A clip begins this long before the error, and ends this long after it. */
export const CLIP_BEFORE_MS = 10_000;
export const CLIP_AFTER_MS = 5_000;
/** The moment that is shown is told this often. */
const STATUS_MS = 60;

/** Which clip: a session, and the moment of the error in page time. */
export interface ClipPlace {
  sessionId: string;
  tab: string | null;
  at: number;
}

export class ClipView {
  status = $state.raw<PlayerStatus>(INITIAL_STATUS);
  /** Why nothing can be shown, or null. */
  problem = $state<string | null>(null);
  markers = $state.raw<readonly TimelineMarker[]>([]);
  gaps = $state.raw<readonly TimelineGap[]>([]);
  groups = $state.raw<readonly PageGroup[]>([]);
  /** First and last moment of the clip, page time. */
  from = $state(0);
  to = $state(0);
  loadedBytes = $state(0);
  /** True while the visitor is still there. */
  isLive = $state(false);
  readonly place: ClipPlace;
  /** Images and fonts of the recorded site, and from which hosts they may come. */
  readonly outside = new OutsideFiles((hosts) => {
    this.stage?.allow(hosts);
    this.player?.restage();
  });
  private readonly timeline = new Timeline();
  private readonly cache = new BatchCache(MAX_CACHE_BYTES, ({ hosts }) => this.outside.note(hosts));
  private readonly history: History;
  private readonly abort = new AbortController();
  private player: Player | null = null;
  private stage: StageFrame | null = null;
  private statusAt = 0;

  constructor(place: ClipPlace) {
    this.place = place;
    this.from = place.at - CLIP_BEFORE_MS;
    this.to = place.at + CLIP_AFTER_MS;
    const source = createBatchSource(place.sessionId);
    this.history = new History(source, this.cache, this.timeline, (bytes) => (this.loadedBytes += bytes));
  }

  /** Begins to play in `place`; the returned function ends it. */
  mount(place: HTMLElement): () => void {
    const { timeline, cache, history } = this;
    const stage = new StageFrame(
      place,
      untrack(() => this.outside.allowed),
    );
    this.stage = stage;
    const onFailure = (error: unknown): void => this.failed(error);
    this.player = new Player({ stage, timeline, cache, history, onChange: (status) => this.show(status), onFailure });
    void this.load();
    return () => {
      this.abort.abort();
      this.player?.destroy();
      this.player = null;
      stage.remove();
      this.stage = null;
    };
  }

  /** Shows a moment of the clip, and plays on if it was playing. */
  seek(at: number): void {
    this.problem = null;
    this.player?.seek(Math.min(Math.max(at, this.from), this.to));
  }

  seekBy(ms: number): void {
    this.seek((this.player?.status.at ?? this.from) + ms);
  }

  /** Shows a moment, and goes on from there. */
  playFrom(at: number): void {
    this.seek(at);
    if (!this.isOver(at)) this.player?.play();
  }

  togglePlay(): void {
    if (this.status.playing) this.player?.pause();
    else if (this.isOver(this.player?.status.at ?? 0)) this.playFrom(this.from);
    else this.player?.play();
  }

  /** How long after the last that was seen of the page the error came; 0 where it is in the clip. */
  get lateMs(): number {
    return Math.max(0, this.place.at - this.to);
  }

  setSpeed(speed: number): void {
    this.player?.setSpeed(speed);
  }

  /** Tries again after a failure. */
  retry(): void {
    this.problem = null;
    void this.load();
  }

  private isOver(at: number): boolean {
    return at >= this.to - 1;
  }

  private async load(): Promise<void> {
    const { sessionId, tab, at } = this.place;
    try {
      const detail = await readSession(sessionId, this.abort.signal);
      this.isLive = detail.session.live;
      this.timeline.setTabs(detail.tabs);
      this.timeline.addCheckouts(detail.checkouts);
      for (const { tab: of, errorId, ...marker } of detail.markers) this.timeline.addMarkers(of, [{ ...marker, errorId }]);
      for (const gap of detail.gaps) this.timeline.addGap(gap);
      // An error of a backend may come after the last that was seen of the page: then that is what is shown.
      this.to = Math.max(Math.min(at + CLIP_AFTER_MS, this.timeline.to), this.timeline.from + 1);
      this.from = Math.min(Math.max(Math.min(at, this.to) - CLIP_BEFORE_MS, this.timeline.from), this.to - 1);
      const isInside = (moment: number): boolean => moment >= this.from && moment <= this.to;
      this.markers = this.timeline.markers.filter((marker) => isInside(marker.at));
      this.gaps = this.timeline.gaps.filter((gap) => gap.fromAt <= this.to && gap.toAt >= this.from);
      this.groups = this.timeline.groups;
      if (detail.checkouts.length === 0) {
        this.problem = "Nothing of this session can be played: its first page was never received whole.";
        return;
      }
      const group = tab === null ? undefined : this.timeline.page(tab)?.group;
      if (group !== undefined) this.player?.showGroup(group);
      this.playFrom(this.from);
    } catch (error) {
      if (!this.abort.signal.aborted) this.failed(error);
    }
  }

  private failed(error: unknown): void {
    if (app.handledSignOut(error)) return;
    const isGone = error instanceof ApiError && error.status === 404;
    this.problem = isGone ? "The session of this clip is gone: it was erased, or has reached its age." : describeProblem(error);
  }

  /** Called with every frame; the end of the clip is the end, whatever comes after it. */
  private show(status: PlayerStatus): void {
    if (status.playing && status.stage === "shown" && this.isOver(status.at) && this.to > 0) {
      this.player?.pause();
      this.player?.seek(this.to);
      return;
    }
    const now = performance.now();
    if (!differs(status, this.status) && now - this.statusAt <= STATUS_MS) return;
    this.status = status;
    this.statusAt = now;
  }
}
