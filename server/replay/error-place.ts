/**
 * Where in a recording an error happened. A tracker's error says it. Of an SDK's the session is known at most, by the word of whoever sent
 * it: it counts only where it is a session of the same project, and the tab and the page's time are found out.
 */

import { SESSION_IDLE_MS } from "../../protocol/limits.ts";
import type { Occurrence } from "../../protocol/occurrence.ts";
import type { Queryable } from "../db/db.ts";
import { findActiveTab, readExtent } from "./place-queries.ts";
import type { SessionKey } from "./session-rows.ts";

/** A page's clock and ours are taken as the same up to this: a batch takes so long to come. */
const TRAVEL_MS = 2_000;

/** A moment of a stored session. */
export interface Place {
  session: SessionKey & { projectId: number; userId: string | null };
  tab: string;
  /** By the page's clock. */
  at: number;
}

/** Why there is none, in words for people. */
export interface NoPlace {
  reason: string;
}

/** Reasons for which nothing can be played. */
export const NO_CLIP = {
  unnamedSession:
    "The SDK did not say in which session it happened. Send the session's id in the header X-Watchback-Session, or set the tag watchback.session.",
  erased: "The session that it happened in was erased.",
  unknownSession:
    "The session that it names is not stored: it was not recorded, has not arrived yet, or was removed when it was too old.",
  nothingStored: "Nothing of the session is stored yet.",
  before: "It happened before the recording of the session began.",
  after: "It happened after the recording of the session had ended.",
  unplayable: "What is stored of these seconds cannot be played: the page that they belong to was not received.",
} as const;

/** Finds where an error happened. */
export async function findPlace(
  db: Queryable,
  error: Pick<Occurrence, "projectId" | "sessionId" | "source" | "tab" | "at" | "platform">,
): Promise<Place | NoPlace> {
  const { sessionId, projectId, source } = error;
  if (sessionId === null) return { reason: NO_CLIP.unnamedSession };
  const [row] = await db.query<{ started_on: string; user_id: string | null }>(
    "SELECT started_on, user_id FROM sessions WHERE session_id = $1 AND project_id = $2",
    [sessionId, projectId],
  );
  if (!row) return { reason: (await isErased(db, sessionId, projectId)) ? NO_CLIP.erased : NO_CLIP.unknownSession };
  const session = { sessionId, projectId, startedOn: row.started_on, userId: row.user_id };
  if (source === "tracker") return { session, tab: error.tab ?? "", at: error.at };

  const extent = await readExtent(db, session);
  if (!extent) return { reason: NO_CLIP.nothingStored };
  const at = error.platform === "javascript" ? error.at : error.at - clockDifference(extent.leastDelayMs);
  if (at < extent.firstAt - TRAVEL_MS) return { reason: NO_CLIP.before };
  if (at > extent.lastAt + SESSION_IDLE_MS) return { reason: NO_CLIP.after };
  const moment = Math.max(at, extent.firstAt);
  const named = extent.tabs.includes(error.tab ?? "") ? error.tab : null;
  const tab = named ?? (await findActiveTab(db, session, moment)) ?? extent.tabs[0] ?? "";
  return { session, tab, at: moment };
}

/** By how much the server's clock is ahead of the page's, as far as that is more than the time that a batch travels. */
function clockDifference(leastDelayMs: number): number {
  return leastDelayMs >= 0 && leastDelayMs <= TRAVEL_MS ? 0 : leastDelayMs;
}

async function isErased(db: Queryable, sessionId: string, projectId: number): Promise<boolean> {
  const rows = await db.query("SELECT 1 AS one FROM tombstones WHERE session_id = $1 AND project_id = $2", [
    sessionId,
    projectId,
  ]);
  return rows.length > 0;
}
