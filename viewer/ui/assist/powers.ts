/** What an agent can ask for, in his words. */

import type { AssistPower, PowerState } from "../../../protocol/assist.ts";

export const POWER_WORDS: Readonly<Record<AssistPower, string>> = {
  pointer: "Pointer",
  draw: "Drawing",
  chat: "Chat",
  guide: "Guided click",
  control: "Remote control",
  voice: "Voice",
  screen: "Screen",
};

export const POWER_HINTS: Readonly<Record<AssistPower, string>> = {
  pointer: "You see each other's pointer; a click marks what you click",
  draw: "Draw over his page",
  chat: "Write to each other",
  guide: "Show him what to click; he confirms",
  control: "Click, scroll and type for him. Never in what is masked or hidden, in passwords or files",
  voice: "Talk, from browser to browser",
  screen: "The visitor shows you what he chooses of his screen",
};

/** How a power stands. */
export function stateWord(state: PowerState | null): string {
  if (state === "granted") return "allowed";
  if (state === "asked") return "asked…";
  return state === "refused" ? "said no" : "";
}
