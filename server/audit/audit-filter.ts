/** What `GET /v1/audit` is asked for: the filters, and the cursor that marks a place in the log. */

import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { AUDIT_ACTIONS } from "../audit-trail.ts";
import { readNumber, readWhole } from "../http-input.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;
const MAX_TEXT = 512;
const MAX_AT = 8.64e15;
const MAX_ID = 2_147_483_647;

/** Query parameters, for the API description. */
export const AUDIT_QUERY = {
  project: "only entries of this project (id)",
  action: "one action, or several with commas between",
  actor: "who did it: a user's id, `token:` and a token's id, `system`, `nobody`, `guest`, or an e-mail address",
  subject: "id of what it was done to, e.g. of a session",
  person: "id of the visitor it is about",
  from: "at or after this epoch millisecond",
  to: "before this epoch millisecond",
  cursor: "nextCursor of the page before",
  limit: `entries in a page, at most ${MAX_LIMIT} (default ${DEFAULT_LIMIT})`,
} as const;

/** Whose entries are wanted. A user's are those of his tokens as well. */
export type ActorFilter =
  | { by: "user"; userId: number }
  | { by: "token"; tokenId: number }
  | { by: "kind"; kind: "system" | "nobody" | "guest" }
  | { by: "name"; name: string };

/** The entries that are wanted; null where a filter is not set. */
export interface AuditFilter {
  projectId: number | null;
  actions: readonly string[] | null;
  actor: ActorFilter | null;
  subject: string | null;
  person: string | null;
  from: number | null;
  to: number | null;
  beforeId: number | null;
  limit: number;
}

/**
 * Reads the query string.
 * @throws AppError `protocol` that names the parameter that is wrong
 */
export function parseAuditFilter(query: URLSearchParams): AuditFilter {
  const text = (name: string) => {
    const value = query.get(name)?.trim();
    return value === undefined || value === "" ? null : cleanText(value.slice(0, MAX_TEXT));
  };
  return {
    projectId: readWhole(query, "project", { min: 1, max: MAX_ID }) ?? null,
    actions: readActions(text("action")),
    actor: readActor(text("actor")),
    subject: text("subject"),
    person: text("person"),
    from: readNumber(query, "from", { min: 0, max: MAX_AT }) ?? null,
    to: readNumber(query, "to", { min: 0, max: MAX_AT }) ?? null,
    beforeId: readCursor(query.get("cursor")),
    limit: readWhole(query, "limit", { min: 1, max: MAX_LIMIT }) ?? DEFAULT_LIMIT,
  };
}

/** The place after an entry, as clients carry it; opaque to them. */
export function writeCursor(id: number): string {
  return Buffer.from(`audit ${id}`).toString("base64url");
}

function readCursor(text: string | null): number | null {
  if (text === null || text === "") return null;
  const id = /^audit ([1-9]\d{0,15})$/.exec(Buffer.from(text.slice(0, 64), "base64url").toString())?.[1];
  if (id === undefined || !Number.isSafeInteger(Number(id))) throw new AppError("protocol", "cursor: not one of ours");
  return Number(id);
}

function readActions(text: string | null): readonly string[] | null {
  if (text === null) return null;
  const known = new Set<string>(AUDIT_ACTIONS);
  const actions = text.split(",").map((action) => action.trim());
  if (!actions.every((action) => known.has(action))) throw new AppError("protocol", "action: not one that is written down");
  return actions;
}

function readActor(text: string | null): ActorFilter | null {
  if (text === null) return null;
  if (text === "system" || text === "nobody" || text === "guest") return { by: "kind", kind: text };
  const [, prefix, digits] = /^(token:)?([1-9]\d{0,9})$/.exec(text) ?? [];
  if (digits === undefined) return { by: "name", name: text };
  const id = Number(digits);
  if (id > MAX_ID) throw new AppError("protocol", "actor: no such id");
  return prefix === undefined ? { by: "user", userId: id } : { by: "token", tokenId: id };
}
