/** The room of issues over a real Postgres, with two projects and people of every role in the first. */

import * as v from "valibot";
import type { Identity, Role } from "../../server/auth/auth.ts";
import type { IssueNews } from "../../server/digested.ts";
import { createIssues, type Issues } from "../../server/issues/issues.ts";
import type { Method } from "../../server/net/route.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { type DigestedFacts, digestedOf } from "./digested.ts";
import type { TestDatabase } from "./postgres.ts";
import { createCaller, type RouteAnswer } from "./route-caller.ts";

/** When the clock of the room starts, epoch milliseconds; errors that tests make up are received a little before. */
export const ROOM_STARTS = Date.UTC(2026, 10, 21, 12, 1);

const listSchema = v.object({
  issues: v.array(v.looseObject({ shortId: v.string(), issueId: v.number() })),
  nextCursor: v.nullable(v.string()),
  total: v.optional(v.number()),
});
const answerSchema = v.object({ issue: v.looseObject({ issueId: v.number(), shortId: v.string() }) });
/** What a list gives. */
export type IssueList = v.InferOutput<typeof listSchema>;
/** One issue, as far as tests rely on it without a look. */
export type IssueAnswer = v.InferOutput<typeof answerSchema>["issue"];

/** The room, and what tests do with it. */
export interface IssuesRoom {
  issues: Issues;
  clock: TestClock;
  /** Digests these together. */
  write(...facts: DigestedFacts[]): Promise<IssueNews[]>;
  /** Somebody of this role in project 1. */
  identityOf(role: Role): Extract<Identity, { kind: "user" }>;
  /** Calls any route as anybody. */
  caller: ReturnType<typeof createCaller>;
  /** Calls a route under `/v1`, as a member of project 1 where nothing else is said. */
  call(method: Method, path: string, body?: unknown, role?: Role): Promise<RouteAnswer>;
  list(query?: string): Promise<IssueList>;
  /** The short ids of a list, e.g. `SHOP-1 SHOP-2`. */
  ids(query?: string): Promise<string>;
  /** One issue, whole. */
  read(id: number | string): Promise<IssueAnswer>;
  set(settings: object): Promise<void>;
}

/** Empties the tables and builds it. People are 1 to 4 by their role; 5 is in no project. */
export async function openIssuesRoom({ database }: TestDatabase): Promise<IssuesRoom> {
  await database.query(
    `TRUNCATE projects, users, project_members, issues, issue_numbers, groupings, occurrences, issue_hours, issue_sessions, issue_users,
       issue_releases, project_releases, issue_activity, sessions RESTART IDENTITY CASCADE`,
  );
  await database.query(
    "INSERT INTO projects (id, name, slug) OVERRIDING SYSTEM VALUE VALUES (1, 'Shop', 'shop'), (2, 'Blog', 'blog')",
  );
  const roles: Role[] = ["viewer", "member", "admin", "owner"];
  for (const [index, name] of [...roles, "stranger"].entries()) {
    await database.query("INSERT INTO users (id, email, password_hash) OVERRIDING SYSTEM VALUE VALUES ($1, $2, 'none')", [
      index + 1,
      `${name}@example.com`,
    ]);
    if (name !== "stranger")
      await database.query("INSERT INTO project_members (project_id, user_id, role) VALUES (1, $1, $2)", [index + 1, name]);
  }
  const clock = createTestClock(ROOM_STARTS);
  const issues = createIssues({ db: database, clock });
  const caller = createCaller(issues.routes);
  const identityOf: IssuesRoom["identityOf"] = (role) => ({
    kind: "user",
    userId: roles.indexOf(role) + 1,
    email: `${role}@example.com`,
    isAdmin: false,
    signInId: "1",
    roles: new Map([[1, role]]),
  });
  const call: IssuesRoom["call"] = (method, path, body, role = "member") =>
    caller(method, `/v1/${path}`, { identity: identityOf(role), ...(body === undefined ? {} : { body }) });
  const list = async (query = "") => v.parse(listSchema, await mustBe200(call("GET", `issues?${query}`)));
  return {
    issues,
    clock,
    identityOf,
    caller,
    write: (...facts) => database.transaction((tx) => issues.write(tx, facts.map(digestedOf))),
    call,
    list,
    ids: async (query) => (await list(query)).issues.map(({ shortId }) => shortId).join(" "),
    read: async (id) => v.parse(answerSchema, await mustBe200(call("GET", `issues/${id}`))).issue,
    set: async (settings) => {
      await database.query("UPDATE projects SET issue_settings = $1 WHERE id = 1", [JSON.stringify(settings)]);
    },
  };
}

async function mustBe200(answer: Promise<RouteAnswer>): Promise<unknown> {
  const { status, json } = await answer;
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(json)}`);
  return json;
}
