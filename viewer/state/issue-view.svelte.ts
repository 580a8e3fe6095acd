/** One issue as its page shows it: the issue, one of its occurrences with its clip, and the sessions that it hit. */

import type { IssueDetail } from "../../protocol/issue.ts";
import type { OccurrenceSummary } from "../../protocol/occurrence.ts";
import { ApiError } from "../net/api.ts";
import { readWholeError, type WholeError } from "../net/api-errors.ts";
import { readIssue, readIssueSessions, readOccurrences, type IssueSession } from "../net/api-issues.ts";
import { app } from "./app.svelte.ts";
import { ClipView } from "./clip-view.svelte.ts";
import { describeProblem } from "./fault.ts";

/** Why there is nothing to look at; `waiting`: the error was taken a moment ago, and has no issue yet. */
export type IssueProblem = "not_found" | "waiting" | "unreachable" | "failed";

/** An error that waits for its digest is asked for again after this. */
const WAIT_MS = 1_000;

export class IssueView {
  issue = $state.raw<IssueDetail | null>(null);
  problem = $state<IssueProblem | null>(null);
  /** The occurrence that is shown. */
  error = $state.raw<WholeError | null>(null);
  errorProblem = $state("");
  /** Its clip; null where there is none. */
  clip = $state.raw<ClipView | null>(null);
  occurrences = $state.raw<readonly OccurrenceSummary[]>([]);
  sessions = $state.raw<readonly IssueSession[]>([]);
  /** What went wrong with the lists or a deed. */
  listProblem = $state("");
  private cursor = $state<string | null>(null);
  private id: string;
  private wanted: string | null;
  private readonly abort = new AbortController();
  private errorAbort = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param id the issue's number or short id; empty where only an occurrence is known
   * @param errorId the occurrence to show; null for the one that shows most
   */
  constructor(id: string, errorId: string | null) {
    this.id = id;
    this.wanted = errorId;
    void this.load();
  }

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  /** Place of the occurrence that is shown among those that were read, or -1. */
  get index(): number {
    return this.occurrences.findIndex(({ errorId }) => errorId === this.error?.error.errorId);
  }

  /** Reads everything (again). */
  async load(): Promise<void> {
    try {
      if (this.id === "" && this.wanted !== null) {
        await this.readError(this.wanted);
        const issueId = this.error?.error.issueId ?? 0;
        if (issueId === 0) {
          this.wait();
          return;
        }
        this.id = String(issueId);
      }
      this.issue = await readIssue(this.id, this.abort.signal);
      this.problem = null;
      const listed = this.readLists(this.issue.issueId);
      const shown = this.error?.error.errorId ?? this.wanted ?? this.issue.telling?.errorId ?? null;
      if (shown === null) {
        await listed;
        const [newest] = this.occurrences;
        if (newest) await this.readError(newest.errorId);
      } else if (this.error?.error.errorId !== shown) await this.readError(shown);
      await listed;
    } catch (error) {
      if (this.abort.signal.aborted || app.handledSignOut(error)) return;
      if (error instanceof ApiError && error.status === 404) this.problem = "not_found";
      else this.problem = error instanceof ApiError && error.status === 0 ? "unreachable" : "failed";
    }
  }

  /** Reads the issue again after something was done to it; what is shown of the occurrence stays. */
  async refresh(): Promise<void> {
    try {
      this.issue = await readIssue(this.id, this.abort.signal);
    } catch (error) {
      if (!this.abort.signal.aborted && !app.handledSignOut(error)) this.listProblem = describeProblem(error);
    }
  }

  /** Reads everything again after occurrences were taken out of it; what was shown may be one of them. */
  async reread(): Promise<void> {
    this.errorAbort.abort();
    this.wanted = null;
    this.error = null;
    this.clip = null;
    await this.load();
  }

  /** Shows an occurrence; null: the one that shows most. */
  show(errorId: string | null): void {
    const next = errorId ?? this.issue?.telling?.errorId ?? null;
    this.wanted = next;
    if (next !== null && next !== this.error?.error.errorId) void this.readError(next);
  }

  /** Reads the next page of occurrences. */
  async loadMore(): Promise<void> {
    if (this.issue === null || this.cursor === null) return;
    try {
      const page = await readOccurrences(this.issue.issueId, this.cursor, this.abort.signal);
      this.occurrences = [...this.occurrences, ...page.occurrences];
      this.cursor = page.nextCursor;
    } catch (error) {
      if (!this.abort.signal.aborted && !app.handledSignOut(error)) this.listProblem = describeProblem(error);
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.abort.abort();
    this.errorAbort.abort();
  }

  private wait(): void {
    this.problem = "waiting";
    if (!this.abort.signal.aborted) this.timer = setTimeout(() => void this.load(), WAIT_MS);
  }

  private async readLists(issueId: number): Promise<void> {
    try {
      const [page, sessions] = await Promise.all([
        readOccurrences(issueId, null, this.abort.signal),
        readIssueSessions(issueId, this.abort.signal),
      ]);
      this.occurrences = page.occurrences;
      this.cursor = page.nextCursor;
      this.sessions = sessions;
      this.listProblem = "";
    } catch (error) {
      if (!this.abort.signal.aborted && !app.handledSignOut(error)) this.listProblem = describeProblem(error);
    }
  }

  /** @throws ApiError where the issue is known by this occurrence only, and it cannot be read */
  private async readError(errorId: string): Promise<void> {
    this.errorAbort.abort();
    const abort = new AbortController();
    this.errorAbort = abort;
    try {
      const whole = await readWholeError(errorId, abort.signal);
      if (abort.signal.aborted) return;
      this.errorProblem = "";
      this.error = whole;
      const { sessionId, tab, at } = whole.error;
      const isPlayable = whole.clip.available && sessionId !== null;
      this.clip = isPlayable ? new ClipView({ sessionId, tab: whole.clip.tab ?? tab, at: whole.clip.at ?? at }) : null;
    } catch (error) {
      if (abort.signal.aborted || app.handledSignOut(error)) return;
      if (this.id === "") throw error;
      this.errorProblem = describeProblem(error);
    }
  }
}
