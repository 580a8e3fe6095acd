/** What of a recording is played: its page contexts as one reel for each browser tab, and in which of them the visitor was when. */

import { RRWEB } from "../../protocol/rrweb-event.ts";
import { isPlayable, type RrwebEvent } from "../player/rrweb-events.ts";
import { SceneGuard } from "../player/scene-guard.ts";

const MAX_MOMENTS = 1_000;

/** A point worth jumping to, by the page's clock. */
export interface Moment {
  at: number;
  kind: string;
  text: string;
}

/** One page context, as the file has it. */
export interface Context {
  /** Its browser tab. */
  group: string;
  name: string;
  events: RrwebEvent[];
  moments: Moment[];
  /** When the visitor clicked in it or went on in it; page time. */
  acts: number[];
  /** True where the file is a part of the session, and this page was open before it. */
  isCut: boolean;
}

/** What one browser tab showed: its page contexts one after the other. */
export interface Reel {
  /** Address or title of its last page. */
  name: string;
  events: RrwebEvent[];
  moments: Moment[];
}

/** From `at` on the visitor is in the browser tab of this reel. */
export interface Step {
  at: number;
  reel: Reel;
}

/** Reels that can be played, the longest first, and the visitor's way through them, oldest first. */
export function toReels(contexts: readonly Context[]): { reels: Reel[]; steps: Step[] } {
  const groups = new Map<string, Context[]>();
  for (const context of contexts) {
    const playable = { ...context, events: fromFirstCheckout(context.events) };
    if (playable.events.length > 0) groups.set(context.group, [...(groups.get(context.group) ?? []), playable]);
  }
  const joined = [...groups.values()]
    .map((own) => ({ own, reel: join(own) }))
    .filter(({ reel }) => reel.events.length > 1)
    .sort((one, other) => other.reel.events.length - one.reel.events.length);
  // What was open before the file begins is no news of the visitor; until there is some, the longest is as good a guess as any.
  const opened = joined
    .toReversed()
    .flatMap(({ own, reel }) => own.map(({ events: [first], isCut }) => ({ at: isCut ? 0 : (first?.timestamp ?? 0), reel })));
  const acted = joined.flatMap(({ own, reel }) => own.flatMap(({ acts }) => acts.map((at) => ({ at, reel }))));
  // Of the same moment the act counts, as in the viewer.
  const all = [...opened, ...acted].sort((one, other) => one.at - other.at);
  return { reels: joined.map(({ reel }) => reel), steps: all.filter(({ reel }, index) => all[index - 1]?.reel !== reel) };
}

/** The reel that the visitor was in at a moment; before the first, the first. */
export function reelAt(steps: readonly Step[], at: number): Reel | null {
  return (steps.findLast((step) => step.at <= at) ?? steps[0])?.reel ?? null;
}

/** Page contexts of one browser tab play one after the other; each ends where the next begins. */
function join(contexts: Context[]): Reel {
  const guard = new SceneGuard();
  const beginOf = (context: Context | undefined) => context?.events[0]?.timestamp ?? Infinity;
  const inOrder = contexts.sort((one, other) => beginOf(one) - beginOf(other));
  const events: RrwebEvent[] = [];
  let newest = 0;
  for (const [index, context] of inOrder.entries()) {
    const end = beginOf(inOrder[index + 1]);
    for (const event of context.events) {
      if (event.timestamp >= end) continue;
      const admitted = guard.admit(event);
      if (!isPlayable(admitted)) continue;
      // A page's clock may be set back; what happened later must not play earlier.
      newest = Math.max(newest, admitted.timestamp);
      events.push(admitted.timestamp === newest ? admitted : { ...admitted, timestamp: newest });
    }
  }
  const moments = inOrder.flatMap((context) => context.moments).sort((one, other) => one.at - other.at);
  return { name: inOrder.at(-1)?.name ?? "Page", events, moments: moments.slice(0, MAX_MOMENTS) };
}

/** Nothing can be shown before Meta and a full snapshot. */
function fromFirstCheckout(events: readonly RrwebEvent[]): RrwebEvent[] {
  const snapshot = events.findIndex((event) => event.type === RRWEB.fullSnapshot);
  const meta = events.findLastIndex((event, index) => index < snapshot && event.type === RRWEB.meta && isPlayable(event));
  return meta < 0 ? [] : events.slice(meta);
}
