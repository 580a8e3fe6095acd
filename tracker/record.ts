/** The recorder: events out of rrweb, masked, and checkouts when there should be one. The only importer of `@rrweb/record`. */

import { record as startRecorder } from "@rrweb/record";
import type { Host } from "./host.ts";
import type { Nodes } from "./modules.ts";
import type { Privacy } from "./privacy.ts";
import { CHANGES_NOTHING, EVENT, type RecordedEvent } from "./recorded-event.ts";
import type { Settings } from "./options.ts";

/** A checkout by ourselves is at least this far from the last one, */
const CHECKOUT_MIN_MS = 30_000;
/** and at least this many times as far as it took: half a percent of the page's time at most. */
const CHECKOUT_COST_FACTOR = 200;
/** A new address waits this long, so that the new content is in the snapshot; longer where snapshots of this page are dear. */
const CHECKOUT_AFTER_NAVIGATION_MS = 500;
const NAVIGATION_COST_FACTOR = 20;
/** What comes so soon behind a snapshot belongs to it: contents of frames, adopted style sheets. */
const AFTERMATH_MS = 1_000;

export interface Recorder {
  start: () => void;
  stop: () => void;
  /** Takes a checkout now. */
  checkout: () => void;
  /** The address changed: takes one soon. */
  navigated: () => void;
  nodes: Nodes;
}

/**
 * @param emit gets each event, masked, in order; a checkout begins with a Meta event, with the full snapshot right behind it
 */
export function createRecorder(host: Host, privacy: Privacy, settings: Settings, emit: (event: RecordedEvent) => void): Recorder {
  let stopRecorder: (() => void) | undefined;
  let cancelCheckout: (() => void) | undefined;
  /** When the last snapshot began, by the page's timer, and when it was done, by its clock. */
  let beganAt = 0;
  let lastAt = 0;
  let costMs = 0;

  const take = host.guard((event: RecordedEvent) => {
    const { type, data } = event;
    // Nothing plays "loaded" before there is a page.
    if (type < EVENT.fullSnapshot) return;
    if (type === EVENT.meta) beganAt = performance.now();
    if (!privacy.clean(event, (id) => startRecorder.mirror.getNode(id))) return;
    emit(event);
    if (type === EVENT.fullSnapshot) {
      costMs = performance.now() - beganAt;
      lastAt = Date.now();
    } else if (type === EVENT.incremental && !CHANGES_NOTHING.has(data.source) && Date.now() - lastAt > AFTERMATH_MS) {
      cancelCheckout ??= host.after(Math.max(CHECKOUT_MIN_MS, CHECKOUT_COST_FACTOR * costMs) - (Date.now() - lastAt), checkout);
    }
  });

  function unschedule(): void {
    cancelCheckout?.();
    cancelCheckout = undefined;
  }

  function begin(): void {
    stopRecorder = startRecorder({
      emit: (event) => take(event as RecordedEvent),
      recordAfter: "DOMContentLoaded",
      blockClass: "wb-block",
      blockSelector: privacy.blockSelector,
      ignoreClass: "wb-ignore",
      ignoreSelector: settings.ignoreSelector ?? "",
      // `clean` masks everything; this keeps chosen options out of the snapshot of a masked `<select>`.
      maskInputOptions: { password: true, select: settings.maskAllInputs },
      maskInputFn: privacy.input,
      errorHandler: (error: unknown) => {
        host.fail(error);
        return true;
      },
    });
  }

  function checkout(): void {
    unschedule();
    if (stopRecorder) startRecorder.takeFullSnapshot(true);
  }

  return {
    nodes: startRecorder.mirror,
    checkout: host.guard(checkout),
    start: host.guard(begin),
    stop() {
      unschedule();
      stopRecorder?.();
      stopRecorder = undefined;
    },
    navigated() {
      unschedule();
      const gapMs = NAVIGATION_COST_FACTOR * costMs - (Date.now() - lastAt);
      cancelCheckout = host.after(Math.max(CHECKOUT_AFTER_NAVIGATION_MS, gapMs), checkout);
    },
  };
}
