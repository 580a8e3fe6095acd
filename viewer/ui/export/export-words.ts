/** The words of exporting. */

import type { ExportFormat } from "../../net/api-exports.ts";
import { formatClock } from "../format.ts";

/** What a form is called, and what it is good for. */
export const FORMAT_WORDS: Readonly<Record<ExportFormat, { name: string; says: string }>> = {
  html: { name: "Web page (.html)", says: "Plays in any browser, without a network or an account." },
  json: { name: "Data (.json)", says: "For programs, and to import it somewhere else." },
  webm: { name: "Film (.webm)", says: "A picture for chats and presentations. Takes a while: nothing is dropped." },
};

const NO_TIME = "Write a time like 1:05.";

/** A time from the beginning as people write it: `75`, `1:15`, `1:02:05`; null for anything else. */
export function parseClock(text: string): number | null {
  const match = /^(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6})(?:[.,](\d{1,3}))?$/.exec(text.trim());
  if (!match) return null;
  const [, hours = "0", minutes = "0", seconds = "0", fraction = ""] = match;
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return whole * 1000 + Number(fraction.padEnd(3, "0"));
}

/** What is wrong with a part that somebody wrote down, field by field; empty where nothing is. */
export function faultsOfPart(begin: string, end: string, lengthMs: number): { begin: string; end: string } {
  const [beginMs, endMs] = [parseClock(begin), parseClock(end)];
  const isOver = beginMs !== null && beginMs > 0 && beginMs >= lengthMs;
  return {
    begin: beginMs === null ? NO_TIME : isOver ? `It is over by then: it lasts ${formatClock(lengthMs)}.` : "",
    end: endMs === null ? NO_TIME : beginMs !== null && endMs <= beginMs ? "The end is not after the beginning." : "",
  };
}
