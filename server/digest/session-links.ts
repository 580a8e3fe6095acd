/** Which of the sessions that SDKs name are the project's own: ids of clients are never trusted across projects. */

import type { Queryable } from "../db/db.ts";
import type { Digested } from "../digested.ts";
import { REPLAY_TAB, replaySessionId } from "../replay-session.ts";

interface Known {
  session_id: string;
  project_id: number;
  /** Null for one that was erased. */
  user_id: string | null;
  is_erased: boolean;
}

/**
 * The same occurrences in order, with null for one that names an erased session: it is about the visitor who is to be forgotten. One that
 * names somebody else's session is of no session; one without a person is of the session's. A session that nobody knows yet may still come:
 * its id stays.
 */
export async function linkSessions(db: Queryable, digested: readonly Digested[]): Promise<(Digested | null)[]> {
  const group = digested.map(byReplay);
  const named = group.flatMap((one) => (one.source === "sdk" && one.sessionId !== null ? [one.sessionId] : []));
  if (named.length === 0) return group;
  const known = new Map((await readSessions(db, [...new Set(named)])).map((row) => [row.session_id, row]));
  return group.map((one) => {
    const session = one.source === "sdk" && one.sessionId !== null ? known.get(one.sessionId) : undefined;
    if (!session) return one;
    if (session.project_id !== one.projectId) return { ...one, sessionId: null, tab: null };
    if (session.is_erased) return null;
    return { ...one, userId: one.userId ?? session.user_id };
  });
}

/** An error of a page that Sentry's replay SDK records belongs to the session that the replay becomes, whichever of the two comes first. */
function byReplay(one: Digested): Digested {
  const { replayId } = one.detail;
  if (one.source !== "sdk" || one.sessionId !== null || replayId === "") return one;
  return { ...one, sessionId: replaySessionId(one.projectId, replayId), tab: REPLAY_TAB };
}

function readSessions(db: Queryable, ids: readonly string[]): Promise<Known[]> {
  return db.query<Known>(
    `SELECT session_id, project_id, user_id, false AS is_erased FROM sessions WHERE session_id = ANY($1)
     UNION ALL SELECT session_id, project_id, NULL, true FROM tombstones WHERE session_id = ANY($1)`,
    [ids],
  );
}
