/** What an upload holds once it was read: scripts, each with its map. */

/** A script as browsers run it. `source` and `map` are deflated (raw). */
export interface Script {
  /** `~/assets/app.js`, or a whole address where the build says one. */
  url: string;
  /** Lower case with dashes. */
  debugId: string | null;
  source: Uint8Array | null;
  sourceBytes: number;
  map: Uint8Array | null;
  mapBytes: number;
  /** Why there is no map. */
  fault: string | null;
}

/** An upload that was read. */
export interface ReadUpload {
  release: string;
  dist: string;
  scripts: Script[];
  /** What was passed over, in words for whoever sent it. */
  notes: string[];
}

/** What an upload says of itself from outside. */
export interface UploadFacts {
  release: string;
  dist: string;
  /** Address of the script, where the upload is one map. */
  url: string;
  debugId: string | null;
}

/** A debug id in lower case with dashes; null for what is none. Some tools write 32 digits, some put an age behind it. */
export function readDebugId(text: string | undefined): string | null {
  const digits =
    /^[0-9a-f-]{32,36}/i
      .exec(text?.trim() ?? "")?.[0]
      .replaceAll("-", "")
      .toLowerCase() ?? "";
  if (digits.length !== 32) return null;
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`;
}

/** The last part of a path or address, without query and fragment. */
export function fileNameOf(url: string): string {
  return pathOf(url).split("/").at(-1) ?? "";
}

/** The parts of the path of an address, without its origin or `~`, query and fragment. */
export function partsOf(url: string): string[] {
  return pathOf(url)
    .split("/")
    .filter((part) => part !== "" && part !== "." && part !== "~");
}

function pathOf(url: string): string {
  return url
    .replace(/[?#].*$/s, "")
    .replace(/^[a-z][a-z0-9+.-]{0,30}:\/\/[^/]*/i, "")
    .replace(/^[a-z]:\\/i, "")
    .replaceAll("\\", "/");
}
