/** What the agent's pointer and keys mean on the visitor's page, by the tool that is chosen. */

import type { Assist } from "../../state/assist.svelte.ts";
import { scrollableAt, shownPage, spotAt, type Geometry } from "./page-places.ts";

/** A pointer, a line and the wheel are told so often at most. */
const MOVE_MS = 33;
/** What is typed is gathered for so long. */
const TYPE_MS = 120;
const MAX_POINTS = 200;

const KEYS = new Set(["Enter", "Tab", "Escape", "Backspace"] as const);
type Key = typeof KEYS extends Set<infer K> ? K : never;

export class SheetHands {
  private readonly assist: Assist;
  private toldAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stroke = 0;
  private points: [number, number][] | null = null;
  private text = "";
  private typing: ReturnType<typeof setTimeout> | undefined;
  /** The field that was pressed last: what is typed goes there. */
  private field: number | null = null;
  private wheel: { node: number | null; x: number; y: number; until: number } | null = null;

  constructor(assist: Assist) {
    this.assist = assist;
  }

  moved(at: Geometry, event: PointerEvent): void {
    const { x, y } = spotAt(at, event.clientX, event.clientY);
    if (this.points) {
      this.points.push([x, y]);
      if (this.points.length >= MAX_POINTS) this.sendPoints(at);
    }
    const waitMs = MOVE_MS - (performance.now() - this.toldAt);
    clearTimeout(this.timer);
    const tell = () => {
      this.toldAt = performance.now();
      if (this.assist.may("pointer")) this.assist.do({ kind: "pointer", x, y }, at.tab);
      this.sendPoints(at);
    };
    if (waitMs <= 0) tell();
    else this.timer = setTimeout(tell, waitMs);
  }

  left(at: Geometry): void {
    clearTimeout(this.timer);
    if (this.assist.may("pointer")) this.assist.do({ kind: "pointer" }, at.tab);
  }

  pressed(at: Geometry, event: PointerEvent): void {
    if (event.button !== 0) return;
    if (event.currentTarget instanceof HTMLElement) {
      event.currentTarget.focus({ preventScroll: true });
      if (this.assist.tool === "draw") event.currentTarget.setPointerCapture(event.pointerId);
    }
    event.preventDefault();
    const spot = spotAt(at, event.clientX, event.clientY);
    const { node } = spot;
    switch (this.assist.tool) {
      case "draw":
        this.stroke = this.assist.takeId();
        this.points = [[spot.x, spot.y]];
        return;
      case "point": {
        const mine = this.assist.sights.find(({ from }) => from === this.assist.me?.agentId);
        if (this.assist.may("pointer")) this.assist.do({ kind: "highlight", node: mine?.ring === node ? null : node }, at.tab);
        return;
      }
      case "guide":
        if (node === null) return;
        this.assist.do({ kind: "guide", node }, at.tab);
        this.assist.say("The visitor is asked to click it");
        return;
      case "control":
        this.flush(at);
        if (node === null) return;
        this.field = node;
        this.assist.do({ kind: "click", id: this.assist.takeId(), node, x: spot.shareX, y: spot.shareY }, at.tab);
        return;
      default:
        this.assist.tool satisfies never;
    }
  }

  released(at: Geometry, event: PointerEvent): void {
    if (!this.points) return;
    const { x, y } = spotAt(at, event.clientX, event.clientY);
    this.points.push([x, y]);
    this.sendPoints(at);
    this.points = null;
  }

  turned(at: Geometry, event: WheelEvent): void {
    if (this.assist.tool !== "control" || !this.assist.may("control")) return;
    event.preventDefault();
    const spot = spotAt(at, event.clientX, event.clientY);
    const element = scrollableAt(spot, event.deltaX, event.deltaY);
    const found = element ? (shownPage()?.idOf(element) ?? -1) : -1;
    const node = found > 0 ? found : null;
    const now = performance.now();
    // The page tells only after a moment where it is; until then we count ourselves.
    const from = this.wheel && this.wheel.node === node && this.wheel.until > now ? this.wheel : null;
    const place = from ?? (element ? { x: element.scrollLeft, y: element.scrollTop } : { x: at.scrollX, y: at.scrollY });
    this.wheel = { node, x: Math.max(0, place.x + event.deltaX), y: Math.max(0, place.y + event.deltaY), until: now + 600 };
    if (now - this.toldAt < MOVE_MS) return;
    this.toldAt = now;
    this.assist.do({ kind: "scroll", id: this.assist.takeId(), node, x: this.wheel.x, y: this.wheel.y }, at.tab);
  }

  typed(at: Geometry, event: KeyboardEvent): void {
    if (this.assist.tool !== "control" || !this.assist.may("control")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isKey(event.key)) {
      this.flush(at);
      this.assist.do({ kind: "key", id: this.assist.takeId(), key: event.key }, at.tab);
    } else if (event.key.length === 1 && this.field !== null) {
      this.text += event.key;
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.flush(at), TYPE_MS);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private flush(at: Geometry): void {
    clearTimeout(this.typing);
    const { text, field } = this;
    this.text = "";
    if (text !== "" && field !== null) this.assist.do({ kind: "type", id: this.assist.takeId(), node: field, text }, at.tab);
  }

  private sendPoints(at: Geometry): void {
    if (!this.points || this.points.length === 0) return;
    this.assist.do({ kind: "draw", stroke: this.stroke, points: this.points.splice(0) }, at.tab);
  }
}

function isKey(key: string): key is Key {
  return (KEYS as ReadonlySet<string>).has(key);
}
