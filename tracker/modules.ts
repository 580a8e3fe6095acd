/** Scripts of ours that a page loads only when they are needed; each finds what it works with at its own script element, under `feed`. */

import type { SessionStart, ToTrackerMessage } from "../protocol/tracker-messages.ts";
import type { Draft } from "./batcher.ts";
import type { Capture } from "./capture/capture.ts";
import type { Host } from "./host.ts";
import type { OwnMessage } from "./messages.ts";
import type { Rules } from "./options.ts";

/** What the preview (`tracker-preview.js`) works with. */
export interface PreviewFeed {
  /** What was recorded so far; its `push` is replaced to see the rest. */
  drafts: Draft[];
  start: () => SessionStart;
  rules: Rules;
  /** False where the project's rules are not known yet: they may be stricter. */
  isHeard: boolean;
  stop: () => void;
}

/** The page's nodes by the ids that the recording gives them; no node and -1 for what is not recorded. */
export interface Nodes {
  getNode: (id: number) => Node | null;
  getId: (node: Node) => number;
}

/**
 * What co-browsing (`tracker-assist.js`) works with. `host.onUndo` tells when the recording ends; what goes through `host` is put back then.
 */
export interface AssistFeed extends Capture {
  /** Messages of the server so far whose type begins with `assist`; its `push` is replaced to see the rest. */
  messages: ToTrackerMessage[];
  say: (message: OwnMessage) => void;
}

/** `bodies`: what `tracker-bodies.js` works with; it puts its reader there. */
interface Feeds {
  preview: PreviewFeed;
  assist: AssistFeed;
  bodies: Capture;
}

/**
 * Makes the page load `tracker-<name>.js` from where the tracker came. The script element goes when the recording ends: a script that comes
 * later than that finds itself outside of the document (`document.currentScript.isConnected`), and must do nothing.
 */
export function loadModule<N extends keyof Feeds>(host: Host, endpoint: string, name: N, feed: Feeds[N]): void {
  const script = Object.assign(document.createElement("script"), { src: `${endpoint}/tracker-${name}.js`, feed });
  document.documentElement.append(script);
  host.onUndo(() => {
    script.remove();
  });
}
