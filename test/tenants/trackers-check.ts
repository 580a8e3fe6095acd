/** What a page of one tenant can do to a session of another: nothing, and it cannot even tell whose it is. */

import { fromTracker } from "../../protocol/tracker-messages.ts";
import { openClient } from "../integration/running-app.ts";
import { TRACKER_ROWS } from "./message-rows.ts";
import { leakIn } from "./probe.ts";
import { knock, openViewer, type SocketsReport } from "./sockets-check.ts";
import { insertTombstone } from "./tenant.ts";
import { changedTables, erasedSessionOf, liveSessionOf, type World } from "./world.ts";

/** Keys that are none are refused alike. */
export async function checkKeys(world: World): Promise<SocketsReport> {
  const report = emptyReport();
  const { theirs } = world;
  const removed = await theirs.make("project");
  await world.query("INSERT INTO project_keys (key, project_id) VALUES (repeat('c', 32), $1)", [Number(removed)]);
  await world.query("UPDATE projects SET removed_at = now() WHERE id = $1", [Number(removed)]);
  const refusal = await knock(world.base, "type=tracker", {});
  const keys = [
    "",
    "0".repeat(32),
    theirs.ids.revokedKey,
    "c".repeat(32),
    theirs.key.slice(1),
    `${theirs.key}0`,
    world.readToken,
  ];
  for (const key of keys) {
    const answer = await knock(world.base, `type=tracker&key=${key}`, { Cookie: world.cookies.owner });
    report.checks++;
    if (!answer.startsWith("401 ") || answer !== refusal) report.faults.push(`key ${keys.indexOf(key)}: ${answer}`);
  }
  return report;
}

/** A neighbour's page begins, with the ids and secrets of somebody else, and says everything that a page can say. */
export async function checkTrackers(world: World): Promise<SocketsReport> {
  const report = emptyReport();
  const { theirs, own, resumeToken } = world;
  const justErased = `${theirs.word}-just-erased`;
  await insertTombstone(world, justErased, theirs.projectId);
  const right = await openViewer(world, world.cookies.viewer);
  right.say("viewer_join_session", { sessionId: liveSessionOf(theirs.word) });
  await right.next("session_phase", ({ phase }) => phase === "live");
  await right.next("events_batch");
  const before = await rowsOf(world);
  /** A session of its own tenant that is somebody else's: what every foreign id must look like. */
  const expected = await begin(world, liveSessionOf(own.word), {});
  const live = liveSessionOf(theirs.word);
  const attempts: [string, string, Record<string, unknown>][] = [
    ["a live session", live, {}],
    ["a live session and its resume token", live, { resumeToken }],
    ["a live session and another token", live, { resumeToken: "x".repeat(32) }],
    ["a session that is over", theirs.ids.session, {}],
    ["a session that is over, and a token", theirs.ids.session, { resumeToken }],
    ["a session that was erased now", justErased, {}],
    ["a session that was erased a while ago", erasedSessionOf(theirs.word), {}],
  ];
  for (const [what, sessionId, more] of attempts) {
    const answer = await begin(world, sessionId, more);
    report.checks++;
    if (answer !== expected) report.faults.push(`${what}: ${answer}, and of its own tenant ${expected}`);
  }
  const after = await rowsOf(world);
  report.checks++;
  const changed = changedTables(before, after);
  if (changed.length > 0) report.faults.push(`a neighbour's tracker changed ${changed.join()}`);
  const heard = right.heard.filter(({ type }) => type !== "session_updated" && type !== "session_joined");
  if (heard.length > 0) report.faults.push(`the right viewer hears of it: ${JSON.stringify(heard)}`);
  await right.close();
  return report;
}

function emptyReport(): SocketsReport {
  const types = Object.keys(fromTracker);
  return { messages: types.length, covered: types.filter((type) => type in TRACKER_ROWS).length, checks: 0, faults: [] };
}

/**
 * Begins with this id, says everything, ends; what the server answered to the beginning, with its fresh id and token left out.
 * A word of the tenant in any answer, and the id or the token itself, show as they are.
 */
async function begin(world: World, sessionId: string, more: Record<string, unknown>): Promise<string> {
  const client = await openClient(world.base, `type=tracker&key=${world.own.key}`);
  const { session_start: start, ...rest } = TRACKER_ROWS;
  const first = start(sessionId);
  client.say("session_start", { ...(typeof first === "object" ? first : {}), ...more });
  const answer = await client.next("session_started");
  for (const [type, data] of Object.entries(rest)) client.say(type, data(sessionId));
  // Whatever else it hears is over when the server has answered this.
  client.say("no such message");
  await client.next("error", ({ code }) => code === "malformed");
  const text = JSON.stringify(client.heard);
  await client.close();
  const isFresh = answer["sessionId"] !== sessionId && answer["resumeToken"] !== more["resumeToken"];
  const leak = leakIn(JSON.stringify(answer) + text, world.theirs);
  const shape = { ...answer, sessionId: isFresh ? "fresh" : answer["sessionId"], resumeToken: isFresh ? "fresh" : "same" };
  return JSON.stringify({ shape, leak });
}

/** What the tables have of `theirs`. */
async function rowsOf(world: World): Promise<ReadonlyMap<string, string>> {
  const id = world.theirs.projectId;
  const sessions = "SELECT session_id FROM sessions WHERE project_id = $1";
  const columns = "(to_jsonb(t) - '{received_at,last_at}'::text[])::text AS text";
  const statements = {
    sessions: `SELECT ${columns} FROM sessions t WHERE t.project_id = $1 ORDER BY 1`,
    session_tabs: `SELECT ${columns} FROM session_tabs t WHERE t.session_id IN (${sessions}) ORDER BY 1`,
    session_events: `SELECT ${columns} FROM session_events t WHERE t.session_id IN (${sessions}) ORDER BY 1`,
    session_errors: `SELECT ${columns} FROM session_errors t WHERE t.project_id = $1 ORDER BY 1`,
    session_markers: `SELECT ${columns} FROM session_markers t WHERE t.project_id = $1 ORDER BY 1`,
  };
  const rows = new Map<string, string>();
  for (const [name, sql] of Object.entries(statements)) {
    const found = await world.query<{ text: string }>(sql, [id]);
    rows.set(name, found.map(({ text }) => text).join("\n"));
  }
  return rows;
}
