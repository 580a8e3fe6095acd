/** The audit, page by page, as filtered by the address. */

import { readAudit, type AuditEntry } from "../net/api-audit.ts";
import { dayEnd, dayStart } from "../ui/moments.ts";
import type { AuditFilter } from "./audit-filter.ts";
import { app } from "./app.svelte.ts";
import { describeProblem } from "./fault.ts";

export class AuditList {
  entries = $state.raw<readonly AuditEntry[]>([]);
  loading = $state<"first" | "more" | "no">("first");
  problem = $state("");
  private cursor = $state<string | null>(null);
  private abort = new AbortController();
  private filter: AuditFilter;

  constructor(filter: AuditFilter) {
    this.filter = filter;
    void this.load();
  }

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  /** Asks again with other filters. */
  setFilter(filter: AuditFilter): void {
    this.filter = filter;
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

  stop(): void {
    this.abort.abort();
  }

  private async read(cursor: string | null): Promise<void> {
    const { signal } = this.abort;
    const { project, action, actor, subject, from, to } = this.filter;
    try {
      const query = { action, actor, subject, from: dayStart(from), to: dayEnd(to), cursor };
      const page = await readAudit({ ...query, project: Number(project) || null }, signal);
      this.entries = cursor === null ? page.entries : [...this.entries, ...page.entries];
      this.cursor = page.nextCursor;
      this.problem = "";
    } catch (error) {
      if (signal.aborted || app.handledSignOut(error)) return;
      this.problem = describeProblem(error);
    }
    if (!signal.aborted) this.loading = "no";
  }
}
