/**
 * Faults of the pinned recorder (`@rrweb/record` 2.1.6), put right while the tracker is built. Each is a small change of its source; where
 * the source is not what it was, the build fails, so that a new version is looked at before it is used.
 */

import { CUTS, type Fix } from "./recorder-cuts.ts";
import { shortenNames } from "./short-names.ts";

const FIXES: readonly Fix[] = [
  {
    why: "every full snapshot adds a further set of observers to each same-origin iframe: after 20, one change makes 20 events",
    find: `        handlers.push(observe(iframeEl.contentDocument));`,
    put: `        if (!observedDocuments.has(iframeEl.contentDocument)) {
          observedDocuments.add(iframeEl.contentDocument);
          handlers.push(observe(iframeEl.contentDocument));
        }`,
  },
  {
    why: "the documents that are observed, one set for each recording",
    find: `    iframeManager.addLoadListener((iframeEl) => {`,
    put: `    const observedDocuments = new WeakSet();
    iframeManager.addLoadListener((iframeEl) => {`,
  },
  {
    why: "every full snapshot adds a further load listener to each iframe, and all of them answer when it navigates",
    find: `iframeEl.addEventListener("load", `,
    put: `listenToIframe(iframeEl, `,
    times: 3,
  },
  {
    why: "the one load listener of an iframe",
    find: `function onceIframeLoaded(iframeEl, listener, iframeLoadTimeout) {`,
    put: `const iframeListeners = new WeakMap();
function listenToIframe(iframeEl, listener) {
  iframeEl.removeEventListener("load", iframeListeners.get(iframeEl));
  iframeListeners.set(iframeEl, listener);
  iframeEl.addEventListener("load", listener);
}
function onceIframeLoaded(iframeEl, listener, iframeLoadTimeout) {`,
  },
  {
    why: "an iframe that loads after the recording stopped is observed again",
    find: `        if (iframeDoc && onIframeLoad) {`,
    put: `        if (iframeDoc && onIframeLoad && recording) {`,
  },
  {
    why: "the content of a blocked iframe is recorded",
    find: `  if (serializedNode.type === NodeType.Element && serializedNode.tagName === "iframe") {`,
    put: `  if (serializedNode.type === NodeType.Element && serializedNode.tagName === "iframe" && !_isBlockedElement(n, blockClass, blockSelector)) {`,
  },
  {
    why: "buffers of shadow roots are kept for ever, one more for each root and full snapshot",
    find: `    const [observer] = initMutationObserver(`,
    put: `    const [observer, , buffer] = initMutationObserver(`,
  },
  {
    why: "hands out the buffer for the one above",
    find: `  return [observer, iframeCleanup];`,
    put: `  return [observer, iframeCleanup, mutationBuffer];`,
  },
  {
    why: "lets the buffer go",
    find: `    this.restoreHandlers.push(() => observer.disconnect());`,
    put: `    this.restoreHandlers.push(() => {
      observer.disconnect();
      mutationBuffers.splice(mutationBuffers.indexOf(buffer), 1);
    });`,
  },
  {
    why: "the loop goes on while its list gets shorter",
    find: `    mutationBuffers.forEach((b) => b.reset());`,
    put: `    [...mutationBuffers].forEach((b) => b.reset());`,
  },
  {
    why: "buffers of documents are kept after the recording stopped",
    find: `      processedNodeManager.destroy();
      recording = false;`,
    put: `      processedNodeManager.destroy();
      mutationBuffers.length = 0;
      recording = false;`,
  },
  {
    why: "canvases are not recorded: no blob worker, which a strict policy refuses, and 2 KB less",
    find: `    if (recordCanvas && sampling === "all")`,
    upTo: `  }
  reset() {
    this.pendingCanvasMutations.clear();`,
    put: ``,
  },
  {
    why: "the same: what draws canvases",
    find: `  initCanvasFPSObserver(fps, win,`,
    upTo: `}\nclass StylesheetManager`,
    put: ``,
  },
  {
    why: "the same: the state of a canvas in a snapshot",
    find: `  if (tagName === "canvas" && recordCanvas) {`,
    upTo: `  if (tagName === "img" && inlineImages) {`,
    put: ``,
  },
  {
    why: "images are not inlined",
    find: `  if (tagName === "img" && inlineImages) {`,
    upTo: `  if (["audio", "video"].includes(tagName)) {`,
    put: ``,
  },
  { why: "the same: its worker", find: `const jsContent = `, upTo: `class CanvasManager {`, put: `` },
  {
    why: "frames of other origins are not recorded: they would have to tell everything to any page that embeds them",
    find: `  handleMessage(message) {`,
    upTo: `}\nclass ShadowDomManager`,
    put: ``,
  },
  { why: "the same: their node ids", find: `class CrossOriginIframeMirror {`, upTo: `class IframeManager {`, put: `` },
  {
    why: "the same: where they were kept",
    find: `    __publicField(this, "crossOriginIframeMirror", new CrossOriginIframeMirror(genId));\n`,
    put: ``,
  },
  {
    why: "the same: and for styles",
    find: `    this.crossOriginIframeStyleMirror = new CrossOriginIframeMirror(`,
    upTo: `    this.mirror = options.mirror;\n    if (this.recordCrossOriginIframes)`,
    put: ``,
  },
  { why: "the same: its manager", find: `class CanvasManager {`, upTo: `class StylesheetManager {`, put: `` },
  {
    why: "the same: it is made",
    find: `  canvasManager = new CanvasManager({`,
    upTo: `  const shadowDomManager = new ShadowDomManager({`,
    put: ``,
  },
  { why: "fonts are not collected", find: `function initFontObserver(`, upTo: `function initSelectionObserver(`, put: `` },
  { why: "the same", find: `    if (o.collectFonts) {\n      fontObserver = initFontObserver(o);\n    }\n`, put: `` },
  { why: "no hooks", find: `function mergeHooks(`, upTo: `function initObservers(`, put: `` },
  { why: "the same", find: `  mergeHooks(o, hooks);\n`, put: `` },
  {
    why: "no plugins",
    find: `  for (const plugin of o.plugins) {`,
    upTo: `  return callbackWrapper(() => {\n    [...mutationBuffers]`,
    put: ``,
  },
  { why: "the same", find: `    pluginHandlers.forEach((h) => h());\n`, put: `` },
  {
    why: "the same",
    find: `  for (const plugin of plugins || []) {\n    if (plugin.getMirror)`,
    upTo: `  const processedNodeManager = `,
    put: ``,
  },
  { why: "the same", find: `          plugins: (`, upTo: `        },\n        hooks\n`, put: `` },
  {
    why: "events are neither packed nor given to a parent",
    find: `  const eventProcessor = `,
    upTo: `  wrappedEmit = (r`,
    put: ``,
  },
  {
    why: "the same, and checkouts are made elsewhere",
    find: `    if (inEmittingFrame) {\n      emit ==`,
    upTo: `  const wrappedMutationEmit = `,
    put: `    emit(e, isCheckout);\n  };\n`,
  },
  { why: "the same", find: `  const inEmittingFrame = `, upTo: `  mirror.reset();`, put: `` },
  {
    why: "which inputs are masked is always said",
    find: `  mirror.reset();\n  const maskInputOptions = maskAllInputs === true ? {`,
    upTo: `  polyfill();`,
    put: `  mirror.reset();\n  const maskInputOptions = _maskInputOptions;\n`,
  },
  {
    why: "the same",
    find: `  const maskInputOptions = maskAllInputs === true ? {`,
    upTo: `  const slimDOMOptions = slimDOMDefaults(slimDOM);`,
    put: `  const maskInputOptions = maskAllInputs;\n`,
  },
  { why: "nothing is left out of the document", find: `  const slimDOMOptions = slimDOMDefaults(slimDOM);\n`, put: `` },
  { why: "the same", find: `function slimDOMDefaults(`, upTo: `function serializeNodeWithId(`, put: `` },
  { why: "the same", find: `slimDOMExcluded(_serializedNode, slimDOMOptions) || `, put: `` },
  { why: "the same", find: `    if (slimDOMOptions.headWhitespace &&`, upTo: `    const bypassOptions = {`, put: `` },
  {
    why: "the same",
    find: `  if (n.tagName === "TITLE" && slimDOMOptions.headTitleMutations) {\n    return true;\n  }\n`,
    put: ``,
  },
  { why: "text is masked elsewhere", find: `function needMaskingText(`, upTo: `const iframeListeners = `, put: `` },
  {
    why: "the same",
    find: `  if (!needsMask) {\n    const checkAncestors`,
    upTo: `  const _serializedNode = serializeNode(`,
    put: ``,
  },
  { why: "the same", find: `value: needMaskingText(`, upTo: `              node: m.target\n            });`, put: `value,\n` },
  {
    why: "nobody imports the old mirror",
    find: `const DEPARTED_MIRROR_ACCESS_WARNING = `,
    upTo: `function throttle(`,
    put: ``,
  },
  { why: "there are no nodes but the browser's", find: `class BaseRRNode {`, upTo: `function on(type`, put: `` },
  {
    why: "the same",
    find: `  if (n instanceof BaseRRNode && "shadowRoot" in n) {\n    return Boolean(n.shadowRoot);\n  }\n`,
    put: ``,
  },
  { why: "browsers have these", find: `  polyfill();\n`, put: `` },
  { why: "custom events come by another way", find: `record.addCustomEvent = `, upTo: `record.takeFullSnapshot = `, put: `` },
  {
    why: "the same",
    find: `  if (!isStyle && !isScript && textContent2 && needsMask) {`,
    upTo: `  return {\n    type: NodeType.Text,`,
    put: ``,
  },
  { why: "the same", find: `  const { needsMask, maskTextFn, rootId, cssCaptured }`, put: `  const { rootId, cssCaptured }` },
  { why: "who set a field is not told", find: `userTriggeredOnInput ? { text, isChecked, userTriggered } : `, put: `` },
  {
    why: "the same",
    find: `userTriggeredOnInput ? { text: text2, isChecked: !isChecked, userTriggered: false } : `,
    put: ``,
  },
  {
    why: "frames of other origins are not listened to",
    find: `    if (this.recordCrossOriginIframes) {`,
    upTo: `  }\n  addIframe(`,
    put: ``,
  },
  { why: "the same", find: `    if (this.recordCrossOriginIframes)\n`, upTo: `    (_b = this.loadListener)`, put: `` },
  { why: "the same", find: `    this.recordCrossOriginIframes = options.recordCrossOriginIframes;\n`, put: `` },
  {
    why: "the same, and events of canvases and fonts",
    find: `          canvasMutationCb: wrappedCanvasMutationEmit,`,
    upTo: `          selectionCb: (p) => {`,
    put: ``,
  },
  { why: "the same", find: `  const wrappedCanvasMutationEmit = `, upTo: `  const wrappedAdoptedStyleSheetEmit = `, put: `` },
  { why: "no message of its own in the console", find: `    console.warn(n, "not serialized");\n`, put: `` },
  {
    why: "the same",
    find: `          console.warn(
            "Couldn't record new node. Couldn't find mirror id for nextSibling:",
            nextSibling2
          );
`,
    put: ``,
  },
  { why: "the same", find: `console.warn(\`Custom element callback failed for \${name}\`);`, put: `` },
];

/** An enumeration as the compiler leaves it, an object that is read both ways; and one of its lines. */
const ENUM = /^var (\w+) = \/\* @__PURE__ \*\/ \(\((\w+)\) => \{\n([^]*?) {2}return \2;\n\}\)\(\1 \|\| \{\}\);\n/gm;
const MEMBER = /\["(\w+)"\] = (\d+)\]/g;

/** Puts numbers where enumerations are read; what is read by a name that is only known later stays an object. */
function inlineEnums(source: string): string {
  const found = [...source.matchAll(ENUM)].map(([whole, name = "", , body = ""]) => ({
    whole,
    name,
    members: [...body.matchAll(MEMBER)].map(([, member = "", value = ""]) => [member, value] as const),
  }));
  if (found.length === 0) throw new Error("the recorder's enumerations are not where they were");
  return found.reduce((text, { whole, name, members }) => {
    const values = new Map(members);
    const inlined = text
      .replace(whole, "")
      .replace(new RegExp(`\\b${name}\\.(\\w+)`, "g"), (read, member: string) => values.get(member) ?? read);
    const isReadLater = new RegExp(`\\b${name}\\b`).test(inlined);
    const literal = members.map(([member, value]) => `"${member}": ${value}`).join(", ");
    return isReadLater ? `const ${name} = { ${literal} };\n${inlined}` : inlined;
  }, source);
}

/** Fields are set like any other property, which is shorter; nothing here depends on how. */
const FIELD = /__publicField\(this, "(\w+)"(?:\);|, )/g;

/** Options that are only handed on, a line each, now that nobody reads them. */
const UNUSED =
  /^ *"?(?:dataURLOptions|inlineImages|recordCanvas|userTriggeredOnInput|collectFonts|recordCrossOriginIframes|hooks|packFn|mousemoveWait|plugins|checkoutEveryN(?:ms|th)|maskText(?:Class|Selector|Fn)|needsMask|slimDOM(?:Options)?|canvasManager|sampling|preserveWhiteSpace)"?(?:: (?:_slimDOMOptions|slimDOMOptions|this\.\w+))?(?: = [^\n]*)?,?\n|^ *this\.canvasManager\.\w+\(\);\n|^let canvasManager;\n|^ *let \{ needsMask \} = options;\n/gm;

/**
 * Applies every fix.
 * @throws Error that names the fix whose place was not found
 */
export function fixRecorder(source: string): string {
  let fixed = source;
  for (const { why, find, upTo, put, times = 1 } of [...FIXES, ...CUTS]) {
    const found = fixed.split(find).length - 1;
    if (found !== times) throw new Error(`recorder fix found ${found} times instead of ${times}: ${why}`);
    if (upTo === undefined) {
      fixed = fixed.split(find).join(put);
      continue;
    }
    const start = fixed.indexOf(find);
    const end = fixed.indexOf(upTo, start);
    if (end < 0) throw new Error(`recorder fix found no end: ${why}`);
    fixed = fixed.slice(0, start) + put + fixed.slice(end);
  }
  return shortenNames(
    inlineEnums(fixed)
      .replace(UNUSED, "")
      .replace(FIELD, (call, name: string) => (call.endsWith(", ") ? `(this.${name} = ` : "")),
  );
}
