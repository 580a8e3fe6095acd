/** The list of sessions of a project: live ones by the socket, stored ones by pages over HTTP. */

import { SvelteMap } from "svelte/reactivity";
import type { SessionSummary } from "../../protocol/session.ts";
import { readSessions } from "../net/api-sessions.ts";
import { app } from "./app.svelte.ts";
import { filterQuery, isForServer, mergeSessions, type SessionFilter } from "./session-filter.ts";

/** What only the server can tell is asked for again after this long, as long as one page is shown. */
const REFRESH_MS = 10_000;
/** Sessions in a page, where nobody asks for another number. */
const PAGE = 50;

export class SessionList {
  /** `first` while nothing is known yet. */
  loading = $state<"first" | "more" | "no">("first");
  problem = $state("");
  private stored = $state.raw<readonly SessionSummary[]>([]);
  /** What the socket told, by session id. */
  private readonly following = new SvelteMap<string, SessionSummary>();
  private cursor = $state<string | null>(null);
  private filter: SessionFilter;
  private readonly projectId: number;
  private readonly unwatch: () => void;
  private abort = new AbortController();
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(projectId: number, filter: SessionFilter) {
    this.projectId = projectId;
    this.filter = $state.raw(filter);
    this.unwatch = app.socket.watchList(projectId, {
      onList: (sessions) => {
        this.following.clear();
        this.follow(sessions);
      },
      onChanged: (changed) => this.follow(changed),
      onWithdrawn: () => void app.refresh(),
    });
    this.timer = setInterval(() => this.refresh(), REFRESH_MS);
    void this.load();
  }

  /** All that fit, in their order. */
  get all(): readonly SessionSummary[] {
    return this.merged;
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
    clearInterval(this.timer);
    this.unwatch();
  }

  /** Forgets sessions that were erased. */
  drop(sessionIds: ReadonlySet<string>): void {
    this.stored = this.stored.filter(({ sessionId }) => !sessionIds.has(sessionId));
    for (const sessionId of sessionIds) this.following.delete(sessionId);
  }

  private refresh(): void {
    const isOnePage = this.stored.length <= PAGE;
    if (document.hidden || this.loading !== "no" || !isOnePage || !(isForServer(this.filter) || this.filter.sort !== "started"))
      return;
    void this.read(null);
  }

  private follow(sessions: readonly SessionSummary[]): void {
    for (const session of sessions) this.following.set(session.sessionId, session);
  }

  private get merged(): readonly SessionSummary[] {
    return mergeSessions(this.stored, [...this.following.values()], this.filter);
  }

  private async read(cursor: string | null): Promise<void> {
    const { signal } = this.abort;
    try {
      const page = await readSessions(this.projectId, filterQuery(this.filter), cursor, signal);
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
