/**
 * Dead clicks (something that looks as if it could be clicked, and nothing came of it) and error clicks (an error came of it). What comes of a
 * click is read from the recorder's events; beside those only what changes nothing of the document is listened for.
 */

import { CHANGES_NOTHING, EVENT } from "../recorded-event.ts";
import type { Marker } from "../../protocol/markers.ts";
import type { Capture } from "./capture.ts";
import { isSelected } from "./clicks.ts";

/** So long something may take to come of a click. */
const DEAD_MS = 2_000;
const ERROR_MS = 1_000;
const LOOKS_CLICKABLE = "a[href],button,summary,[role=button],[role=link],[role=tab],[role=menuitem],[onclick],input";
/** What the browser answers by itself, without a trace in the document; what says that it cannot be clicked; what draws by itself. */
const ANSWERED_OTHERWISE =
  "select,option,textarea,label,input:not([type=button]):not([type=submit]):not([type=reset]):not([type=image]),[contenteditable],video,audio,canvas,iframe,embed,object,:disabled,[aria-disabled=true],[inert]";
/** Where these change something, or ask for it, the recorder sees nothing. */
const STIRRING_EVENTS = ["toggle", "invalid", "formdata", "copy", "cut", "fullscreenchange"];
/** A mouse button, finger or pen goes down; something gets the focus (rrweb's `MouseInteractions`). */
const PRESSES: ReadonlySet<number | undefined> = new Set([1, 7]);
const FOCUS = 5;

export function captureOutcomes({ host, privacy, mark, hear }: Capture): void {
  /** Clicks of which nothing has come yet, by element: many on one say the same thing. */
  const waiting = new Map<Element, Marker>();
  let last: Marker | undefined;
  let pressedAt = 0;
  let stirredAt = 0;
  const stirred = host.guard(() => {
    stirredAt = Date.now();
    waiting.clear();
  });

  hear("stir", stirred);
  hear("request", stirred);
  hear("leave", stirred);
  hear("event", ({ type, data: { source, type: what } }) => {
    if (type !== EVENT.incremental) return;
    // A button gets the focus before its click; what gets it then was given it.
    if (!CHANGES_NOTHING.has(source)) stirred();
    else if (source === EVENT.interaction) {
      if (PRESSES.has(what)) pressedAt = Date.now();
      if (what === FOCUS) waiting.clear();
    }
  });
  for (const type of STIRRING_EVENTS) host.listen(document, type, stirred);
  // A page that stops its form from being sent does something else with it, or nothing.
  host.listen(document, "submit", (event) => host.after(0, () => event.defaultPrevented || stirred()));
  host.listen(window, "blur", ({ target }) => {
    if (target === window) stirred();
  });
  const calls: readonly [object | undefined, string][] = [
    ...["open", "print", "alert", "confirm", "prompt"].map((name): [object, string] => [window, name]),
    // Of a link that is not in the page: a download; of a hidden field: a file dialog.
    [HTMLElement.prototype, "click"],
    [HTMLMediaElement.prototype, "play"],
    [navigator.clipboard, "write"],
    [navigator.clipboard, "writeText"],
    [navigator, "share"],
    [navigator.geolocation, "getCurrentPosition"],
  ];
  for (const [owner, name] of calls)
    if (owner)
      host.wrap(owner, name, () => {
        stirred();
        return undefined;
      });
  host.onUndo(forget);

  function forget(): void {
    removeEventListener("beforeunload", stirred);
  }

  hear("error", ({ text = "" }) => {
    stirred();
    if (last && Date.now() - last.at < ERROR_MS) mark({ ...last, kind: "error_click", data: { ...last.data, error: text } });
    last = undefined;
  });

  hear("click", ({ event, target, marker }) => {
    last = marker;
    const element = target.closest(LOOKS_CLICKABLE) ?? (getComputedStyle(target).cursor === "pointer" ? target : null);
    if (!element || waiting.has(element) || target.closest(ANSWERED_OTHERWISE) || isSelected(target)) return;
    // What happens within a closed root, or is blocked, is not recorded; what the press did was done before the click.
    const isUnseen = (target.localName.includes("-") && !target.shadowRoot) || privacy.isBlocked(target);
    if (isUnseen || (stirredAt >= pressedAt && event.detail)) return;
    waiting.set(element, marker);
    // Only as long as it is needed: some browsers do not keep pages that listen for it.
    addEventListener("beforeunload", stirred);
    host.after(DEAD_MS, () => {
      const isDead = waiting.get(element) === marker;
      if (isDead) waiting.delete(element);
      if (!waiting.size) forget();
      if (isDead && !isFollowed(event, element) && !isDrawn()) mark({ ...marker, kind: "dead_click" });
    });
  });
}

/** The browser follows the link: to another page, a download, a mail. */
function isFollowed(event: Event, element: Element): boolean {
  const href = element.closest("a[href],area[href]")?.getAttribute("href");
  return !event.defaultPrevented && href !== undefined && href !== null && !/^\s*(?:#$|javascript:)/i.test(href);
}

/** A page that draws itself may have answered there. */
function isDrawn(): boolean {
  return [...document.querySelectorAll("canvas")].some((canvas) => 2 * canvas.clientWidth > innerWidth);
}
