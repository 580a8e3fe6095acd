/**
 * Web vitals as browsers measure them (web.dev/articles/vitals): the largest paint, the slowest interaction, and the worst burst of shifts.
 * Where a browser does not measure one it is left out.
 */

import type { Facts } from "../options.ts";
import type { Host } from "../host.ts";

/** Shifts belong to one burst when they are less than this apart, and the burst is no longer than that. */
const SHIFT_GAP_MS = 1_000;
const BURST_MS = 5_000;
/** Of so many interactions one may be slower than what is told; so many of the slowest are kept for that. */
const INTERACTIONS_EACH = 50;
const MAX_SLOWEST = 10;
/** Interactions that took less are not looked at. */
const MIN_DURATION_MS = 40;

interface Entry extends PerformanceEntry {
  hadRecentInput?: boolean;
  value?: number;
  interactionId?: number;
}

/** Begins to measure; the returned function says what was measured so far. */
export function watchVitals(host: Host): () => Facts {
  const facts: Facts = {};
  const slowest = new Map<number, number>();
  let burst = 0;
  let burstAt = 0;
  let shiftAt = 0;

  function watch(type: string, see: (entry: Entry) => void): boolean {
    // Asked for what it does not know, a browser writes into the page's console.
    if (!("PerformanceObserver" in window && PerformanceObserver.supportedEntryTypes.includes(type))) return false;
    const observer = new PerformanceObserver(host.guard((list: PerformanceObserverEntryList) => list.getEntries().forEach(see)));
    observer.observe({ type, buffered: true, durationThreshold: MIN_DURATION_MS } as PerformanceObserverInit);
    host.onUndo(() => {
      observer.disconnect();
    });
    return true;
  }

  watch("largest-contentful-paint", ({ startTime }) => {
    facts["lcpMs"] = Math.round(startTime);
  });
  const isSeen = watch("layout-shift", ({ hadRecentInput, value = 0, startTime }) => {
    if (hadRecentInput) return;
    if (startTime - shiftAt > SHIFT_GAP_MS || startTime - burstAt > BURST_MS) {
      burst = 0;
      burstAt = startTime;
    }
    shiftAt = startTime;
    burst += value;
    facts["cls"] = Math.round(Math.max(Number(facts["cls"]), burst) * 10_000) / 10_000;
  });
  if (isSeen) facts["cls"] = 0;
  watch("event", ({ interactionId, duration }) => {
    if (!interactionId) return;
    slowest.set(interactionId, Math.max(duration, slowest.get(interactionId) ?? 0));
    const sorted = [...slowest].sort(([, a], [, b]) => b - a);
    for (const [id] of sorted.slice(MAX_SLOWEST)) slowest.delete(id);
    const count = "interactionCount" in performance ? performance.interactionCount : 0;
    facts["inpMs"] = sorted[Math.min(sorted.length - 1, Math.floor(count / INTERACTIONS_EACH))]?.[1] ?? null;
  });
  return () => ({ ...facts });
}
