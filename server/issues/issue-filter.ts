/** What `GET /v1/issues` is asked for: filters, order, and the cursor that marks a place in the list. */

import { ISSUE_STATUSES, type IssueStatus } from "../../protocol/issue.ts";
import { LEVELS, type Level } from "../../protocol/occurrence.ts";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { readNumber, readWhole } from "../http-input.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_TEXT = 256;
const MAX_AT = 8.64e15;

/** What the list can be sorted by, the greatest first. */
export const ISSUE_SORTS = ["lastSeen", "firstSeen", "count", "users", "sessions", "priority"] as const;
export type IssueSort = (typeof ISSUE_SORTS)[number];

/** Query parameters of the list, for the API description. */
export const ISSUE_QUERY = {
  project: "only issues of this project (id)",
  q: "part of the title, culprit or value; or a short id, or its number",
  status: `${ISSUE_STATUSES.join(", ")}; several with commas between`,
  level: `${LEVELS.join(", ")}; several with commas between`,
  assignee: "user id, e-mail address, me or none",
  release: "seen in this release",
  environment: "seen in this environment",
  tag: "name:value of an occurrence's tag",
  promoted: "true: only issues that hit as many sessions as the project asks for; false: only the others",
  hasSession: "true: only issues with a recorded session; false: only the others",
  from: "seen at or after this epoch millisecond",
  to: "seen before this epoch millisecond",
  sort: `${ISSUE_SORTS.join(", ")} (default lastSeen); the greatest first`,
  cursor: "nextCursor of the page before",
  limit: `issues in a page, at most ${MAX_LIMIT} (default ${DEFAULT_LIMIT})`,
} as const;

/** The place after one issue in the list. */
export interface IssueCursor {
  /** What it is sorted by: microseconds, a count, or a rank. */
  value: number;
  issueId: number;
}

/** Who an issue is assigned to. */
export type AssigneeFilter = { kind: "none" } | { kind: "user"; userId: number } | { kind: "email"; email: string };

/** The list that is wanted; null where a filter is not set. */
export interface IssueFilter {
  projectId: number | null;
  q: string | null;
  statuses: IssueStatus[] | null;
  levels: Level[] | null;
  assignee: AssigneeFilter | null;
  release: string | null;
  environment: string | null;
  tag: Record<string, string> | null;
  isPromoted: boolean | null;
  hasSession: boolean | null;
  from: number | null;
  to: number | null;
  sort: IssueSort;
  after: IssueCursor | null;
  limit: number;
}

/**
 * Reads the query string.
 * @param userId who asks, for `assignee=me`
 * @throws AppError `protocol` that names the parameter that is wrong
 */
export function parseIssueFilter(query: URLSearchParams, userId: number): IssueFilter {
  const text = (name: string) => {
    const value = query.get(name);
    return value === null || value === "" ? null : cleanText(value.slice(0, MAX_TEXT));
  };
  const sort = text("sort") ?? "lastSeen";
  return {
    projectId: readWhole(query, "project", { min: 1, max: 2_147_483_647 }) ?? null,
    q: text("q"),
    statuses: readSeveral("status", text("status"), ISSUE_STATUSES),
    levels: readSeveral("level", text("level"), LEVELS),
    assignee: readAssignee(text("assignee"), userId),
    release: text("release"),
    environment: text("environment"),
    tag: readTag(text("tag")),
    isPromoted: readFlag("promoted", text("promoted")),
    hasSession: readFlag("hasSession", text("hasSession")),
    from: readNumber(query, "from", { min: 0, max: MAX_AT }) ?? null,
    to: readNumber(query, "to", { min: 0, max: MAX_AT }) ?? null,
    sort: oneOf("sort", sort, ISSUE_SORTS),
    after: readCursor(query.get("cursor")),
    limit: readLimit(query),
  };
}

/** How many rows of a page are wanted. */
export function readLimit(query: URLSearchParams): number {
  return readWhole(query, "limit", { min: 1, max: MAX_LIMIT }) ?? DEFAULT_LIMIT;
}

/** The cursor as clients carry it; opaque to them. */
export function writeCursor({ value, issueId }: IssueCursor): string {
  return Buffer.from(`${value} ${issueId}`).toString("base64url");
}

function readCursor(text: string | null): IssueCursor | null {
  if (text === null || text === "") return null;
  const found = /^(\d{1,16}) (\d{1,15})$/.exec(Buffer.from(text.slice(0, 256), "base64url").toString());
  if (!found) throw new AppError("protocol", "cursor: expected the nextCursor of a page");
  return { value: Number(found[1]), issueId: Number(found[2]) };
}

function readSeveral<T extends string>(name: string, text: string | null, allowed: readonly T[]): T[] | null {
  if (text === null) return null;
  return text.split(",").map((one) => oneOf(name, one.trim(), allowed));
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found === undefined) throw new AppError("protocol", `${name}: expected one of ${allowed.join(", ")}`);
  return found;
}

function readAssignee(text: string | null, userId: number): AssigneeFilter | null {
  if (text === null) return null;
  if (text === "none") return { kind: "none" };
  if (text === "me") return { kind: "user", userId };
  if (/^[1-9]\d{0,8}$/.test(text)) return { kind: "user", userId: Number(text) };
  return { kind: "email", email: text };
}

function readTag(text: string | null): Record<string, string> | null {
  if (text === null) return null;
  const at = text.indexOf(":");
  if (at < 1) throw new AppError("protocol", "tag: expected name:value");
  return Object.fromEntries([[text.slice(0, at), text.slice(at + 1)]]);
}

function readFlag(name: string, text: string | null): boolean | null {
  if (text === null) return null;
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw new AppError("protocol", `${name}: expected true or false`);
}
