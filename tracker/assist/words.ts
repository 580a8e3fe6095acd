/** What the visitor reads. */

import type { AssistPower } from "../../protocol/assist.ts";

/** What an agent asks for, behind "would like to". */
export const ASKS: Readonly<Record<AssistPower, string>> = {
  pointer: "see your pointer, and point at things",
  draw: "draw on the page",
  chat: "chat with you",
  guide: "show you what to click",
  control: "click, scroll and type for you – never in passwords, files or fields that are hidden",
  voice: "talk with you; your microphone will be used",
  screen: "see your screen; you choose what of it",
};

/** What an agent may do, in a few words. */
export const MAY: Readonly<Record<AssistPower, string>> = {
  pointer: "point",
  draw: "draw",
  chat: "chat",
  guide: "show what to click",
  control: "click and type for you",
  voice: "talk",
  screen: "see your screen",
};

/** Names, with commas and an "and". */
export function listOf(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}
