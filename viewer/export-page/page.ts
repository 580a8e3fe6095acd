/** The page that an exported session plays in. Everything recorded is shown as text, or played by rrweb in a frame without scripts. */

import "rrweb-player/dist/style.css";
import "./page.css";
import { formatClock, formatMoment } from "../ui/format.ts";
import { createFilm, type FilmControl } from "./film.ts";
import { CONTROLS_PX, createPlayer, type RecordingPlayer } from "./player.ts";
import { readRecording, type Recording } from "./recording.ts";
import type { Moment, Reel } from "./reels.ts";

declare global {
  var watchbackFilm: FilmControl | undefined;
}

const STEP_MS = 5_000;
const MIN_STAGE_PX = 220;
const KIND_WORDS: Readonly<Record<string, string>> = {
  error: "Error",
  console_error: "Console",
  failed_request: "Request",
  rage_click: "Rage click",
  dead_click: "Dead click",
  navigation: "Navigation",
  page_load: "Page load",
  custom: "Mark",
};

const root = document.getElementById("root");
// A frame that is written into while the page still loads would keep it from ever being loaded.
const recording = new Promise((loaded) => addEventListener("load", loaded, { once: true })).then(readRecording);
if (root && location.hash === "#film") globalThis.watchbackFilm = createFilm(root, recording);
else if (root) void recording.then((read) => show(root, read));

function show(page: HTMLElement, recording: Recording): void {
  const [first] = recording.reels;
  if (!first) {
    page.replaceChildren(element("p", { className: "wait", textContent: "There is nothing in this file that can be played." }));
    return;
  }
  const stage = element("div", { className: "stage" });
  const moments = element("ol", { className: "moments" });
  const choice = element("select", {});
  choice.setAttribute("aria-label", "Browser tab");
  choice.append(...recording.reels.map((reel, index) => new Option(`Tab ${index + 1}: ${reel.name}`, String(index))));
  let player: RecordingPlayer | null = null;

  function open(reel: Reel): void {
    player?.destroy();
    const opened = createPlayer({ target: stage, events: reel.events, ...sizeOf(stage), controls: true });
    player = opened;
    const beginsAt = reel.events[0]?.timestamp ?? 0;
    const from = recording.range ? Math.max(0, recording.range.from - beginsAt) : 0;
    opened.seek(from, false);
    moments.replaceChildren(...reel.moments.map((moment) => row(moment, beginsAt, (offset) => opened.seek(offset, false))));
    side.hidden = reel.moments.length === 0;
    opened.resize(sizeOf(stage).width, sizeOf(stage).height);
  }

  const side = element("section", { className: "side" });
  side.append(element("h2", { textContent: "Moments" }), moments);
  const head = element("header", {});
  head.append(...describe(recording));
  if (recording.reels.length > 1) head.append(choice);
  const body = element("div", { className: "body" });
  body.append(stage, side);
  const foot = element("footer", {
    textContent: `Exported from Watchback on ${formatMoment(recording.exportedAt)}. Nothing is loaded from anywhere: images and fonts of other servers are left out. Space plays and pauses, the arrow keys go ${STEP_MS / 1000} seconds.`,
  });
  page.replaceChildren(head, body, foot);
  open(first);
  choice.addEventListener("change", () => {
    const reel = recording.reels[Number(choice.value)];
    if (reel) open(reel);
  });
  new ResizeObserver(() => {
    const { width, height } = sizeOf(stage);
    player?.resize(width, height);
  }).observe(body);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !player) return;
    if (event.target instanceof HTMLElement && /^(?:SELECT|INPUT|BUTTON)$/.test(event.target.tagName) && event.key === " ")
      return;
    if (event.target instanceof HTMLSelectElement) return;
    if (event.key === " ") player.toggle();
    else if (event.key === "ArrowLeft") player.seek(player.offsetMs() - STEP_MS, false);
    else if (event.key === "ArrowRight") player.seek(player.offsetMs() + STEP_MS, false);
    else return;
    event.preventDefault();
  });
}

function describe(recording: Recording): HTMLElement[] {
  const title = element("h1", { textContent: recording.title === "" ? recording.url : recording.title });
  const beginsAt = recording.range?.from ?? Math.min(...recording.reels.map(({ events }) => events[0]?.timestamp ?? Infinity));
  const words = [recording.userId === "" ? "Visitor" : recording.userId, recording.url, formatMoment(beginsAt)];
  const facts = element("p", { textContent: words.filter((word) => word !== "").join(" · ") });
  const box = element("div", { className: "facts" });
  box.append(title, facts);
  if (!recording.isDamaged) return [box];
  return [box, element("p", { className: "damaged", textContent: "A part of the recording cannot be read, and is left out." })];
}

function row(moment: Moment, beginsAt: number, seek: (offsetMs: number) => void): HTMLElement {
  const offset = Math.max(0, moment.at - beginsAt);
  const button = element("button", { type: "button", className: `moment ${moment.kind}` });
  button.append(
    element("span", { className: "at", textContent: formatClock(offset) }),
    element("strong", { textContent: KIND_WORDS[moment.kind] ?? moment.kind }),
    element("span", { className: "text", textContent: moment.text }),
  );
  button.addEventListener("click", () => seek(offset));
  const item = element("li", {});
  item.append(button);
  return item;
}

function sizeOf(stage: HTMLElement): { width: number; height: number } {
  const { clientWidth, clientHeight } = stage;
  return { width: clientWidth, height: Math.max(MIN_STAGE_PX, clientHeight - CONTROLS_PX) };
}

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  fields: Partial<Pick<HTMLElementTagNameMap[K], keyof HTMLElementTagNameMap[K]>>,
): HTMLElementTagNameMap[K] {
  return Object.assign(document.createElement(name), fields);
}
