/** Who may do what, and who sees it: everything about actions that needs no desk. */

import { POWER_OF, type AssistAction, type AssistPower } from "../../protocol/assist.ts";
import { powersIn, type Seat } from "./seat.ts";

/** What an agent may do. */
export const OF_AGENTS: ReadonlySet<AssistAction["kind"]> = new Set([
  ...(["pointer", "highlight", "draw", "clear", "chat", "guide", "click", "scroll", "type", "key"] as const),
  ...(["signal", "media_end", "ping"] as const),
]);
/** What a page may do. */
export const OF_PAGES: ReadonlySet<AssistAction["kind"]> = new Set([
  ...(["pointer", "chat", "guided", "done", "signal", "media_end", "pong"] as const),
]);
/** What other agents see of an agent. */
export const SHARED: ReadonlySet<AssistAction["kind"]> = new Set(["pointer", "highlight", "draw", "clear", "chat"]);

/** True where this is asked or granted. */
export function isThereFor(seat: Seat, power: AssistPower): boolean {
  const state = seat.powers.get(power);
  return state === "asked" || state === "granted";
}

/** True where he is let do anything at all. */
export function isPresent(seat: Seat): boolean {
  return powersIn(seat, "granted").length > 0;
}

/** True where he holds the power that the action takes. */
export function isLetDo(seat: Seat, action: AssistAction): boolean {
  const power = POWER_OF[action.kind];
  if (power === null) return isPresent(seat);
  if (power !== "media") return seat.powers.get(power) === "granted";
  const media = mediaOf(action);
  return media !== null && seat.powers.get(media) === "granted";
}

/** Which call an action is about; null for any other. */
export function mediaOf(action: AssistAction): "voice" | "screen" | null {
  if (action.kind === "signal") return action.signal.media;
  return action.kind === "media_end" ? action.media : null;
}
