/**
 * One scene: a page from one of its checkouts on, shown by rrweb's Replayer in a sandboxed iframe without scripts.
 *
 * - A scene is built out of sight, up to a moment, and revealed when it has been painted; the scene before it stays visible until then.
 * - After that it only goes forward, event by event. A full snapshot is never fed: the player builds a new scene for it, or skips it where
 *   nothing differs. So a scene's memory ends with it, and rrweb's slow and fragile paths (virtual DOM after the start, seeking back,
 *   waiting for style sheets) are never entered.
 * - The scene has its own time line: an event is due so many milliseconds from now. Page clocks that jump do not reach the Replayer.
 */

import { Replayer, ReplayerEvents, type eventWithTime } from "rrweb";
import { RRWEB } from "../../protocol/rrweb-event.ts";
import type { TimedEvent } from "./event-cursor.ts";
import { MAX_OPENING_EVENTS, MAX_PENDING_CHANGES, MAX_PENDING_EVENTS } from "./limits.ts";
import { catchFaults } from "./replayer-faults.ts";
import { isPlayable, readHref, readMove, readPoint, readSize, SOURCE, type RrwebEvent } from "./rrweb-events.ts";
import { countChanges, SceneGuard } from "./scene-guard.ts";
import { noteScene, type ShownPage } from "./shown-page.ts";
import { isSameDocument } from "./snapshot-match.ts";
import { STAND_IN_RULES } from "./stand-ins.ts";
import { shareStyles } from "./style-cache.ts";

/** Events that have to be older than the start by at least this much, so that the Replayer applies them at once. */
const STEP_MS = 1;
/** Smallest distance of two events; equal times would let the Replayer skip one. */
const TICK_MS = 0.01;
/** Up to here fast-forward goes straight to the DOM, which is exact; beyond, rrweb's virtual DOM is several times faster. */
const MAX_DIRECT_EVENTS = 3_000;
/** Played events are dropped from the Replayer's list when they have become this many. */
const TRIM_EVENTS = 500;

/** An event is never fed more than about a second before it is due; when nothing happens for this long, nothing will. */
const STUCK_MS = 4_000;

/** Thrown where a stretch of the recording cannot be shown at all. */
export class BrokenScene extends Error {
  override readonly name = "BrokenScene";
}

interface Point {
  x: number;
  y: number;
  id: number;
}

export interface SceneOptions {
  /** Connected to a document; the scene adds one element to it. */
  root: HTMLElement;
  tab: string;
  onResize: () => void;
  /** True where the pointer is to leave no trail. */
  isSmall?: boolean;
}

export class Scene implements ShownPage {
  readonly tab: string;
  readonly element: HTMLElement;
  /** Size of the page in CSS pixels. */
  width = 0;
  height = 0;
  /** Address of the page at the checkout. */
  readonly href: string;
  private readonly replayer: Replayer;
  private readonly guard = new SceneGuard();
  private lastTimestamp: number;
  private fed = 0;
  private cast = 0;
  /** Changes in the events that were fed and are not shown yet, oldest first. */
  private changes: number[] = [];
  private pendingChanges = 0;
  private castSeen = { count: 0, at: 0 };
  private speed = 1;
  private pendingMoves: { at: number; position: Point }[] = [];
  private lastPoint: { at: number; point: Point } | null = null;
  private isGone = false;

  /**
   * Builds a scene out of sight.
   * @param events from a checkout (Meta, full snapshot) on; where they hold several, the last one counts
   * @throws BrokenScene
   */
  constructor(events: readonly TimedEvent[], options: SceneOptions) {
    const opening = toOpening(events, this.guard);
    this.tab = options.tab;
    this.href = readHref(opening[0] ?? { type: -1, timestamp: 0 }) ?? "";
    this.element = options.root.ownerDocument.createElement("div");
    this.element.className = "scene";
    this.element.style.visibility = "hidden";
    options.root.append(this.element);
    noteScene(this.element, this);
    const first = opening[0]?.timestamp ?? 0;
    this.lastTimestamp = (opening.at(-1)?.timestamp ?? 0) + STEP_MS;
    try {
      this.replayer = new Replayer(opening, {
        root: this.element,
        liveMode: true,
        useVirtualDom: opening.length > MAX_DIRECT_EVENTS,
        mouseTail: options.isSmall === true ? false : { duration: 400, lineWidth: 2, strokeStyle: "#4c6ef5" },
        triggerFocus: false,
        insertStyleRules: STAND_IN_RULES,
        UNSAFE_replayCanvas: false,
        showWarning: false,
        showDebug: false,
        speed: 1,
      });
      shareStyles(this.replayer);
      catchFaults(this.replayer);
      this.replayer.iframe.title = "The visitor's page";
      this.replayer.iframe.tabIndex = -1;
      this.replayer.on(ReplayerEvents.Resize, (size: unknown) => {
        this.setSize(readSize({ type: RRWEB.meta, timestamp: 0, data: size }));
        options.onResize();
      });
      this.replayer.play(this.lastTimestamp - first);
      this.replayer.setConfig({ useVirtualDom: false });
      this.setSize(readSize(opening[0] ?? { type: -1, timestamp: 0 }));
      this.replayer.on(ReplayerEvents.EventCast, () => {
        this.cast++;
        this.pendingChanges -= this.changes.shift() ?? 0;
      });
    } catch (error) {
      this.element.remove();
      throw new BrokenScene("This part of the recording cannot be shown", { cause: error });
    }
  }

  /** Events that were fed and are not shown yet. */
  get pending(): number {
    return this.fed - this.cast;
  }

  /** True where nothing more should be fed before something has been shown: the page changes faster than it can be drawn. */
  get isFull(): boolean {
    return this.pending >= MAX_PENDING_EVENTS || this.pendingChanges >= MAX_PENDING_CHANGES;
  }

  /** True where parts of the page were left out because they are too many. */
  get isCut(): boolean {
    return this.guard.isCut;
  }

  /** True where the Replayer has stopped half-way: an event made it fall over, and nothing after it is played. */
  isStuck(monotonic: number): boolean {
    if (this.isGone || this.speed === 0 || this.pending === 0 || this.cast !== this.castSeen.count || document.hidden) {
      this.castSeen = { count: this.cast, at: monotonic };
      return false;
    }
    return monotonic - this.castSeen.at > STUCK_MS;
  }

  /** Makes the scene visible. */
  reveal(): void {
    this.element.style.visibility = "";
  }

  /**
   * Applies an event in `dueMs` of page time, in the order of the calls; 0 means with the next frame.
   * @param trail true at the live edge: a move, which is sent when it is over, is played from now on instead of all at once
   */
  feed({ event, at }: TimedEvent, dueMs: number, trail = false): void {
    if (this.isGone || event.type === RRWEB.fullSnapshot) return;
    const admitted = this.guard.admit(event);
    if (!isPlayable(admitted)) return;
    const now = this.now();
    this.lastTimestamp = Math.max(this.lastTimestamp + TICK_MS, now + dueMs);
    this.fed++;
    const changes = countChanges(admitted);
    this.changes.push(changes);
    this.pendingChanges += changes;
    this.replayer.addEvent(this.steerPointer(admitted, at, this.lastTimestamp, trail));
    if (this.fed % TRIM_EVENTS === 0) this.trim();
  }

  /** The speed at which what was fed is played; 0 holds everything, CSS animations included. */
  setSpeed(speed: number): void {
    if (this.isGone) return;
    this.speed = speed;
    // The Replayer counts its time when it is asked; without this, the pause just ended would be counted at the new speed.
    this.now();
    this.replayer.setConfig({ speed });
    this.replayer.iframe.contentDocument?.documentElement.classList.toggle("rrweb-paused", speed === 0);
  }

  /** Takes a checkout that comes while the scene is shown. True: it is in step and goes on. False: a new scene has to be built. */
  absorb(checkout: { meta: RrwebEvent; snapshot: RrwebEvent }): boolean {
    const { data } = checkout.snapshot;
    if (typeof data !== "object" || data === null || !("node" in data)) return false;
    if ((readHref(checkout.meta) ?? "") !== this.href) return false;
    if (!isSameDocument(data.node, this.replayer.getMirror())) return false;
    const size = readSize(checkout.meta);
    if (size && (size.width !== this.width || size.height !== this.height)) {
      const resize = { type: RRWEB.incremental, timestamp: 0, data: { source: SOURCE.viewportResize, ...size } };
      this.feed({ event: resize, at: checkout.meta.timestamp }, 0);
    }
    return true;
  }

  /** The document that is shown; for tests and for looking at, never for running anything. */
  get document(): Document | null {
    return this.replayer.iframe.contentDocument;
  }

  idOf(node: Node): number {
    return this.replayer.getMirror().getId(node);
  }

  nodeOf(id: number): Node | null {
    return this.replayer.getMirror().getNode(id);
  }

  destroy(): void {
    if (this.isGone) return;
    this.isGone = true;
    try {
      this.replayer.destroy();
    } finally {
      this.element.remove();
    }
  }

  /** The Replayer's time in terms of its first event. */
  private now(): number {
    const first = this.replayer.service.state.context.events[0]?.timestamp ?? 0;
    return first + this.replayer.getCurrentTime();
  }

  /**
   * Moves are sent up to half a second after they happened, so the pointer runs behind everything else. Where a click has overtaken it, the
   * rest of the way leads to the click and not back again.
   */
  private steerPointer(event: RrwebEvent & eventWithTime, at: number, timestamp: number, trail: boolean): eventWithTime {
    const point = readPoint(event);
    if (point) {
      for (const move of this.pendingMoves) if (move.at <= at) Object.assign(move.position, point);
      this.pendingMoves = [];
      this.lastPoint = { at, point };
    }
    const moves = readMove(event);
    const shift = trail ? -(moves?.[0]?.timeOffset ?? 0) : 0;
    if (!moves) return { ...event, timestamp };
    this.pendingMoves = moves.map((position) => {
      const happenedAt = at + position.timeOffset;
      const isOvertaken = this.lastPoint !== null && happenedAt <= this.lastPoint.at;
      const timeOffset = position.timeOffset + shift;
      return { at: happenedAt, position: { ...position, ...(isOvertaken ? this.lastPoint?.point : {}), timeOffset } };
    });
    const positions = this.pendingMoves.map((move) => move.position);
    const moved: RrwebEvent = { ...event, timestamp, data: { ...Object(event.data), positions } };
    return isPlayable(moved) ? moved : { ...event, timestamp };
  }

  /** rrweb keeps every event for ever; what was shown is of no use any more. The first one stays, because times count from it. */
  private trim(): void {
    const { events } = this.replayer.service.state.context;
    events.splice(1, Math.max(0, events.length - 1 - this.pending));
  }

  private setSize(size: { width: number; height: number } | null): void {
    if (!size) return;
    this.width = size.width;
    this.height = size.height;
  }
}

/** From the last full snapshot on, in strictly rising order, with the size that the page has at the end. */
function toOpening(events: readonly TimedEvent[], guard: SceneGuard): eventWithTime[] {
  const snapshotAt = events.findLastIndex(({ event }) => event.type === RRWEB.fullSnapshot && isPlayable(event));
  const meta = events.findLast(({ event }, index) => index < snapshotAt && event.type === RRWEB.meta && isPlayable(event));
  if (snapshotAt === -1 || !meta) throw new BrokenScene("This part of the recording has no beginning");
  const rest = events.slice(snapshotAt);
  if (rest.length > MAX_OPENING_EVENTS) throw new BrokenScene("More happens in this part of the recording than can be shown");
  const size = rest.reduce((latest, { event }) => readSize(event) ?? latest, readSize(meta.event));
  const sized: RrwebEvent = { ...meta.event, data: { ...Object(meta.event.data), ...size } };
  const opening: eventWithTime[] = [];
  let timestamp = meta.at;
  for (const { event, at } of [{ event: sized, at: meta.at }, ...rest]) {
    timestamp = opening.length === 0 ? at : Math.max(at, timestamp + TICK_MS);
    const timed = { ...guard.admit(event), timestamp };
    if (isPlayable(timed)) opening.push(timed);
  }
  return opening;
}
