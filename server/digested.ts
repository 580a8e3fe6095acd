/** What passes between the rooms of the digest. */

import type { OccurrenceDetail, OccurrenceSummary } from "../protocol/occurrence.ts";

/** An error that has been read, cleaned, redacted and symbolicated, and waits for its issue. */
export interface Digested extends Omit<OccurrenceSummary, "issueId"> {
  detail: OccurrenceDetail;
}

/** What became of an issue by what was written; alerts live on this. */
export interface IssueNews {
  kind: "new" | "regression" | "occurrence" | "promoted";
  projectId: number;
  issueId: number;
  shortId: string;
  title: string;
  culprit: string;
  level: string;
  errorId: string;
  sessionId: string | null;
  at: number;
  release: string;
  environment: string;
}
