/** One session as its page shows it: facts, timeline and player, fed by history over HTTP and by the live feed. */

import { untrack } from "svelte";
import type { ViewerBatch } from "../../protocol/batch.ts";
import { MARKER_KINDS, type MarkerKind } from "../../protocol/markers.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { FeedPhase } from "../../protocol/viewer-messages.ts";
import { ApiError } from "../net/api.ts";
import { readErrorPlace, type SessionDetail } from "../net/api-sessions.ts";
import { BatchCache, MAX_CACHE_BYTES } from "../player/batch-cache.ts";
import { History } from "../player/history.ts";
import { findStep } from "../player/steps.ts";
import { differs, INITIAL_STATUS, type PlayerStatus } from "../player/player-status.ts";
import { Player } from "../player/player.ts";
import { Preview, type PreviewDeps } from "../player/preview.ts";
import { StageFrame } from "../player/stage.ts";
import { Timeline, type PageGroup, type TimelineGap, type TimelineMarker } from "../player/timeline.ts";
import { withPinOf } from "./session-filter.ts";
import { stepSpeed } from "./speeds.ts";
import { BEFORE_ERROR_MS, firstMoment, writeStart, type Start } from "./session-start.ts";
import { ownWay, type SessionWay } from "./session-way.ts";
import { OutsideFiles } from "./outside-files.svelte.ts";
import { Loop, MIN_LOOP_MS } from "./loop.svelte.ts";
import { SessionLog } from "./session-log.svelte.ts";

const ERROR_KINDS: ReadonlySet<MarkerKind> = new Set(["error", "console_error"]);
/** What `[` and `]` stop at; single clicks are too many. */
const JUMP_KINDS: ReadonlySet<MarkerKind> = new Set(MARKER_KINDS.filter((kind) => kind !== "click" && kind !== "console"));

/** Why there is nothing to look at. */
export type Problem = "not_found" | "withdrawn" | "erased" | "unreachable" | "failed";

/** What the timeline holds is looked at this often at most. */
const REFRESH_MS = 200;
/** The moment that is shown is told this often; everything else at once. */
const STATUS_MS = 80;

export class SessionView {
  session = $state.raw<SessionSummary | null>(null);
  status = $state.raw<PlayerStatus>(INITIAL_STATUS);
  problem = $state<Problem | null>(null);
  /** What loading or playing last failed with; null when it works again. */
  playProblem = $state<string | null>(null);
  phase = $state<FeedPhase | null>(null);
  markers = $state.raw<readonly TimelineMarker[]>([]);
  gaps = $state.raw<readonly TimelineGap[]>([]);
  groups = $state.raw<readonly PageGroup[]>([]);
  from = $state(0);
  to = $state(0);
  loadedBytes = $state(0);
  readonly loop = new Loop();
  /** Console, requests, state, and how much happened when. */
  readonly log: SessionLog;
  /** Images and fonts of the recorded site, and from which hosts they may come. */
  readonly outside = new OutsideFiles((hosts) => {
    this.stage?.allow(hosts);
    this.player?.restage();
  });
  private readonly way: SessionWay;
  private readonly start: Start;
  private readonly timeline = new Timeline();
  private readonly cache = new BatchCache(MAX_CACHE_BYTES, (read, batch) => {
    this.outside.note(read.hosts);
    this.log.note(read, batch);
  });
  private readonly history: History;
  private readonly abort = new AbortController();
  private player: Player | null = null;
  private stage: StageFrame | null = null;
  private leave: (() => void) | null = null;
  /** What was asked for before there was a player. */
  private early: Promise<SessionDetail> | null = null;
  private statusAt = 0;
  private shownVersion = -1;
  private shownAt = 0;

  constructor(sessionId: string, start: Start, way = ownWay(sessionId)) {
    this.way = way;
    this.start = start;
    const { source } = way;
    const onBytes = (bytes: number): void => {
      this.loadedBytes += bytes;
    };
    this.history = new History(source, this.cache, this.timeline, onBytes);
    this.log = new SessionLog(source, this.cache, this.timeline, onBytes);
    this.early = this.prepare();
    this.early.catch(() => undefined);
  }

  /** Begins to show the session in `place`; the returned function ends it. */
  mount(place: HTMLElement): () => void {
    const { timeline, cache, history, loop } = this;
    const stage = this.stageIn(place);
    this.stage = stage;
    this.player = new Player({
      stage,
      timeline,
      cache,
      history,
      loop,
      onChange: (status) => this.show(status),
      onFailure: (error) => this.failed(error),
    });
    this.way.warmUp();
    void this.load();
    return () => {
      this.abort.abort();
      this.log.stop();
      this.leave?.();
      this.player?.destroy();
      this.player = null;
      stage.remove();
      this.stage = null;
    };
  }

  /** Page time of the live edge; what is newer than everything that has arrived is a guess by the visitor's clock. */
  get liveEdge(): number {
    return Math.max(this.to, this.status.edge, this.status.mode === "live" ? this.status.at : 0);
  }

  /** Small pictures of moments in `place`, out of the same batches; whoever made them ends them. */
  preview(place: HTMLElement, onShown: PreviewDeps["onShown"]): Preview {
    const { timeline, cache, history } = this;
    return new Preview({ stage: this.stageIn(place), timeline, cache, history, onShown });
  }

  /** The address of the moment that is shown, to be given to somebody else; it stands still there if this does. */
  get shareAddress(): string {
    const { from } = this.timeline;
    const { range } = this.loop;
    const query = writeStart({
      at: (this.player?.status.at ?? this.status.at) - from,
      paused: !this.status.playing,
      loop: range && { from: range.from - from, to: range.to === null ? null : range.to - from },
    });
    return this.way.address(query);
  }

  /** Address of the page that is shown, as far as it is known. */
  get href(): string {
    const { tab, at, href } = this.status;
    const moved = this.markers.findLast((marker) => marker.at <= at && marker.tab === tab && marker.kind === "navigation");
    return moved?.name || href;
  }

  get isLive(): boolean {
    return this.session?.live === true;
  }

  seek(at: number): void {
    this.playProblem = null;
    this.player?.seek(at);
  }

  /** Jumps forward or (below 0) back by some milliseconds from what is shown this very moment. */
  seekBy(ms: number): void {
    this.seek((this.player?.status.at ?? 0) + ms);
  }

  /** One step slower or faster. */
  stepSpeed(direction: 1 | -1): void {
    if (this.player) this.player.setSpeed(stepSpeed(this.player.status.speed, direction));
  }

  /** Plays what led to a marker: errors from ten seconds before. */
  showMarker(marker: TimelineMarker): void {
    const isError = marker.kind === "error" || marker.kind === "console_error" || marker.kind === "failed_request";
    this.showMoment(marker.at - (isError ? BEFORE_ERROR_MS : 1_000), marker.tab);
    this.player?.play();
  }

  /** Shows a moment, in the browser tab to which it belongs where the viewer has chosen one himself. */
  showMoment(at: number, tab: string): void {
    this.seek(at);
    const group = this.timeline.page(tab)?.group ?? null;
    if (group !== null && !this.status.followsVisitor && group !== this.status.group) this.player?.showGroup(group);
  }

  /** To the next marker or the one before. */
  showNextMarker(direction: 1 | -1): void {
    const marker = this.timeline.markerFrom(this.player?.status.at ?? 0, direction, JUMP_KINDS, direction === -1 ? 2_500 : 1_500);
    if (marker) this.seek(marker.at - 1_000);
  }

  /** To the next event that changes the page, or to the one before, and stands still there. */
  async step(direction: 1 | -1): Promise<void> {
    const status = this.player?.status;
    if (!status?.tab) return;
    this.player?.pause();
    const at = await findStep(this.timeline, this.cache, status.tab, status.at, direction);
    if (at !== null) this.seek(at);
  }

  /** Begins a loop at the moment that is shown, or ends it there; what has both is played. */
  markLoop(edge: "from" | "to"): void {
    this.loop.mark(edge, this.player?.status.at ?? 0, this.timeline.from);
    if (this.loop.range?.to) this.player?.play();
  }

  /** The marker with the id of its occurrence, which history knows and the live feed does not. */
  async findErrorId(markerId: string): Promise<string | null> {
    const find = (): TimelineMarker | undefined => this.timeline.markers.find(({ id }) => id === markerId);
    if (find()?.errorId === null && find()?.kind === "error") this.takeDetail(await this.way.read(this.abort.signal));
    return find()?.errorId ?? null;
  }

  /** To the next error (after the last: the first), played from ten seconds before it. */
  showNextError(direction: 1 | -1 = 1): void {
    const after = (this.player?.status.at ?? 0) + BEFORE_ERROR_MS;
    const other = direction === 1 ? 0 : Infinity;
    const marker =
      this.timeline.markerFrom(after, direction, ERROR_KINDS, 100) ?? this.timeline.markerFrom(other, direction, ERROR_KINDS);
    if (marker) this.showMarker(marker);
  }

  togglePlay(): void {
    this.playProblem = null;
    if (this.status.playing) this.player?.pause();
    else this.player?.play();
  }

  goLive(): void {
    this.playProblem = null;
    if (this.isLive) this.player?.goLive();
  }

  setSpeed(speed: number): void {
    this.player?.setSpeed(speed);
  }

  setSkipInactive(skip: boolean): void {
    this.player?.setSkipInactive(skip);
  }

  showGroup(group: string | null): void {
    this.player?.showGroup(group);
  }

  /** Tries again after a failure. */
  retry(): void {
    if (this.problem) {
      this.problem = null;
      void this.load();
    } else this.seek(this.status.at);
  }

  /** The session was pinned or unpinned here. */
  setPinned(pinned: boolean): void {
    if (this.session) this.session = { ...this.session, pinnedAt: pinned ? Date.now() : null };
  }

  /** Tells the player whether the visitor's page can be heard; to be called when the connection changes. */
  setConnected(isOpen: boolean): void {
    this.player?.setConnected(isOpen && this.isLive);
  }

  private stageIn(place: HTMLElement): StageFrame {
    // Whoever mounts is not to mount anew when another host is allowed: the stage is told of that.
    const allowed = untrack(() => this.outside.allowed);
    return new StageFrame(place, allowed, this.way.stagePath);
  }

  private async load(): Promise<void> {
    const { early } = this;
    this.early = null;
    try {
      const detail = await (early ?? this.prepare());
      if (detail.session.status !== "ended") this.join();
      await this.begin(detail.session);
    } catch (error) {
      if (this.abort.signal.aborted || this.way.handled(error)) return;
      if (error instanceof ApiError && error.status === 404) this.problem = "not_found";
      else this.problem = error instanceof ApiError && error.status === 0 ? "unreachable" : "failed";
    }
  }

  /** Reads what there is, and begins to load the moment that is shown first: that needs no screen. */
  private async prepare(): Promise<SessionDetail> {
    const detail = await this.way.read(this.abort.signal);
    this.takeDetail(detail);
    const at = firstMoment(this.start, this.timeline, detail.session.live);
    const checkout = at === null ? null : this.timeline.checkoutFor(at);
    if (checkout) this.history.prefetch(checkout);
    return detail;
  }

  private takeDetail(detail: SessionDetail): void {
    this.session = detail.session;
    this.timeline.setTabs(detail.tabs);
    this.timeline.addCheckouts(detail.checkouts);
    this.timeline.addStored(detail.markers);
    for (const gap of detail.gaps) this.timeline.addGap(gap);
    this.setConnected(this.way.isOpen());
  }

  /** Goes to where the address says; without that to the live edge, or to the beginning. */
  private async begin(session: SessionSummary): Promise<void> {
    const { errorId, at: pageTime, paused, loop } = this.start;
    let moment = firstMoment(this.start, this.timeline, session.live);
    if (moment === null && errorId !== null) moment = (await readErrorPlace(errorId)).at - BEFORE_ERROR_MS;
    if (moment === null) this.player?.goLive();
    else this.seek(moment);
    if (moment !== null && pageTime === null && (errorId !== null || paused !== true)) this.player?.play();
    const { from } = this.timeline;
    if (loop && loop[1] - loop[0] >= MIN_LOOP_MS / 1000)
      this.loop.range = { from: from + loop[0] * 1000, to: from + loop[1] * 1000 };
  }

  private join(): void {
    this.leave = this.way.join({
      onJoined: (session, tabs, phase) => {
        this.phase = phase;
        this.update(session, tabs);
      },
      onPhase: (phase) => (this.phase = phase),
      onUpdated: (session, tabs) => this.update(session, tabs),
      onBatch: (batch) => this.takeBatch(batch),
      onGap: (tab, fromSeq, toSeq) => {
        this.cache.markKnown(tab, fromSeq, toSeq);
        this.timeline.addGap({ tab, fromSeq, toSeq });
      },
      onEnded: (endedAt, reason) => {
        if (reason === "erased") this.close("erased");
        else if (this.session) this.session = { ...this.session, live: false, status: "ended", endedAt };
        this.ended();
      },
      onError: (error) => {
        if (error.code === "gone") this.close("erased");
        else if (error.code === "not_found" || error.code === "forbidden") this.withdrawn();
        else this.playProblem = error.message;
      },
    });
  }

  private update(session: SessionSummary, tabs: readonly TabSummary[]): void {
    const wasLive = this.isLive;
    this.session = withPinOf(session, this.session);
    this.timeline.setTabs(tabs);
    this.setConnected(this.way.isOpen());
    if (wasLive && !session.live) this.ended();
  }

  /** The visitor's page is gone: live becomes the last moment of a recording. */
  private ended(): void {
    this.player?.setConnected(false);
    if (this.status.mode === "live" && this.session?.status === "ended") this.player?.pause();
  }

  /** Rights were taken away while it was watched. */
  private withdrawn(): void {
    this.way.withdrawn();
    this.close("withdrawn");
  }

  /** Nothing of it is to be seen here any more. */
  private close(problem: Problem): void {
    this.problem = problem;
    this.session = null;
    this.leave?.();
    this.player?.destroy();
    this.player = null;
  }

  private takeBatch(batch: ViewerBatch): void {
    const cached = this.cache.add(batch);
    this.timeline.noteBatch(batch);
    this.player?.acceptLive(batch);
    // The panels show what happens in every tab, the player inflates only its own.
    if (!document.hidden) void cached.events();
  }

  /** Says what loading or playing failed with. */
  failed(error: unknown): void {
    if (this.way.handled(error)) return;
    if (error instanceof ApiError && error.status === 404) this.close("erased");
    else this.playProblem = error instanceof Error ? error.message : "This moment cannot be shown.";
  }

  /** Called with every frame; the screen is told what it needs and not more. */
  private show(status: PlayerStatus): void {
    const now = performance.now();
    this.log.follow(status.tab, status.at, now);
    if (now - this.statusAt > STATUS_MS || differs(status, this.status)) {
      this.status = status;
      this.statusAt = now;
    }
    if (this.timeline.version === this.shownVersion || now - this.shownAt < REFRESH_MS) return;
    this.shownVersion = this.timeline.version;
    this.shownAt = now;
    this.markers = this.timeline.markers;
    this.gaps = this.timeline.gaps;
    this.groups = this.timeline.groups;
    this.from = this.timeline.from;
    this.to = this.timeline.to;
  }
}
