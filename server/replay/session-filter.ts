/** What `GET /v1/sessions` is asked for: the filters, and the cursor that marks a place in a list sorted by start. */

import { SESSION_STATUSES, type SessionStatus } from "../../protocol/session.ts";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { readNumber, readWhole } from "../http-input.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_TEXT = 256;
const MAX_AT = 8.64e15;

/** Query parameters of the list, for the API description. */
export const SESSION_QUERY = {
  project: "only sessions of this project (id)",
  q: "part of the address, title, user or session id",
  user: "exact user id",
  url: "part of the address",
  status: "live, away or ended",
  hasErrors: "true: only sessions with errors; false: only those without",
  pinned: "true: only pinned sessions; false: only the others",
  from: "started at or after this epoch millisecond",
  to: "started before this epoch millisecond",
  cursor: "nextCursor of the page before",
  limit: `sessions in a page, at most ${MAX_LIMIT} (default ${DEFAULT_LIMIT})`,
} as const;

/** The place after one session in the list: newest first, by start and then by id. */
export interface Cursor {
  startedAtMicros: number;
  sessionId: string;
}

/** The list that is wanted; null where a filter is not set. */
export interface SessionFilter {
  projectId: number | null;
  q: string | null;
  userId: string | null;
  url: string | null;
  status: SessionStatus | null;
  hasErrors: boolean | null;
  pinned: boolean | null;
  from: number | null;
  to: number | null;
  after: Cursor | null;
  limit: number;
}

/**
 * Reads the query string.
 * @throws AppError `protocol` that names the parameter that is wrong
 */
export function parseSessionFilter(query: URLSearchParams): SessionFilter {
  const text = (name: string) => {
    const value = query.get(name);
    return value === null || value === "" ? null : cleanText(value.slice(0, MAX_TEXT));
  };
  return {
    projectId: readWhole(query, "project", { min: 1, max: 2_147_483_647 }) ?? null,
    q: text("q"),
    userId: text("user"),
    url: text("url"),
    status: readStatus(text("status")),
    hasErrors: readFlag("hasErrors", text("hasErrors")),
    pinned: readFlag("pinned", text("pinned")),
    from: readNumber(query, "from", { min: 0, max: MAX_AT }) ?? null,
    to: readNumber(query, "to", { min: 0, max: MAX_AT }) ?? null,
    after: readCursor(query.get("cursor")),
    limit: readWhole(query, "limit", { min: 1, max: MAX_LIMIT }) ?? DEFAULT_LIMIT,
  };
}

/** The cursor as clients carry it; opaque to them. */
export function writeCursor(cursor: Cursor): string {
  return Buffer.from(`${cursor.startedAtMicros} ${cursor.sessionId}`).toString("base64url");
}

/** A `LIKE` pattern for "contains", with the text taken literally. */
export function containing(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}

function readCursor(text: string | null): Cursor | null {
  if (text === null || text === "") return null;
  const found = /^(\d{1,16}) ([A-Za-z0-9_-]{1,64})$/.exec(Buffer.from(text.slice(0, 256), "base64url").toString());
  if (!found?.[1] || !found[2]) throw new AppError("protocol", "cursor: expected the nextCursor of a page");
  return { startedAtMicros: Number(found[1]), sessionId: found[2] };
}

function readStatus(text: string | null): SessionStatus | null {
  if (text === null) return null;
  const status = SESSION_STATUSES.find((one) => one === text);
  if (!status) throw new AppError("protocol", `status: expected one of ${SESSION_STATUSES.join(", ")}`);
  return status;
}

function readFlag(name: string, text: string | null): boolean | null {
  if (text === null) return null;
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw new AppError("protocol", `${name}: expected true or false`);
}
