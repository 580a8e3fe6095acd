/** Keeps the sessions: writes their progress behind, notices who went away, and ends them. */

import { toAppError } from "../app-error.ts";
import { markDirty, type IngestRoom } from "./room.ts";
import { isDurable, isTaking, updateConnected, type OpenSession, type OpenTab } from "./sessions.ts";

/** A session without a connected tab is `away` after this long: between two page loads, or two HTTP requests, it is not. */
export const AWAY_AFTER_MS = 8_000;
/** A tab that nobody has held for this long has gone; its page may still come back to it. */
export const TAB_GONE_MS = 60_000;
/** Sessions of a dead process are ended this much later than our own would be. */
const ABANDONED_GRACE_MS = 60_000;
/** Most sessions in one write. */
const MAX_PROGRESS = 2_000;

export class Keeper {
  private readonly room: IngestRoom;
  private readonly ending = new Set<OpenSession>();
  private saving: Promise<boolean> | null = null;
  private isEnding = false;
  private cleanedAt = 0;

  constructor(room: IngestRoom) {
    this.room = room;
  }

  get isEndDue(): boolean {
    return this.ending.size > 0;
  }

  /** Each second. */
  tick(now: number): void {
    for (const session of this.room.sessions.values()) {
      if (session.state.kind === "unconnected") this.checkAway(session, session.state.since, now);
    }
    void this.saveProgress();
    void this.finishEnds();
    if (now - this.cleanedAt >= this.room.deps.cleanupIntervalMs) {
      this.cleanedAt = now;
      this.cleanUp(now);
    }
  }

  /** Who holds the tabs of a session has changed. */
  connectionsChanged(session: OpenSession): void {
    if (!updateConnected(session, this.room.deps.clock.now())) return;
    markDirty(this.room, session);
    this.tellLive(session);
  }

  /** Facts of a session have changed. */
  factsChanged(session: OpenSession): void {
    markDirty(this.room, session);
    this.tellLive(session);
  }

  /** The page went away; the visit may go on. */
  endTab(tab: OpenTab): void {
    tab.summary.endedAt = Math.max(tab.summary.startedAt, tab.summary.lastAt);
    tab.leftAt = this.room.deps.clock.now();
    this.factsChanged(tab.session);
    this.connectionsChanged(tab.session);
  }

  /** Takes nothing more for a session, and ends it as soon as all of it is durable. Saying so twice changes nothing. */
  end(session: OpenSession, reason: "ended" | "idle"): void {
    if (!isTaking(session)) return;
    session.state = { kind: "ending", reason };
    const { summary } = session;
    const endedAt = Math.max(summary.startedAt, summary.lastAt);
    summary.status = "ended";
    summary.live = false;
    summary.endedAt = endedAt;
    summary.durationMs = Math.round(endedAt - summary.startedAt);
    this.room.deps.helpDesk?.sessionOver(summary.sessionId);
    for (const tab of session.tabSummaries) tab.endedAt ??= Math.max(tab.startedAt, tab.lastAt);
    markDirty(this.room, session);
    this.tellLive(session);
    this.ending.add(session);
    void this.finishEnds();
  }

  /** Forgets a session without writing it: it was erased. */
  forget(session: OpenSession): void {
    session.state = { kind: "over" };
    this.ending.delete(session);
    this.room.sessions.delete(session.summary.sessionId);
    this.room.deps.live.end(session.summary, "erased");
    this.room.deps.helpDesk?.sessionOver(session.summary.sessionId);
    for (const tab of session.tabs) {
      this.room.waitingBytes -= tab.order.heldBytes;
      tab.order.drop();
      this.room.holed.delete(tab);
      tab.pending = 0;
      tab.isRepeatDue = false;
      tab.heldMeta = null;
      for (const holder of [tab.holder, ...(tab.formerHolders ?? [])]) holder?.erased(tab);
    }
  }

  /** Ends what is durable; tries again with the next tick where the database does not answer. */
  async finishEnds(): Promise<void> {
    if (this.isEnding) return;
    this.isEnding = true;
    try {
      for (;;) {
        const ready = [...this.ending].filter(isDurable).slice(0, MAX_PROGRESS);
        if (ready.length === 0) return;
        await this.writeEnds(ready);
      }
    } catch (error) {
      this.room.deps.log.warn("sessions could not be ended yet", { error: toAppError(error).message });
    } finally {
      this.isEnding = false;
    }
  }

  /** Writes all that has changed until now, in as many writes as it takes. False where the database does not answer. */
  async saveAll(): Promise<boolean> {
    // One more: a write that is under way already may not hold the newest.
    const rounds = 1 + Math.ceil(this.room.dirty.length / MAX_PROGRESS);
    for (let round = 0; round < rounds; round++) if (!(await this.saveProgress())) return false;
    return true;
  }

  /** Writes what changed since the last time; one write at a time. False where the database does not answer. */
  private saveProgress(): Promise<boolean> {
    this.saving ??= this.writeProgress().finally(() => {
      this.saving = null;
    });
    return this.saving;
  }

  private async writeProgress(): Promise<boolean> {
    const { room } = this;
    const dirty = room.dirty.splice(0, MAX_PROGRESS);
    if (dirty.length === 0) return true;
    for (const session of dirty) session.isDirty = false;
    const open = dirty.filter(isTaking);
    const ended = new Set(open.flatMap((session) => session.tabs.filter((tab) => tab.summary.endedAt !== null)));
    try {
      if (open.length > 0) await this.save(open);
      for (const session of open) this.dropGoneTabs(session, ended);
      return true;
    } catch (error) {
      for (const session of open) if (isTaking(session)) markDirty(room, session);
      room.deps.log.debug("progress of sessions could not be written yet", { error: toAppError(error).message });
      return false;
    }
  }

  private async save(sessions: readonly OpenSession[]): Promise<void> {
    const progress = sessions.map(progressOf);
    await this.room.deps.store.saveProgress(progress);
    sessions.forEach((session, n) => {
      const written = progress[n]?.formerUserIds.length ?? 0;
      if (written > 0) session.formerUserIds = session.formerUserIds.slice(written);
    });
  }

  private async writeEnds(ready: readonly OpenSession[]): Promise<void> {
    const { deps, sessions } = this.room;
    await this.save(ready);
    await deps.store.endSessions(
      ready.map(({ summary, state }) => ({
        sessionId: summary.sessionId,
        endedAt: summary.endedAt ?? summary.lastAt,
        reason: state.kind === "ending" ? state.reason : "ended",
      })),
    );
    for (const session of ready) {
      // It may have been erased meanwhile.
      if (!this.ending.delete(session) || session.state.kind !== "ending") continue;
      const { reason } = session.state;
      session.state = { kind: "over" };
      sessions.delete(session.summary.sessionId);
      deps.live.end(session.summary, reason);
      for (const tab of session.tabs) tab.holder?.progressed();
    }
  }

  private checkAway(session: OpenSession, since: number, now: number): void {
    if (now - since < AWAY_AFTER_MS || session.summary.status === "away") {
      // Tabs that nobody holds are let go once in a while, with the writing of progress.
      if (session.tabs.some((tab) => tab.summary.endedAt === null && now - tab.leftAt >= TAB_GONE_MS)) this.factsChanged(session);
      return;
    }
    session.summary.status = "away";
    session.summary.live = false;
    this.factsChanged(session);
  }

  /** Tabs that nobody holds leave the memory once they have ended, all of them is durable, and their end is `written`. */
  private dropGoneTabs(session: OpenSession, written: ReadonlySet<OpenTab>): void {
    const now = this.room.deps.clock.now();
    const isGone = (tab: OpenTab) => tab.holder === null && tab.pending === 0;
    const isDone = (tab: OpenTab) => written.has(tab) && tab.summary.endedAt !== null && isGone(tab);
    if (session.tabs.some(isDone)) session.tabs = session.tabs.filter((tab) => !isDone(tab));
    for (const tab of session.tabs) {
      if (isGone(tab) && tab.summary.endedAt === null && now - tab.leftAt >= TAB_GONE_MS) this.endTab(tab);
    }
  }

  private cleanUp(now: number): void {
    const { deps, sessions } = this.room;
    const idleSince = now - deps.limits.sessionIdleMs;
    for (const session of sessions.values()) if (session.heardAt <= idleSince) this.end(session, "idle");
    void this.endAbandoned(idleSince - ABANDONED_GRACE_MS);
  }

  private async endAbandoned(idleSince: number): Promise<void> {
    const { deps, sessions } = this.room;
    // What is written of our own sessions tells them from abandoned ones: after a long outage that comes first.
    if (!(await this.saveAll())) return;
    try {
      const ids = await deps.store.endAbandoned(idleSince);
      for (const sessionId of ids) if (!sessions.has(sessionId)) deps.live.end({ sessionId, endedAt: null }, "idle");
      if (ids.length > 0) deps.log.info("sessions that nobody came back to were ended", { count: ids.length });
    } catch (error) {
      deps.log.warn("abandoned sessions could not be ended yet", { error: toAppError(error).message });
    }
  }

  private tellLive(session: OpenSession): void {
    this.room.deps.live.update(session.summary, session.tabSummaries);
  }
}

function progressOf(session: OpenSession) {
  const { summary, formerUserIds } = session;
  return { session: summary, tabs: session.tabs.map((tab) => tab.summary), formerUserIds };
}
