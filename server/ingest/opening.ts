/** Opening a tab: binds a session id to project and resume token, or gives the page a fresh one. */

import { randomBytes } from "node:crypto";
import { createSessionId, DEFAULT_TAB } from "../../protocol/ids.ts";
import type { TabSummary } from "../../protocol/session.ts";
import type { SessionStart } from "../../protocol/tracker-messages.ts";
import { AppError } from "../app-error.ts";
import type { Project } from "../projects/projects.ts";
import type { SessionOpened } from "../store/store.ts";
import { applyStart, copySession, copyTab, factsOf, tabOpeningOf, tabSummaryOf } from "./facts.ts";
import type { Place } from "./ingest.ts";
import { Paces } from "./pace.ts";
import { createResumeToken, hashResumeToken } from "./resume-token.ts";
import { markDirty, type IngestRoom } from "./room.ts";
import { addTab, createOpenSession, findTab, isTaking, type OpenSession, type OpenTab } from "./sessions.ts";

/** Most page contexts of one session. */
export const MAX_SESSION_TABS = 500;
/** For this long the tabs of one browser that come back to a session that is over are given the same fresh one. */
const REPLACEMENT_MS = 60_000;
const MAX_REPLACEMENTS = 10_000;

export interface OpenedTab {
  tab: OpenTab;
  resumeToken: string;
}

type Claim = { kind: "open"; tab: OpenTab } | { kind: "foreign" } | { kind: "closed" } | { kind: "erased" };

/** What a tracker of an erased session hears: it throws away what it holds of it, and begins anew. */
export function erasedError(): AppError {
  return new AppError("gone", "this session was erased");
}

export class Opening {
  private readonly room: IngestRoom;
  private readonly paces = new Paces();
  /** Fresh ids for sessions that were over, by the hash of the old session; the oldest first. */
  private readonly replacements = new Map<string, { sessionId: string; at: number }>();

  constructor(room: IngestRoom) {
    this.room = room;
  }

  /**
   * Opens a tab of the session that the page names, or of a fresh one: with its token where the old session is over, with a new
   * token where somebody else owns it.
   * @throws AppError `gone` for a session that was erased: what its page still holds of it must not come back under another id; `store`
   * while Postgres is away, `limit` for a session with too many tabs
   */
  async open(project: Project, start: SessionStart, place: Place | null = null): Promise<OpenedTab> {
    let sessionId = start.sessionId ?? this.createSessionId();
    let resumeToken = start.resumeToken ?? createResumeToken();
    for (let attempt = 0; attempt < 3; attempt++) {
      const hash = hashResumeToken(this.room.deps.secret, sessionId, resumeToken);
      const claim = await this.claim(sessionId, hash, project, start, place);
      if (claim.kind === "open") return { tab: claim.tab, resumeToken };
      if (claim.kind === "erased") throw erasedError();
      if (claim.kind === "foreign") {
        sessionId = this.createSessionId();
        resumeToken = createResumeToken();
      } else {
        sessionId = this.replace(hash);
      }
    }
    throw new AppError("overload", "no session could be opened", { retryAfterMs: 1_000 });
  }

  private async claim(
    sessionId: string,
    hash: Uint8Array,
    project: Project,
    start: SessionStart,
    place: Place | null,
  ): Promise<Claim> {
    const { deps, sessions, erased } = this.room;
    // Told only to pages of the project that it was in: to others it is an id like any that is taken.
    if (erased.has(sessionId)) return { kind: (await deps.store.ownerOf(sessionId)) === project.id ? "erased" : "foreign" };
    const tabName = start.tab ?? DEFAULT_TAB;
    const known = this.claimKnown(sessions.get(sessionId), hash, project, tabName, start);
    if (known) return known;
    const now = deps.clock.now();
    const tabOpening = tabOpeningOf(start, tabName, now);
    const opened = await deps.store.openSession({
      sessionId,
      projectId: project.id,
      resumeHash: hash,
      facts: factsOf(start, now, place),
      tab: tabOpening,
    });
    if (!("session" in opened)) return opened;
    // Erased while the statement ran.
    if (erased.has(sessionId)) return { kind: "erased" };
    // Another tab, or another connection of this one, may have come first meanwhile.
    const meanwhile = this.claimKnown(sessions.get(sessionId), hash, project, tabName, start);
    if (meanwhile) return meanwhile;
    const session = sessions.get(sessionId) ?? this.register(opened, hash);
    const isIt = (summary: TabSummary) => summary.tab === tabName;
    const stored = session.tabSummaries.find(isIt) ?? opened.tabs.find(isIt);
    const tab = addTab(session, stored ? copyTab(stored) : tabSummaryOf(tabOpening), opened.upto);
    this.greet(tab, start, project);
    return { kind: "open", tab };
  }

  /** Answers from memory where it can: not for a session or tab that is not there. */
  private claimKnown(
    session: OpenSession | undefined,
    hash: Uint8Array,
    project: Project,
    tabName: string,
    start: SessionStart,
  ): Claim | null {
    if (!session) return null;
    if (session.summary.projectId !== project.id || session.resumeHash !== toText(hash)) return { kind: "foreign" };
    if (!isTaking(session)) return { kind: "closed" };
    const tab = findTab(session, tabName);
    if (!tab) {
      if (session.tabSummaries.length < MAX_SESSION_TABS) return null;
      throw new AppError("limit", `a session holds at most ${MAX_SESSION_TABS} tabs`);
    }
    this.greet(tab, start, project);
    return { kind: "open", tab };
  }

  private register(opened: Extract<SessionOpened, { session: unknown }>, hash: Uint8Array): OpenSession {
    const { clock } = this.room.deps;
    const session = createOpenSession(
      copySession(opened.session),
      opened.tabs.map(copyTab),
      opened.startedOn,
      toText(hash),
      clock.now(),
    );
    this.room.sessions.set(session.summary.sessionId, session);
    return session;
  }

  private greet(tab: OpenTab, start: SessionStart, project: Project): void {
    const { session, summary } = tab;
    const { limits, clock } = this.room.deps;
    session.maxEvents = Math.min(limits.maxEventsPerSession, project.settings.limits.maxEventsPerSession ?? Infinity);
    session.pace = this.paces.of(project, clock.now());
    summary.endedAt = null;
    summary.url = start.url;
    if (start.title !== "") summary.title = start.title;
    tab.answersResend = start.answersResend ?? false;
    applyStart(session, start);
    session.heardAt = clock.now();
    markDirty(this.room, session);
  }

  /** The fresh id for a session that is over; the same one for all who ask within a minute. */
  private replace(oldHash: Uint8Array): string {
    const now = this.room.deps.clock.now();
    for (const [key, { at }] of this.replacements) {
      if (now - at < REPLACEMENT_MS && this.replacements.size < MAX_REPLACEMENTS) break;
      this.replacements.delete(key);
    }
    const key = toText(oldHash);
    const replacement = this.replacements.get(key) ?? { sessionId: this.createSessionId(), at: now };
    this.replacements.set(key, replacement);
    return replacement.sessionId;
  }

  private createSessionId(): string {
    return createSessionId(this.room.deps.clock.now(), randomBytes(10));
  }
}

function toText(hash: Uint8Array): string {
  return Buffer.from(hash).toString("latin1");
}
