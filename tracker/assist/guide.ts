/** A guided click: the agent shows an element, and the visitor clicks it, has it clicked, or says no. */

import type { Agent, AssistAction } from "../../protocol/assist.ts";
import type { AssistFeed } from "../modules.ts";
import type { Perform } from "./acts.ts";
import type { Dock } from "./dock.ts";
import { isElement, type OffLimits } from "./off-limits.ts";
import type { Sky } from "./sky.ts";

type Request = Extract<AssistAction, { kind: "guide" }>;

export interface GuideDeps {
  feed: AssistFeed;
  dock: Dock;
  sky: Sky;
  perform: Perform;
  whyNot: OffLimits;
  ours: Element;
  say: (action: AssistAction, to: string) => void;
}

/** The question that is open, if any; a newer one takes its place. */
export interface Guide {
  ask: (agent: Agent, request: Request) => void;
  /** Takes the question back where its agent may not ask any more. */
  keep: (agents: readonly Agent[]) => void;
  stop: () => void;
}

/** Makes it. */
export function createGuide({ feed, dock, sky, perform, whyNot, ours, say }: GuideDeps): Guide {
  let open: { agent: Agent; finish: (clicked: boolean | null) => void } | null = null;

  function ask(agent: Agent, { node: id, text }: Request): void {
    const before = open;
    const node = feed.nodes.getNode(id);
    if (!node || !isElement(node) || !node.isConnected) {
      before?.finish(false);
      say({ kind: "guided", node: id, clicked: false }, agent.agentId);
      return;
    }
    // He may be led to a field that is his alone, but nobody else presses it.
    const canClick = whyNot(node) === null;
    const clicked = feed.host.guard((event: Event) => {
      if (event.isTrusted && event.target instanceof Node && event.target !== ours && node.contains(event.target)) finish(true);
    });
    document.addEventListener("click", clicked, true);
    const close = dock.guide(
      agent,
      text ?? "",
      canClick,
      feed.host.guard((isYes: boolean) => {
        const isDone = isYes && perform({ kind: "click", id: 0, node: id, x: 0.5, y: 0.5 }) === null;
        finish(isDone);
      }),
    );
    // Not before: what takes its place is not pressed by mistake.
    before?.finish(false);
    sky.guide(agent, node);
    node.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "smooth" });

    function finish(isClicked: boolean | null): void {
      document.removeEventListener("click", clicked, true);
      close();
      sky.guide(null, null);
      open = null;
      if (isClicked === null) return;
      say({ kind: "guided", node: id, clicked: isClicked }, agent.agentId);
      const said = isClicked
        ? `The visitor clicked where ${agent.name} showed`
        : `The visitor did not click where ${agent.name} showed`;
      feed.mark({ kind: "assist", at: Date.now(), name: "guided", text: said, data: { agent: agent.name, clicked: isClicked } });
    }
    open = { agent, finish };
  }

  return {
    ask,
    keep(agents) {
      const { agentId = "" } = open?.agent ?? {};
      if (open && !agents.some((agent) => agent.agentId === agentId && agent.powers.guide === "granted")) open.finish(null);
    },
    stop: () => open?.finish(null),
  };
}
