/** The filters of the list of issues, and how they stand in an address. */

import { ISSUE_STATUSES, type IssueStatus } from "../../protocol/issue.ts";
import { LEVELS, type Level } from "../../protocol/occurrence.ts";
import { ISSUE_SORTS, type IssueSort } from "../net/api-issues.ts";

/** The filters as fields hold them. */
export interface IssueFilter {
  q: string;
  status: "" | IssueStatus;
  level: "" | Level;
  assignee: string;
  release: string;
  environment: string;
  tag: string;
  promoted: boolean;
  hasSession: boolean;
  sort: IssueSort;
}

/** What is shown to somebody who comes without a wish: what needs doing, the newest first. */
export const NO_ISSUE_FILTER: IssueFilter = {
  q: "",
  status: "open",
  level: "",
  assignee: "",
  release: "",
  environment: "",
  tag: "",
  promoted: false,
  hasSession: false,
  sort: "lastSeen",
};

const TEXTS = ["q", "assignee", "release", "environment", "tag"] as const;
const FLAGS = ["promoted", "hasSession"] as const;

/** True where a filter leaves anything out besides what is not open. */
export function isFilteringIssues(filter: IssueFilter): boolean {
  return (
    TEXTS.some((name) => filter[name].trim() !== "") ||
    FLAGS.some((name) => filter[name]) ||
    filter.level !== "" ||
    filter.status !== NO_ISSUE_FILTER.status
  );
}

/** The filters in an address. No status there means open ones, `status=all` all. */
export function readIssueFilter(query: URLSearchParams): IssueFilter {
  const text = (name: (typeof TEXTS)[number]): string => query.get(name) ?? "";
  const status = query.get("status");
  return {
    q: text("q"),
    assignee: text("assignee"),
    release: text("release"),
    environment: text("environment"),
    tag: text("tag"),
    status: status === "all" ? "" : (ISSUE_STATUSES.find((one) => one === status) ?? NO_ISSUE_FILTER.status),
    level: LEVELS.find((one) => one === query.get("level")) ?? "",
    promoted: query.get("promoted") === "true",
    hasSession: query.get("hasSession") === "true",
    sort: ISSUE_SORTS.find((one) => one === query.get("sort")) ?? NO_ISSUE_FILTER.sort,
  };
}

/** The path of the list with these filters. */
export function writeIssueFilter(filter: IssueFilter): string {
  const query = new URLSearchParams();
  if (filter.status !== NO_ISSUE_FILTER.status) query.set("status", filter.status || "all");
  for (const name of TEXTS) if (filter[name].trim() !== "") query.set(name, filter[name].trim());
  if (filter.level !== "") query.set("level", filter.level);
  for (const name of FLAGS) if (filter[name]) query.set(name, "true");
  if (filter.sort !== NO_ISSUE_FILTER.sort) query.set("sort", filter.sort);
  const text = query.toString();
  return text === "" ? "/issues" : `/issues?${text}`;
}
