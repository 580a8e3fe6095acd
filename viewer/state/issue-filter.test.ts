import { describe, expect, it } from "vitest";
import { isFilteringIssues, NO_ISSUE_FILTER, readIssueFilter, writeIssueFilter, type IssueFilter } from "./issue-filter.ts";
import { isViewerPath } from "./paths.ts";

const roundTrip = (filter: IssueFilter): IssueFilter =>
  readIssueFilter(new URL(writeIssueFilter(filter), "https://viewer.example").searchParams);

describe("the filters of the issues", () => {
  it("VIE-60 live in the address, and come back out of it", () => {
    const full: IssueFilter = {
      q: "a & b",
      status: "muted",
      level: "fatal",
      assignee: "7",
      release: "shop@1.0",
      environment: "production",
      tag: "browser:Chrome 147",
      promoted: true,
      hasSession: true,
      sort: "users",
    };
    expect(roundTrip(full)).toEqual(full);
    expect(roundTrip({ ...NO_ISSUE_FILTER, status: "" })).toEqual({ ...NO_ISSUE_FILTER, status: "" });
    expect(isFilteringIssues(full)).toBe(true);
  });

  it("VIE-60 are the open issues, the newest first, for somebody who comes without a wish or with nonsense", () => {
    expect(writeIssueFilter(NO_ISSUE_FILTER)).toBe("/issues");
    expect(readIssueFilter(new URLSearchParams("status=gone&level=dreadful&sort=colour&promoted=1"))).toEqual(NO_ISSUE_FILTER);
    expect(isFilteringIssues({ ...NO_ISSUE_FILTER, sort: "count", q: "  " })).toBe(false);
  });

  it("VIE-60 stand in addresses that the viewer answers without loading anew", () => {
    for (const path of ["/issues", "/issues/SHOP-42", "/errors/0197-ab", "/projects/1/set-up"])
      expect(isViewerPath(path)).toBe(true);
    for (const path of ["/api/1/envelope/", "/v1/issues", "/issues.zip"]) expect(isViewerPath(path)).toBe(false);
  });
});
