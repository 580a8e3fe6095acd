/** The list of issues of a project, page by page, and which of them are chosen. */

import { SvelteSet } from "svelte/reactivity";
import type { IssueSummary } from "../../protocol/issue.ts";
import { changeIssues, readIssues, type IssueChange } from "../net/api-issues.ts";
import { app } from "./app.svelte.ts";
import { describeProblem } from "./fault.ts";
import { writeIssueFilter, type IssueFilter } from "./issue-filter.ts";

/** The first page is read again this often while somebody looks at it. */
const REFRESH_MS = 15_000;

export class IssueList {
  issues = $state.raw<readonly IssueSummary[]>([]);
  /** How many there are in all, where the server says. */
  total = $state<number | null>(null);
  loading = $state<"first" | "more" | "no">("first");
  problem = $state("");
  busy = $state(false);
  /** How often something was done to issues of the list. */
  changes = $state(0);
  /** Ids of the issues that are to be changed together. */
  readonly chosen = new SvelteSet<number>();
  private cursor = $state<string | null>(null);
  private abort = new AbortController();
  private filter: IssueFilter;
  private readonly projectId: number;
  private readonly timer: ReturnType<typeof setInterval>;
  /** True where more than the first page is there. */
  private isLong = false;

  constructor(projectId: number, filter: IssueFilter) {
    this.projectId = projectId;
    this.filter = filter;
    this.timer = setInterval(() => this.refresh(), REFRESH_MS);
    void this.load();
  }

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  get allChosen(): boolean {
    return this.issues.length > 0 && this.issues.every(({ issueId }) => this.chosen.has(issueId));
  }

  /** Asks again, where the filters are others. */
  setFilter(filter: IssueFilter): void {
    if (writeIssueFilter(filter) === writeIssueFilter(this.filter)) return;
    this.filter = filter;
    this.chosen.clear();
    void this.load();
  }

  /** Asks for the first page. */
  async load(): Promise<void> {
    this.abort.abort();
    this.abort = new AbortController();
    await this.read(null);
  }

  /** Asks for the page after those that are there. */
  async loadMore(): Promise<void> {
    if (this.cursor === null || this.loading !== "no") return;
    this.loading = "more";
    await this.read(this.cursor);
  }

  choose(issueId: number, isChosen: boolean): void {
    if (isChosen) this.chosen.add(issueId);
    else this.chosen.delete(issueId);
  }

  chooseAll(isChosen: boolean): void {
    this.chosen.clear();
    if (isChosen) for (const { issueId } of this.issues) this.chosen.add(issueId);
  }

  /** Changes those that are chosen, and reads the list again. */
  async changeChosen(change: IssueChange): Promise<void> {
    await this.act(() => changeIssues([...this.chosen], change));
  }

  /** Does something to those that are chosen, one thing at a time, and reads the list again. */
  async act(work: () => Promise<unknown>): Promise<void> {
    if (this.busy || this.chosen.size === 0) return;
    this.busy = true;
    try {
      await work();
      this.changes++;
      this.chosen.clear();
      await this.load();
    } catch (error) {
      if (!app.handledSignOut(error)) this.problem = describeProblem(error);
    } finally {
      this.busy = false;
    }
  }

  stop(): void {
    clearInterval(this.timer);
    this.abort.abort();
  }

  /** What stands further down, and what somebody is choosing from, is left alone. */
  private refresh(): void {
    const isFirstPage = this.loading === "no" && !this.busy && this.chosen.size === 0 && !this.isLong;
    if (isFirstPage && document.visibilityState === "visible") void this.load();
  }

  private async read(cursor: string | null): Promise<void> {
    const { signal } = this.abort;
    try {
      const page = await readIssues({ ...this.filter, project: this.projectId, cursor }, signal);
      this.issues = cursor === null ? page.issues : [...this.issues, ...page.issues];
      this.isLong = cursor !== null;
      this.cursor = page.nextCursor;
      if (cursor === null) this.total = page.total;
      this.problem = "";
    } catch (error) {
      if (signal.aborted || app.handledSignOut(error)) return;
      this.problem = describeProblem(error);
    }
    if (!signal.aborted) this.loading = "no";
  }
}
