/**
 * Those who help in one session: who is there, what each is let do, and what goes from whom to whom.
 *
 * A power of an agent: (nothing) -> asked -> granted -> (nothing), where he or the session ends it
 *                                  asked, granted -> refused, where the visitor says no, or ends it; after a while it may be asked again
 * A seat: taken with the first question; without a connection kept for {@link AWAY_MS}, so that an agent who loads his page anew is let in again.
 */

import {
  ASSIST_POWERS,
  POWER_OF,
  type AssistAction,
  type AssistPower,
  type FromHelpedPage,
  type ToAgent,
} from "../../protocol/assist.ts";
import { AppError } from "../app-error.ts";
import type { AuditAction } from "../audit-trail.ts";
import type { HelpedSession } from "../ingest/ingest.ts";
import type { Counter } from "../metrics.ts";
import type { AgentLink } from "./agent-link.ts";
import type { AssistDeps } from "./assist.ts";
import { iceServersOf } from "./ice.ts";
import { isLetDo, isPresent, isThereFor, mediaOf, OF_AGENTS, OF_PAGES, SHARED } from "./rules.ts";
import { agentOf, count, createSeat, isThere, noTally, powersIn, takeAction, type Seat } from "./seat.ts";

/** Most agents in one session. */
export const MAX_AGENTS = 4;
/** After a no, the same is not asked again for this long. */
export const ASK_AGAIN_MS = 15_000;
/** A seat without a connection is kept this long. */
export const AWAY_MS = 10_000;
/** A page that lost its connection keeps its calls for this long. */
const PAGE_LOST_MS = 15_000;
const COLORS = 8;

/** Who or what ended it. */
export type EndedBy = "visitor" | "agent" | "page" | "rights" | "away" | "session" | "stop";

/** What a desk needs of the room. */
export interface DeskDeps extends AssistDeps {
  dropped: Counter;
  passed: Counter;
  onEmpty: () => void;
}

export class Desk {
  readonly sessionId: string;
  private readonly deps: DeskDeps;
  private readonly seats = new Map<string, Seat>();
  /** Ends the wait for an agent, or a page, that may come back. */
  private readonly waits = new Map<string, () => void>();
  private session: Pick<HelpedSession, "sessionId" | "projectId" | "userId">;
  /** The page that was heard of last. */
  private tab: string | null = null;
  private nextSeat = 0;
  /** Questions that are being written down. */
  private asking = 0;

  constructor(sessionId: string, deps: DeskDeps) {
    this.sessionId = sessionId;
    this.deps = deps;
    this.session = { sessionId, projectId: 0, userId: null };
  }

  /**
   * An agent asks for powers, with his first question for a seat as well. What he asks for and has not yet is written down before the visitor hears of it.
   * @param mayStill looked at once that is done
   * @throws AppError `limit` where there are too many agents, or the visitor said no a moment ago; `store` while it cannot be written down
   */
  async ask(link: AgentLink, session: HelpedSession, powers: readonly AssistPower[], mayStill: () => boolean): Promise<boolean> {
    this.session = session;
    this.tab ??= session.tabs.at(-1) ?? null;
    const now = this.deps.clock.now();
    const seat = this.seatOf(link) ?? this.comeBack(link);
    if (!seat && this.seats.size + this.asking >= MAX_AGENTS) {
      throw new AppError("limit", `at most ${MAX_AGENTS} people help at once`, { retryAfterMs: 10_000 });
    }
    const fresh = powers.filter((power) => !seat || !isThereFor(seat, power));
    for (const power of fresh) {
      const waitMs = (seat?.refusedAt.get(power) ?? -Infinity) + ASK_AGAIN_MS - now;
      if (waitMs > 0) throw new AppError("limit", "the visitor said no a moment ago", { retryAfterMs: waitMs });
    }
    this.asking++;
    try {
      const who = { actor: link.port.actor(), peer: link.port.peer };
      if (fresh.length > 0) await this.record("assist_asked", who, { powers: fresh });
      if (!mayStill()) {
        this.away(link);
        return false;
      }
      const taken = this.seatOf(link) ?? this.sit(link);
      for (const power of fresh) if (!isThereFor(taken, power)) taken.powers.set(power, "asked");
      this.tellAll();
      return true;
    } finally {
      this.asking--;
      this.leaveIfEmpty();
    }
  }

  /** An agent ends powers of his, or (null) all, and gives up his seat. */
  async leave(link: AgentLink, powers: readonly AssistPower[] | null, by: EndedBy): Promise<void> {
    const seat = this.seatOf(link);
    if (!seat) return;
    for (const power of powers ?? ASSIST_POWERS) this.drop(seat, power);
    if (powers === null) this.seats.delete(seat.agentId);
    const isWritten = this.noteEnd(seat, by);
    this.tellAll();
    if (powers === null) link.port.send(this.stateFor(seat.agentId));
    this.leaveIfEmpty();
    await isWritten;
  }

  /** The connection of an agent is gone; his seat stays for a moment. */
  away(link: AgentLink): void {
    const seat = this.seatOf(link);
    if (!seat) return;
    seat.link = null;
    this.wait(seat.agentId, AWAY_MS, () => void this.remove(seat, "away"));
  }

  /** An agent does something, in one page or in all. */
  agentDid(link: AgentLink, tab: string | undefined, action: AssistAction): void {
    this.withdraw();
    const seat = this.seatOf(link);
    if (!seat) return;
    if (!OF_AGENTS.has(action.kind) || !isLetDo(seat, action) || !takeAction(seat, this.deps.clock.now())) {
      this.deps.dropped.value++;
      if ("id" in action && OF_AGENTS.has(action.kind) && POWER_OF[action.kind] === "control")
        this.say(seat, tab, { kind: "done", id: action.id, refused: "You are not let do this" });
      return;
    }
    this.deps.passed.value++;
    count(seat, action);
    const { agentId: from } = seat;
    for (const one of this.tabsFor(seat, tab, action)) {
      this.deps.pages.tellPage(this.sessionId, one, { type: "assist_did", data: { from, action } });
    }
    if (action.kind === "media_end") void this.leave(link, [action.media], "agent");
    if (!SHARED.has(action.kind)) return;
    for (const other of this.seats.values()) if (other !== seat && isPresent(other)) this.say(other, tab, action, from);
  }

  /** A page tells what its visitor decided or did. */
  pageSaid(tab: string, message: FromHelpedPage): void {
    if (message.type === "assist_answer") {
      this.withdraw();
      const seat = this.seats.get(message.data.agentId);
      if (seat) void this.answered(seat, tab, message.data.powers);
      return;
    }
    const { to, action } = message.data;
    if (!OF_PAGES.has(action.kind)) {
      this.deps.dropped.value++;
      return;
    }
    this.used(tab);
    for (const seat of this.seats.values()) {
      const isMeant =
        to === undefined ? isLetDo(seat, action) : seat.agentId === to && (action.kind === "done" || isLetDo(seat, action));
      if (!isMeant) continue;
      this.say(seat, tab, action);
      if (action.kind !== "media_end") continue;
      this.drop(seat, action.media);
      void this.noteEnd(seat, "visitor");
      this.tellAll();
    }
  }

  pageOpened(tab: string): void {
    this.stopWaiting(tab);
    this.tab = tab;
    this.tellAll();
  }

  pageLost(tab: string): void {
    this.tellAgents();
    this.wait(tab, PAGE_LOST_MS, () => {
      if (!this.pages().includes(tab)) this.pageLeft(tab);
    });
  }

  /** Calls are with one page, and end with it. */
  pageLeft(tab: string): void {
    this.stopWaiting(tab);
    for (const seat of this.seats.values()) {
      for (const [media, mediaTab] of seat.mediaTabs) if (mediaTab === tab) this.drop(seat, media);
      void this.noteEnd(seat, "page");
    }
    this.tellAll();
  }

  /** Says again who is there, and sees to it that everybody still may be. */
  beat(): void {
    for (const { link } of this.seats.values()) link?.rightsChanged();
    this.withdraw();
    this.tellAll();
  }

  /** What the project does not allow any more is over, also between two beats. */
  private withdraw(): void {
    const allowed = this.deps.pages.helpedSession(this.sessionId)?.settings?.assist;
    if (!allowed) return;
    const isOver = (power: AssistPower) => !(allowed.enabled && allowed.powers.includes(power));
    for (const seat of this.seats.values()) {
      const over = powersIn(seat, "asked", "granted").filter(isOver);
      if (over.length === 0) continue;
      for (const power of over) this.drop(seat, power);
      void this.noteEnd(seat, "rights");
      this.tellAll();
    }
  }

  /** Nobody helps in this session any more. */
  async close(by: EndedBy): Promise<void> {
    await Promise.all([...this.seats.values()].map((seat) => this.remove(seat, by)));
    for (const stop of this.waits.values()) stop();
    this.waits.clear();
  }

  private async answered(seat: Seat, tab: string, powers: Partial<Record<AssistPower, "granted" | "refused">>): Promise<void> {
    this.used(tab);
    const said = ASSIST_POWERS.filter((power) => powers[power] !== undefined);
    const granted = said.filter((power) => powers[power] === "granted" && seat.powers.get(power) === "asked");
    const refused = said.filter((power) => powers[power] === "refused" && isThereFor(seat, power));
    // A no holds at once; a yes once it is written down.
    const wasAsked = refused.filter((power) => seat.powers.get(power) === "asked");
    for (const power of refused) {
      this.drop(seat, power);
      seat.powers.set(power, "refused");
      seat.refusedAt.set(power, this.deps.clock.now());
    }
    if (refused.length > 0) this.tellAll();
    try {
      if (wasAsked.length > 0) await this.record("assist_refused", seat, { powers: wasAsked });
      await this.noteEnd(seat, "visitor");
      if (granted.length === 0) return;
      await this.record("assist_granted", seat, { powers: granted });
    } catch (error) {
      this.deps.log.warn("what a visitor decided could not be written down", { error, sessionId: this.sessionId });
      for (const power of granted) if (seat.powers.get(power) === "asked") seat.powers.delete(power);
      this.tellAll();
      seat.link?.port.send({
        type: "assist_refused",
        data: {
          code: "overload",
          message: "what the visitor allowed could not be written down",
          retryAfterMs: 5_000,
        },
      });
      return;
    }
    for (const power of granted) {
      if (seat.powers.get(power) !== "asked") continue;
      seat.powers.set(power, "granted");
      seat.helpsSince ??= this.deps.clock.now();
      if (power === "voice" || power === "screen") seat.mediaTabs.set(power, tab);
    }
    this.tellAll();
  }

  private drop(seat: Seat, power: AssistPower): void {
    seat.powers.delete(power);
    if (power === "voice" || power === "screen") seat.mediaTabs.delete(power);
  }

  private async remove(seat: Seat, by: EndedBy): Promise<void> {
    if (!this.seats.delete(seat.agentId)) return;
    this.stopWaiting(seat.agentId);
    for (const power of ASSIST_POWERS) this.drop(seat, power);
    const isWritten = this.noteEnd(seat, by);
    this.tellAll();
    seat.link?.port.send(this.stateFor(seat.agentId));
    this.leaveIfEmpty();
    await isWritten;
  }

  /** Writes down that an agent's help is over, where it is: how long it was, and what he did. */
  private async noteEnd(seat: Seat, by: EndedBy): Promise<void> {
    if (seat.helpsSince === null || powersIn(seat, "granted").length > 0) return;
    const seconds = Math.round((this.deps.clock.now() - seat.helpsSince) / 1_000);
    const tally = { ...seat.tally };
    seat.helpsSince = null;
    Object.assign(seat.tally, noTally());
    try {
      await this.record("assist_ended", seat, { by, seconds, ...tally });
    } catch (error) {
      this.deps.log.error("the end of help could not be written down", {
        error,
        sessionId: this.sessionId,
        by,
        seconds,
        ...tally,
      });
    }
  }

  private record(
    action: AuditAction,
    who: Pick<Seat, "actor" | "peer">,
    data: Readonly<Record<string, string | number | readonly string[]>>,
  ): Promise<void> {
    const { sessionId, projectId, userId } = this.session;
    const subject = { kind: "session", id: sessionId };
    return this.deps.audit.record({ action, actor: who.actor, peer: who.peer, projectId, subject, personId: userId, data });
  }

  private seatOf(link: AgentLink): Seat | undefined {
    return [...this.seats.values()].find((seat) => seat.link === link);
  }

  /** The seat of the same person, whose connection was lost a moment ago. */
  private comeBack(link: AgentLink): Seat | undefined {
    const who = JSON.stringify(link.port.actor());
    const seat = [...this.seats.values()].find((other) => other.link === null && JSON.stringify(other.actor) === who);
    if (!seat) return undefined;
    this.stopWaiting(seat.agentId);
    seat.link = link;
    return seat;
  }

  private sit(link: AgentLink): Seat {
    const number = this.nextSeat++;
    const seat = createSeat(link, `a${number + 1}`, number % COLORS, this.deps.clock.now());
    this.seats.set(seat.agentId, seat);
    return seat;
  }

  private wait(key: string, delayMs: number, task: () => void): void {
    this.stopWaiting(key);
    const cancel = this.deps.clock.after(delayMs, () => {
      this.waits.delete(key);
      task();
    });
    this.waits.set(key, cancel);
  }

  private stopWaiting(key: string): void {
    this.waits.get(key)?.();
    this.waits.delete(key);
  }

  /** The visitor is in this page. */
  private used(tab: string): void {
    if (this.tab === tab) return;
    this.tab = tab;
    this.tellAgents();
  }

  private pages(): readonly string[] {
    return this.deps.pages.helpedSession(this.sessionId)?.tabs ?? [];
  }

  private tabsFor(seat: Seat, tab: string | undefined, action: AssistAction): readonly string[] {
    const media = mediaOf(action);
    if (media !== null) return [seat.mediaTabs.get(media) ?? []].flat();
    return tab === undefined ? this.pages() : [tab];
  }

  private say(seat: Seat, tab: string | undefined, action: AssistAction, from = "visitor"): void {
    const { sessionId } = this;
    seat.link?.port.send({
      type: "assist_did",
      data: tab === undefined ? { sessionId, from, action } : { sessionId, from, tab, action },
    });
  }

  private tellAll(): void {
    this.tellAgents();
    const agents = [...this.seats.values()].filter(isThere).map(agentOf);
    const data = this.hasMedia() ? { agents, iceServers: iceServersOf(this.deps.ice, this.deps.clock.now()) } : { agents };
    for (const tab of this.pages()) this.deps.pages.tellPage(this.sessionId, tab, { type: "assist_state", data });
  }

  private tellAgents(): void {
    for (const { link, agentId } of this.seats.values()) link?.port.send(this.stateFor(agentId));
  }

  private stateFor(you: string): ToAgent {
    const pages = this.pages();
    const tab = this.tab !== null && pages.includes(this.tab) ? this.tab : (pages.at(-1) ?? null);
    const data = { sessionId: this.sessionId, you, agents: [...this.seats.values()].map(agentOf), tab };
    return {
      type: "assist_state",
      data: this.hasMedia() ? { ...data, iceServers: iceServersOf(this.deps.ice, this.deps.clock.now()) } : data,
    };
  }

  private hasMedia(): boolean {
    return [...this.seats.values()].some((seat) => isThereFor(seat, "voice") || isThereFor(seat, "screen"));
  }

  private leaveIfEmpty(): void {
    if (this.seats.size === 0 && this.asking === 0) this.deps.onEmpty();
  }
}
