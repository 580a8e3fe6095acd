/** What alerts are told of what was written. */

import type { Digested, IssueNews } from "../digested.ts";
import { shortIdOf } from "./titles.ts";
import type { IssueWrite, ProjectFacts } from "./write.ts";

/**
 * One piece for each occurrence: `new` for the first of an issue, `regression` for the one that brought it back, else `occurrence`; and
 * `promoted` besides, once. Issues that are ignored or muted make none.
 */
export function newsOf(writes: readonly IssueWrite[], projects: ReadonlyMap<number, ProjectFacts>): IssueNews[] {
  return writes.flatMap((write) => {
    const { issue, occurrences, regressedBy } = write;
    const isSilent = issue.status === "ignored" || (issue.status === "muted" && !write.isUnmuted);
    if (isSilent) return [];
    const shortId = shortIdOf(projects.get(issue.projectId)?.slug ?? "", issue.number);
    const pieces = occurrences.map((one, index) => {
      const isFirst = issue.occurrenceCount === 0 && index === 0;
      return piece(isFirst ? "new" : index === regressedBy ? "regression" : "occurrence", write, one, shortId);
    });
    const last = occurrences.at(-1);
    return write.isPromoted && last ? [...pieces, piece("promoted", write, last, shortId)] : pieces;
  });
}

function piece(kind: IssueNews["kind"], { issue }: IssueWrite, one: Digested, shortId: string): IssueNews {
  const { projectId, issueId, title, culprit } = issue;
  const { level, errorId, sessionId, at, release, environment } = one;
  return { kind, projectId, issueId, shortId, title, culprit, level, errorId, sessionId, at, release, environment };
}
