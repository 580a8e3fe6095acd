/**
 * Every route with every kind of credential. Promise: an entry in `faults` for each answer by which somebody could tell what another tenant
 * has from what is not there, for each word of a tenant in a stranger's answer, and for each refused request that changed something.
 */

import { ROLES, type Role } from "../../server/auth/auth.ts";
import { waitFor } from "../harness/wait.ts";
import { type Credential, signIn } from "./credentials.ts";
import { type IdKind, type Ids, pairsOf } from "./ids.ts";
import { type Answer, ask, differenceOf, leakIn, withoutEcho } from "./probe.ts";
import { ROUTE_ROWS, type RouteRow, waysToAsk } from "./route-rows.ts";
import { changedTables, type ListedRoute, type World } from "./world.ts";

export interface RoutesReport {
  /** Routes of the app, and how many of them have a row. */
  routes: number;
  covered: number;
  /** Answers that were compared, searched or held to a status. */
  checks: number;
  faults: string[];
}

/** Goes through all routes, or those that `isWanted`. */
export async function checkStrangers(
  world: World,
  isWanted: (route: ListedRoute) => boolean = () => true,
): Promise<RoutesReport> {
  const report = emptyReport(world);
  let before = await world.snapshot();
  for (const { route, row } of world.routes.filter(isWanted).flatMap(waysToAsk)) {
    const [nothing] = world.strangers;
    if (!nothing) throw new Error("there are no strangers");
    const refusal = await ask(world, route, row, world.theirs.ids, nothing.headers);
    for (const who of world.strangers) {
      if (who.kind === "unknown") await checkUnknown(world, route, row, who, refusal, report);
      else await checkStranger(world, route, row, who, report);
    }
    const after = await world.snapshot();
    const changed = changedTables(before, after).filter((table) => row.changes?.includes(table) !== true);
    report.checks++;
    if (changed.length > 0) report.faults.push(`${route.name}: refused, and yet it changed ${changed.join()}`);
    before = after;
  }
  return report;
}

/** Holds every route to its role: who has it may, who has a lower one is refused with 403, and nothing happens. */
export async function checkRoles(world: World): Promise<RoutesReport> {
  const report = emptyReport(world);
  const before = await world.snapshot();
  for (const { route, row } of world.routes.flatMap(waysToAsk)) {
    for (const [who, headers] of tooLow(world, route)) {
      const answer = await ask(world, route, row, world.theirs.ids, headers);
      report.checks++;
      if (answer.status !== 403) report.faults.push(`${route.name}: ${who} gets ${answer.status} ${answer.body.slice(0, 200)}`);
    }
  }
  const changed = changedTables(before, await world.snapshot());
  if (changed.length > 0) report.faults.push(`somebody with too low a role changed ${changed.join()}`);
  return report;
}

/** Other people's pages: the right one's browser sends his cookie along, and every unsafe request is refused all the same. */
export async function checkForgery(world: World): Promise<RoutesReport> {
  const report = emptyReport(world);
  const before = await world.snapshot();
  const pages: Record<string, string>[] = [
    { Origin: "https://evil.example" },
    { Origin: "null" },
    { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
    { Origin: `${world.base}.evil.example`, "Sec-Fetch-Site": "same-site" },
    // A form of a page that hides where it comes from.
    { "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain" },
  ];
  for (const { route, row } of world.routes.flatMap(waysToAsk)) {
    // Trackers and SDKs write from any page; they carry a key and no cookie.
    if (route.method === "GET" || route.path === "/v1/ingest" || route.path.startsWith("/api/:id/")) continue;
    const cookie = { Cookie: world.cookies[route.access === "admin" ? "administrator" : "owner"] };
    for (const page of pages) {
      const answer = await ask(world, route, row, world.theirs.ids, { ...cookie, ...page });
      report.checks++;
      if (answer.status !== 403) report.faults.push(`${route.name} from ${JSON.stringify(page)}: ${answer.status}`);
    }
    if (!row.body || JSON.stringify(row.body(world.theirs.ids)) === "{}") continue;
    const asText = await ask(world, route, row, world.theirs.ids, { ...cookie, "Content-Type": "text/plain" });
    report.checks++;
    if (asText.status !== 415) report.faults.push(`${route.name} with a body of text/plain: ${asText.status}`);
  }
  const changed = changedTables(before, await world.snapshot());
  if (changed.length > 0) report.faults.push(`a page of somebody else changed ${changed.join()}`);
  return report;
}

/** Holds every route to work for the one who may: without that, the refusals above would prove nothing. */
export async function checkRights(world: World): Promise<RoutesReport> {
  const report = emptyReport(world);
  for (const { route, row } of world.routes.flatMap(waysToAsk)) {
    const fresh: Partial<Record<IdKind, string>> = {};
    for (const kind of row.fresh ?? []) fresh[kind] = await world.theirs.make(kind);
    if (fresh.project !== undefined) await untilSeen(world, fresh.project);
    const ids = { ...world.theirs.ids, ...fresh };
    const answer = await ask(world, route, { ...row, ...row.right }, ids, await rightHeaders(world, route, row));
    report.checks++;
    const isRight = row.status === undefined ? answer.status >= 200 && answer.status < 300 : answer.status === row.status;
    if (!isRight) report.faults.push(`${route.name}: the right one gets ${answer.status} ${answer.body.slice(0, 300)}`);
    const shows = route.method === "GET" && Object.keys(row.params ?? {}).length > 0 && row.isBare !== true;
    if (shows && leakIn(answer.body, world.theirs) === null)
      report.faults.push(`${route.name}: the right one's answer has no word of the tenant: ${answer.body.slice(0, 300)}`);
  }
  return report;
}

/** Routes without a row, and rows without a route. */
export function uncovered(world: World): string[] {
  const names = new Set(world.routes.map(({ name }) => name));
  return [
    ...[...names].filter((name) => !(name in ROUTE_ROWS)).map((name) => `${name} has no row in test/tenants/route-rows.ts`),
    ...Object.keys(ROUTE_ROWS)
      .filter((name) => !names.has(name))
      .map((name) => `${name} has a row, and there is no such route`),
  ];
}

function emptyReport(world: World): RoutesReport {
  const covered = world.routes.filter(({ name }) => name in ROUTE_ROWS).length;
  return { routes: world.routes.length, covered, checks: 0, faults: [] };
}

/** He is nobody: the same answer as without any credential, whatever he asks for. */
async function checkUnknown(
  world: World,
  route: ListedRoute,
  row: RouteRow,
  who: Credential,
  refusal: Answer,
  report: RoutesReport,
): Promise<void> {
  if (route.access === "open" && who.headers !== world.strangers[0]?.headers) return;
  const note = (fault: string) => report.faults.push(`${route.name}, ${who.name}: ${fault}`);
  for (const ids of [world.theirs.ids, world.missing]) {
    const answer = await ask(world, route, row, ids, who.headers);
    report.checks++;
    if (route.access !== "open" && answer.status !== 401) note(`status ${answer.status}`);
    const difference = differenceOf(refusal, answer);
    if (difference !== null && row.changes === undefined) note(difference);
    const leak = leakIn(answer.body + answer.headers, world.theirs);
    if (leak !== null) note(`learns ${leak}`);
  }
}

async function checkStranger(
  world: World,
  route: ListedRoute,
  row: RouteRow,
  who: Credential,
  report: RoutesReport,
): Promise<void> {
  if (row.isOwnDoing === true || row.except?.includes(who.name) === true) return;
  // What is open to all is the same to all; passwords and links may be tried a few times only.
  if (route.access === "open" && who.name !== "their neighbour's owner") return;
  const note = (fault: string) => report.faults.push(`${route.name}, ${who.name}: ${fault}`);
  const paths = Object.values(row.params ?? {});
  const kinds = [...paths, ...(row.names ?? [])];
  const answers: Answer[] = [];
  const free = row.free ?? [];
  const checkHead = async (asked: Ids, twin: Ids) => {
    const [answer, other] = [asked, twin].map((ids) => ask(world, route, row, ids, who.headers, "HEAD"));
    const difference = answer && other ? differenceOf(await answer, await other) : null;
    report.checks++;
    if (difference !== null) note(`can tell theirs from nothing by HEAD: ${difference}`);
  };
  for (const { what, asked, twin, foreign } of pairsOf(kinds, world.theirs.ids, world.own.ids, world.missing)) {
    const askOf = async (ids: typeof asked) =>
      withoutEcho(
        await ask(world, route, row, ids, who.headers),
        free.map((kind) => ids[kind]),
      );
    const answer = await askOf(asked);
    const other = await askOf(twin);
    answers.push(answer, other);
    report.checks += 2;
    const difference = differenceOf(answer, other);
    if (difference !== null) note(`can tell their ${what} from nothing: ${difference}`);
    if (route.method === "GET" && paths.length > 0) await checkHead(asked, twin);
    const objects = foreign.filter((kind) => !free.includes(kind));
    const mustRefuse = route.method === "GET" ? objects.some((kind) => paths.includes(kind)) : objects.length > 0;
    if (mustRefuse && answer.status < 400) note(`is let in to their ${what} with ${answer.status}`);
    if (answer.status >= 500) note(`makes a fault of theirs: ${answer.status} ${answer.body.slice(0, 200)}`);
  }
  if (kinds.length === 0 || (paths.length === 0 && route.method === "GET")) {
    const { query: _query, ...bare } = row;
    answers.push(await ask(world, route, route.method === "GET" ? bare : row, world.own.ids, who.headers));
    report.checks++;
  }
  for (const answer of answers) {
    const leak = leakIn(answer.body + answer.headers, world.theirs);
    if (leak !== null) note(`learns ${leak}`);
  }
}

/** Who belongs to the tenant and may not do this. */
function tooLow(world: World, route: ListedRoute): (readonly [string, Record<string, string>])[] {
  const { role, access } = route;
  if (access === "admin") return ROLES.map((low) => [`the project's ${low}`, { Cookie: world.cookies[low] }] as const);
  if (role === null || role === "viewer") return [];
  const lower = ROLES.slice(0, ROLES.indexOf(role)).flatMap((low) => [
    [`a ${low}`, { Cookie: world.cookies[low] }] as const,
    [`a ${low}'s token of scope admin`, { Authorization: `Bearer ${world.adminTokens[low]}` }] as const,
  ]);
  return [...lower, ["an owner's token of scope read", { Authorization: `Bearer ${world.readToken}` }]];
}

async function rightHeaders(world: World, route: ListedRoute, row: RouteRow): Promise<Record<string, string>> {
  if (row.as === "nobody") return {};
  if (row.as === "program") return { Authorization: `Bearer ${world.ingestToken}` };
  if (row.as === "newcomer") {
    const id = await world.theirs.make("user");
    const [person] = await world.query<{ email: string }>("SELECT email FROM users WHERE id = $1", [Number(id)]);
    return { Cookie: await signIn(world.base, person?.email ?? "") };
  }
  const least: Role = row.as ?? route.role ?? "viewer";
  return { Cookie: world.cookies[route.access === "admin" ? "administrator" : least] };
}

/** A project that was made behind the server's back. */
async function untilSeen(world: World, projectId: string): Promise<void> {
  await world.query("UPDATE settings SET value = (value::bigint + 1)::text WHERE name = 'rights_version'");
  const look = async () => {
    const answer = await fetch(`${world.base}/v1/projects/${projectId}/keys`, { headers: { Cookie: world.cookies.owner } });
    return answer.ok;
  };
  await waitFor(look, { what: () => `project ${projectId} to be seen` });
}
