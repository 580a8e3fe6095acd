/**
 * The door of assist: co-browsing. Lets agents ask a visitor what they may do in his page, keeps what he granted, and passes on what they do
 * to each other, and to nobody else.
 *
 * Promise: nothing of an agent reaches a page but what its visitor has granted, and what is granted is written down before it is used.
 */

import { BEAT_MS, type ToAgent } from "../../protocol/assist.ts";
import type { Envelope } from "../../protocol/codec.ts";
import type { AuditActor, AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { HelpDesk, Ingest } from "../ingest/ingest.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";

import { AgentLink } from "./agent-link.ts";
import { Desk } from "./desk.ts";
import type { IceSettings } from "./ice.ts";

export type { IceSettings } from "./ice.ts";

/** One agent's connection, as `server/net` gives it to this room. */
export interface AgentPort {
  send(message: ToAgent): void;
  maySee(projectId: number): boolean;
  /** True where he has the role that helping takes. */
  mayHelp(projectId: number): boolean;
  /** Who it is, for the audit, and where he is. */
  actor(): AuditActor;
  /** How the visitor is told of him. */
  name(): string;
  readonly peer: string;
}

/** What `server/net` tells this room about that connection. */
export interface AgentConnection {
  /** Takes one decoded message of `fromAgent`. Never throws: faults are answered. */
  receive(envelope: Envelope): void;
  /** His rights may have changed: where he may not help any more, it is over. */
  rightsChanged(): void;
  closed(): void;
}

/** What the other rooms ask of assist; as `HelpDesk` it hears from ingest of the pages. */
export interface Assist extends HelpDesk {
  connect(port: AgentPort): AgentConnection;
  start(): void;
  /** Ends all help, and writes down that it ended. */
  stop(): Promise<void>;
}

/** What `createAssist` is given. `pages` is called only after `start`. */
export interface AssistDeps {
  pages: Pick<Ingest, "helpedSession" | "tellPage">;
  audit: AuditTrail;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  ice: IceSettings;
}

/** Most sessions that are remembered as helped once: their pages are told when nobody is there any more. */
const MAX_REMEMBERED = 10_000;

/** Builds the room. */
export function createAssist(deps: AssistDeps): Assist {
  const desks = new Map<string, Desk>();
  /** Sessions whose pages may still show somebody who has gone. */
  const helped = new Set<string>();
  const dropped = deps.metrics.counter(
    "assist_dropped_total",
    "Actions of co-browsing that were not passed on: no such power, or too many.",
  );
  const passed = deps.metrics.counter("assist_passed_total", "Actions of co-browsing that were passed on.");
  let stopBeat = () => {};

  const deskOf = (sessionId: string): Desk => {
    const known = desks.get(sessionId);
    if (known) return known;
    const desk = new Desk(sessionId, { ...deps, dropped, passed, onEmpty: () => desks.delete(sessionId) });
    desks.set(sessionId, desk);
    helped.delete(sessionId);
    helped.add(sessionId);
    const [oldest] = helped;
    if (helped.size > MAX_REMEMBERED && oldest !== undefined) helped.delete(oldest);
    return desk;
  };

  return {
    connect: (port) => new AgentLink(port, { ...deps, deskOf, findDesk: (sessionId) => desks.get(sessionId) ?? null }),
    pageOpened(sessionId, tab) {
      const desk = desks.get(sessionId);
      if (desk) desk.pageOpened(tab);
      // It was away when the last agent left.
      else if (helped.has(sessionId)) deps.pages.tellPage(sessionId, tab, { type: "assist_state", data: { agents: [] } });
    },
    pageLost: (sessionId, tab) => desks.get(sessionId)?.pageLost(tab),
    pageLeft: (sessionId, tab) => desks.get(sessionId)?.pageLeft(tab),
    pageSaid: (sessionId, tab, message) => desks.get(sessionId)?.pageSaid(tab, message),
    sessionOver(sessionId) {
      void desks.get(sessionId)?.close("session");
      helped.delete(sessionId);
    },
    start() {
      stopBeat = deps.clock.every(BEAT_MS, () => {
        for (const desk of desks.values()) desk.beat();
      });
    },
    async stop() {
      stopBeat();
      await Promise.all([...desks.values()].map((desk) => desk.close("stop")));
    },
  };
}
