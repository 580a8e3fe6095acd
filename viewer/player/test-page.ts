/** What the browser tests of the player call inside their page: the real player over batches handed in, and rrweb itself as the judge. */

import { Replayer } from "rrweb";
import type { ViewerBatch } from "../../protocol/batch.ts";
import type { TabSummary } from "../../protocol/session.ts";
import { BatchCache } from "./batch-cache.ts";
import { History, type BatchSource } from "./history.ts";
import type { LoopRange } from "./loop-range.ts";
import { Player } from "./player.ts";
import type { PlayerStatus } from "./player-status.ts";
import { isPlayable, isRrwebEvent } from "./rrweb-events.ts";
import { Timeline } from "./timeline.ts";

/** A batch as JSON: the payload is the events themselves. */
export interface PlainBatch extends Omit<ViewerBatch, "payload" | "encoding" | "rawBytes" | "sessionId"> {
  events: unknown[];
}

/** All stages of this page, for messages of tests that fail. */
export const stages: TestStage[] = [];

/** A player with a stage of its own, over a session that the test makes up. */
export class TestStage {
  readonly player: Player;
  status: PlayerStatus;
  readonly failures: string[] = [];
  /** Every tab that was shown, for however short a time. */
  readonly tabsShown = new Set<string>();
  /** Page times that were asked for over "HTTP". */
  readonly requests: number[] = [];
  private readonly timeline = new Timeline();
  private readonly cache = new BatchCache();
  private readonly stage = document.createElement("div");
  private stored: PlainBatch[] = [];

  /** @param loop page times between which it plays again and again */
  constructor(tabs: readonly TabSummary[], loop: LoopRange | null = null) {
    this.stage.style.cssText = "position: relative; width: 1280px; height: 800px";
    document.body.append(this.stage);
    this.timeline.setTabs(tabs);
    const history = new History(this.source(), this.cache, this.timeline);
    this.player = new Player({
      stage: { root: () => Promise.resolve(this.stage) },
      timeline: this.timeline,
      cache: this.cache,
      history,
      loop: { range: loop },
      onChange: (status) => {
        this.status = status;
        if (status.tab !== null) this.tabsShown.add(status.tab);
      },
      onFailure: (error) => this.failures.push(error instanceof Error ? `${error.message}: ${String(error.cause)}` : "?"),
    });
    this.status = this.player.status;
    stages.push(this);
  }

  /** Puts batches where history finds them. */
  store(batches: readonly PlainBatch[]): void {
    this.stored = [...this.stored, ...batches];
    this.timeline.addCheckouts(
      batches.filter(({ checkout }) => checkout).map(({ tab, seq, firstAt }) => ({ tab, seq, at: firstAt })),
    );
    for (const batch of batches) this.timeline.addMarkers(batch.tab, batch.markers);
  }

  /** Lets a batch arrive by the live feed. */
  arrive(plain: PlainBatch): void {
    const batch = pack(plain);
    this.cache.add(batch);
    this.timeline.noteBatch(batch);
    this.player.acceptLive(batch);
  }

  /** The document that is seen. */
  get document(): Document | null {
    const seen = [...this.stage.querySelectorAll<HTMLElement>(".scene")].findLast((scene) => scene.style.visibility !== "hidden");
    return seen?.querySelector("iframe")?.contentDocument ?? null;
  }

  get sceneCount(): number {
    return this.stage.querySelectorAll(".scene").length;
  }

  remove(): void {
    this.player.destroy();
    this.stage.remove();
  }

  private source(): BatchSource {
    const { requests } = this;
    const stored = (): readonly PlainBatch[] => this.stored;
    return {
      async *read({ tab, from, to }) {
        requests.push(from);
        const own = stored().filter((batch) => batch.tab === tab);
        const start = own.findLast((batch) => batch.checkout && batch.firstAt <= from)?.seq ?? 0;
        for (const batch of own) if (batch.seq >= start && batch.firstAt <= to) yield await Promise.resolve(pack(batch));
      },
    };
  }
}

/** Replays events with rrweb alone, to a moment or to the end, and gives the document. */
export function replayByTheBook(events: readonly unknown[], until: number): Document {
  const root = document.createElement("div");
  document.body.append(root);
  const playable = events.filter(isRrwebEvent).filter(isPlayable);
  const replayer = new Replayer(playable, {
    root,
    showWarning: false,
    useVirtualDom: false,
    triggerFocus: false,
    liveMode: true,
  });
  replayer.play(until - (playable[0]?.timestamp ?? 0) + 0.5);
  const { contentDocument } = replayer.iframe;
  if (!contentDocument) throw new Error("the replayer has no document");
  return contentDocument;
}

function pack({ events, ...header }: PlainBatch): ViewerBatch {
  const payload = new TextEncoder().encode(JSON.stringify(events));
  return { ...header, sessionId: "session", encoding: "json", rawBytes: payload.length, payload };
}
