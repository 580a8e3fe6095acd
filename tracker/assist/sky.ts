/** What agents show over the page: where they point, what they mark, what they draw. It takes no pointer, and moves with the page. */

import { AGENT_COLORS, type Agent, type AssistAction } from "../../protocol/assist.ts";
import { add, type Shell } from "./shell.ts";

const SVG = "http://www.w3.org/2000/svg";
/** Most lines of one agent, and points of one line; the oldest line goes. */
const MAX_LINES = 200;
const MAX_POINTS = 4_000;
const RING_AIR = 4;

interface Sight {
  agent: Agent;
  pointer: HTMLElement | null;
  ring: { element: HTMLElement; target: Element } | null;
  lines: Map<number, { line: SVGElement; points: string[] }>;
}

/** What can be shown. */
export interface Sky {
  /** Only these agents are shown; what others left behind goes. */
  keep: (agents: readonly Agent[]) => void;
  show: (agent: Agent, action: AssistAction, target: Element | null) => void;
  /** Takes away what an agent showed by this power. */
  clear: (agentId: string, power: "pointer" | "draw") => void;
  /** Marks the element that the visitor is asked to click; null: none. */
  guide: (agent: Agent | null, target: Element | null) => void;
  stop: () => void;
}

/** Makes the layer over the page. */
export function createSky(shell: Shell, guard: <A extends unknown[]>(work: (...args: A) => void) => (...args: A) => void): Sky {
  const sky = add(shell.root, "div", "sky");
  sky.setAttribute("aria-hidden", "true");
  const page = add(sky, "div", "page");
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "lines");
  page.append(drawing);
  const sights = new Map<string, Sight>();
  let guided: { element: HTMLElement; target: Element } | null = null;
  let frame = 0;

  function colorOf(agent: Agent): string {
    return AGENT_COLORS[agent.color] ?? AGENT_COLORS[0];
  }

  function place(): void {
    page.style.transform = `translate(${-scrollX}px, ${-scrollY}px)`;
    for (const { ring } of sights.values()) if (ring) frameIt(ring);
    if (guided) frameIt(guided);
  }

  function frameIt({ element, target }: { element: HTMLElement; target: Element }): void {
    const box = target.getBoundingClientRect();
    element.hidden = box.width === 0 || !target.isConnected;
    element.style.transform = `translate(${box.left + scrollX - RING_AIR}px, ${box.top + scrollY - RING_AIR}px)`;
    element.style.width = `${box.width + 2 * RING_AIR}px`;
    element.style.height = `${box.height + 2 * RING_AIR}px`;
  }

  /** Elements move for many reasons; as long as one is marked it is followed. */
  const follow = guard(() => {
    frame = 0;
    place();
    if (guided || [...sights.values()].some(({ ring }) => ring)) frame = requestAnimationFrame(follow);
  });

  function ringOf(agent: Agent, className: string): HTMLElement {
    const ring = add(page, "div", className);
    ring.style.borderColor = colorOf(agent);
    add(ring, "span", "", agent.name).style.background = colorOf(agent);
    if (!frame) frame = requestAnimationFrame(follow);
    return ring;
  }

  function point(sight: Sight, x: number | undefined, y: number | undefined): void {
    if (x === undefined || y === undefined) {
      sight.pointer?.remove();
      sight.pointer = null;
      return;
    }
    if (!sight.pointer) {
      sight.pointer = add(page, "div", "pointer");
      const arrow = document.createElementNS(SVG, "svg");
      arrow.setAttribute("viewBox", "0 0 20 24");
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", "M2 1l15 12-7 1-4 7z");
      path.setAttribute("fill", colorOf(sight.agent));
      path.setAttribute("stroke", "#fff");
      arrow.append(path);
      sight.pointer.append(arrow);
      add(sight.pointer, "span", "", sight.agent.name).style.background = colorOf(sight.agent);
    }
    sight.pointer.style.transform = `translate(${x}px, ${y}px)`;
  }

  function mark(sight: Sight, target: Element | null): void {
    sight.ring?.element.remove();
    sight.ring = target ? { element: ringOf(sight.agent, "ring"), target } : null;
    place();
  }

  function draw(sight: Sight, { stroke, points }: Extract<AssistAction, { kind: "draw" }>): void {
    let known = sight.lines.get(stroke);
    if (!known) {
      const line = document.createElementNS(SVG, "polyline");
      line.setAttribute("stroke", colorOf(sight.agent));
      drawing.append(line);
      known = { line, points: [] };
      sight.lines.set(stroke, known);
      const [oldest] = sight.lines.keys();
      if (sight.lines.size > MAX_LINES && oldest !== undefined) rub(sight, oldest);
    }
    if (known.points.length + points.length > MAX_POINTS) return;
    for (const [x, y] of points) known.points.push(`${x},${y}`);
    known.line.setAttribute("points", known.points.join(" "));
  }

  function rub(sight: Sight, stroke: number): void {
    sight.lines.get(stroke)?.line.remove();
    sight.lines.delete(stroke);
  }

  function clear(agentId: string, power: "pointer" | "draw"): void {
    const sight = sights.get(agentId);
    if (!sight) return;
    if (power === "draw") for (const stroke of [...sight.lines.keys()]) rub(sight, stroke);
    else {
      point(sight, undefined, undefined);
      mark(sight, null);
    }
  }

  const onScroll = guard(place);
  addEventListener("scroll", onScroll, true);
  addEventListener("resize", onScroll);
  place();

  return {
    clear,
    keep(agents) {
      for (const agentId of sights.keys()) {
        const agent = agents.find((one) => one.agentId === agentId);
        if (agent?.powers.pointer !== "granted") clear(agentId, "pointer");
        if (agent?.powers.draw !== "granted") clear(agentId, "draw");
        if (!agent) sights.delete(agentId);
      }
    },
    show(agent, action, target) {
      const sight = sights.get(agent.agentId) ?? { agent, pointer: null, ring: null, lines: new Map() };
      sights.set(agent.agentId, sight);
      if (action.kind === "pointer") point(sight, action.x, action.y);
      else if (action.kind === "highlight") mark(sight, target);
      else if (action.kind === "draw") draw(sight, action);
      else if (action.kind === "clear") clear(agent.agentId, "draw");
    },
    guide(agent, target) {
      guided?.element.remove();
      guided = agent && target ? { element: ringOf(agent, "ring guide"), target } : null;
      place();
    },
    stop() {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", onScroll, true);
      removeEventListener("resize", onScroll);
      sights.clear();
      sky.remove();
    },
  };
}
