/** What lists of sessions are asked for: filters in any combination, the order, and the place where a page begins. */

import { COUNTED_KINDS, SESSION_STATUSES, type SessionStatus } from "../../protocol/session.ts";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { readNumber, readWhole } from "../http-input.ts";
import { readCursor, type Cursor } from "./cursor.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_TEXT = 256;
/** Parts of texts that are shorter have no index, and nearly every session has them. */
const MIN_PART = 3;
const MAX_VALUES = 20;
const MAX_AT = 8.64e15;
const MAX_INT = 2_147_483_647;
const MAX_MS = Number.MAX_SAFE_INTEGER;

/** Orders of the list. */
export const SORTS = ["started", "active", "duration", "errors", "pages", "clicks", "rage"] as const;
export type Sort = (typeof SORTS)[number];

/** What a session can have at least one of: all that is counted but clicks, which all have. */
export const HAS = COUNTED_KINDS.filter((kind) => kind !== "click");
export type Has = (typeof HAS)[number];

const one = (what: string) => `${what}; several: any of them`;

/** Query parameters that choose sessions, for the API description. */
export const FILTER_QUERY = {
  project: "only sessions of this project (id)",
  q: "part of the address, title, user or session id",
  user: "exact user id",
  url: "part of the address",
  status: "live, away or ended",
  hasErrors: "true: only sessions with errors; false: only those without",
  pinned: "true: only pinned sessions; false: only the others",
  from: "started at or after this epoch millisecond",
  to: "started before this epoch millisecond",
  page: `part of the address of any page visited, at least ${MIN_PART} characters`,
  trait: "name, or name=value; several: all of them",
  country: one("two letters, as a trusted proxy told"),
  region: one("as a trusted proxy told"),
  browser: one("e.g. Firefox"),
  os: one("e.g. Windows"),
  device: one("desktop, mobile, tablet or bot"),
  release: one("exact release"),
  environment: one("exact environment"),
  issue: "only sessions that this issue hit (id)",
  error: `part of the type or message of an error, at least ${MIN_PART} characters`,
  console: `part of what the page wrote to its console, at least ${MIN_PART} characters`,
  mark: "name of a custom mark; several: all of them",
  has: `at least one of: ${HAS.join(", ")}; several: all of them`,
  minDurationMs: "at least this long",
  maxDurationMs: "at most this long",
  minActiveMs: "active for at least this long",
  maxActiveMs: "active for at most this long",
} as const;

/** Query parameters of the list, for the API description. */
export const SESSION_QUERY = {
  ...FILTER_QUERY,
  sort: `${SORTS.join(", ")} (default started)`,
  order: "desc (default) or asc",
  cursor: "nextCursor of the page before",
  limit: `sessions in a page, at most ${MAX_LIMIT} (default ${DEFAULT_LIMIT})`,
} as const;

/** From and to, both included; null where there is no bound. */
export interface Range {
  min: number | null;
  max: number | null;
}

/** Which sessions are wanted; null or empty where a filter is not set. */
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
  page: string | null;
  traits: readonly string[];
  countries: readonly string[];
  regions: readonly string[];
  browsers: readonly string[];
  systems: readonly string[];
  devices: readonly string[];
  releases: readonly string[];
  environments: readonly string[];
  issueId: number | null;
  error: string | null;
  console: string | null;
  marks: readonly string[];
  has: readonly Has[];
  durationMs: Range;
  activeMs: Range;
}

/** The list that is wanted. */
export interface SessionListing extends SessionFilter {
  sort: Sort;
  isAscending: boolean;
  after: Cursor | null;
  limit: number;
}

/**
 * Reads which sessions a query string means.
 * @throws AppError `protocol` that names the parameter that is wrong
 */
export function parseSessionFilter(query: URLSearchParams): SessionFilter {
  const id = (name: string) => readWhole(query, name, { min: 1, max: MAX_INT }) ?? null;
  const at = (name: string) => readNumber(query, name, { min: 0, max: MAX_AT }) ?? null;
  const ms = (name: string) => readNumber(query, name, { min: 0, max: MAX_MS }) ?? null;
  return {
    projectId: id("project"),
    q: readText(query, "q"),
    userId: readText(query, "user"),
    url: readText(query, "url"),
    status: readOneOf("status", readText(query, "status"), SESSION_STATUSES),
    hasErrors: readFlag("hasErrors", readText(query, "hasErrors")),
    pinned: readFlag("pinned", readText(query, "pinned")),
    from: at("from"),
    to: at("to"),
    page: readPart(query, "page"),
    traits: readAll(query, "trait"),
    countries: [...new Set(readAll(query, "country").map((country) => country.toUpperCase()))],
    regions: readAll(query, "region"),
    browsers: readAll(query, "browser"),
    systems: readAll(query, "os"),
    devices: readAll(query, "device"),
    releases: readAll(query, "release"),
    environments: readAll(query, "environment"),
    issueId: id("issue"),
    error: readPart(query, "error"),
    console: readPart(query, "console"),
    marks: readAll(query, "mark"),
    has: readAll(query, "has").flatMap((kind) => readOneOf("has", kind, HAS) ?? []),
    durationMs: { min: ms("minDurationMs"), max: ms("maxDurationMs") },
    activeMs: { min: ms("minActiveMs"), max: ms("maxActiveMs") },
  };
}

/**
 * Reads the query string of the list.
 * @throws AppError `protocol` that names the parameter that is wrong
 */
export function parseSessionListing(query: URLSearchParams): SessionListing {
  const sort = readOneOf("sort", readText(query, "sort"), SORTS) ?? "started";
  return {
    ...parseSessionFilter(query),
    sort,
    isAscending: readOneOf("order", readText(query, "order"), ["desc", "asc"]) === "asc",
    after: readCursor(query.get("cursor"), sort),
    limit: readWhole(query, "limit", { min: 1, max: MAX_LIMIT }) ?? DEFAULT_LIMIT,
  };
}

function readText(query: URLSearchParams, name: string): string | null {
  const value = query.get(name);
  return value === null || value === "" ? null : cleanText(value.slice(0, MAX_TEXT));
}

function readPart(query: URLSearchParams, name: string): string | null {
  const text = readText(query, name);
  if (text !== null && Array.from(text).length < MIN_PART) {
    throw new AppError("protocol", `${name}: expected at least ${MIN_PART} characters`);
  }
  return text;
}

function readAll(query: URLSearchParams, name: string): string[] {
  const values = query.getAll(name).filter((value) => value !== "");
  if (values.length > MAX_VALUES) throw new AppError("protocol", `${name}: expected at most ${MAX_VALUES} values`);
  return [...new Set(values.map((value) => cleanText(value.slice(0, MAX_TEXT))))];
}

function readOneOf<T extends string>(name: string, text: string | null, known: readonly T[]): T | null {
  if (text === null) return null;
  const found = known.find((each) => each === text);
  if (found === undefined) throw new AppError("protocol", `${name}: expected one of ${known.join(", ")}`);
  return found;
}

function readFlag(name: string, text: string | null): boolean | null {
  if (text === null) return null;
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw new AppError("protocol", `${name}: expected true or false`);
}
