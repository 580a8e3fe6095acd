/** rrweb-player with what the viewer puts around rrweb: a net under every event, style sheets of bounded cost, and nothing that takes focus. */

import Player from "rrweb-player";
import { catchFaults } from "../player/replayer-faults.ts";
import { isPlayable, type RrwebEvent } from "../player/rrweb-events.ts";
import { STAND_IN_RULES } from "../player/stand-ins.ts";
import { shareStyles } from "../player/style-cache.ts";
import { nameControls } from "./controls.ts";

/** An event as rrweb-player names it; its package and the viewer's have the types of two versions. */
type PlayerEvent = ConstructorParameters<typeof Player>[0]["props"]["events"][number];

const TICK_MS = 1;

/** Height of the controls of rrweb-player. */
export const CONTROLS_PX = 80;

export interface PlayerOptions {
  target: HTMLElement;
  events: readonly RrwebEvent[];
  width: number;
  height: number;
  /** False for films. */
  controls: boolean;
}

/** A player that shows the first moment and stands still. */
export interface RecordingPlayer {
  /** Shows a moment, in milliseconds from the first event, and goes on or stands still as `play` says. */
  seek(offsetMs: number, play: boolean): void;
  toggle(): void;
  /** Where it is now. */
  offsetMs(): number;
  resize(width: number, height: number): void;
  destroy(): void;
}

/** Builds one. */
export function createPlayer({ target, events, width, height, controls }: PlayerOptions): RecordingPlayer {
  const player = new Player({
    target,
    props: {
      events: events.filter(isForPlayer),
      width,
      height,
      autoPlay: false,
      showController: controls,
      skipInactive: false,
      speedOption: [0.5, 1, 2, 4, 8],
      tags: {},
      mouseTail: controls,
      triggerFocus: false,
      insertStyleRules: STAND_IN_RULES,
      UNSAFE_replayCanvas: false,
      showWarning: false,
      showDebug: false,
    },
  });
  const replayer = player.getReplayer();
  shareStyles(replayer);
  catchFaults(replayer);
  replayer.iframe.title = "The visitor's page";
  replayer.iframe.tabIndex = -1;
  // Else the controls would offer the slowest as the one that is chosen.
  player.setSpeed(1);
  if (controls) nameControls(target, player, replayer.getMetaData().totalTime);
  return {
    // An event of the very moment is to be seen as well.
    seek: (offsetMs, play) => player.goto(Math.max(0, offsetMs) + TICK_MS, play),
    toggle: () => player.toggle(),
    offsetMs: () => replayer.getCurrentTime(),
    resize(nextWidth, nextHeight) {
      setProps(player, { width: nextWidth, height: nextHeight });
      player.triggerResize();
    },
    destroy() {
      replayer.destroy();
      target.replaceChildren();
    },
  };
}

/** The way of the Svelte that rrweb-player was made with; the types of ours call it a legacy. */
function setProps(player: object, props: object): void {
  const set: unknown = Reflect.get(player, "$set");
  if (typeof set === "function") Reflect.apply(set, player, [props]);
}

function isForPlayer(event: RrwebEvent): event is RrwebEvent & PlayerEvent {
  return isPlayable(event);
}
