/** How each WebSocket message names what belongs to a tenant. A message of the wire without a row here does not compile. */

import type { FromTrackerType } from "../../protocol/tracker-messages.ts";
import type { FromViewerType } from "../../protocol/viewer-messages.ts";
import { rrwebEvents } from "../integration/running-app.ts";
import type { IdKind } from "./ids.ts";

export interface ViewerRow {
  /** What it may name; each is asked for. */
  kinds: readonly IdKind[];
  data: (id: string) => unknown;
  /** The right answer's type; null for a message that is never answered. */
  answer: string | null;
  /** Where watching is not enough; such a message is one about a session that is live. */
  role?: "member";
}

/** Every message of a viewer. */
export const VIEWER_ROWS: Readonly<Record<FromViewerType, ViewerRow>> = {
  viewer_join_session: { kinds: ["session", "liveSession"], data: (sessionId) => ({ sessionId }), answer: "session_joined" },
  viewer_leave_session: { kinds: ["session", "liveSession"], data: (sessionId) => ({ sessionId }), answer: null },
  get_session_events: {
    kinds: ["session", "liveSession"],
    data: (sessionId) => ({ sessionId, fromIndex: 0 }),
    answer: "session_events",
  },
  watch_live_sessions: { kinds: ["project"], data: (id) => ({ projectId: Number(id) }), answer: "live_sessions" },
  unwatch_live_sessions: { kinds: ["project"], data: (id) => ({ projectId: Number(id) }), answer: null },
  assist_join: {
    kinds: ["session", "liveSession"],
    data: (sessionId) => ({ sessionId, powers: ["pointer"] }),
    answer: "assist_state",
    role: "member",
  },
  assist_leave: { kinds: ["session", "liveSession"], data: (sessionId) => ({ sessionId }), answer: null },
  assist_do: {
    kinds: ["session", "liveSession"],
    data: (sessionId) => ({ sessionId, action: { kind: "pointer", x: 1, y: 1 } }),
    answer: null,
  },
};

/** Every message of a tracker, as a neighbour's page would try it on somebody else's session. */
export const TRACKER_ROWS: Readonly<Record<FromTrackerType, (sessionId: string) => unknown>> = {
  session_start: (sessionId) => ({ sessionId, tab: "main", url: "https://neighbour.example/" }),
  session_update: (sessionId) => ({ sessionId, tab: "main", url: "https://neighbour.example/taken", userId: "taken" }),
  events_batch: (sessionId) => ({ sessionId, tab: "main", events: rrwebEvents(Date.now(), 1) }),
  gap: (sessionId) => ({ sessionId, tab: "main", fromSeq: 0, toSeq: 9 }),
  tab_end: (sessionId) => ({ sessionId, tab: "main" }),
  session_end: (sessionId) => ({ sessionId }),
  assist_answer: (sessionId) => ({ sessionId, agentId: "a1", powers: { pointer: "granted" } }),
  assist_do: (sessionId) => ({ sessionId, action: { kind: "chat", text: "taken" } }),
};
