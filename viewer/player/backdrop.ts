/** One recorded checkout as a still picture, as high as the page was: what a heat map is drawn over. */

import type { BatchSource } from "./history.ts";
import { readBatch } from "./inflate.ts";
import { nextPaint } from "./next-paint.ts";
import { Scene } from "./scene.ts";
import type { StageFrame } from "./stage.ts";

/** Higher than this a page is cut: a map of it would be all memory. */
const MAX_HEIGHT = 20_000;
/** Styles and pictures of the page come a little later than its nodes, and may make it higher. */
const SETTLE_MS = 400;

/** A picture; `document` is the recording's, in which elements are looked for. */
export interface ShownBackdrop {
  width: number;
  height: number;
  document: Document;
  destroy: () => void;
}

/**
 * Shows the checkout of `tab` at page time `at`.
 * @throws Error for a person where there is none, or it cannot be shown; the reason of `signal` where that ended it
 */
export async function showBackdrop(
  stage: StageFrame,
  source: BatchSource,
  { tab, at }: { tab: string; at: number },
  signal: AbortSignal,
): Promise<ShownBackdrop> {
  for await (const batch of source.read({ tab, from: at, to: at }, signal)) {
    if (batch.tab !== tab || !batch.checkout || batch.firstAt < at) continue;
    const { events } = await readBatch(batch);
    const root = await stage.root();
    signal.throwIfAborted();
    // What came behind the snapshot in its batch belongs to a later moment.
    const timed = events.slice(0, 2).map((event) => ({ event, at: event.timestamp }));
    const scene = new Scene(timed, { root, tab, onResize: () => undefined, isSmall: true });
    scene.setSpeed(0);
    await nextPaint();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const page = scene.document;
    const frame = page?.defaultView?.frameElement;
    if (signal.aborted || !page || !frame) {
      scene.destroy();
      signal.throwIfAborted();
      break;
    }
    const height = Math.min(MAX_HEIGHT, Math.max(scene.height, page.documentElement.scrollHeight));
    frame.setAttribute("height", String(height));
    scene.reveal();
    return { width: scene.width, height, document: page, destroy: () => scene.destroy() };
  }
  throw new Error("This part of the recording cannot be shown");
}
