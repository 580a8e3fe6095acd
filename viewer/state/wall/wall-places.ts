/**
 * Who is on the wall. A list that only loses and gains at its end: a picture that moved to another place of the document would have to be
 * loaded anew. One of them may be in focus, drawn large; then there is a place more.
 */

/** Small live views at once: each is a page that is drawn, and a visitor whose page sends ten times a second. */
export const MAX_TILES = 6;

export interface Places {
  /** Session ids in the order in which they came. */
  readonly tiles: readonly string[];
  /** One of `tiles`, or null. */
  readonly focus: string | null;
}

export const NO_PLACES: Places = { tiles: [], focus: null };

/** Who may be on the wall, and who is wanted there. */
export interface Candidates {
  /** Those who may have a place that is free, best first. */
  readonly online: readonly string[];
  /** Those who keep their place: online, or gone a moment ago. */
  readonly present: readonly string[];
  /** Those whom the viewer put there himself; they come first, and stay when it becomes narrow. */
  readonly chosen: ReadonlySet<string>;
  /** Those whom he took off. */
  readonly dismissed: ReadonlySet<string>;
  /** True where free places are filled by themselves. */
  readonly fills: boolean;
}

/** The wall as it is to be now: whoever is there stays, free places go to the chosen and then to the best. */
export function fillPlaces(before: Places, candidates: Candidates): Places {
  const { online, chosen, dismissed, fills } = candidates;
  const present = new Set(candidates.present);
  const focus = before.focus !== null && present.has(before.focus) ? before.focus : null;
  const most = MAX_TILES + (focus === null ? 0 : 1);
  const isWanted = (id: string): boolean => present.has(id) && !dismissed.has(id) && (fills || chosen.has(id) || id === focus);
  let tiles = before.tiles.filter(isWanted);
  if (focus !== null && !tiles.includes(focus)) tiles = [...tiles, focus];
  const waiting = [
    ...[...chosen].filter((id) => present.has(id)),
    ...(fills ? online.filter((id) => !dismissed.has(id) && !chosen.has(id)) : []),
  ].filter((id) => !tiles.includes(id));
  tiles = [...tiles, ...waiting];
  for (let extra = tiles.length - most; extra > 0; extra--) tiles = tiles.toSpliced(indexToDrop(tiles, focus, chosen), 1);
  return { tiles, focus };
}

/** The last that nobody chose; where all were chosen, the last. Never the one in focus. */
function indexToDrop(tiles: readonly string[], focus: string | null, chosen: ReadonlySet<string>): number {
  const plain = tiles.findLastIndex((id) => id !== focus && !chosen.has(id));
  return plain === -1 ? tiles.findLastIndex((id) => id !== focus) : plain;
}

/** What the address says of the wall: whom the viewer chose, and who is in focus. */
export interface WallStart {
  readonly chosen: readonly string[];
  readonly focus: string | null;
}

/** Reads the address. */
export function readWall(query: URLSearchParams): WallStart {
  const chosen = (query.get("with") ?? "").split(",").filter((id) => id !== "");
  return { chosen: chosen.slice(0, MAX_TILES), focus: query.get("focus") || null };
}

/** The address of a wall. */
export function writeWall({ chosen, focus }: WallStart): string {
  const query = new URLSearchParams();
  if (focus !== null) query.set("focus", focus);
  if (chosen.length > 0) query.set("with", chosen.join(","));
  const text = query.toString();
  return text ? `/live?${text}` : "/live";
}
