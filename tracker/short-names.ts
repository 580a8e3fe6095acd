/**
 * Names inside the recorder that are long and known to nobody else: neither the browser, nor an event, nor a page. The build shortens them,
 * which is 0.4 KB of what a page loads. A name that somebody else may know does not belong here.
 */
const RECORDER_NAMES: readonly string[] = [
  "idNodeMap",
  "nodeMetaMap",
  "styleIDMap",
  "idStyleMap",
  "attributeMap",
  "mapRemoves",
  "movedMap",
  "addedSet",
  "movedSet",
  "droppedSet",
  "removesSubTreeCache",
  "mutationCb",
  "mousemoveCb",
  "mouseInteractionCb",
  "scrollCb",
  "viewportResizeCb",
  "inputCb",
  "mediaInteractionCb",
  "styleSheetRuleCb",
  "styleDeclarationCb",
  "selectionCb",
  "customElementCb",
  "adoptedStyleSheetCb",
  "iframeManager",
  "stylesheetManager",
  "shadowDomManager",
  "processedNodeManager",
  "unattachedDoc",
  "processMutations",
  "processMutation",
  "genTextAreaValueMutation",
  "genAdds",
  "crossOriginIframeMap",
  "loadListener",
  "shadowDoms",
  "bypassOptions",
  "restoreHandlers",
  "resetObservers",
  "trackedLinkElements",
  "styleMirror",
  "generateIdFn",
  "getMeta",
  "removeNodeFromMap",
  "getStyle",
  "addIframe",
  "addLoadListener",
  "attachIframe",
  "addShadowRoot",
  "observeAttachShadow",
  "patchAttachShadow",
  "attachLinkElement",
  "trackLinkElement",
  "adoptStyleSheets",
  "trackStylesheetInLinkElement",
  "inOtherBuffer",
  "onSerialize",
  "onIframeLoad",
  "onStylesheetLoad",
  "iframeLoadTimeout",
  "stylesheetLoadTimeout",
  "newlyAddedElement",
  "preserveWhiteSpace",
  "skipChild",
  "cssCaptured",
];

/** Gives each of them a name of two characters, wherever it stands in the recorder's source. */
export function shortenNames(source: string): string {
  const all = new RegExp(`\\b(?:${RECORDER_NAMES.join("|")})\\b`, "g");
  return source.replace(all, (name) => `$${RECORDER_NAMES.indexOf(name).toString(36)}`);
}

/**
 * The same for names of the tracker's own and of the recorder that are known nowhere else: not to pages, not to the wire, not to what is kept
 * on the device, and not to the scripts that are loaded later (`modules.ts`). Given to the minifier, which knows properties from other words.
 */
export const TRACKER_NAMES =
  /^(?:onStricter|flushNow|unsent|pausedMs|pumpTail|sendTail|isCheckoutDue|renumber|rewind|isSampled|hostFetch|isUsable|onRefused|onGone|isWithdrawn|styleDiff|_unchangedStyles|needBlock|recordDOM|recordAfter|setLimits|isReady|isBusy|comeBack|onMessage|pausedUntil|wayOf|idleMs)$/;
