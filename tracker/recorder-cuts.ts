/** What the recorder need not do for us: options that are never set otherwise, browsers that are no more, and what can be said in fewer words. */

/** A piece of the recorder's source and what stands there instead. */
export interface Fix {
  /** What goes wrong without it, or why it can go. */
  why: string;
  find: string;
  /** With `upTo`, everything from `find` to there (and not including it) is replaced. */
  upTo?: string;
  put: string;
  /** How often `find` occurs; 1 unless said. */
  times?: number;
}

/** Applied behind the faults that are put right. */
export const CUTS: readonly Fix[] = [
  {
    why: "every window says where it is scrolled to",
    find: `  const doc = win.document;\n  return {\n    left: doc.scrollingElement`,
    upTo: `}\nfunction getWindowHeight`,
    put: `  return { left: win.pageXOffset, top: win.pageYOffset };\n`,
  },
  {
    why: "and how large it is",
    find: `  return window.innerHeight || `,
    upTo: `}\nfunction closestElementOfNode`,
    put: `  return window.innerHeight;\n}\nfunction getWindowWidth() {\n  return window.innerWidth;\n`,
  },
  { why: "browsers know the time", find: `if (!/* @__PURE__ */ /[1-9][0-9]{12}/`, upTo: `function patch(`, put: `` },
  { why: "nobody freezes the page", find: `  freeze() {\n    this.frozen = true;`, upTo: `  lock() {`, put: `` },
  { why: "the same", find: `    if (this.frozen || this.locked) {`, put: `    if (this.locked) {` },
  { why: "the same", find: `    __publicField(this, "frozen", false);\n`, put: `` },
  { why: "the same", find: `    if (((_a2 = mutationBuffers[0])`, upTo: `    emit(e, isCheckout);`, put: `` },
  {
    why: "how often moves are taken down is not chosen",
    find: `  if (sampling.mousemove === false) {`,
    upTo: `  let positions = [];`,
    put: `  const threshold = 50;\n  const callbackThreshold = 500;\n`,
  },
  {
    why: "nor which interactions",
    find: `  if (sampling.mouseInteraction === false) {`,
    upTo: `  const handlers = [];\n  let currentPointerType`,
    put: ``,
  },
  {
    why: "the same",
    find: `(key) => Number.isNaN(Number(key)) && !key.endsWith("_Departed") && disableMap[key] !== false`,
    put: `(key) => !key.endsWith("_Departed")`,
  },
  { why: "nor how often it is scrolled", find: `sampling.scroll || 100`, put: `100` },
  { why: "nor what media say", find: `sampling.media || 500`, put: `500` },
  {
    why: "nor what fields say",
    find: `sampling.input === "last" ? ["change"] : ["input", "change"]`,
    put: `["input", "change"]`,
  },
  {
    why: "nothing of the document is ignored, not even white space",
    find: `  } else if (!preserveWhiteSpace && `,
    upTo: `  } else {\n    id = genId();`,
    put: ``,
  },
  { why: "the same", find: `  if (id === IGNORED_NODE) {\n    return null;\n  }\n`, put: `` },
  { why: "the same", find: `  let { preserveWhiteSpace = true } = options;\n`, put: `` },
  {
    why: "the same",
    find: `      if (isIgnored(m.target, this.mirror, this.slimDOMOptions)) {\n        return;\n      }\n`,
    put: ``,
  },
  { why: "the same", find: `isIgnored(n, this.mirror, this.slimDOMOptions) || `, put: `` },
  {
    why: "the same",
    find: `        if (isIgnored(n, this.mirror, this.slimDOMOptions)) {\n          return;\n        }\n`,
    put: ``,
  },
  { why: "the same", find: `function isIgnored(`, upTo: `function isAncestorRemoved(`, put: `` },
  { why: "the same", find: `        while (nextId === IGNORED_NODE) {`, upTo: `        if (nextId === -1) {`, put: `` },
  {
    why: "options are handed on as they are",
    find: `serializeNode(n, {\n    doc,`,
    upTo: `  if (!_serializedNode) {`,
    put: `serializeNode(n, options);\n`,
  },
  {
    why: "the same, for what is inside",
    find: `    const bypassOptions = {\n      doc,`,
    upTo: `    if (serializedNode.type === NodeType.Element && serializedNode.tagName === "textarea"`,
    put: `    const bypassOptions = { ...options, newlyAddedElement: false, cssCaptured: false };\n`,
  },
  {
    why: "the same, for frames",
    find: `serializeNodeWithId(iframeDoc, {`,
    upTo: `          if (serializedIframeNode) {`,
    put: `serializeNodeWithId(iframeDoc, { ...options, doc: iframeDoc, skipChild: false, newlyAddedElement: false, cssCaptured: false });\n`,
  },
  {
    why: "the same, for style sheets",
    find: `serializeNodeWithId(n, {\n            doc,`,
    upTo: `          if (serializedLinkNode) {`,
    put: `serializeNodeWithId(n, { ...options, skipChild: false, newlyAddedElement: false, cssCaptured: false });\n`,
  },
  {
    why: "the rules of a style in several pieces are shared out by counting them, not by searching the text",
    find: `function splitCssText(`,
    upTo: `let _id = 1;`,
    put: `function markCssSplits(cssText, style) {
  try {
    const rules = Array.from(style.sheet.cssRules, (rule) => stringifyRule(rule, style.baseURI));
    return Array.from(index.childNodes(style), ({ textContent, nextSibling }) => {
      const piece = new CSSStyleSheet();
      if (nextSibling) piece.replaceSync(textContent);
      return rules.splice(0, nextSibling ? piece.cssRules.length : rules.length).join("");
    }).join("/* rr_split */");
  } catch {
    return cssText;
  }
}
`,
  },
  {
    why: "what is blocked has a class, not a pattern of them",
    find: `    if (typeof blockClass === "string") {\n      if (element.classList.contains(blockClass)) {\n        return true;\n      }`,
    upTo: `    if (blockSelector) {\n      return element.matches(blockSelector);`,
    put: `    if (element.classList.contains(blockClass)) return true;\n`,
  },
  { why: "the same", find: `function classMatchesRegex(`, upTo: `const iframeListeners = `, put: `` },
  {
    why: "the same",
    find: `    if (typeof blockClass === "string") {\n      if (el.classList.contains(blockClass)) return true;\n      if (checkAncestors && el.closest("." + blockClass) !== null) return true;`,
    upTo: `  } catch (e) {\n  }\n  if (blockSelector) {`,
    put: `    if (checkAncestors ? el.closest("." + blockClass) : el.classList.contains(blockClass)) return true;\n`,
  },
];
