/** What the player tells the screen. */

/** What a screen shows of the player. Times are page time. */
export interface PlayerStatus {
  mode: "recorded" | "live";
  /** True while the recording moves, or would if it were loaded. */
  playing: boolean;
  /** `opening` until there is a first scene, `loading` while playback waits for data, `broken` where a stretch cannot be shown. */
  stage: "opening" | "shown" | "loading" | "broken";
  at: number;
  /** The newest moment there is; while the visitor is there it moves with his clock. */
  edge: number;
  speed: number;
  skipInactive: boolean;
  /** The tab shown, or null before the first scene. */
  tab: string | null;
  group: string | null;
  /** True where the group follows the visitor instead of the viewer's choice. */
  followsVisitor: boolean;
  width: number;
  height: number;
  href: string;
  /** Page time jumped over by the last skip, and when (monotonic); null before the first. */
  skipped: { ms: number; when: number } | null;
  /** `behind`: the page changes faster than it can be drawn; `incomplete`: parts of it are too large and left out. */
  notice: "behind" | "incomplete" | null;
}

/** Before anything is known. */
export const INITIAL_STATUS: PlayerStatus = {
  mode: "recorded",
  playing: false,
  stage: "opening",
  at: 0,
  edge: 0,
  speed: 1,
  skipInactive: false,
  tab: null,
  group: null,
  followsVisitor: true,
  width: 0,
  height: 0,
  href: "",
  skipped: null,
  notice: null,
};

/** True where more than the passing of time is different. */
export function differs(a: PlayerStatus, b: PlayerStatus): boolean {
  return JSON.stringify({ ...a, at: 0, edge: 0 }) !== JSON.stringify({ ...b, at: 0, edge: 0 });
}
