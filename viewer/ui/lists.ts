/** What people write into fields, and what the server takes: lists of lines, shares in percent, sizes in GB. */

const BYTES_PER_GB = 1024 ** 3;

/** The lines of a text that hold something, each once. Commas part as well: people paste such lists. */
export function toList(text: string): string[] {
  const parts = text.split(/[\n,]/).map((line) => line.trim());
  return [...new Set(parts.filter((line) => line !== ""))];
}

/** A list as lines. */
export function toLines(list: readonly string[]): string {
  return list.join("\n");
}

/** A share of 0 to 1 in percent, without the noise of binary fractions. */
export function toPercent(share: number): number {
  return Number((share * 100).toFixed(4));
}

/** Percent as a share; an empty field is everything. */
export function fromPercent(percent: number | null | undefined): number {
  return percent === null || percent === undefined ? 1 : Number((percent / 100).toFixed(6));
}

/** Bytes in GB with two digits; null stays null. */
export function toGigabytes(bytes: number | null): number | null {
  return bytes === null ? null : Number((bytes / BYTES_PER_GB).toFixed(2));
}

/** GB as whole bytes; an empty field is null. */
export function fromGigabytes(gigabytes: number | null | undefined): number | null {
  return gigabytes === null || gigabytes === undefined ? null : Math.round(gigabytes * BYTES_PER_GB);
}

/** A number out of a field; an empty one is null. */
export function orNull(value: number | null | undefined): number | null {
  return value ?? null;
}
