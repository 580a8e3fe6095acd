/**
 * Every message of a viewer, by every kind of credential. Promise: an entry in `faults` for each that gets in where it must not, for each
 * answer by which a stranger could tell what is there from what is not, and for each word of a tenant that he hears.
 */

import { request } from "node:http";
import { fromViewer } from "../../protocol/viewer-messages.ts";
import { waitFor } from "../harness/wait.ts";
import { type Client, openClient, rrwebEvents } from "../integration/running-app.ts";
import type { Credential } from "./credentials.ts";
import { VIEWER_ROWS } from "./message-rows.ts";
import { leakIn } from "./probe.ts";
import { liveSessionOf, type World } from "./world.ts";

export interface SocketsReport {
  messages: number;
  covered: number;
  checks: number;
  faults: string[];
}

/** How a credential comes to a socket. */
interface Way {
  what: string;
  query: string;
  headers: Record<string, string>;
}

let knocks = 0;

/** A report over the messages of the wire. */
export function emptyReport(): SocketsReport {
  const types = Object.keys(fromViewer);
  return { messages: types.length, covered: types.filter((type) => type in VIEWER_ROWS).length, checks: 0, faults: [] };
}

/** Who is nobody is not let in, and is told the same whatever he shows. */
export async function checkUpgrades(world: World): Promise<SocketsReport> {
  const report = emptyReport();
  const refusal = await knock(world.base, "type=viewer", {});
  for (const who of world.strangers) {
    if (who.kind !== "unknown") continue;
    for (const { what, query, headers } of waysOf(world, who)) {
      const answer = await knock(world.base, query, headers);
      report.checks++;
      if (!answer.startsWith("401 ")) report.faults.push(`${who.name} ${what}: ${answer}`);
      if (answer !== refusal) report.faults.push(`${who.name} ${what} can be told from nobody: ${answer}`);
    }
  }
  return report;
}

/** What happens at `theirs` while strangers listen who have asked for all of it before. */
export async function checkMessages(world: World): Promise<SocketsReport> {
  const report = emptyReport();
  const clients: { name: string; client: Client; heard: string[] }[] = [];
  for (const who of world.strangers) {
    if (who.kind !== "stranger") continue;
    for (const { what, query, headers } of waysOf(world, who)) {
      const client = await openClient(world.base, query, { headers: { ...headers, ...ownAddress() } });
      const listener = { name: `${who.name} ${what}`, client, heard: [] };
      clients.push(listener);
      await askForAll(world, listener, report);
    }
  }
  await makeNoise(world, report);
  for (const { name, client, heard } of clients) {
    const leak = leakIn([...heard, JSON.stringify(client.heard)].join("\n"), world.theirs);
    report.checks++;
    if (leak !== null) report.faults.push(`${name} hears ${leak}`);
    await client.close();
  }
  return report;
}

/** Their own people get what they ask for, by every message. */
export async function checkRightViewers(world: World): Promise<SocketsReport> {
  const report = emptyReport();
  for (const role of ["viewer", "member"] as const) await checkRightViewer(world, role, report);
  return report;
}

async function checkRightViewer(world: World, role: "viewer" | "member", report: SocketsReport): Promise<void> {
  const client = await openViewer(world, world.cookies[role]);
  for (const [type, row] of Object.entries(VIEWER_ROWS)) {
    if ((row.role ?? "viewer") !== role) continue;
    for (const kind of row.kinds) {
      if (row.role && kind === "session") continue;
      client.say(type, row.data(world.theirs.ids[kind]));
      if (row.answer === null) continue;
      const answer = await client.next(row.answer);
      report.checks++;
      if (leakIn(JSON.stringify(answer), world.theirs) === null) report.faults.push(`${type} ${kind}: ${JSON.stringify(answer)}`);
    }
  }
  const errors = client.heard.filter(({ type }) => type === "error");
  if (errors.length > 0) report.faults.push(`the right viewer hears ${JSON.stringify(errors)}`);
  await client.close();
}

/** A viewer's socket of somebody who is signed in. */
export function openViewer(world: World, cookie: string): Promise<Client> {
  return openClient(world.base, "type=viewer", { headers: { Cookie: cookie, Origin: world.base, ...ownAddress() } });
}

/** A refused upgrade as text: status, headers that matter, body; `101` where it was let in. */
export function knock(base: string, query: string, headers: Record<string, string>): Promise<string> {
  const websocket = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  return new Promise((resolve, reject) => {
    const asking = request(`${base}/ws?${query}`, { headers: { ...websocket, ...headers, ...ownAddress() } });
    asking.on("upgrade", (_answer, socket) => {
      socket.destroy();
      resolve("101");
    });
    asking.on("response", (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (piece: Buffer) => pieces.push(piece));
      answer.on("end", () => {
        const { date: _date, ...told } = answer.headers;
        resolve(`${answer.statusCode ?? 0} ${JSON.stringify(told)} ${Buffer.concat(pieces).toString()}`);
      });
    });
    asking.on("error", reject);
    asking.end();
  });
}

/** Limits by address are not what is tested here. */
function ownAddress(): Record<string, string> {
  const n = ++knocks;
  return { "X-Forwarded-For": `10.200.${(n >> 8) & 255}.${n & 255}` };
}

function waysOf(world: World, { headers }: Credential): Way[] {
  const origin = { Origin: world.base };
  const { Cookie, Authorization } = headers;
  if (Cookie !== undefined) return [{ what: "by cookie", query: "type=viewer", headers: { Cookie, ...origin } }];
  if (Authorization === undefined) return [{ what: "", query: "type=viewer", headers: origin }];
  const token = new URLSearchParams({ type: "viewer", token: Authorization.replace(/^\w+ /, "") }).toString();
  return [
    { what: "by header", query: "type=viewer", headers: { Authorization } },
    { what: "by query", query: token, headers: {} },
  ];
}

/** Every message about theirs and about nothing, in both forms; what is heard must be the same. */
async function askForAll(
  world: World,
  { name, client, heard }: { name: string; client: Client; heard: string[] },
  report: SocketsReport,
): Promise<void> {
  for (const [type, row] of Object.entries(VIEWER_ROWS)) {
    for (const kind of row.kinds) {
      const ask = (id: string) => exchange(client, type, row.data(id), row.answer === null ? 0 : 1);
      const asked = await ask(world.theirs.ids[kind]);
      const twin = await ask(world.missing[kind]);
      report.checks += 2;
      heard.push(asked, twin);
      if (asked !== twin) report.faults.push(`${name}, ${type}: can tell their ${kind} from nothing: ${asked} and ${twin}`);
    }
  }
}

/** Sends it, and takes what is heard up to the answer to another question behind it. */
async function exchange(client: Client, type: string, data: unknown, answers: number): Promise<string> {
  client.say(type, data);
  client.say("viewer_join_session", { sessionId: "nowhere-at-all" });
  await waitFor(() => client.heard.length >= answers + 1, {
    everyMs: 2,
    what: () => `answers to ${type}; heard ${JSON.stringify(client.heard)}`,
  });
  const texts = client.heard.splice(0).map((message) => `${message.type} ${JSON.stringify(message.data)}`);
  return texts.sort().join("\n");
}

/** Events, a new visit, and an end at `theirs`; whoever may hear it has heard it when this returns, and all of it is written. */
async function makeNoise(world: World, report: SocketsReport): Promise<void> {
  const { theirs, own, trackers } = world;
  const right = await openViewer(world, world.cookies.viewer);
  right.say("viewer_join_session", { sessionId: liveSessionOf(theirs.word) });
  right.say("watch_live_sessions", { projectId: theirs.projectId });
  await right.next("session_joined");
  await right.next("live_sessions");
  const visitor = await openClient(world.base, `type=tracker&key=${theirs.key}`);
  const sessionId = `${theirs.word}-noise-${knocks}`;
  visitor.say("session_start", { sessionId, url: `https://${theirs.word}.example/noise`, title: theirs.word });
  visitor.say("events_batch", { events: rrwebEvents(Date.now(), 1) });
  trackers.theirs.say("events_batch", { events: rrwebEvents(Date.now(), 3) });
  trackers.theirs.say("session_update", { title: `${theirs.word} again` });
  trackers.own.say("events_batch", { events: rrwebEvents(Date.now(), 3) });
  await right.next("events_batch");
  const isNoise = (data: Record<string, unknown>) => JSON.stringify(data).includes(sessionId);
  await right.next("live_sessions_changed", isNoise);
  visitor.say("session_end", { sessionId });
  await right.next("live_sessions_changed", (data) => isNoise(data) && JSON.stringify(data).includes('"ended"'));
  await untilWritten(world, sessionId);
  report.checks += 3;
  if (leakIn(JSON.stringify(right.heard), own) !== null) report.faults.push("the right viewer hears of his neighbour");
  await visitor.close();
  await right.close();
}

/** What sessions say of themselves and how many events they have is written behind: who compares rows later must not meet it. */
async function untilWritten(world: World, endedSessionId: string): Promise<void> {
  const look = async () => {
    const rows = await world.query(
      `SELECT 1 FROM sessions s WHERE session_id = $1 AND status = 'ended' OR session_id = $2 AND title = $3 AND event_count =
         (SELECT sum(e.event_count) FROM session_events e WHERE e.session_id = s.session_id)`,
      [endedSessionId, liveSessionOf(world.theirs.word), `${world.theirs.word} again`],
    );
    return rows.length === 2;
  };
  await waitFor(look, { what: () => "the noise to be written" });
}
