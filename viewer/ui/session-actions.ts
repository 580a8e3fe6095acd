/** What the keys and the buttons of a session do, in one place. */

import type { SessionView } from "../state/session-view.svelte.ts";
import type { Action } from "./keys.ts";

/** What is done outside the player. */
export interface ActionPlaces {
  help: () => void;
  /** Brings the n-th panel to the front, from 1. */
  panel: (number: number) => void;
  /** Goes into the search of the panel in front. */
  search: () => void;
  /** Says something for a moment. */
  say: (words: string) => void;
}

/** Every action of {@link Action}; `key` is the key that was pressed, or empty for a button. */
export function createActions(view: SessionView, places: ActionPlaces): Record<Action, (key: string) => void> {
  return {
    toggle: () => view.togglePlay(),
    back: () => view.seekBy(-5_000),
    forward: () => view.seekBy(5_000),
    back10: () => view.seekBy(-10_000),
    forward10: () => view.seekBy(10_000),
    previous: () => view.showNextMarker(-1),
    next: () => view.showNextMarker(1),
    error: () => view.showNextError(1),
    previousError: () => view.showNextError(-1),
    stepBack: () => void view.step(-1),
    step: () => void view.step(1),
    live: () => view.goLive(),
    skip: () => view.setSkipInactive(!view.status.skipInactive),
    slower: () => view.stepSpeed(-1),
    faster: () => view.stepSpeed(1),
    loopFrom: () => view.markLoop("from"),
    loopTo: () => view.markLoop("to"),
    unloop: () => view.loop.clear(),
    link: () => void copyLink(view, places),
    search: () => places.search(),
    panel: (key) => places.panel(Number(key)),
    help: () => places.help(),
  };
}

async function copyLink(view: SessionView, { say }: ActionPlaces): Promise<void> {
  const address = view.shareAddress;
  try {
    await navigator.clipboard.writeText(address);
    say("The link is copied");
  } catch {
    if (window.parent !== window) {
      say("The page around this one does not let it copy");
      return;
    }
    // Without https a browser keeps its clipboard: the address line can be copied from by hand.
    window.history.replaceState(window.history.state, "", address);
    say("The link is in the address line");
  }
}
