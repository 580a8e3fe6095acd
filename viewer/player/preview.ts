/**
 * A small picture of a moment under the pointer: a scene of its own, built up to that moment and never played. Costs what a jump costs, so
 * only one at a time, for the newest wish, and not for pages that take long to build.
 */

import type { BatchCache } from "./batch-cache.ts";
import { EventCursor } from "./event-cursor.ts";
import type { History } from "./history.ts";
import { nextPaint } from "./next-paint.ts";
import { OpenQueue } from "./open-queue.ts";
import { Scene } from "./scene.ts";
import type { StageFrame } from "./stage.ts";
import type { Timeline } from "./timeline.ts";

/** A page whose stretch holds more than this (JSON) would make the pointer stutter. */
const MAX_PREVIEW_BYTES = 4 * 1024 * 1024;

export interface PreviewDeps {
  stage: StageFrame;
  timeline: Timeline;
  cache: BatchCache;
  history: History;
  /** Told of the size of the page that is shown, in CSS pixels, or null where there is no picture. */
  onShown: (size: { width: number; height: number; at: number } | null) => void;
}

export class Preview {
  private readonly deps: PreviewDeps;
  private readonly opener: OpenQueue<{ at: number; group: string | null }>;
  private scene: Scene | null = null;
  private isGone = false;

  constructor(deps: PreviewDeps) {
    this.deps = deps;
    // A picture that cannot be had is none; the moment itself says why when somebody goes there.
    this.opener = new OpenQueue(
      (target, signal) => this.open(target, signal),
      () => {
        deps.onShown(null);
      },
    );
  }

  /** Wants the picture of a moment of the browser tab `group`; null: the one that the visitor was in. */
  show(at: number, group: string | null): void {
    this.opener.want({ at, group });
  }

  /** Ends it, and takes its stage away. */
  destroy(): void {
    this.isGone = true;
    this.opener.stop();
    this.scene?.destroy();
    this.scene = null;
    this.deps.stage.remove();
  }

  private async open({ at, group }: { at: number; group: string | null }, signal: AbortSignal): Promise<void> {
    const { stage, timeline, history, cache, onShown } = this.deps;
    const shown = group ?? timeline.groupAt(at);
    const page = shown === null ? null : timeline.pageAt(shown, at);
    const checkout = page && timeline.checkoutBefore(page.tab, at);
    if (!checkout) {
      onShown(null);
      return;
    }
    await history.ensure(checkout.tab, at, signal);
    const needed = cache.run(checkout.tab, checkout.seq).filter((batch) => batch.firstAt <= at);
    if (needed.reduce((sum, batch) => sum + batch.rawBytes, 0) > MAX_PREVIEW_BYTES) {
      onShown(null);
      return;
    }
    const events = await new EventCursor(cache, checkout.tab, checkout.seq, () => undefined).collect(at);
    const root = await stage.root();
    signal.throwIfAborted();
    const scene = new Scene(events, { root, tab: checkout.tab, onResize: () => undefined });
    scene.setSpeed(0);
    await nextPaint();
    if (this.isGone) {
      scene.destroy();
      return;
    }
    this.scene?.destroy();
    this.scene = scene;
    scene.reveal();
    onShown({ width: scene.width, height: scene.height, at });
  }
}
