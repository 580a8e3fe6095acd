/** What every watcher of the page is given. */

import type { Marker } from "../../protocol/markers.ts";
import type { Host } from "../host.ts";
import type { Settings } from "../options.ts";
import type { Privacy } from "../privacy.ts";

export interface Capture {
  host: Host;
  privacy: Privacy;
  settings: Settings;
  /** Puts a marker on the timeline. */
  mark: (marker: Marker) => void;
  /** Puts an event of a recorder plugin into the recording. */
  record: (plugin: string, payload: unknown) => void;
  /** The page's address or title changed. */
  navigated: () => void;
}

/** Longest text of a marker that is worth its bytes; the wire cuts at more. */
export const MAX_TEXT = 1_000;
