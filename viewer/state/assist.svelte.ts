/**
 * Helping a visitor, on the agent's side: what is asked and granted, who else is there, what everybody shows, and the chat.
 *
 * States: `off` -> `joining` (asked for a seat) -> `seated` (there is a seat; powers come and go) -> `off`
 */

import {
  type Agent,
  type AssistAction,
  type AssistPower,
  type IceServers,
  type PowerState,
  type ToAgent,
} from "../../protocol/assist.ts";
import { AgentCalls, type Media } from "./agent-calls.svelte.ts";
import { app } from "./app.svelte.ts";
import { Sights, type Sight } from "./sights.ts";

/** What a click on the visitor's page does. */
export type Tool = "point" | "draw" | "guide" | "control";

export interface ChatLine {
  id: number;
  /** Null: ourselves. */
  from: string | null;
  text: string;
}

const MAX_CHAT_LINES = 500;
/** How often the way there and back is measured. */
const PING_MS = 2_000;
/** How long a note stands. */
const NOTE_MS = 6_000;

export class Assist {
  state = $state<"off" | "joining" | "seated">("off");
  agents = $state.raw<readonly Agent[]>([]);
  /** The page that the visitor uses; null while none is connected. */
  tab = $state<string | null>(null);
  tool = $state<Tool>("point");
  chat = $state.raw<readonly ChatLine[]>([]);
  sights = $state.raw<readonly Sight[]>([]);
  /** What was refused, or has ended; empty for nothing. */
  note = $state("");
  roundTripMs = $state<number | null>(null);
  readonly calls: AgentCalls;
  private you = $state("");
  private readonly sessionId: string;
  private way: ReturnType<typeof app.socket.assist> | null = null;
  private wanted: readonly AssistPower[] = [];
  private iceServers: IceServers = [];
  private nextId = 1;
  /** The last one that was not answered yet. */
  private pinged = { id: 0, at: 0 };
  private timer: ReturnType<typeof setInterval> | undefined;
  private noteTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly all = new Sights();

  constructor(sessionId: string) {
    this.sessionId = sessionId;
    this.calls = new AgentCalls(
      (action) => this.do(action),
      (media) => {
        this.leave([media]);
        this.say("The call has ended");
      },
    );
  }

  /** Ourselves, as the server sees us; null without a seat. */
  get me(): Agent | null {
    return this.agents.find(({ agentId }) => agentId === this.you) ?? null;
  }

  get others(): readonly Agent[] {
    return this.agents.filter(({ agentId }) => agentId !== this.you);
  }

  stateOf(power: AssistPower): PowerState | null {
    return this.me?.powers[power] ?? null;
  }

  may(power: AssistPower): boolean {
    return this.stateOf(power) === "granted";
  }

  /** True while anything is granted. */
  get isLetIn(): boolean {
    return Object.values(this.me?.powers ?? {}).includes("granted");
  }

  /** Asks the visitor for powers. Voice asks the browser for our own microphone first. */
  async ask(...powers: AssistPower[]): Promise<void> {
    this.note = "";
    if (powers.includes("voice") && !(await this.calls.takeMicrophone())) {
      this.say("Your browser gives no microphone");
      return;
    }
    this.wanted = [...this.wanted.filter((power) => !powers.includes(power)), ...powers];
    if (this.state === "off") this.begin();
    this.join(powers);
  }

  /** Ends powers, or all of it. */
  leave(powers?: AssistPower[]): void {
    this.wanted = powers ? this.wanted.filter((power) => !powers.includes(power)) : [];
    for (const media of ["voice", "screen"] as const) if (!powers || powers.includes(media)) this.calls.end(media);
    this.way?.say({ type: "assist_leave", data: { sessionId: this.sessionId, ...(powers ? { powers } : {}) } });
    if (!powers) this.end();
  }

  /** Does something in one of the visitor's pages, or in all of them; what others see is seen here at once. */
  do(action: AssistAction, tab?: string | null): void {
    const data = { sessionId: this.sessionId, action };
    this.way?.say({ type: "assist_do", data: tab ? { ...data, tab } : data });
    if (action.kind === "draw" || action.kind === "clear" || action.kind === "highlight") this.see(this.you, tab ?? null, action);
    if (action.kind === "chat") this.addChat(null, action.text);
  }

  /** A number for a deed that is answered. */
  takeId(): number {
    return this.nextId++;
  }

  nameOf(from: string): string {
    return from === "visitor" ? "Visitor" : (this.agents.find(({ agentId }) => agentId === from)?.name ?? "Somebody");
  }

  /** Says something for a while. */
  say(text: string): void {
    this.note = text;
    clearTimeout(this.noteTimer);
    this.noteTimer = setTimeout(() => (this.note = ""), NOTE_MS);
  }

  /** Gives everything up; to be called when the page is left. */
  destroy(): void {
    if (this.state !== "off") this.leave();
  }

  private begin(): void {
    this.state = "joining";
    this.way = app.socket.assist(this.sessionId, {
      hear: (message) => this.hear(message),
      opened: () => this.join(this.wanted),
    });
    this.timer = setInterval(() => this.ping(), PING_MS);
  }

  private join(powers: readonly AssistPower[]): void {
    if (!this.way) return;
    // Without a connection now, it is said as soon as there is one.
    this.way.say({ type: "assist_join", data: { sessionId: this.sessionId, powers: [...powers] } });
  }

  private end(): void {
    this.way?.end();
    this.way = null;
    clearInterval(this.timer);
    this.calls.endAll();
    this.wanted = [];
    this.all.clear();
    this.state = "off";
    this.you = "";
    this.agents = [];
    this.sights = [];
    this.roundTripMs = null;
    this.tool = "point";
  }

  private hear(message: ToAgent): void {
    switch (message.type) {
      case "assist_state":
        this.took(message.data);
        return;
      case "assist_did":
        this.did(message.data.from, message.data.tab ?? null, message.data.action);
        return;
      case "assist_refused":
        this.say(message.data.message);
        if (this.state === "joining" || message.data.code === "not_found") this.end();
        return;
      default:
        message satisfies never;
    }
  }

  private took({ you, agents, tab, iceServers }: Extract<ToAgent, { type: "assist_state" }>["data"]): void {
    const before = this.me;
    this.you = you;
    this.agents = agents;
    this.tab = tab;
    this.iceServers = iceServers ?? [];
    const { me } = this;
    if (!me) {
      if (this.state === "seated") this.say("The visit is over");
      this.end();
      return;
    }
    this.state = "seated";
    this.wanted = this.wanted.filter((power) => me.powers[power] === "asked" || me.powers[power] === "granted");
    const refused = Object.entries(me.powers).filter(
      ([power, state]) => state === "refused" && before?.powers[power as AssistPower] !== "refused",
    );
    if (refused.length > 0) {
      const hadAny = refused.some(([power]) => before?.powers[power as AssistPower] === "granted");
      this.say(hadAny ? "The visitor has ended it" : "The visitor said no");
    }
    for (const media of ["voice", "screen"] as const) if (!this.isWanted(media)) this.calls.end(media);
    this.keepSights();
    if (this.tool === "draw" && !this.may("draw")) this.tool = "point";
    if (this.tool === "guide" && !this.may("guide")) this.tool = "point";
    if (this.tool === "control" && !this.may("control")) this.tool = "point";
  }

  private isWanted(media: Media): boolean {
    const state = this.stateOf(media);
    return state === "asked" || state === "granted";
  }

  private did(from: string, tab: string | null, action: AssistAction): void {
    switch (action.kind) {
      case "chat":
        this.addChat(from, action.text);
        return;
      case "guided":
        this.say(action.clicked ? "The visitor clicked it" : "The visitor did not click it");
        this.see(this.you, tab, { kind: "highlight", node: null });
        return;
      case "done":
        if (action.refused !== undefined) this.say(action.refused);
        return;
      case "pong":
        if (action.id === this.pinged.id) this.roundTripMs = Math.round(performance.now() - this.pinged.at);
        return;
      case "signal":
        this.calls.signal(action, this.iceServers);
        return;
      case "media_end":
        this.calls.end(action.media);
        this.say(action.media === "voice" ? "The call has ended" : "The visitor shows his screen no longer");
        return;
      default:
        this.see(from, tab, action);
    }
  }

  private see(from: string, tab: string | null, action: AssistAction): void {
    this.sights = this.all.see(from, tab, action);
  }

  private keepSights(): void {
    const there = this.agents.map(({ agentId }) => agentId);
    const mine = { lines: this.may("draw"), ring: this.may("pointer") };
    this.sights = this.all.keep(this.may("pointer") ? ["visitor", ...there] : there, this.you, mine);
  }

  private addChat(from: string | null, text: string): void {
    this.chat = [...this.chat, { id: this.takeId(), from: from === null ? null : this.nameOf(from), text }].slice(
      -MAX_CHAT_LINES,
    );
  }

  private ping(): void {
    if (!this.isLetIn) return;
    this.pinged = { id: this.takeId(), at: performance.now() };
    this.do({ kind: "ping", id: this.pinged.id }, this.tab);
  }
}
