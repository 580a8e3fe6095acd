/**
 * Faults of the pinned recorder (`@rrweb/record` 2.1.6), put right while the tracker is built. Each is a small change of its source; where
 * the source is not what it was, the build fails, so that a new version is looked at before it is used.
 */

/** A piece of the recorder's source and what stands there instead. */
interface Fix {
  /** What goes wrong without it. */
  why: string;
  find: string;
  /** With `upTo`, everything from `find` to there (and not including it) is replaced. */
  upTo?: string;
  put: string;
  /** How often `find` occurs; 1 unless said. */
  times?: number;
}

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
];

/** Fields are set like any other property, which is shorter; nothing here depends on how. */
const FIELD = /__publicField\(this, "(\w+)"(?:\);|, )/g;

/**
 * Applies every fix.
 * @throws Error that names the fix whose place was not found
 */
export function fixRecorder(source: string): string {
  let fixed = source;
  for (const { why, find, upTo, put, times = 1 } of FIXES) {
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
  return fixed.replace(FIELD, (call, name: string) => (call.endsWith(", ") ? `(this.${name} = ` : ""));
}
