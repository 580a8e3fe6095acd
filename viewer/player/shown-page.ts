/** The page that is on a stage now, for those who point into it: its nodes by the ids of the recording, which the visitor's page knows as well. */

export interface ShownPage {
  readonly tab: string;
  readonly document: Document | null;
  /** -1 for a node that is none of the recording. */
  idOf(node: Node): number;
  nodeOf(id: number): Node | null;
}

const scenes = new WeakMap<Element, ShownPage>();

/** Tells which page an element of a stage shows. */
export function noteScene(element: Element, page: ShownPage): void {
  scenes.set(element, page);
}

/** The page that a stage shows; null while it shows none. */
export function findShownPage(stage: Element): ShownPage | null {
  const frame = stage.querySelector("iframe");
  const all = [...(frame?.contentDocument?.querySelectorAll<HTMLElement>(".scene") ?? [])];
  const shown = all.findLast((scene) => scene.style.visibility !== "hidden");
  return (shown && scenes.get(shown)) ?? null;
}
