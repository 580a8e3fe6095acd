/** Filters as SQL over `session_facts f` and, for texts and lists, `session_words w`. Every value is a parameter. */

import type { Has, Range, SessionFilter } from "./session-filter.ts";

/** Takes a value and gives its place in the statement, `$1`. */
export type Bind = (value: unknown) => string;

/** The values of a statement as they are bound. */
export function createBind(): { bind: Bind; values: unknown[] } {
  const values: unknown[] = [];
  return { values, bind: (value) => `$${values.push(value)}` };
}

/** A `LIKE` pattern for "contains", with the text taken literally. */
export function containing(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}

/** As they are cut when they are written. */
const MAX_TRAIT = 256;
const MAX_MARK = 128;

/** What a session has at least one of, as a column. */
const COUNTS: Readonly<Record<Has, string>> = {
  rage_click: "f.rage_click_count",
  dead_click: "f.dead_click_count",
  error_click: "f.error_click_count",
  thrash: "f.thrash_count",
  form_abandoned: "f.form_abandoned_count",
  reload_loop: "f.reload_loop_count",
  failed_request: "f.failed_request_count",
  console_error: "f.console_error_count",
  custom: "f.custom_count",
  assist: "f.assist_count",
};

/**
 * The conditions of a filter, to be joined by AND.
 * @param projectIds in which it looks for the issue; that the sessions are of these projects is for the caller to say
 * @param way how words are looked at: of `each` session that is walked by, or of `all`, by their indexes
 */
export function conditionsOf(
  filter: SessionFilter,
  projectIds: readonly number[],
  bind: Bind,
  way: "each" | "all" = "all",
): string[] {
  const all: string[] = [];
  const words: string[] = [];
  const add = (value: string | number | boolean | null, condition: (place: string) => string, type: string) => {
    if (value !== null) all.push(condition(`${bind(value)}::${type}`));
  };
  const anyOf = (values: readonly string[], column: string) => {
    if (values.length > 0) all.push(`${column} = ANY(${bind(values)}::text[])`);
  };
  const part = (text: string | null, condition: (place: string) => string) => {
    // A line holds no line break of its own, so that nothing is found over the end of one.
    if (text !== null) words.push(condition(`lower(${bind(containing(text.replaceAll("\n", " ")))}::text)`));
  };
  const between = ({ min, max }: Range, column: string) => {
    add(min, (place) => `${column} >= ${place}`, "float8");
    add(max, (place) => `${column} <= ${place}`, "float8");
  };

  part(filter.q, (pattern) => `w.head LIKE ${pattern}`);
  // The index knows the head; its first line is the address.
  part(
    filter.url,
    // IS TRUE: the planner takes the second for no further narrowing.
    (pattern) => `w.head LIKE ${pattern} AND (split_part(w.head, E'\\n', 1) LIKE ${pattern}) IS TRUE`,
  );
  add(filter.userId, (place) => `f.user_id = ${place}`, "text");
  add(filter.status, (place) => `f.status = ${place}`, "text");
  add(filter.hasErrors, (place) => `(f.error_count > 0) = ${place}`, "boolean");
  add(filter.pinned, (place) => `f.is_pinned = ${place}`, "boolean");
  add(filter.from, (place) => `f.started_at >= to_timestamp(${place} / 1000.0)`, "float8");
  add(filter.to, (place) => `f.started_at < to_timestamp(${place} / 1000.0)`, "float8");
  part(filter.page, (pattern) => `w.pages LIKE ${pattern}`);
  if (filter.traits.length > 0) {
    words.push(
      `w.traits @> ARRAY[${filter.traits.map((trait) => `left(lower(${bind(trait)}::text), ${MAX_TRAIT})`).join(", ")}]`,
    );
  }
  anyOf(filter.countries, "f.country");
  anyOf(filter.regions, "f.region");
  anyOf(filter.browsers, "f.browser");
  anyOf(filter.systems, "f.os");
  anyOf(filter.devices, "f.device");
  anyOf(filter.releases, "f.release");
  anyOf(filter.environments, "f.environment");
  add(filter.issueId, (place) => ofIssue(place, bind(projectIds)), "bigint");
  part(filter.error, (pattern) => `w.errors LIKE ${pattern}`);
  part(filter.console, (pattern) => `w.console LIKE ${pattern}`);
  if (filter.marks.length > 0) {
    words.push(`w.marks @> ${bind(filter.marks.map((mark) => mark.slice(0, MAX_MARK)))}::text[]`);
  }
  for (const kind of filter.has) all.push(`${COUNTS[kind]} > 0`);
  between(filter.durationMs, "f.duration_ms");
  between(filter.activeMs, "f.active_ms");
  if (words.length > 0) all.push(way === "each" ? ofEach(words) : ofAll(words, bind(projectIds)));
  return all;
}

/** An issue, or one that was merged into it; an issue of another project means nothing. */
function ofIssue(place: string, projects: string): string {
  return `f.session_id IN (
    SELECT x.session_id FROM issues i JOIN issue_sessions x USING (issue_id)
    WHERE (i.issue_id = ${place} OR i.merged_into = ${place}) AND i.project_id = ANY(${projects}::integer[]))`;
}

/** OFFSET 0 keeps it from being made a join: the words of each session are read by its id, and no more than it takes to fill a page. */
function ofEach(words: readonly string[]): string {
  return `EXISTS (SELECT FROM session_words w WHERE w.session_id = f.session_id AND ${words.join(" AND ")} OFFSET 0)`;
}

function ofAll(words: readonly string[], projects: string): string {
  return `f.session_id IN (SELECT w.session_id FROM session_words w WHERE w.project_id = ANY(${projects}::integer[]) AND ${words.join(" AND ")})`;
}
