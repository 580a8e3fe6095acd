/** Whether a release comes after another: by its version where both have one, else by when it was first heard of. */

const VERSION = /^(.{0,200}?@)?v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?:-([0-9A-Za-z.-]{1,64}))?(?:\+.{0,100})?$/;

/** When each release of a project was first heard of, epoch milliseconds. */
export type FirstSeen = ReadonlyMap<string, number>;

/** Whether `release` is `other`, or a later one. */
export function isFrom(release: string, other: string, firstSeen: FirstSeen): boolean {
  if (release === other) return true;
  if (release === "") return false;
  const byVersion = compareVersions(release, other);
  if (byVersion !== null) return byVersion > 0;
  const [mine, theirs] = [firstSeen.get(release), firstSeen.get(other)];
  return mine !== undefined && theirs !== undefined && mine >= theirs;
}

/**
 * Whether a release is the next after a moment, or a later one: nobody had heard of it then, and of no other version of it that is as new.
 * An old release that was never heard of is none.
 */
export function isNext(release: string, at: number, firstSeen: FirstSeen): boolean {
  if (release === "") return false;
  for (const [known, seen] of firstSeen) {
    if (seen > at) continue;
    if (known === release) return false;
    const byVersion = compareVersions(release, known);
    if (byVersion !== null && byVersion <= 0) return false;
  }
  return true;
}

/** Less than, equal to or greater than 0; null where one of them is no version, or of another package. */
export function compareVersions(one: string, other: string): number | null {
  const [a, b] = [VERSION.exec(one), VERSION.exec(other)];
  if (!a || !b || (a[1] ?? "") !== (b[1] ?? "")) return null;
  for (const part of [2, 3, 4]) {
    const difference = Number(a[part] ?? 0) - Number(b[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return compareSuffixes(a[5], b[5]);
}

/** A version with a suffix (`-rc.1`) comes before the same without one. */
function compareSuffixes(one: string | undefined, other: string | undefined): number {
  if (one === other) return 0;
  if (one === undefined) return 1;
  if (other === undefined) return -1;
  const [a, b] = [one.split("."), other.split(".")];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [x, y] = [a[at], b[at]];
    if (x === y) continue;
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    const [isNumberX, isNumberY] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (isNumberX && isNumberY) return Number(x) - Number(y);
    if (isNumberX !== isNumberY) return isNumberX ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}
