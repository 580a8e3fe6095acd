/** The list of sessions that are live, for viewers who follow a project: first all of them, then what changes. */

import type { SessionSummary } from "../../protocol/session.ts";
import type { ToViewerMessage } from "../../protocol/viewer-messages.ts";
import type { LiveSession } from "./live-session.ts";
import type { ViewerPort } from "./live.ts";
import { encodeForAll, encodeMessage } from "./viewer-frames.ts";

/** Most sessions that a viewer is told of at first, newest first. */
export const MAX_LISTED = 1_000;
/** Counts alone are told this rarely: every n-th flush. */
const COUNTS_EVERY = 5;

interface Watched {
  /** Viewers, and whether each has to be told everything again, because it read too slowly. */
  readonly ports: Map<ViewerPort, { isStale: boolean }>;
  /** Sessions whose facts changed. */
  changed: Set<LiveSession>;
  /** Sessions of which only counts changed. */
  counted: Set<LiveSession>;
}

export class LiveList {
  private readonly projects = new Map<number, Watched>();
  private readonly listProject: (projectId: number) => SessionSummary[];
  private flushes = 0;

  /** @param listProject the live sessions of a project, newest first */
  constructor(listProject: (projectId: number) => SessionSummary[]) {
    this.listProject = listProject;
  }

  get isWatched(): boolean {
    return this.projects.size > 0;
  }

  watch(port: ViewerPort, projectId: number): void {
    let watched = this.projects.get(projectId);
    if (!watched) {
      watched = { ports: new Map(), changed: new Set(), counted: new Set() };
      this.projects.set(projectId, watched);
    }
    watched.ports.set(port, { isStale: !this.sendAll(port, projectId) });
  }

  unwatch(port: ViewerPort, projectId: number): void {
    const watched = this.projects.get(projectId);
    watched?.ports.delete(port);
    if (watched?.ports.size === 0) {
      for (const session of watched.counted) session.isListDue = false;
      this.projects.delete(projectId);
    }
  }

  /** Facts of a session changed, it appeared, or it ended. */
  factsChanged(session: LiveSession): void {
    this.projects.get(session.summary.projectId)?.changed.add(session);
  }

  /** Counts of a session changed. */
  countsChanged(session: LiveSession): void {
    if (session.isListDue) return;
    const watched = this.projects.get(session.summary.projectId);
    if (!watched) return;
    session.isListDue = true;
    watched.counted.add(session);
  }

  /** Tells what changed; to be called each second. */
  flush(): void {
    this.flushes++;
    for (const [projectId, watched] of this.projects) {
      const changed = watched.changed;
      watched.changed = new Set();
      if (this.flushes % COUNTS_EVERY === 0) {
        for (const session of watched.counted) {
          session.isListDue = false;
          if (session.end === null) changed.add(session);
        }
        watched.counted = new Set();
      }
      this.tell(projectId, watched, changed);
    }
  }

  private tell(projectId: number, watched: Watched, changed: ReadonlySet<LiveSession>): void {
    const summaries = [...changed].map((session) => session.summary);
    const message: ToViewerMessage = { type: "live_sessions_changed", data: { projectId, changed: summaries } };
    const frames = changed.size > 0 ? encodeForAll(message) : null;
    for (const [port, state] of watched.ports) {
      if (state.isStale) state.isStale = !this.sendAll(port, projectId);
      else if (frames) state.isStale = !port.send(frames[port.form]);
    }
  }

  private sendAll(port: ViewerPort, projectId: number): boolean {
    const sessions = this.listProject(projectId).slice(0, MAX_LISTED);
    return port.send(encodeMessage(port.form, { type: "live_sessions", data: { projectId, sessions } }));
  }
}
