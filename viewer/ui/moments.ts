/** Days and spans of time as words, and as what date fields hold. */

const DAY_MS = 24 * 3_600_000;

/** `21 Nov` of `2026-11-21`; the text itself where it is no date. */
export function formatDay(day: string): string {
  const [year = 0, month = 0, date = 0] = /^(\d{4})-(\d{2})-(\d{2})/.exec(day)?.slice(1).map(Number) ?? [];
  if (year === 0) return day;
  return new Date(year, month - 1, date).toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

/** `in 3 d`, `in 5 h`, `in 12 min`, `expired`. */
export function formatUntil(at: number, now: number): string {
  const minutes = Math.floor((at - now) / 60_000);
  if (minutes < 0) return "expired";
  if (minutes < 60) return minutes < 1 ? "within a minute" : `in ${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `in ${hours} h` : `in ${Math.floor(hours / 24)} d`;
}

/** First moment of a day as a date field gives it (local time), or null. */
export function dayStart(value: string): number | null {
  const [year = 0, month = 0, date = 0] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value)?.slice(1).map(Number) ?? [];
  return year === 0 ? null : new Date(year, month - 1, date).getTime();
}

/** First moment after that day. */
export function dayEnd(value: string): number | null {
  const [year = 0, month = 0, date = 0] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value)?.slice(1).map(Number) ?? [];
  return year === 0 ? null : new Date(year, month - 1, date + 1).getTime();
}

/** The value of a date field for a moment. */
export function toDateField(at: number): string {
  const date = new Date(at);
  const pad = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** A moment some days from now. */
export function inDays(days: number, now: number): number {
  return now + days * DAY_MS;
}
