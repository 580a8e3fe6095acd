/** Gathers events and markers into batches. */

import type { Marker } from "../protocol/markers.ts";
import { DEFAULT_TRACKER_LIMITS, type TrackerLimits } from "../protocol/limits.ts";
import type { RecordedEvent } from "./recorded-event.ts";

/** A batch before it is packed and has its seq. */
export interface Draft {
  firstAt: number;
  lastAt: number;
  count: number;
  /** True where it begins with Meta + full snapshot. */
  checkout: boolean;
  markers: Marker[];
  /** The events as a JSON array. */
  json: string;
}

export interface Batcher {
  add: (event: RecordedEvent) => void;
  /** `at`: when it was found, which may be later than what it tells of. */
  mark: (marker: Marker, at?: number) => void;
  /** Ends the open batch, if there is anything in it. */
  cut: () => void;
  setInterval: (ms: number) => void;
  setLimits: (limits: TrackerLimits) => void;
}

/** An open batch of this many characters is cut early: one event may be larger, a batch of small ones need not be. */
const CUT_CHARS = 256 * 1024;
const META = 4;
const FULL_SNAPSHOT = 2;

/**
 * @param after runs a task later; the returned function cancels it
 * @param onDraft gets each batch as it is cut, in order
 */
export function createBatcher(after: (ms: number, task: () => void) => () => void, onDraft: (draft: Draft) => void): Batcher {
  let limits = DEFAULT_TRACKER_LIMITS;
  let intervalMs = limits.flushIdleMs;
  let cancel: (() => void) | undefined;
  let pieces: string[] = [];
  let types: number[] = [];
  let markers: Marker[] = [];
  let chars = 0;
  let firstAt = Infinity;
  let lastAt = 0;

  function cut(): void {
    cancel?.();
    cancel = undefined;
    if (firstAt > lastAt) return;
    const draft: Draft = {
      firstAt,
      lastAt,
      count: pieces.length,
      checkout: types[0] === META && types[1] === FULL_SNAPSHOT,
      markers,
      json: `[${pieces.join()}]`,
    };
    pieces = [];
    types = [];
    markers = [];
    chars = 0;
    firstAt = Infinity;
    lastAt = 0;
    onDraft(draft);
  }

  function touch(at: number): void {
    firstAt = Math.min(firstAt, at);
    lastAt = Math.max(lastAt, at);
    cancel ??= after(intervalMs, cut);
  }

  return {
    cut,
    add(event) {
      // A checkout begins a batch, so that playback can start at a batch. Markers alone may ride with it.
      if (event.type === META && pieces.length) cut();
      const piece = JSON.stringify(event);
      pieces.push(piece);
      if (types.length < 2) types.push(event.type);
      chars += piece.length;
      touch(event.timestamp);
      if (chars >= CUT_CHARS || pieces.length >= limits.maxBatchEvents) cut();
    },
    mark(marker, at = marker.at) {
      markers.push(marker);
      touch(at);
      if (markers.length >= limits.maxBatchMarkers) cut();
    },
    setInterval(ms) {
      if (ms === intervalMs) return;
      intervalMs = ms;
      if (cancel) cut();
    },
    setLimits(next) {
      limits = next;
    },
  };
}
