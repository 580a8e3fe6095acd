/** Requests, and what of their answers somebody could tell apart. */

import type { Ids } from "./ids.ts";
import type { RouteRow } from "./route-rows.ts";
import type { ListedRoute, World } from "./world.ts";

/** Headers that say nothing of what was asked for. */
const UNIMPORTANT = new Set(["date", "keep-alive", "connection"]);

export interface Answer {
  status: number;
  headers: string;
  body: string;
}

let asked = 0;

/** Asks a route about these ids, with these credentials. */
export async function ask(
  world: World,
  route: ListedRoute,
  row: RouteRow,
  ids: Ids,
  headers: Readonly<Record<string, string>>,
  method = route.method,
): Promise<Answer> {
  const params = row.params ?? {};
  const path = route.path.replace(/:(\w+)/g, (_all, name: string) => {
    const kind = params[name];
    if (kind === undefined) throw new Error(`${route.name}: the row does not say what :${name} is`);
    return encodeURIComponent(ids[kind]);
  });
  const query = new URLSearchParams(row.query?.(ids) ?? {}).toString();
  const body = row.bytes?.(ids) ?? (row.body === undefined ? undefined : JSON.stringify(row.body(ids)));
  const n = ++asked;
  const answer = await fetch(`${world.base}${path}${query === "" ? "" : `?${query}`}`, {
    method,
    headers: {
      "X-Forwarded-For": `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
      ...(body === undefined ? {} : { "Content-Type": row.bytes ? "application/octet-stream" : "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const told = [...answer.headers].filter(([name]) => !UNIMPORTANT.has(name)).map(([name, value]) => `${name}: ${value}`);
  return {
    status: answer.status,
    headers: told.sort().join("\n"),
    body: Buffer.from(await answer.arrayBuffer()).toString("latin1"),
  };
}

/** How two answers differ, in words; null where nobody could tell them apart. */
export function differenceOf(one: Answer, other: Answer): string | null {
  if (one.status !== other.status) return `status ${one.status} and ${other.status}`;
  if (one.headers !== other.headers) return `headers ${JSON.stringify(one.headers)} and ${JSON.stringify(other.headers)}`;
  return one.body === other.body ? null : `body ${one.body.slice(0, 300)} and ${other.body.slice(0, 300)}`;
}

/** What of a tenant is in a text, that only its own people may read; null for nothing. */
export function leakIn(text: string, { word, secrets }: World["theirs"]): string | null {
  const lower = text.toLowerCase();
  if (lower.includes(word)) return around(text, lower.indexOf(word));
  const secret = secrets.find((one) => lower.includes(one));
  return secret === undefined ? null : around(text, lower.indexOf(secret));
}

/** The same answer without what it merely repeats of the question. */
export function withoutEcho(answer: Answer, echoed: readonly string[]): Answer {
  let { body } = answer;
  for (const text of echoed) body = body.replaceAll(text, "(asked)").replaceAll(encodeURIComponent(text), "(asked)");
  return { ...answer, body };
}

function around(text: string, at: number): string {
  return text.slice(Math.max(0, at - 60), at + 60);
}
