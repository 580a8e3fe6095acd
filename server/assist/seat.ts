/** An agent in a session: what he may do there, and what he did. Plain records; `desk.ts` works on them. */

import type { Agent, AssistAction, AssistPower, PowerState } from "../../protocol/assist.ts";
import type { AuditActor } from "../audit-trail.ts";
import type { AgentLink } from "./agent-link.ts";

/** What an agent did, counted for the audit. What he wrote is nobody's business there. */
export interface Tally {
  messages: number;
  highlights: number;
  strokes: number;
  guides: number;
  clicks: number;
  scrolls: number;
  texts: number;
  keys: number;
}

export interface Seat {
  readonly agentId: string;
  readonly name: string;
  readonly color: number;
  readonly actor: AuditActor;
  readonly peer: string;
  /** His way to us; null while he is away, for a moment. */
  link: AgentLink | null;
  readonly powers: Map<AssistPower, PowerState>;
  /** Server time of the visitor's last no, by power. */
  readonly refusedAt: Map<AssistPower, number>;
  /** The page in which the visitor granted his voice or screen: the call is with that one alone. */
  readonly mediaTabs: Map<"voice" | "screen", string>;
  readonly tally: Tally;
  /** Lines that were counted. */
  readonly strokes: Set<number>;
  /** Server time since which he has been let do anything; null while he may do nothing. */
  helpsSince: number | null;
  /** Actions that may be passed on at once; refilled with time. */
  actionsLeft: number;
  actedAt: number;
}

/** Actions of one agent: in a row, and by the second. A pointer takes 30 a second. */
const MAX_ACTIONS = 400;
const ACTIONS_PER_SECOND = 150;

/** A seat in which nothing is granted yet. */
export function createSeat(link: AgentLink, agentId: string, color: number, now: number): Seat {
  return {
    agentId,
    name: link.port.name(),
    color,
    actor: link.port.actor(),
    peer: link.port.peer,
    link,
    powers: new Map(),
    refusedAt: new Map(),
    mediaTabs: new Map(),
    tally: noTally(),
    strokes: new Set(),
    helpsSince: null,
    actionsLeft: MAX_ACTIONS,
    actedAt: now,
  };
}

/** Counts of nothing. */
export function noTally(): Tally {
  return { messages: 0, highlights: 0, strokes: 0, guides: 0, clicks: 0, scrolls: 0, texts: 0, keys: 0 };
}

/** The agent as pages and other agents see him. */
export function agentOf({ agentId, name, color, powers }: Seat): Agent {
  return { agentId, name, color, powers: Object.fromEntries(powers) };
}

/** True where a visitor should see him: something is asked or granted. */
export function isThere({ powers }: Seat): boolean {
  return [...powers.values()].some((state) => state !== "refused");
}

/** The powers in one of these states. */
export function powersIn({ powers }: Seat, ...states: PowerState[]): AssistPower[] {
  return [...powers].flatMap(([power, state]) => (states.includes(state) ? [power] : []));
}

/** True where one more action may be passed on now. */
export function takeAction(seat: Seat, now: number): boolean {
  const gained = ((now - seat.actedAt) / 1_000) * ACTIONS_PER_SECOND;
  seat.actionsLeft = Math.min(MAX_ACTIONS, seat.actionsLeft + Math.max(0, gained));
  seat.actedAt = now;
  if (seat.actionsLeft < 1) return false;
  seat.actionsLeft--;
  return true;
}

const COUNTED: Partial<Record<AssistAction["kind"], keyof Tally>> = {
  chat: "messages",
  guide: "guides",
  click: "clicks",
  scroll: "scrolls",
  type: "texts",
  key: "keys",
};

/** Counts what he does. */
export function count({ tally, strokes }: Seat, action: AssistAction): void {
  const field = COUNTED[action.kind];
  if (field) tally[field]++;
  if (action.kind === "highlight" && action.node !== null) tally.highlights++;
  if (action.kind === "draw" && !strokes.has(action.stroke)) {
    tally.strokes++;
    if (strokes.size < 10_000) strokes.add(action.stroke);
  }
}
