/** The list of sessions of a project: live ones by the socket, stored ones by pages over HTTP. */

import type { SessionSummary } from "../../protocol/session.ts";
import { readSessions } from "../net/api.ts";
import { app } from "./app.svelte.ts";
import { passes, type SessionFilter } from "./session-filter.ts";

export class SessionList {
  /** `first` while nothing is known yet. */
  loading = $state<"first" | "more" | "no">("first");
  problem = $state("");
  private stored = $state.raw<readonly SessionSummary[]>([]);
  private following = $state.raw<ReadonlyMap<string, SessionSummary>>(new Map());
  private cursor = $state<string | null>(null);
  private filter: SessionFilter;
  private readonly projectId: number;
  private readonly unwatch: () => void;
  private abort = new AbortController();

  constructor(projectId: number, filter: SessionFilter) {
    this.projectId = projectId;
    this.filter = $state.raw(filter);
    this.unwatch = app.socket.watchList(projectId, {
      onList: (sessions) => (this.following = new Map(sessions.map((session) => [session.sessionId, session]))),
      onChanged: (changed) => {
        const next = new Map(this.following);
        for (const session of changed) next.set(session.sessionId, session);
        this.following = next;
      },
    });
    void this.load();
  }

  /** Live now, newest first. */
  get live(): readonly SessionSummary[] {
    return this.merged.filter((session) => session.live);
  }

  /** Everything else, newest first. */
  get earlier(): readonly SessionSummary[] {
    return this.merged.filter((session) => !session.live);
  }

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  /** Asks again with other filters. */
  setFilter(filter: SessionFilter): void {
    this.filter = filter;
    void this.load();
  }

  async loadMore(): Promise<void> {
    if (this.cursor === null || this.loading !== "no") return;
    this.loading = "more";
    await this.read(this.cursor);
  }

  /** Asks for the first page. */
  async load(): Promise<void> {
    this.abort.abort();
    this.abort = new AbortController();
    await this.read(null);
  }

  stop(): void {
    this.abort.abort();
    this.unwatch();
  }

  /** What the socket tells is newer than what was read. */
  private get merged(): readonly SessionSummary[] {
    const sessions = new Map(this.stored.map((session) => [session.sessionId, session]));
    for (const session of this.following.values()) sessions.set(session.sessionId, session);
    return [...sessions.values()]
      .filter((session) => passes(session, this.filter))
      .sort((a, b) => b.startedAt - a.startedAt || b.sessionId.localeCompare(a.sessionId));
  }

  private async read(cursor: string | null): Promise<void> {
    const { signal } = this.abort;
    try {
      const page = await readSessions({ ...this.filter, project: this.projectId, cursor }, signal);
      this.stored = cursor === null ? page.sessions : [...this.stored, ...page.sessions];
      this.cursor = page.nextCursor;
      this.problem = "";
    } catch (error) {
      if (signal.aborted || app.handledSignOut(error)) return;
      this.problem = error instanceof Error ? error.message : "The sessions could not be read.";
    }
    if (!signal.aborted) this.loading = "no";
  }
}
