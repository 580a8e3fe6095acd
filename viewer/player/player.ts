/**
 * The player: shows a session on a stage, live or from history, and goes from one to the other.
 *
 * Modes: `recorded` (a clock of its own moves along the recording, or stands still) and `live` (the visitor's clock). Both do the same work
 * with every frame: give the scene the events that are due, and build the next scene where a page, a tab, a checkout or a jump needs one.
 */

import type { ViewerBatch } from "../../protocol/batch.ts";
import { RRWEB } from "../../protocol/rrweb-event.ts";
import { isNeeded, stretchesUntil } from "./ahead.ts";
import { EventCursor } from "./event-cursor.ts";
import { LiveClock } from "./live-clock.ts";
import { returnFrom } from "./loop-range.ts";
import { nextPaint } from "./next-paint.ts";
import { PlaybackClock } from "./playback-clock.ts";
import { OpenQueue } from "./open-queue.ts";
import type { PlayerDeps } from "./player-deps.ts";
import type { PlayerStatus } from "./player-status.ts";
import { findQuietEnd } from "./quiet-time.ts";
import { MAX_BEHIND_MS } from "./limits.ts";
import { BrokenScene, Scene } from "./scene.ts";
import type { Page } from "./timeline.ts";
import { Visibility } from "./visibility.ts";

/** Events are handed to the scene this long (page time) before they are due: pointer moves begin half a second before their event. */
const LOOK_AHEAD_MS = 700;
/** A jump forward of up to this long inside a scene is walked instead of built anew. */
const WALK_MS = 10_000;
/** How often playback looks for a quiet time to skip. */
const SKIP_LOOK_MS = 200;
/** The next stretch is loaded when it is this close, in seconds of watching. */
const PREFETCH_MS = 15_000;
/** Playback that comes this close to a live edge becomes live. */
const CATCH_UP_MS = 400;
/** After a longer time in the background the live scene is built anew instead of caught up. */
const MAX_HIDDEN_MS = 5_000;

/** Where a scene is wanted; `live` is the newest moment there is. */
interface Target {
  at: number;
  live: boolean;
}

export class Player {
  private readonly deps: PlayerDeps;
  private readonly liveClock = new LiveClock();
  private readonly clock = new PlaybackClock();
  private readonly opener: OpenQueue<Target>;
  private mode: PlayerStatus["mode"] = "recorded";
  private stage: PlayerStatus["stage"] = "opening";
  private wantsToPlay = false;
  private skipInactive = false;
  private chosenGroup: string | null = null;
  private scene: Scene | null = null;
  private cursor: EventCursor | null = null;
  private skipped: PlayerStatus["skipped"] = null;
  private isBehind = false;
  private isConnected = false;
  private isGone = false;
  private frame = 0;
  private readonly visibility: Visibility;
  private isHeldHidden = false;
  private nextSkipLook = 0;

  constructor(deps: PlayerDeps) {
    this.deps = deps;
    this.opener = new OpenQueue(
      (target, signal) => this.open(target, signal),
      (error) => {
        this.clock.stop(performance.now());
        this.stage = "broken";
        deps.onFailure(error);
      },
    );
    this.visibility = new Visibility(
      (now) => this.hide(now),
      (now, hiddenMs) => this.reappear(now, hiddenMs),
    );
    this.frame = requestAnimationFrame(this.onFrame);
  }

  get status(): PlayerStatus {
    const { scene } = this;
    return {
      mode: this.mode,
      playing: this.mode === "live" || this.wantsToPlay,
      stage: this.stage,
      at: this.at(performance.now()),
      edge: this.isConnected ? this.liveEdge(performance.now()) : this.deps.timeline.to,
      speed: this.clock.speed,
      skipInactive: this.skipInactive,
      tab: scene?.tab ?? null,
      group: scene ? (this.deps.timeline.page(scene.tab)?.group ?? null) : this.chosenGroup,
      followsVisitor: this.chosenGroup === null,
      width: scene?.width ?? 0,
      height: scene?.height ?? 0,
      href: scene?.href ?? "",
      skipped: this.skipped,
      notice: this.isBehind ? "behind" : scene?.isCut === true || (this.cursor?.problem ?? null) !== null ? "incomplete" : null,
    };
  }

  /** The document on the stage, for tests. */
  get document(): Document | null {
    return this.scene?.document ?? null;
  }

  /** Takes note of a batch of the live feed; it is in the cache and on the timeline already. */
  acceptLive(batch: Pick<ViewerBatch, "lastAt" | "checkout">): void {
    this.liveClock.observe(batch.lastAt, performance.now());
    if (this.mode !== "live") return;
    if (this.stage === "broken" && batch.checkout) this.opener.want({ at: Infinity, live: true });
    this.pumpLive();
  }

  /** Tells whether the visitor's page is connected: without it live time stands still. */
  setConnected(isConnected: boolean): void {
    this.isConnected = isConnected;
  }

  goLive(): void {
    this.mode = "live";
    this.wantsToPlay = true;
    this.clock.stop(performance.now());
    this.opener.want({ at: Infinity, live: true });
  }

  /** Shows the moment `at`; plays on from there if it was playing. */
  seek(at: number): void {
    const { timeline } = this.deps;
    const target = Math.min(Math.max(at, timeline.from), Math.max(timeline.to, timeline.from));
    const before = this.at(performance.now());
    this.leaveLive();
    this.clock.set(target, performance.now());
    const walks = target >= before && target - before <= WALK_MS && this.canWalkTo(target);
    if (walks && !this.opener.busy) this.pump();
    else this.opener.want({ at: target, live: false });
  }

  play(): void {
    if (this.mode === "live") return;
    this.wantsToPlay = true;
    if (this.at(performance.now()) >= this.deps.timeline.to - 1) this.seek(this.deps.timeline.from);
    if (this.stage === "shown") this.run();
  }

  pause(): void {
    const at = this.at(performance.now());
    const wasLive = this.mode === "live";
    this.leaveLive();
    if (wasLive) this.clock.set(at, performance.now());
    this.wantsToPlay = false;
    this.clock.stop(performance.now());
    this.scene?.setSpeed(0);
  }

  setSpeed(speed: number): void {
    this.clock.setSpeed(speed, performance.now());
    if (this.clock.running) this.scene?.setSpeed(this.clock.speed);
  }

  setSkipInactive(skipInactive: boolean): void {
    this.skipInactive = skipInactive;
  }

  /** Shows one browser tab of the visitor, or (null) the one that he is in. */
  showGroup(group: string | null): void {
    this.chosenGroup = group;
    this.opener.want({ at: this.mode === "live" ? Infinity : this.at(performance.now()), live: this.mode === "live" });
  }

  /** Builds what is shown anew, because the stage has lost it. */
  restage(): void {
    this.scene?.destroy();
    this.scene = null;
    this.cursor = null;
    this.opener.want({ at: this.mode === "live" ? Infinity : this.at(performance.now()), live: this.mode === "live" });
  }

  destroy(): void {
    this.isGone = true;
    cancelAnimationFrame(this.frame);
    this.visibility.stop();
    this.opener.stop();
    this.deps.history.stop();
    this.scene?.destroy();
    this.scene = null;
  }

  /** Page time shown. */
  private at(monotonic: number): number {
    if (this.mode === "recorded") return this.clock.read(monotonic);
    const { to } = this.deps.timeline;
    return this.isConnected && this.liveClock.isSet ? Math.max(to, this.liveClock.at(monotonic)) : to;
  }

  private leaveLive(): void {
    if (this.mode === "recorded") return;
    const now = performance.now();
    this.clock.set(this.at(now), now);
    this.mode = "recorded";
    if (this.wantsToPlay) this.clock.start(now);
    this.scene?.setSpeed(this.clock.speed);
  }

  private run(): void {
    this.clock.start(performance.now());
    this.scene?.setSpeed(this.clock.speed);
  }

  private readonly onFrame = (): void => {
    this.frame = requestAnimationFrame(this.onFrame);
    const now = performance.now();
    if (this.scene?.isStuck(now)) this.opener.want({ at: this.at(now), live: this.mode === "live" });
    if (this.mode === "live") this.pumpLive();
    else if (this.scene && !this.opener.busy) {
      if (this.clock.running) this.stepRecorded(now);
      this.pump();
    }
    const { timeline, cache } = this.deps;
    cache.trim((batch) => isNeeded(timeline, batch, this.cursor?.tab ?? null, this.at(now)));
    this.deps.onChange(this.status);
  };

  /** Everything that the passing of recorded time brings with it: the end of a loop or of everything, the live edge, another page, missing data, a quiet time. */
  private stepRecorded(now: number): void {
    const { timeline, history } = this.deps;
    const at = this.clock.read(now);
    const loop = this.deps.loop?.range ?? null;
    const again = returnFrom(loop, at, this.isConnected ? Infinity : timeline.to);
    if (again !== null) {
      this.seek(again);
      return;
    }
    if (this.isConnected && (loop?.to ?? null) === null && at >= this.liveEdge(now) - CATCH_UP_MS) {
      this.goLive();
      return;
    }
    if (at >= timeline.to && !this.isConnected) {
      this.clock.set(timeline.to, now);
      // A scene that is held applies nothing more: the end is reached when everything before it is on the stage.
      const next = this.cursor?.peek();
      if ((this.scene?.pending ?? 0) > 0 || (next && next.at <= timeline.to)) return;
      this.clock.stop(now);
      this.wantsToPlay = false;
      this.scene?.setSpeed(0);
      return;
    }
    const page = this.pageAt(at);
    if (!page) return;
    if (page.tab !== this.scene?.tab || !history.isReady(page.tab, at)) {
      this.opener.want({ at, live: false });
      return;
    }
    const ahead = stretchesUntil(timeline, page, at, at + PREFETCH_MS * this.clock.speed);
    for (const checkout of ahead) history.prefetch(checkout);
    if (this.skipInactive) this.skipQuietTime(at, now);
  }

  private pageAt(at: number): Page | null {
    const { timeline } = this.deps;
    const group = this.chosenGroup ?? timeline.groupAt(at);
    return group === null ? null : timeline.pageAt(group, at);
  }

  private liveEdge(now: number): number {
    return Math.max(this.deps.timeline.to, this.liveClock.at(now));
  }

  private skipQuietTime(at: number, now: number): void {
    if (!this.cursor || now < this.nextSkipLook) return;
    this.nextSkipLook = now + SKIP_LOOK_MS;
    const target = findQuietEnd(this.deps.timeline, this.cursor, at, this.chosenGroup);
    if (target === null) return;
    this.skipped = { ms: target - at, when: now };
    this.clock.set(target, now);
  }

  private canWalkTo(at: number): boolean {
    const { scene, cursor } = this;
    // A scene that is held takes nothing in before it is let go.
    if (!scene || cursor?.tab !== scene.tab || this.stage !== "shown" || !this.clock.running) return false;
    const { timeline, history } = this.deps;
    if (this.pageAt(at)?.tab !== scene.tab || !history.isReady(scene.tab, at)) return false;
    const checkout = timeline.checkoutBefore(scene.tab, at);
    return checkout !== null && checkout.seq <= cursor.currentSeq && cursor.takenAt <= at + LOOK_AHEAD_MS;
  }

  /** Gives the scene what is due soon. */
  private pump(): void {
    const { scene, cursor } = this;
    if (scene && cursor && !this.opener.busy) this.feed(scene, cursor, { at: this.clock.read(performance.now()), live: false });
  }

  /** Gives the scene what is due at the target; false where a checkout is waited for, or the scene is built anew because of one. */
  private feed(scene: Scene, cursor: EventCursor, target: Target): boolean {
    const { at, live } = target;
    this.isBehind = scene.isFull;
    for (let next = cursor.peek(); next && next.at <= at + LOOK_AHEAD_MS && !scene.isFull; next = cursor.peek()) {
      const checkout = cursor.peekCheckout();
      if (checkout) {
        if (next.at > at || scene.pending > 0) return false;
        if (!scene.absorb(checkout)) {
          this.opener.want(target);
          return false;
        }
        cursor.take();
      } else scene.feed(next, live ? this.liveClock.dueIn(next.at, performance.now()) : next.at - at, live);
      cursor.take();
    }
    return true;
  }

  private pumpLive(): void {
    const { scene, cursor } = this;
    if (this.opener.busy || document.hidden || this.stage === "broken") return;
    const { timeline, cache } = this.deps;
    const page = this.pageAt(Infinity);
    if (!scene || !cursor) {
      if (page) this.opener.want({ at: Infinity, live: true });
      return;
    }
    if (page && page.tab !== scene.tab) {
      this.opener.want({ at: Infinity, live: true });
      return;
    }
    if (!this.feed(scene, cursor, { at: Infinity, live: true })) return;
    const newest = timeline.checkouts(scene.tab).at(-1);
    const hasHole = cache.newestSeq(scene.tab) > cursor.currentSeq && !cache.next(scene.tab, cursor.currentSeq);
    const isLost = this.isBehind && timeline.to - cursor.takenAt > MAX_BEHIND_MS;
    if ((hasHole || isLost) && newest && newest.seq > cursor.currentSeq) this.opener.want({ at: Infinity, live: true });
    else if (isLost) {
      this.isBehind = false;
      this.stage = "broken";
      this.deps.onFailure(new BrokenScene("More happens on this page than can be shown; it goes on at the next checkout"));
    }
  }

  /** Builds the scene for a target and puts it on the stage. */
  private async open({ at, live }: Target, signal: AbortSignal): Promise<void> {
    const { timeline, history, cache, stage } = this.deps;
    const page = this.pageAt(at);
    if (!page) return;
    const moment = live ? Math.max(page.to, timeline.from) : at;
    const checkout = timeline.checkoutBefore(page.tab, moment);
    if (!checkout) return;
    this.clock.stop(performance.now());
    if (!live) this.scene?.setSpeed(0);
    if (this.scene) this.stage = "loading";
    history.abandonExcept([checkout, timeline.checkoutAfter(checkout)]);
    const isHeld = live && cache.knownUpto(page.tab, checkout.seq) >= checkout.seq;
    if (!isHeld) await history.ensure(page.tab, moment, signal);
    const cursor = new EventCursor(cache, page.tab, checkout.seq, () => {
      if (this.mode === "live") this.pumpLive();
    });
    const events = await cursor.collect(live ? Infinity : at);
    const root = await stage.root();
    signal.throwIfAborted();
    if (cursor.problem !== null && !events.some(({ event }) => event.type === RRWEB.fullSnapshot))
      throw new BrokenScene(cursor.problem);
    const scene = new Scene(events, {
      root,
      tab: page.tab,
      isSmall: this.deps.isSmall === true,
      onResize: () => this.deps.onChange(this.status),
    });
    scene.setSpeed(live ? 1 : 0);
    await nextPaint();
    if (this.isGone) {
      scene.destroy();
      return;
    }
    this.scene?.destroy();
    this.scene = scene;
    this.cursor = cursor;
    scene.reveal();
    this.stage = "shown";
    if (this.mode === "live") this.pumpLive();
    else if (this.wantsToPlay) this.run();
    // The next frame may be late: a short part would be over by then, and nobody would have heard that it was played.
    this.deps.onChange(this.status);
  }

  private hide(now: number): void {
    // Nothing is drawn now, and nobody looks: a recording waits.
    this.isHeldHidden = this.clock.running;
    this.clock.stop(now);
  }

  private reappear(now: number, hiddenMs: number): void {
    if (this.isHeldHidden && this.wantsToPlay && this.mode === "recorded") this.clock.start(now);
    this.isHeldHidden = false;
    if (this.mode === "live" && hiddenMs > MAX_HIDDEN_MS) this.opener.want({ at: Infinity, live: true });
  }
}
