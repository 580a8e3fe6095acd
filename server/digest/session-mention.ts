/** Where an SDK's event says which session of ours it belongs to: a tag, a header of the request, or a context. */

import { isSessionId, isTabId } from "../../protocol/ids.ts";
import type { OccurrenceDetail } from "../../protocol/occurrence.ts";

const SESSION_NAMES = ["watchback.session", "watchback_session"] as const;
const TAB_NAMES = ["watchback.tab", "watchback_tab"] as const;
const SESSION_HEADER = "x-watchback-session";
const TAB_HEADER = "x-watchback-tab";

/** A session, and the tab of it where that is told too. Whether it is one of the project's is found out in the database. */
export interface SessionMention {
  sessionId: string | null;
  tab: string | null;
}

/** What the event names first, of tags, headers and the context `watchback`. */
export function mentionedSession(
  tags: Readonly<Record<string, string>>,
  detail: Pick<OccurrenceDetail, "request" | "contexts">,
): SessionMention {
  const said = (names: readonly string[], header: string, fact: string) => [
    ...names.map((name) => tags[name]),
    detail.request?.headers.find(([name]) => name.toLowerCase() === header)?.[1],
    detail.contexts["watchback"]?.[fact],
  ];
  const sessionId = said(SESSION_NAMES, SESSION_HEADER, "session").find(isSessionId) ?? null;
  const tab = sessionId === null ? null : (said(TAB_NAMES, TAB_HEADER, "tab").find(isTabId) ?? null);
  return { sessionId, tab };
}
