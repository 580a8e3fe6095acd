/** What is around the player of a session, for whoever watches it: the panel in front, what is said for a moment, and the keys. */

import { actionOf, KEYS, type Action } from "./keys.ts";
import { PANELS } from "./panels/panel-row.ts";
import { createActions } from "./session-actions.ts";
import type { SessionView } from "../state/session-view.svelte.ts";

/** How long something is said. */
const NOTE_MS = 2_500;
/** The page of the visitor comes first, the panels after it; where it does not come they wait no longer than this. */
const PATIENCE_MS = 1_000;

/** Made once for a page with a player. */
export class SessionDesk {
  showsHelp = $state(false);
  /** Name of the panel in front. */
  panel = $state("events");
  /** What is said at the moment; empty for nothing. */
  note = $state("");
  /** What holds the panels. */
  side: HTMLElement | undefined = $state();
  /** True when it is the panels' turn. */
  showsPanels = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #actions: Record<Action, (key: string) => void>;

  constructor(view: SessionView) {
    setTimeout(() => (this.showsPanels = true), PATIENCE_MS);
    $effect(() => {
      if (view.status.stage !== "opening") requestAnimationFrame(() => setTimeout(() => (this.showsPanels = true)));
    });
    this.#actions = createActions(view, {
      help: () => (this.showsHelp = !this.showsHelp),
      panel: (number) => (this.panel = PANELS[number - 1] ?? this.panel),
      search: () => this.#search(),
      say: (words) => this.#say(words),
    });
  }

  /** Does what a button asks for. */
  act(action: Action): void {
    this.#actions[action]("");
  }

  /** For the window's `keydown`. */
  pressed(event: KeyboardEvent): void {
    const action = actionOf(event, KEYS);
    if (action === null || (this.showsHelp && action !== "help")) return;
    event.preventDefault();
    this.#actions[action](event.key);
  }

  #search(): void {
    const field = this.side?.querySelector("[data-panel-search]");
    if (field instanceof HTMLElement) field.focus();
  }

  #say(words: string): void {
    this.note = words;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.note = ""), NOTE_MS);
  }
}
