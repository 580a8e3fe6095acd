/**
 * The page as a stage for films (`#film`): nothing but the recording, which whoever drives the browser tells what to show. It follows the
 * visitor from browser tab to browser tab, as the viewer does.
 */

import { readSize, type RrwebEvent } from "../player/rrweb-events.ts";
import { createPlayer, type RecordingPlayer } from "./player.ts";
import type { Recording } from "./recording.ts";
import { reelAt, type Reel, type Step } from "./reels.ts";

/** Longest side of a film. */
const MAX_PX = 1_280;
const MIN_PX = 64;
/** Longest time at the end in which nothing happens any more. */
const MAX_REST_MS = 60_000;

/** What a film is, or null where there is nothing to play. */
export interface FilmStage {
  width: number;
  height: number;
  durationMs: number;
}

/** What the driver of the browser calls, as `watchbackFilm`. */
export interface FilmControl {
  ready: Promise<FilmStage | null>;
  /** Shows a moment, from the beginning; false where nothing has happened since the one before. */
  show(atMs: number): boolean;
}

/** Makes the page a stage, and the control global. */
export function createFilm(root: HTMLElement, recording: Promise<Recording>): FilmControl {
  let show = (_atMs: number): boolean => false;

  async function begin(): Promise<FilmStage | null> {
    const { reels, steps, range } = await recording;
    if (reels.length === 0) return null;
    const beginsAt = reels.reduce((begin, { events }) => Math.min(begin, events[0]?.timestamp ?? Infinity), Infinity);
    const endsAt = reels.reduce((end, { events }) => Math.max(end, events.at(-1)?.timestamp ?? 0), beginsAt);
    const from = Math.min(endsAt, Math.max(beginsAt, range?.from ?? beginsAt));
    const to = Math.max(from, Math.min(endsAt + MAX_REST_MS, range?.to ?? endsAt));
    const size = fit(sizeAt(reelAt(steps, from)?.events ?? [], from));
    document.documentElement.classList.add("film");
    root.replaceChildren();
    show = createShow(steps, from, ({ events }) => createPlayer({ target: root, events, ...size, controls: false }));
    return { ...size, durationMs: to - from };
  }

  return { ready: begin(), show: (atMs) => show(atMs) };
}

/** @param open builds the player of a reel in the place of the one before, which is gone by then */
function createShow(steps: readonly Step[], from: number, open: (reel: Reel) => RecordingPlayer): (atMs: number) => boolean {
  let shown: { reel: Reel; player: RecordingPlayer; next: number } | null = null;
  return (atMs) => {
    const at = from + atMs;
    const reel = reelAt(steps, at);
    if (!reel) return false;
    let hasChanged = false;
    if (shown?.reel !== reel) {
      shown?.player.destroy();
      shown = { reel, player: open(reel), next: 0 };
      hasChanged = true;
    }
    for (let event = reel.events[shown.next]; event && event.timestamp <= at; event = reel.events[++shown.next])
      hasChanged = true;
    if (hasChanged) shown.player.seek(at - (reel.events[0]?.timestamp ?? 0), false);
    return hasChanged;
  };
}

function sizeAt(events: readonly RrwebEvent[], at: number): { width: number; height: number } {
  let size: { width: number; height: number } | null = null;
  for (const event of events) {
    if (event.timestamp > at && size) break;
    size = readSize(event) ?? size;
  }
  return size ?? { width: MAX_PX, height: 720 };
}

/** Encoders take even sides only. */
function fit({ width, height }: { width: number; height: number }): { width: number; height: number } {
  const scale = Math.min(1, MAX_PX / Math.max(width, height));
  const even = (length: number) => Math.max(MIN_PX, Math.round((length * scale) / 2) * 2);
  return { width: even(width), height: even(height) };
}
