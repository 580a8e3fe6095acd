/** Routes of issues: the list, one of them, what is done to it. */

import * as v from "valibot";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { type Identity, maySee, readableProjects, requireRole } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Database, Queryable } from "../db/db.ts";
import { notFound, readBody, readWhole } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { addActivity, listActivity } from "./activity-queries.ts";
import { type Actor, changeIssues, issueChangeFields, issueChangeSchema } from "./change.ts";
import {
  findIssue,
  type IssuePlace,
  listOccurrences,
  readMerged,
  readOccurrenceCursor,
  readReleases,
  readSessions,
  readTags,
  readTelling,
  writeOccurrenceCursor,
} from "./detail-queries.ts";
import { ISSUE_QUERY, parseIssueFilter, readLimit, writeCursor } from "./issue-filter.ts";
import { countIssues, listIssues, readIssues, readStats } from "./list-queries.ts";
import { mergeIssues, splitIssue, splitKeys } from "./merge.ts";

const MAX_BULK = 500;
const MAX_HOURS = 24 * 31;
const MAX_COMMENT = 10_000;
const MAX_ACTIVITY = 200;
const MAX_KEYS = 200;

const issueId = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const ids = v.pipe(v.array(issueId), v.minLength(1), v.maxLength(MAX_BULK));
const bulkBody = v.strictObject({ ids, ...issueChangeFields });
const commentBody = v.object({
  text: v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(MAX_COMMENT)),
});
const mergeBody = v.object({ ids });
const keyHash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "expected the hash of a key"));
const splitBody = v.union([
  v.object({ issueId }),
  v.object({ keys: v.pipe(v.array(keyHash), v.minLength(1), v.maxLength(MAX_KEYS)) }),
]);

/** What the routes are built from. */
export interface IssueRoutesDeps {
  db: Database;
  clock: Clock;
}

/** The issue that a path names, of the projects of who asks: the same answer for none and for somebody else's. */
export async function findVisible(db: Queryable, { params, identity }: HttpRequest): Promise<IssuePlace> {
  const found = await findIssue(db, params["id"] ?? "", [...readableProjects(identity)]);
  if (!found) throw notFound();
  return found;
}

/** The projects that a list is of. */
export function projectsOf(identity: Identity, projectId: number | null): number[] {
  if (projectId === null) return [...readableProjects(identity)];
  if (!maySee(identity, projectId)) throw notFound();
  return [projectId];
}

/** The rows of the route table about issues. */
export function createIssueRoutes({ db, clock }: IssueRoutesDeps): readonly Route[] {
  const actorOf = (identity: Identity): Actor => ({ userId: userOf(identity), now: clock.now() });

  async function describe(place: IssuePlace) {
    const { issueId: id } = place;
    const [[issue], tags, releases, activity, merged, telling] = await Promise.all([
      readIssues(db, [id], clock.now()),
      readTags(db, id),
      readReleases(db, id),
      listActivity(db, id, MAX_ACTIVITY),
      readMerged(db, id),
      readTelling(db, place),
    ]);
    if (!issue) throw notFound();
    return { json: { issue: { ...issue, tags, releases, activity, merged, ...telling } } };
  }

  /** An issue that one may change. */
  async function findChangeable(request: HttpRequest): Promise<IssuePlace> {
    const place = await findVisible(db, request);
    requireRole(request.identity, place.projectId, "member");
    return place;
  }

  return [
    {
      method: "GET",
      path: "/v1/issues",
      access: "signed-in",
      summary: "Issues, those that were seen last first",
      query: ISSUE_QUERY,
      handle: async ({ query, identity }) => {
        const filter = parseIssueFilter(query, userOf(identity));
        const projects = projectsOf(identity, filter.projectId);
        const [page, total] = await Promise.all([
          listIssues(db, projects, filter, clock.now()),
          filter.after === null ? countIssues(db, projects, filter) : null,
        ]);
        return {
          json: { issues: page.issues, nextCursor: page.next && writeCursor(page.next), ...(total === null ? {} : { total }) },
        };
      },
    },
    {
      method: "GET",
      path: "/v1/issues/stats",
      access: "signed-in",
      summary: "Occurrences by the hour, and issues by state",
      query: { hours: `how many, at most ${MAX_HOURS} (default 24)`, project: "only of this project (id)" },
      handle: async ({ query, identity }) => {
        const hours = readWhole(query, "hours", { min: 1, max: MAX_HOURS }) ?? 24;
        const projectId = readWhole(query, "project", { min: 1, max: 2_147_483_647 }) ?? null;
        return { json: await readStats(db, projectsOf(identity, projectId), hours, clock.now()) };
      },
    },
    {
      method: "PATCH",
      path: "/v1/issues",
      access: "signed-in",
      role: "member",
      summary: "Changes several issues: {ids, status?, resolvedIn?, mutedUntil?, priority?, assigneeId?}; all of them, or none",
      handle: async ({ body, identity }) => {
        const { ids: wanted, ...change } = readBody(bulkBody, body);
        const places = await Promise.all(
          [...new Set(wanted)].map((id) => findIssue(db, String(id), [...readableProjects(identity)])),
        );
        const found = places.filter((place) => place !== null);
        if (found.length < places.length) throw notFound();
        for (const { projectId } of found) requireRole(identity, projectId, "member");
        const all = [...new Set(found.map((place) => place.issueId))];
        await db.transaction((tx) => changeIssues(tx, all, change, actorOf(identity)));
        return { json: { issues: await readIssues(db, all, clock.now()) } };
      },
    },
    {
      method: "GET",
      path: "/v1/issues/:id",
      access: "signed-in",
      summary: "One issue, by its number or its short id, with tags, releases and what was done to it",
      handle: async (request) => describe(await findVisible(db, request)),
    },
    {
      method: "PATCH",
      path: "/v1/issues/:id",
      access: "signed-in",
      role: "member",
      summary: "Changes an issue: {status?, resolvedIn?, mutedUntil?, priority?, assigneeId?}",
      handle: async (request) => {
        const place = await findChangeable(request);
        const change = readBody(issueChangeSchema, request.body);
        await db.transaction((tx) => changeIssues(tx, [place.issueId], change, actorOf(request.identity)));
        return describe(place);
      },
    },
    {
      method: "GET",
      path: "/v1/issues/:id/occurrences",
      access: "signed-in",
      summary: "The occurrences of an issue, newest first",
      query: { cursor: "nextCursor of the page before", limit: "occurrences in a page, at most 200 (default 50)" },
      handle: async (request) => {
        const { issueId: id } = await findVisible(db, request);
        const cursor = request.query.get("cursor");
        const after = cursor === null || cursor === "" ? null : readOccurrenceCursor(cursor);
        if (after === undefined) throw new AppError("protocol", "cursor: expected the nextCursor of a page");
        const { occurrences, next } = await listOccurrences(db, id, after, readLimit(request.query));
        return { json: { occurrences, nextCursor: next && writeOccurrenceCursor(next) } };
      },
    },
    {
      method: "GET",
      path: "/v1/issues/:id/sessions",
      access: "signed-in",
      summary: "Sessions that an issue hit: those that can be played first, and the newest of them",
      handle: async (request) => ({ json: { sessions: await readSessions(db, await findVisible(db, request)) } }),
    },
    {
      method: "POST",
      path: "/v1/issues/:id/comments",
      access: "signed-in",
      role: "member",
      summary: "Says something about an issue: {text}",
      handle: async (request) => {
        const place = await findChangeable(request);
        const { text } = readBody(commentBody, request.body);
        const { userId, now } = actorOf(request.identity);
        await addActivity(db, [{ issueId: place.issueId, kind: "comment", userId, text }], now);
        return describe(place);
      },
    },
    {
      method: "POST",
      path: "/v1/issues/:id/merge",
      access: "signed-in",
      role: "member",
      summary: "Takes other issues of the project into this one: {ids}; undone by split",
      handle: async (request) => {
        const place = await findChangeable(request);
        const { ids: others } = readBody(mergeBody, request.body);
        await db.transaction(async (tx) => {
          const isDone = await mergeIssues(tx, place.issueId, place.projectId, others, actorOf(request.identity));
          if (!isDone) throw notFound();
        });
        return describe(place);
      },
    },
    {
      method: "POST",
      path: "/v1/issues/:id/split",
      access: "signed-in",
      role: "member",
      summary:
        "Gives an issue that was merged into this one back its own life: {issueId}; or begins one with some of its keys: {keys}",
      handle: async (request) => {
        const place = await findChangeable(request);
        const wanted = readBody(splitBody, request.body);
        const actor = actorOf(request.identity);
        const { issueId: from, projectId } = place;
        const splitOff = await db.transaction(async (tx) => {
          if ("keys" in wanted) {
            const made = await splitKeys(tx, from, projectId, wanted.keys, actor);
            if (made === null)
              throw new AppError(
                "protocol",
                "keys: expected some, and not all, of the keys of this issue, and none of a merged one",
              );
            return made;
          }
          if (!(await splitIssue(tx, from, projectId, wanted.issueId, actor))) throw notFound();
          return wanted.issueId;
        });
        return { json: { ...(await describe(place)).json, splitOff } };
      },
    },
  ];
}

function userOf(identity: Identity): number {
  return identity.kind === "nobody" ? 0 : identity.userId;
}
