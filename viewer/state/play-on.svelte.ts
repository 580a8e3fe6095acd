/**
 * What happens when an item of a playlist is over: the next one is offered, and begins by itself after a while unless that is stopped.
 *
 * watching: nothing is offered
 * offering: the item is over; `left` seconds until the next begins
 * over: the end, and nothing begins by itself: somebody stopped it, or there is no next one
 *
 * watching -> offering -> over; watching -> over where nothing follows; all -> watching when somebody goes back, or plays on.
 */

import type { PlayerStatus } from "../player/player-status.ts";

/** How long the next one is offered before it begins. */
export const OFFER_SECONDS = 8;

/** What is watched of an item, and what there is of it. */
export interface WatchedItem {
  /** Page time of its last moment. */
  end: number;
  /** True where that is before the session's last moment: playback is to stop there. */
  isPart: boolean;
  /** True while the visit goes on. */
  isLive: boolean;
  hasNext: boolean;
}

export type PlayOnState = { kind: "watching" } | { kind: "offering"; left: number } | { kind: "over" };

/** The rest of the player's status says nothing about the end. */
type Status = Pick<PlayerStatus, "at" | "playing" | "mode" | "stage">;

export class PlayOn {
  state = $state.raw<PlayOnState>({ kind: "watching" });
  /** True once it was played before its end: whoever opens its last moment is not sent on. */
  #hasPlayed = false;
  /** True from the moment a part is to be stopped until the player says that it stands still. */
  #isStopping = false;

  /** To be told of every status before the item is known: a short part may have been played by then. */
  begin(status: Status): void {
    if (status.stage === "shown" && status.playing && status.mode === "recorded") this.#hasPlayed = true;
  }

  /**
   * To be told of every status of the player.
   * @returns true where playback is to be stopped: a part is over
   */
  follow(status: Status, item: WatchedItem): boolean {
    if (!status.playing) this.#isStopping = false;
    if (status.stage !== "shown" || item.end <= 0) return false;
    if (status.mode === "live" || status.at < item.end - 1) {
      // Whoever goes to the live edge has left a part; a whole visit is not over there.
      this.#hasPlayed = status.mode === "live" ? !item.isPart : this.#hasPlayed || status.playing;
      this.#watch();
      return false;
    }
    if (status.playing && this.state.kind !== "watching") {
      if (!this.#isStopping) this.#watch();
      return false;
    }
    if (!this.#hasPlayed || (!item.isPart && (item.isLive || status.playing))) return false;
    this.#hasPlayed = false;
    this.state = item.hasNext ? { kind: "offering", left: OFFER_SECONDS } : { kind: "over" };
    this.#isStopping = item.isPart && status.playing;
    return this.#isStopping;
  }

  /** A second has passed; true where the next is to begin now. */
  tick(): boolean {
    if (this.state.kind !== "offering") return false;
    const left = this.state.left - 1;
    this.state = left > 0 ? { kind: "offering", left } : { kind: "over" };
    return left <= 0;
  }

  /** Nothing begins by itself. */
  stay(): void {
    if (this.state.kind === "offering") this.state = { kind: "over" };
  }

  #watch(): void {
    if (this.state.kind !== "watching") this.state = { kind: "watching" };
  }
}
