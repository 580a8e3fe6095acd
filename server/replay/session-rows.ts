/** Sessions and tabs between their tables and the wire. */

import {
  COUNTED_KINDS,
  type SessionFacts,
  type SessionStatus,
  type SessionSummary,
  type TabSummary,
  type Viewport,
} from "../../protocol/session.ts";

/** Which session, and in which partition all of it lies. */
export interface SessionKey {
  sessionId: string;
  startedOn: string;
}

/** Columns of {@link SessionRow}, of a table `sessions s`. */
export const SESSION_COLUMNS = `s.session_id, s.project_id, s.started_on, s.status, s.user_id, s.traits, s.url, s.title, s.user_agent,
  s.viewport, s.referrer, s.time_zone, s.language, s.release, s.environment, s.event_count, s.batch_count, s.byte_count, s.error_count,
  (extract(epoch FROM s.started_at) * 1000)::float8 AS started_at, (extract(epoch FROM s.last_at) * 1000)::float8 AS last_at,
  (extract(epoch FROM s.ended_at) * 1000)::float8 AS ended_at, (extract(epoch FROM s.pinned_at) * 1000)::float8 AS pinned_at,
  (extract(epoch FROM s.imported_at) * 1000)::float8 AS imported_at,
  (SELECT count(*) FROM session_tabs t WHERE t.session_id = s.session_id)::integer AS tab_count,
  (SELECT jsonb_build_object(
     'country', f.country, 'region', f.region, 'browser', f.browser, 'browserVersion', f.browser_version, 'os', f.os,
     'device', f.device, 'activeMs', f.active_ms, 'pageCount', f.page_count,
     'counts', jsonb_build_object(${COUNTED_KINDS.map((kind) => `'${kind}', f.${kind}_count`).join(", ")}))
   FROM session_facts f WHERE f.session_id = s.session_id) AS facts`;

/** A row of `sessions` as {@link SESSION_COLUMNS} give it; times are epoch milliseconds. */
export interface SessionRow {
  session_id: string;
  project_id: number;
  started_on: string;
  status: SessionStatus;
  user_id: string | null;
  traits: Record<string, unknown>;
  url: string;
  title: string;
  user_agent: string;
  viewport: Viewport | null;
  referrer: string;
  time_zone: string;
  language: string;
  release: string;
  environment: string;
  event_count: number;
  batch_count: number;
  byte_count: number;
  error_count: number;
  started_at: number;
  last_at: number;
  ended_at: number | null;
  pinned_at: number | null;
  imported_at: number | null;
  tab_count: number;
  facts: SessionFacts | null;
}

/** A stored session as viewers see it; who watches is known to the live edge only. */
export function toSession(row: SessionRow): SessionSummary {
  return {
    sessionId: row.session_id,
    projectId: row.project_id,
    status: row.status,
    live: row.status === "live",
    userId: row.user_id,
    traits: row.traits,
    url: row.url,
    title: row.title,
    userAgent: row.user_agent,
    viewport: row.viewport,
    referrer: row.referrer,
    timeZone: row.time_zone,
    language: row.language,
    release: row.release,
    environment: row.environment,
    startedAt: row.started_at,
    lastAt: row.last_at,
    endedAt: row.ended_at,
    durationMs: Math.max(0, Math.round((row.ended_at ?? row.last_at) - row.started_at)),
    eventCount: row.event_count,
    batchCount: row.batch_count,
    byteCount: row.byte_count,
    errorCount: row.error_count,
    tabCount: row.tab_count,
    watchers: 0,
    pinnedAt: row.pinned_at,
    ...(row.imported_at !== null && { importedAt: row.imported_at }),
    ...(row.facts && { facts: row.facts }),
  };
}

/** A row of `session_tabs`, with the newest stored seq. */
export interface TabRow {
  tab: string;
  tab_group: string;
  url: string;
  title: string;
  viewport: Viewport | null;
  started_at: number;
  last_at: number;
  ended_at: number | null;
  upto: number;
}

/** A stored tab as viewers see it. */
export function toTab(row: TabRow): TabSummary {
  return {
    tab: row.tab,
    tabGroup: groupOf(row.tab, row.tab_group),
    url: row.url,
    title: row.title,
    viewport: row.viewport,
    startedAt: row.started_at,
    lastAt: row.last_at,
    endedAt: row.ended_at,
    upto: row.upto,
  };
}

/** A tab that named no group is one of its own. */
export function groupOf(tab: string, tabGroup: string): string {
  return tabGroup === "" ? tab : tabGroup;
}
