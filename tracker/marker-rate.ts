/** Markers beyond this many a second are dropped: a page in a loop of errors says the same thing. */
const MAX_MARKERS_PER_SECOND = 50;

/** Counts the markers of each second; the returned function says whether one at `at` is too many. */
export function createMarkerRate(): (at: number) => boolean {
  let count = 0;
  let second = 0;
  return (at) => {
    const now = Math.floor(at / 1_000);
    if (now !== second) count = 0;
    second = now;
    return ++count > MAX_MARKERS_PER_SECOND;
  };
}
