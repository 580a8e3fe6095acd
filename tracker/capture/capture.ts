/** What every watcher of the page is given, and what watchers tell each other. */

import type { Marker } from "../../protocol/markers.ts";
import type { Host } from "../host.ts";
import type { Nodes } from "../modules.ts";
import type { Settings } from "../options.ts";
import type { Privacy } from "../privacy.ts";
import type { RecordedEvent } from "../recorded-event.ts";

/** A click of the visitor's, and the marker that it made. */
export interface Click {
  event: MouseEvent;
  target: Element;
  marker: Marker;
}

/** What watchers tell each other. */
export interface Happenings {
  /** The recorder made an event. */
  event: RecordedEvent;
  click: Click;
  /** Something came of what the visitor did: the page changed, asks for something, shows a dialog. */
  stir: unknown;
  /** A request begins: its method. */
  request: string;
  error: Marker;
  /** The page is hidden or goes (`gone`), or another address has taken its place. */
  leave: "hidden" | "gone" | "navigated";
}

/** Looks at a request before it is sent (what `fetch` was given), and then at its answer; says what was in both. */
export type BodyReader = (input: unknown, init: unknown) => (answer: unknown) => Promise<object>;

export interface Capture {
  host: Host;
  privacy: Privacy;
  settings: Settings;
  nodes: Nodes;
  /** The storage of this browser tab, where there is one. */
  perTab: Storage | null;
  /** Puts a marker on the timeline. */
  mark: (marker: Marker) => void;
  /** Puts an event of a recorder plugin into the recording. */
  record: (plugin: string, payload: unknown) => void;
  tell: <K extends keyof Happenings>(kind: K, what: Happenings[K]) => void;
  hear: <K extends keyof Happenings>(kind: K, listener: (what: Happenings[K]) => void) => void;
  /** Where the project asks for bodies, once the script for that is there. */
  bodies?: BodyReader;
  /** Another address, soon behind its change. */
  navigated: () => void;
}

/** Longest text of a marker that is worth its bytes; the wire cuts at more. */
export const MAX_TEXT = 1_000;

/** Makes the two ends of what watchers tell each other. */
export function createHappenings(host: Host): Pick<Capture, "tell" | "hear"> {
  const listeners: { [K in keyof Happenings]: ((what: Happenings[K]) => void)[] } = {
    event: [],
    click: [],
    stir: [],
    request: [],
    error: [],
    leave: [],
  };
  return {
    tell(kind, what) {
      for (const listener of listeners[kind]) listener(what);
    },
    hear(kind, listener) {
      listeners[kind].push(host.guard(listener));
    },
  };
}
