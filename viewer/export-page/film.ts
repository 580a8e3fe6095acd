/** The page as a stage for films (`#film`): nothing but the recording, which whoever drives the browser tells what to show. */

import { readSize, type RrwebEvent } from "../player/rrweb-events.ts";
import { createPlayer } from "./player.ts";
import type { Recording } from "./recording.ts";

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
    const { reels, range } = await recording;
    const [reel] = reels;
    const [first] = reel?.events ?? [];
    const last = reel?.events.at(-1);
    if (!reel || !first || !last) return null;
    const from = Math.min(last.timestamp, Math.max(first.timestamp, range?.from ?? first.timestamp));
    const to = Math.max(from, Math.min(last.timestamp + MAX_REST_MS, range?.to ?? last.timestamp));
    const size = fit(sizeAt(reel.events, from));
    document.documentElement.classList.add("film");
    root.replaceChildren();
    const player = createPlayer({ target: root, events: reel.events, ...size, controls: false });
    show = createShow(reel.events, from, (at) => player.seek(at - first.timestamp, false));
    return { ...size, durationMs: to - from };
  }

  return { ready: begin(), show: (atMs) => show(atMs) };
}

function createShow(events: readonly RrwebEvent[], from: number, seek: (at: number) => void): (atMs: number) => boolean {
  let shownUpto = -Infinity;
  let next = 0;
  return (atMs) => {
    const at = from + atMs;
    let hasChanged = shownUpto === -Infinity;
    for (let event = events[next]; event && event.timestamp <= at; event = events[++next]) hasChanged = true;
    shownUpto = at;
    if (hasChanged) seek(at);
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
