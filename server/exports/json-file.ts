/** A session as the JSON of `docs/export-format.md`, piece by piece: one batch is in memory at a time, and each is on a line of its own. */

import {
  MAX_FILE_BATCH_BYTES,
  SESSION_FILE_FORMAT,
  SESSION_FILE_LIST,
  SESSION_FILE_VERSION,
  type SessionFileHead,
} from "../../protocol/session-file.ts";
import type { SessionRange, OpenedSessions, StoredSession } from "../replay/replay.ts";

const utf8 = new TextEncoder();

/** What is exported. */
export interface ExportWish {
  stored: StoredSession;
  range: SessionRange;
  /** Now, epoch milliseconds. */
  exportedAt: number;
  signal: AbortSignal;
}

/** The bytes of the file. Batches larger than a reader takes are left out, as gaps: no viewer plays them either. */
export async function* writeSessionFile(sessions: OpenedSessions, wish: ExportWish): AsyncGenerator<Uint8Array> {
  const head = JSON.stringify(await describe(sessions, wish));
  yield utf8.encode(`${head.slice(0, -1)},"${SESSION_FILE_LIST}":[`);
  let separator = "\n";
  for await (const batch of sessions.batches(wish.stored, wish.range, wish.signal)) {
    const json = utf8.encode(`${separator}${JSON.stringify(batch)}`);
    if (json.length > MAX_FILE_BATCH_BYTES) continue;
    yield json;
    separator = ",\n";
  }
  yield utf8.encode("\n]}\n");
}

async function describe(sessions: OpenedSessions, { stored, range, exportedAt }: ExportWish): Promise<SessionFileHead> {
  const { session } = stored;
  const tabs = (await sessions.tabs(stored)).filter(({ tab }) => range.tab === null || range.tab === tab);
  const isWhole = range.from <= 0 && range.to === Infinity;
  return {
    format: SESSION_FILE_FORMAT,
    version: SESSION_FILE_VERSION,
    exportedAt,
    session: {
      sessionId: session.sessionId,
      userId: session.userId,
      traits: scalars(session.traits),
      url: session.url,
      title: session.title,
      userAgent: session.userAgent,
      viewport: session.viewport,
      referrer: session.referrer,
      timeZone: session.timeZone,
      language: session.language,
      release: session.release,
      environment: session.environment,
    },
    range: isWhole ? null : { from: range.from, to: Math.min(range.to, session.lastAt) },
    tabs: tabs.map(({ tab, tabGroup, url, title, viewport }) => ({ tab, tabGroup, url, title, viewport })),
  };
}

function scalars(traits: Record<string, unknown>): Record<string, string | number | boolean | null> {
  const kept: Record<string, string | number | boolean | null> = {};
  for (const [name, value] of Object.entries(traits)) {
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      kept[name] = value;
  }
  return kept;
}
