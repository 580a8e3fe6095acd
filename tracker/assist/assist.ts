/**
 * Co-browsing in the page (`tracker-assist.js`): loaded with the first word of somebody who wants to help, gone when the last one has left.
 *
 * The server has let through only what the visitor granted; it is looked at here again, where his word holds at once: what he takes back is
 * over before anybody else hears of it.
 */

import { ASSIST_POWERS, BEAT_MS, POWER_OF, type Agent, type AssistAction, type AssistPower } from "../../protocol/assist.ts";
import type { ToTrackerMessage } from "../../protocol/tracker-messages.ts";
import type { AssistFeed } from "../modules.ts";
import { createActs } from "./acts.ts";
import { createCalls, type Media } from "./calls.ts";
import { createDock } from "./dock.ts";
import { createGuide } from "./guide.ts";
import { settleAll } from "./keys.ts";
import { createOffLimits, isElement } from "./off-limits.ts";
import { createShell } from "./shell.ts";
import { createSky } from "./sky.ts";
import { listOf, MAY } from "./words.ts";

/** The visitor's pointer is told so often at most. */
const POINTER_MS = 33;

type State = "asked" | "granted" | undefined;

function start(feed: AssistFeed): void {
  const { host, nodes } = feed;
  let agents: readonly Agent[] = [];
  /** What the visitor took back, as `agent power`, until the server has heard of it. */
  const takenBack = new Set<string>();
  let cancelSilence: (() => void) | undefined;
  let stopPointer: (() => void) | undefined;

  const shell = createShell(host);
  const whyNot = createOffLimits(feed, shell.element);
  const perform = createActs({ getNode: (id) => nodes.getNode(id), whyNot, ours: shell.element });
  const sky = createSky(shell, host.guard);
  const calls = createCalls(host, shell, (to, action) => say(action, to));
  const dock = createDock(shell, { answer: host.guard(answer), end: host.guard(end), say: host.guard(chat) });
  const guide = createGuide({ feed, dock, sky, perform, whyNot, ours: shell.element, say });

  function say(action: AssistAction, to?: string): void {
    feed.say({ type: "assist_do", data: to === undefined ? { action } : { to, action } });
  }

  function stateOf(agentId: string, power: AssistPower): State {
    const state = agents.find((agent) => agent.agentId === agentId)?.powers[power];
    return state === "refused" || takenBack.has(`${agentId} ${power}`) ? undefined : state;
  }

  /** Those who are there, without what was taken back. */
  function present(): Agent[] {
    return agents.map((agent) => {
      const powers = ASSIST_POWERS.flatMap((power) => {
        const state = stateOf(agent.agentId, power);
        return state ? [[power, state] as const] : [];
      });
      return { ...agent, powers: Object.fromEntries(powers) };
    });
  }

  /** One visible page tells the timeline; the others of the same visit say nothing. */
  function mark(name: string, agent: Agent | null, text: string, more: Record<string, string> = {}): void {
    if (document.hidden) return;
    feed.mark({
      kind: "assist",
      at: Date.now(),
      name,
      text: feed.privacy.text(text),
      data: { ...(agent ? { agent: agent.name } : {}), ...more },
    });
  }

  function render(): void {
    const all = present();
    const there = all.filter((agent) => Object.keys(agent.powers).length > 0);
    if (there.length > 0) shell.show();
    dock.render(there);
    sky.keep(there);
    guide.keep(there);
    if (there.length === 0) {
      settleAll();
      shell.hide();
    }
    watchPointer(there.some(({ powers }) => powers.pointer === "granted"));
  }

  function take(
    next: readonly Agent[],
    iceServers: NonNullable<Extract<ToTrackerMessage, { type: "assist_state" }>["data"]["iceServers"]>,
  ): void {
    const before = new Map(present().map((agent) => [agent.agentId, agent]));
    agents = next;
    for (const key of takenBack) {
      const [agentId = "", power = ""] = key.split(" ");
      const state = next.find((agent) => agent.agentId === agentId)?.powers[power as AssistPower];
      if (state === undefined || state === "refused") takenBack.delete(key);
    }
    for (const agent of present()) {
      const old = before.get(agent.agentId);
      before.delete(agent.agentId);
      const became = (from: State, to: State) =>
        ASSIST_POWERS.filter((power) => old?.powers[power] === from && agent.powers[power] === to);
      const asked = became(undefined, "asked");
      const granted = became("asked", "granted");
      const ended = became("granted", undefined);
      if (asked.length > 0) mark("asked", agent, `${agent.name} asks: ${listOf(asked.map((power) => MAY[power]))}`);
      if (granted.length > 0) mark("granted", agent, `${agent.name} may ${listOf(granted.map((power) => MAY[power]))}`);
      if (ended.length > 0) mark("ended", agent, `${agent.name} may no longer ${listOf(ended.map((power) => MAY[power]))}`);
    }
    for (const gone of before.values())
      if (Object.values(gone.powers).includes("granted")) mark("left", gone, `${gone.name} is not helping any more`);
    calls.keep((agentId, media) => {
      const state = stateOf(agentId, media);
      return state === "granted" ? true : state === "asked" ? null : false;
    }, iceServers);
    render();
    // A server that is gone, or has forgotten us, says nothing: nobody may stay on the screen for ever.
    cancelSilence?.();
    cancelSilence = next.length > 0 ? host.after(3 * BEAT_MS, () => take([], [])) : undefined;
  }

  function answer(agent: Agent, powers: Partial<Record<AssistPower, "granted" | "refused">>): void {
    const decide = (decided: typeof powers): void => {
      for (const power of ASSIST_POWERS) {
        if (decided[power] !== "refused") continue;
        const wasGranted = stateOf(agent.agentId, power) === "granted";
        takenBack.add(`${agent.agentId} ${power}`);
        if (power === "voice" || power === "screen") calls.end(agent.agentId, power);
        mark(
          wasGranted ? "ended" : "refused",
          agent,
          `${wasGranted ? "The visitor ended" : "The visitor said no"}: ${agent.name}, ${MAY[power]}`,
        );
      }
      feed.say({ type: "assist_answer", data: { agentId: agent.agentId, powers: decided } });
      render();
    };
    const media = (["voice", "screen"] as const).filter((power) => powers[power] === "granted");
    const rest = Object.fromEntries(Object.entries(powers).filter(([power]) => !media.includes(power as Media)));
    // Within his click, or the browser does not ask him.
    for (const one of media) {
      void calls.capture(agent.agentId, one).then(
        host.guard(() => decide({ [one]: "granted" })),
        host.guard(() => decide({ [one]: "refused" })),
      );
    }
    if (Object.keys(rest).length > 0) decide(rest);
  }

  /** The one button: nothing of anybody is left when this returns. */
  function end(): void {
    calls.end(null, null);
    for (const agent of present()) {
      const powers = Object.fromEntries(Object.keys(agent.powers).map((power) => [power, "refused" as const]));
      if (Object.keys(powers).length > 0) answer(agent, powers);
    }
    settleAll();
  }

  function chat(text: string): void {
    dock.heard(null, text);
    say({ kind: "chat", text });
    // What a visitor writes is his: the timeline knows that he wrote, and no more.
    mark("chat", null, "The visitor wrote");
  }

  function watchPointer(isWanted: boolean): void {
    if (!isWanted) {
      stopPointer?.();
      stopPointer = undefined;
      return;
    }
    if (stopPointer) return;
    let toldAt = 0;
    let cancel: (() => void) | undefined;
    let place = { x: 0, y: 0 };
    const tell = (): void => {
      cancel = undefined;
      toldAt = performance.now();
      say({ kind: "pointer", ...place });
    };
    const moved = host.guard((event: PointerEvent) => {
      place = { x: Math.round(event.pageX), y: Math.round(event.pageY) };
      const waitMs = POINTER_MS - (performance.now() - toldAt);
      if (waitMs <= 0) tell();
      else cancel ??= host.after(waitMs, tell);
    });
    document.addEventListener("pointermove", moved, { capture: true, passive: true });
    stopPointer = () => {
      cancel?.();
      document.removeEventListener("pointermove", moved, true);
    };
  }

  function did(from: string, action: AssistAction): void {
    const power = POWER_OF[action.kind];
    const agent = present().find(({ agentId }) => agentId === from);
    if (!agent) return;
    if (action.kind === "ping") return say({ kind: "pong", id: action.id }, from);
    if (power === null) return;
    const media = action.kind === "signal" ? action.signal.media : action.kind === "media_end" ? action.media : null;
    const held = power === "media" ? media : power;
    const isLet = held !== null && agent.powers[held] === "granted";
    switch (action.kind) {
      case "pointer":
      case "highlight":
      case "draw":
      case "clear": {
        if (!isLet) return;
        const node = action.kind === "highlight" && action.node !== null ? nodes.getNode(action.node) : null;
        sky.show(agent, action, node && isElement(node) ? node : null);
        if (action.kind === "highlight" && node) mark("pointed", agent, `${agent.name} pointed at something`);
        return;
      }
      case "chat":
        if (!isLet) return;
        dock.heard(agent, action.text);
        mark("chat", agent, action.text);
        return;
      case "guide":
        if (isLet) guide.ask(agent, action);
        return;
      case "click":
      case "scroll":
      case "type":
      case "key": {
        const refused = isLet ? perform(action) : "You are not let do this";
        say(refused === null ? { kind: "done", id: action.id } : { kind: "done", id: action.id, refused }, from);
        if (action.kind !== "scroll" || refused !== null)
          mark(action.kind, agent, describe(agent, action.kind, refused), refused === null ? {} : { refused });
        return;
      }
      case "signal":
        if (isLet) calls.signal(from, action);
        return;
      case "media_end":
        calls.end(from, action.media);
        return;
      default:
        return;
    }
  }

  function describe({ name }: Agent, kind: "click" | "scroll" | "type" | "key", refused: string | null): string {
    const verb = { click: "click", scroll: "scroll", type: "type", key: "press a key" }[kind];
    return refused === null ? `${name}: ${verb}, for the visitor` : `${name} was not let ${verb}: ${refused}`;
  }

  const hear = host.guard((message: ToTrackerMessage) => {
    if (message.type === "assist_state") take(message.data.agents, message.data.iceServers ?? []);
    else if (message.type === "assist_did") did(message.data.from, message.data.action);
  });
  host.onUndo(() => {
    calls.end(null, null);
    stopPointer?.();
    settleAll();
    guide.stop();
    sky.stop();
    shell.hide();
  });
  for (const message of feed.messages.splice(0)) hear(message);
  feed.messages.push = (...messages) => {
    for (const message of messages) hear(message);
    return 0;
  };
}

const script = document.currentScript;
// Put there by the tracker of this page; one that has been stopped meanwhile has taken it out again.
if (script?.isConnected && "feed" in script) {
  const feed = script.feed as AssistFeed;
  feed.host.guard(start)(feed);
}
