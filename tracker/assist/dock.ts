/** The visitor's side: who is there and what he may do, what is asked, the chat, and one button that ends all of it at once. */

import { AGENT_COLORS, ASSIST_POWERS, type Agent, type AssistPower } from "../../protocol/assist.ts";
import { add, type Shell } from "./shell.ts";
import { ASKS, listOf, MAY } from "./words.ts";

/** What the visitor decides. */
export interface Decisions {
  answer: (agent: Agent, powers: Partial<Record<AssistPower, "granted" | "refused">>) => void;
  end: () => void;
  say: (text: string) => void;
}

/** What is shown to him. */
export interface Dock {
  /** Those who are there, each with what is asked and granted. */
  render: (agents: readonly Agent[]) => void;
  /** A message; null is his own. */
  heard: (from: Agent | null, text: string) => void;
  /** Asks him to click something; the returned function takes the question back. */
  guide: (agent: Agent, what: string, canClick: boolean, onAnswer: (clicks: boolean) => void) => () => void;
  /** Says something in passing. */
  tell: (text: string) => void;
}

const MAX_LINES = 200;
/** A question that appears where another one is, or was, is not answered for so long: the press may have been meant for that. */
const SETTLE_MS = 1_000;

/** Makes it; nothing is seen before somebody is there. */
export function createDock({ root }: Shell, { answer, end, say }: Decisions): Dock {
  const dock = add(root, "div", "dock");
  const asks = new Map<string, { card: HTMLElement; key: string }>();
  const chat = add(dock, "section", "card");
  chat.setAttribute("aria-label", "Chat");
  const log = add(chat, "ol", "log");
  log.setAttribute("role", "log");
  const form = add(chat, "form");
  const input = add(form, "input");
  input.type = "text";
  input.maxLength = 2_000;
  input.autocomplete = "off";
  input.placeholder = "Write a message";
  input.setAttribute("aria-label", "Message");
  add(form, "button", "yes", "Send");
  const details = add(dock, "section", "card");
  details.setAttribute("aria-label", "What they may do");
  const bar = add(dock, "section", "bar");
  bar.setAttribute("aria-label", "Live help");
  const who = add(bar, "div", "who");
  const names = add(who, "b");
  const may = add(who, "small");
  const more = add(bar, "button", "", "Details");
  const talk = add(bar, "button", "", "Chat");
  const stop = add(bar, "button", "end", "End");
  for (const button of [more, talk, stop]) button.type = "button";
  const said = add(root, "div", "said");
  said.setAttribute("role", "status");
  chat.hidden = true;
  details.hidden = true;
  bar.hidden = true;
  let unread = 0;
  let shown: readonly Agent[] = [];

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    input.value = "";
    if (text) say(text);
  });
  talk.addEventListener("click", () => {
    openChat(chat.hidden !== false);
    if (!chat.hidden) input.focus();
  });
  more.addEventListener("click", () => {
    details.hidden = !details.hidden;
    more.setAttribute("aria-expanded", String(!details.hidden));
  });
  stop.addEventListener("click", end);

  function openChat(isOpen: boolean): void {
    chat.hidden = !isOpen;
    if (isOpen) unread = 0;
    talk.textContent = unread ? `Chat (${unread})` : "Chat";
    talk.setAttribute("aria-expanded", String(isOpen));
    log.scrollTop = log.scrollHeight;
  }

  /** A card with a question, and how its buttons are pressed: by the visitor's own hand, whatever a script of the page gets hold of. */
  function question(text: string): {
    card: HTMLElement;
    button: (row: Node, name: string, className: string, press: () => void) => void;
  } {
    const isAnother = dock.querySelector(".ask") !== null;
    const card = document.createElement("section");
    card.className = "card ask";
    card.setAttribute("role", "group");
    card.setAttribute("aria-label", add(card, "h2", "", text).textContent);
    dock.insertBefore(card, bar);
    const from = isAnother ? performance.now() + SETTLE_MS : 0;
    return {
      card,
      button(row, name, className, press) {
        const button = add(row, "button", className, name);
        button.type = "button";
        button.addEventListener("click", ({ isTrusted }) => {
          if (isTrusted && performance.now() >= from) press();
        });
      },
    };
  }

  function powersOf({ powers }: Agent, state: "asked" | "granted"): AssistPower[] {
    return ASSIST_POWERS.filter((power) => powers[power] === state);
  }

  function ask(agent: Agent): void {
    const powers = powersOf(agent, "asked");
    const known = asks.get(agent.agentId);
    const key = powers.join();
    if (known?.key === key) return;
    if (powers.length === 0) {
      known?.card.remove();
      asks.delete(agent.agentId);
      return;
    }
    const title = `${agent.name} would like to help you`;
    const { card, button } = question(title);
    known?.card.remove();
    const boxes = powers.map((power) => {
      const label = add(card, "label");
      const box = add(label, "input");
      box.type = "checkbox";
      box.checked = true;
      add(label, "span", "", `${ASKS[power].slice(0, 1).toUpperCase()}${ASKS[power].slice(1)}`);
      return { power, box };
    });
    add(card, "p", "", "You can end this at any moment.");
    const row = add(card, "div", "row");
    const decide = (isYes: boolean) => {
      const chosen = boxes.map(({ power, box }) => [power, isYes && box.checked ? "granted" : "refused"] as const);
      card.remove();
      answer(agent, Object.fromEntries(chosen));
    };
    button(row, "Allow", "yes", () => decide(true));
    button(row, "No, thanks", "", () => decide(false));
    asks.set(agent.agentId, { card, key });
    tell(`${title}: ${listOf(powers.map((power) => ASKS[power]))}`);
  }

  function describe(agents: readonly Agent[]): void {
    details.textContent = "";
    for (const agent of agents) {
      for (const power of powersOf(agent, "granted")) {
        const row = add(details, "div", "powers");
        const text = add(row, "span");
        add(text, "span", "dot").style.background = AGENT_COLORS[agent.color] ?? AGENT_COLORS[0];
        text.append(`${agent.name} may ${MAY[power]}`);
        const button = add(row, "button", "small", "Take back");
        button.type = "button";
        button.setAttribute("aria-label", `Take back: ${agent.name} may ${MAY[power]}`);
        button.addEventListener("click", () => answer(agent, { [power]: "refused" }));
      }
    }
  }

  function tell(text: string): void {
    said.textContent = text;
  }

  return {
    tell,
    render(agents) {
      for (const [agentId, { card }] of asks) {
        if (agents.some((agent) => agent.agentId === agentId)) continue;
        card.remove();
        asks.delete(agentId);
      }
      for (const agent of agents) ask(agent);
      const present = agents.filter((agent) => powersOf(agent, "granted").length > 0);
      bar.hidden = present.length === 0;
      const key = (all: readonly Agent[]): string => JSON.stringify(all);
      if (key(present) === key(shown)) return;
      shown = present;
      names.textContent = "";
      for (const agent of present) add(names, "span", "dot").style.background = AGENT_COLORS[agent.color] ?? AGENT_COLORS[0];
      names.append(`${listOf(present.map(({ name }) => name))} ${present.length > 1 ? "are" : "is"} helping you`);
      const powers = ASSIST_POWERS.filter((power) => present.some((agent) => agent.powers[power] === "granted"));
      may.textContent = `May ${listOf(powers.map((power) => MAY[power]))}`;
      describe(present);
      if (present.length === 0) details.hidden = true;
      const canChat = present.some(({ powers: held }) => held.chat === "granted");
      talk.hidden = !canChat;
      if (!canChat) openChat(false);
    },
    heard(from, text) {
      const line = add(log, "li", from ? "" : "own");
      if (from) add(line, "b", "", from.name);
      line.append(text);
      while (log.childElementCount > MAX_LINES) log.firstElementChild?.remove();
      if (from && chat.hidden) unread++;
      openChat(true);
      if (from) tell(`${from.name}: ${text}`);
    },
    guide(agent, what, canClick, onAnswer) {
      const title = `${agent.name} asks you to click here`;
      const { card, button } = question(title);
      if (what) add(card, "p", "", what);
      const row = add(card, "div", "row");
      if (canClick) button(row, "Click it", "yes", () => onAnswer(true));
      button(row, "No, thanks", "", () => onAnswer(false));
      tell(`${title}. ${what}`);
      return () => card.remove();
    },
  };
}
