/**
 * The preview: shows the page's owner, over his page, what would be recorded of it. A script of its own, which the tracker loads when it is
 * asked for one (`?wb-preview`, `handle.preview()`); nothing is sent or stored meanwhile. Works under `default-src 'self'`.
 */

import { EventType, Replayer, type eventWithTime } from "rrweb";
import type { Draft } from "./batcher.ts";
import { repairStyles } from "./preview-styles.ts";
import type { PreviewFeed } from "./modules.ts";

/** Newest notes that stay in the list. */
const MAX_NOTES = 200;
/** The recorder sends moves of the mouse half a second late. */
const BEHIND_MS = 600;

const STYLE = `
  :host { all: initial; position: fixed; z-index: 2147483647; inset: 0 0 0 50%; font: 14px/1.4 system-ui, sans-serif; color: #101828; }
  :host(.over) { inset: 0; }
  section { display: flex; flex-direction: column; height: 100%; background: #f2f4f7; border-left: 2px solid #475467; box-sizing: border-box; }
  header { padding: 8px 12px; background: #fff; border-bottom: 1px solid #d0d5dd; }
  h1 { font-size: 15px; margin: 0; }
  p { margin: 2px 0 6px; color: #475467; }
  button { font: inherit; padding: 3px 10px; margin-right: 6px; border: 1px solid #98a2b3; border-radius: 6px; background: #fff; color: inherit; cursor: pointer; }
  button:focus-visible { outline: 2px solid #1570ef; outline-offset: 1px; }
  .stage { position: relative; flex: 3; overflow: hidden; background: #98a2b3; }
  .stage > div { transform-origin: 0 0; position: absolute; }
  .stage iframe { border: 0; background: #fff; }
  .replayer-mouse { position: absolute; width: 14px; height: 14px; margin: -7px; border-radius: 50%; background: #1570ef99; }
  .replayer-mouse-tail { display: none; }
  ol { flex: 1; margin: 0; padding: 6px 12px; overflow: auto; background: #fff; border-top: 1px solid #d0d5dd; list-style: none; font-size: 12px; }
  li { overflow-wrap: anywhere; padding: 1px 0; }
  b { color: #344054; }
`;

function start(feed: PreviewFeed): void {
  const host = document.createElement("div");
  // Not a part of what it shows.
  host.className = "wb-block wb-preview";
  host.setAttribute("role", "complementary");
  host.setAttribute("aria-label", "What would be recorded of this page");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];

  const section = add(root, "section");
  const header = add(section, "header");
  add(header, "h1", "Watchback preview");
  const { rules } = feed;
  const typed = rules.maskAllInputs ? "hidden" : "shown, except passwords and card fields";
  add(header, "p", `This is all that would be recorded. Nothing is sent. Text: ${rules.maskText}. What is typed: ${typed}.`);
  if (!feed.isHeard)
    add(
      header,
      "p",
      "The project's own rules are not known in this browser yet and may be stricter: load the page once without the preview.",
    );
  const wider = add(header, "button", "Cover the page");
  wider.addEventListener("click", () => {
    const isOver = host.classList.toggle("over");
    wider.textContent = isOver ? "Beside the page" : "Cover the page";
    fit();
  });
  add(header, "button", "Close").addEventListener("click", () => {
    removeEventListener("resize", fit);
    replayer.destroy();
    host.remove();
    feed.stop();
  });
  const stage = add(section, "div");
  stage.className = "stage";
  const notes = add(section, "ol");
  document.documentElement.append(host);

  const replayer = new Replayer([], {
    root: stage,
    liveMode: true,
    // Events of the past would never reach the page otherwise.
    useVirtualDom: false,
    mouseTail: false,
    showWarning: false,
    triggerFocus: false,
  });
  let width = innerWidth;

  function fit(): void {
    replayer.wrapper.style.transform = `scale(${Math.min(1, stage.clientWidth / width)})`;
  }

  function note(kind: string, text: string): void {
    const line = add(notes, "li");
    add(line, "b", `${kind} `);
    line.append(text);
    while (notes.childElementCount > MAX_NOTES) notes.firstElementChild?.remove();
    notes.scrollTop = notes.scrollHeight;
  }

  function show(draft: Draft): void {
    // The tracker's own text: an array of rrweb events.
    for (const event of JSON.parse(draft.json) as eventWithTime[]) {
      if (event.type === EventType.Meta) width = event.data.width;
      replayer.addEvent(event);
      if (event.type === EventType.FullSnapshot) repairStyles(replayer.iframe);
      fit();
    }
    for (const { kind, name = "", text = "", data = {} } of draft.markers) {
      const facts = Object.keys(data).length ? JSON.stringify(data) : "";
      note(kind, [name, text, facts].filter(Boolean).join(" · "));
    }
  }

  addEventListener("resize", fit);
  const { url, title, referrer, userId } = feed.start();
  note("page", [url, title].join(" · "));
  if (referrer) note("came from", referrer);
  if (userId) note("user", userId);
  replayer.startLive(Date.now() - BEHIND_MS);
  for (const draft of feed.drafts.splice(0)) show(draft);
  feed.drafts.push = (...drafts) => {
    for (const draft of drafts) show(draft);
    return 0;
  };
}

function add<K extends keyof HTMLElementTagNameMap>(parent: Node, name: K, text = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  element.textContent = text;
  parent.appendChild(element);
  return element;
}

const script = document.currentScript;
// Put there by the tracker of this page.
if (script && "feed" in script) start(script.feed as PreviewFeed);
