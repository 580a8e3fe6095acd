/**
 * A page as text, so that the page itself and its replay can be compared. Runs inside a browser, so it uses nothing from outside itself.
 *
 * Left out, because a replay is another page on purpose:
 * - scripts and noscript, styles and links (a replay has the text of style sheets instead), comments, and all of `<head>` but the title
 * - attributes: handlers, rrweb's own, `autocomplete` (its rebuild sets it), namespaces, the address of frames (their content is compared)
 * - what a replay has no use for and the viewer takes out: where a link or a form leads to when it is used, and how
 * - `value`, `checked` and `selected` as attributes; what fields really hold is compared instead
 * - the classes with which a replay shows the mouse and the pause
 * White space is taken together, addresses are made absolute.
 */
export function describeDocument(root: Document): string {
  const SKIPPED = new Set(["script", "noscript", "style", "link", "meta", "base", "template"]);
  const ATTRIBUTES_LEFT_OUT =
    /^(on|_on|rr_|data-rr|xmlns|autocomplete$|value$|checked$|selected$|nonce$|integrity$|crossorigin$|target$|rel$|action$)/;
  const ADDRESSES = new Set(["href", "src", "action", "poster", "xlink:href"]);
  const REPLAY_CLASSES = new Set([":hover", "rrweb-paused", ":active", ":focus"]);
  const lines: string[] = [];

  const squeeze = (text: string) => text.replace(/\s+/g, " ").trim();

  const attribute = (element: Element, name: string, value: string): string | null => {
    const frame = element.localName === "iframe" && name === "src";
    if (frame || ATTRIBUTES_LEFT_OUT.test(name)) return null;
    if (name === "class") {
      const classes = value.split(/\s+/).filter((one) => one !== "" && !REPLAY_CLASSES.has(one));
      return classes.length === 0 ? null : `class=${JSON.stringify(classes.join(" "))}`;
    }
    if (ADDRESSES.has(name) && element.namespaceURI === "http://www.w3.org/1999/xhtml") {
      return `${name}=${JSON.stringify(URL.parse(value, element.ownerDocument.baseURI)?.href ?? value)}`;
    }
    return `${name}=${JSON.stringify(squeeze(value))}`;
  };

  const state = (element: Element): string => {
    const tag = element.localName;
    if (tag === "input") {
      const field = element as HTMLInputElement;
      return field.type === "checkbox" || field.type === "radio"
        ? ` checked:${field.checked}`
        : ` value:${JSON.stringify(field.value)}`;
    }
    if (tag === "textarea") return ` value:${JSON.stringify((element as HTMLTextAreaElement).value)}`;
    if (tag === "select") return ` value:${JSON.stringify((element as HTMLSelectElement).value)}`;
    return "";
  };

  const write = (node: Node, depth: number): void => {
    const indent = "  ".repeat(depth);
    if (node.nodeType === 1) {
      // Every node of type 1 is an element, whichever frame made it (so `instanceof` would not say so).
      const element = node as Element;
      if (SKIPPED.has(element.localName)) return;
      if (element.localName === "head") {
        lines.push(`${indent}<title> ${squeeze(element.querySelector("title")?.textContent ?? "")}`);
        return;
      }
      const attributes = [...element.attributes].flatMap(({ name, value }) => attribute(element, name, value) ?? []).sort();
      lines.push(`${indent}<${[element.localName, ...attributes].join(" ")}>${state(element)}`);
      if (element.shadowRoot) {
        lines.push(`${indent}  #shadow`);
        writeChildren(element.shadowRoot, depth + 2);
      }
      if (element.localName === "iframe") {
        const inner = (element as HTMLIFrameElement).contentDocument;
        lines.push(`${indent}  #frame${inner === null ? " closed" : ""}`);
        if (inner) writeChildren(inner, depth + 2);
      } else if (element.localName !== "textarea") writeChildren(element, depth + 1);
    }
  };

  const writeChildren = (parent: Node, depth: number): void => {
    let text = "";
    const flush = () => {
      if (squeeze(text) !== "") lines.push(`${"  ".repeat(depth)}${JSON.stringify(squeeze(text))}`);
      text = "";
    };
    for (const child of parent.childNodes) {
      if (child.nodeType === 3) text += child.nodeValue ?? "";
      else if (child.nodeType === 1) {
        flush();
        write(child, depth);
      }
    }
    flush();
  };

  writeChildren(root, 0);
  return lines.join("\n");
}
