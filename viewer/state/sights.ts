/** What everybody who is there shows on the visitor's pages. */

import type { AssistAction } from "../../protocol/assist.ts";

/** What somebody shows; `from` is an agent's id or `visitor`. */
export interface Sight {
  from: string;
  tab: string | null;
  pointer: { x: number; y: number } | null;
  /** Node of the recording. */
  ring: number | null;
  lines: ReadonlyMap<number, readonly (readonly [number, number])[]>;
}

const MAX_LINES = 200;
const MAX_POINTS = 4_000;
const NO_LINES: Sight["lines"] = new Map();

export class Sights {
  private readonly all = new Map<string, Sight>();

  /** Takes note of an action; returns all that is shown then. */
  see(from: string, tab: string | null, action: AssistAction): readonly Sight[] {
    const known = this.all.get(from);
    // What was drawn belongs to the page that it was drawn on.
    const sight = known?.tab === tab ? { ...known } : { from, tab, pointer: null, ring: null, lines: NO_LINES };
    if (action.kind === "pointer") {
      sight.pointer = action.x === undefined || action.y === undefined ? null : { x: action.x, y: action.y };
    } else if (action.kind === "highlight") sight.ring = action.node;
    else if (action.kind === "clear") sight.lines = NO_LINES;
    else if (action.kind === "draw") sight.lines = addPoints(sight.lines, action.stroke, action.points);
    this.all.set(from, sight);
    return this.list;
  }

  /** Forgets those who have gone, and of ourselves what we may not show any more. */
  keep(there: readonly string[], you: string, mine: { lines: boolean; ring: boolean }): readonly Sight[] {
    for (const from of this.all.keys()) if (!there.includes(from)) this.all.delete(from);
    const own = this.all.get(you);
    if (own) this.all.set(you, { ...own, lines: mine.lines ? own.lines : NO_LINES, ring: mine.ring ? own.ring : null });
    return this.list;
  }

  clear(): void {
    this.all.clear();
  }

  private get list(): readonly Sight[] {
    return [...this.all.values()];
  }
}

function addPoints(lines: Sight["lines"], stroke: number, points: readonly (readonly [number, number])[]): Sight["lines"] {
  const line = lines.get(stroke) ?? [];
  if (line.length + points.length > MAX_POINTS) return lines;
  const next = new Map(lines).set(stroke, [...line, ...points]);
  const [oldest] = next.keys();
  if (next.size > MAX_LINES && oldest !== undefined) next.delete(oldest);
  return next;
}
