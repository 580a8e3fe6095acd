/** One agent's way to us: what he asks, checked before it is done. */

import { fromAgent, type AssistPower, type FromAgent } from "../../protocol/assist.ts";
import { MalformedMessage, parseMessage, type Envelope } from "../../protocol/codec.ts";
import { AppError, toAppError } from "../app-error.ts";
import type { HelpedSession } from "../ingest/ingest.ts";
import type { AgentConnection, AgentPort, AssistDeps } from "./assist.ts";
import type { Desk } from "./desk.ts";

/** The same words for what is not there and for what is not his. */
const NOT_HERE = "there is nothing here under this id";
/** Times that one connection may ask, in a row and by the minute: each is an entry of the audit, and a question to somebody. */
const MAX_ASKS = 12;
const ASK_EVERY_MS = 5_000;

/** What a link needs of the room. */
export interface AgentWorkers extends Pick<AssistDeps, "pages" | "audit" | "log" | "clock"> {
  /** The desk of a session, made where there is none. */
  deskOf(sessionId: string): Desk;
  findDesk(sessionId: string): Desk | null;
}

export class AgentLink implements AgentConnection {
  readonly port: AgentPort;
  private readonly workers: AgentWorkers;
  private readonly desks = new Set<Desk>();
  private asksLeft = MAX_ASKS;
  private askedAt = 0;
  private isClosed = false;

  constructor(port: AgentPort, workers: AgentWorkers) {
    this.port = port;
    this.workers = workers;
  }

  receive(envelope: Envelope): void {
    if (this.isClosed) return;
    try {
      this.handle(parseMessage<typeof fromAgent, FromAgent["type"]>(fromAgent, envelope));
    } catch (error) {
      this.refuse(error);
    }
  }

  rightsChanged(): void {
    for (const desk of this.desks) {
      const session = this.workers.pages.helpedSession(desk.sessionId);
      if (session && this.port.mayHelp(session.projectId)) continue;
      this.desks.delete(desk);
      void desk.leave(this, null, "rights");
      this.port.send({ type: "assist_refused", data: { code: "not_found", message: NOT_HERE } });
    }
  }

  closed(): void {
    this.isClosed = true;
    for (const desk of this.desks) desk.away(this);
    this.desks.clear();
  }

  private handle(message: FromAgent): void {
    switch (message.type) {
      case "assist_join":
        this.join(message.data.sessionId, message.data.powers).catch((error: unknown) => {
          this.refuse(error);
        });
        return;
      case "assist_leave":
        void this.deskAt(message.data.sessionId)?.leave(this, message.data.powers ?? null, "agent");
        return;
      case "assist_do":
        this.deskAt(message.data.sessionId)?.agentDid(this, message.data.tab, message.data.action);
        return;
      default:
        message satisfies never;
    }
  }

  private async join(sessionId: string, powers: readonly AssistPower[]): Promise<void> {
    const session = this.requireSession(sessionId);
    this.requireAllowed(session, powers);
    this.takeAsk();
    const desk = this.workers.deskOf(sessionId);
    const isSeated = await desk.ask(this, session, powers, () => {
      // Writing it down takes its time, in which he may have gone, or may have lost the right.
      if (this.isClosed) return false;
      this.requireAllowed(this.requireSession(sessionId), powers);
      return true;
    });
    if (isSeated) this.desks.add(desk);
  }

  /** @throws AppError `not_found` for an unknown session, one that is over, and somebody else's; `forbidden` for those who may only watch */
  private requireSession(sessionId: string): HelpedSession {
    const session = this.workers.pages.helpedSession(sessionId);
    if (!session || !this.port.maySee(session.projectId)) throw new AppError("not_found", NOT_HERE);
    if (!this.port.mayHelp(session.projectId)) throw new AppError("forbidden", "this takes the role member in the project");
    return session;
  }

  private requireAllowed({ settings }: HelpedSession, powers: readonly AssistPower[]): void {
    if (!settings) throw new AppError("overload", "the visitor's page is not connected", { retryAfterMs: 2_000 });
    if (!settings.assist.enabled) throw new AppError("forbidden", "co-browsing is switched off in this project");
    const not = powers.find((power) => !settings.assist.powers.includes(power));
    if (not !== undefined) throw new AppError("forbidden", `this project does not allow: ${not}`);
  }

  private takeAsk(): void {
    const now = this.workers.clock.now();
    this.asksLeft = Math.min(MAX_ASKS, this.asksLeft + (now - this.askedAt) / ASK_EVERY_MS);
    this.askedAt = now;
    if (this.asksLeft < 1) throw new AppError("limit", "too many questions at once", { retryAfterMs: ASK_EVERY_MS });
    this.asksLeft--;
  }

  /** Where he has a seat; a page that has sent him away meanwhile is no fault of his. */
  private deskAt(sessionId: string): Desk | null {
    const desk = this.workers.findDesk(sessionId);
    return desk && this.desks.has(desk) ? desk : null;
  }

  private refuse(thrown: unknown): void {
    const error = thrown instanceof MalformedMessage ? new AppError("protocol", thrown.message) : toAppError(thrown);
    if (error.kind === "bug") this.workers.log.error("an agent's message could not be handled", { error: error.cause });
    if (this.isClosed) return;
    const { message, retryAfterMs } = error;
    const { code } = error.meaning;
    const data = retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs: Math.ceil(retryAfterMs) };
    this.port.send({ type: "assist_refused", data });
  }
}
