/** The words of importing: what a file is, as far as its first bytes tell, and what it means that a session came as one. */

import { formatMoment } from "../format.ts";

/** So many bytes tell what a file is. */
export const START_BYTES = 64;

const GZIP = [0x1f, 0x8b];
/** How WebM and its relatives begin. */
const FILM = [0x1a, 0x45, 0xdf, 0xa3];

/** What an imported session says of itself. */
export function importedWords(at: number): string {
  return `It came as a file on ${formatMoment(at)}. What it says of the visit is what the file says: nobody here saw it happen.`;
}

/** What is wrong with a file that can be seen before it is sent, and what to do; empty where nothing is. `start`: its first bytes. */
export function faultOfFile(start: Uint8Array): string {
  if (start.length === 0) return "The file is empty.";
  if (begins(start, FILM))
    return "A film cannot be imported: it holds pictures and no recording. Export the session as a web page or as data instead.";
  const first = new TextDecoder().decode(start).trimStart().slice(0, 1);
  if (begins(start, GZIP) || first === "{" || first === "<") return "";
  return "This is no session file. Choose a web page (.html) or data (.json) that a Watchback exported.";
}

function begins(start: Uint8Array, bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => start[index] === byte);
}
