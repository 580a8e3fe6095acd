/**
 * A page's policy holds in the preview's frame as well, and many forbid style elements and attributes. Style sheets made by script are
 * not forbidden: what the policy blocked is done again in that way.
 */

/** Keeps the styles of a replayed page as they are in the recording, now and with every change. Call it after each full snapshot. */
export function repairStyles(frame: HTMLIFrameElement): void {
  const page = frame.contentDocument;
  // A sheet belongs to the document of the frame: it is made by the frame's own constructor.
  const view = page?.defaultView;
  if (!page || !view) return;
  const { CSSStyleSheet: Sheet } = view;
  const sheets = new Map<Element, CSSStyleSheet>();

  const own = new Sheet();
  own.replaceSync(".wb-preview { display: none !important; } .wb-block { outline: 1px dashed #98a2b3; background: #eaecf0; }");

  function repair(node: Node): void {
    if (!isElement(node)) return;
    const text = node.getAttribute("style");
    if (text && "style" in node && !(node as HTMLElement).style.cssText) (node as HTMLElement).style.cssText = text;
    if (node.localName === "style" && !(node as HTMLStyleElement).sheet?.cssRules.length) {
      const sheet = sheets.get(node) ?? new Sheet();
      sheet.replaceSync(node.textContent);
      sheets.set(node, sheet);
    }
    for (const child of node.querySelectorAll("style, [style]")) if (child !== node) repair(child);
  }

  function adopt(target: Document): void {
    for (const element of sheets.keys()) if (!element.isConnected) sheets.delete(element);
    target.adoptedStyleSheets = [...sheets.values(), own];
  }

  const watch = new MutationObserver((records) => {
    for (const record of records) {
      const nodes = record.type === "childList" ? [...record.addedNodes, record.target] : [record.target];
      for (const node of nodes) repair(record.type === "characterData" ? (node.parentNode ?? node) : node);
    }
    adopt(page);
  });
  repair(page.documentElement);
  adopt(page);
  watch.observe(page, { subtree: true, childList: true, characterData: true, attributeFilter: ["style"] });
}

function isElement(node: Node): node is Element {
  return node.nodeType === 1;
}
