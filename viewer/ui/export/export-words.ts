/** The words of exporting. */

import type { ExportFormat } from "../../net/api-exports.ts";

/** What a form is called, and what it is good for. */
export const FORMAT_WORDS: Readonly<Record<ExportFormat, { name: string; says: string }>> = {
  html: { name: "Web page (.html)", says: "Plays in any browser, without a network or an account." },
  json: { name: "Data (.json)", says: "For programs, and to import it somewhere else." },
  webm: { name: "Film (.webm)", says: "A picture for chats and presentations. Takes a while: nothing is dropped." },
};

/** A time from the beginning as people write it: `75`, `1:15`, `1:02:05`; null for anything else. */
export function parseClock(text: string): number | null {
  const match = /^(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6})(?:[.,](\d{1,3}))?$/.exec(text.trim());
  if (!match) return null;
  const [, hours = "0", minutes = "0", seconds = "0", fraction = ""] = match;
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return whole * 1000 + Number(fraction.padEnd(3, "0"));
}
