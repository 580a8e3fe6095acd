/** Names and states for the controls of rrweb-player, which it draws without any: for keyboards and screen readers. */

import { formatClock } from "../ui/format.ts";

/** What is told of a player, in the words of rrweb-player. */
export interface PlayerTold {
  addEventListener(event: string, handler: (params: unknown) => unknown): void;
}

/** Names what is inside `target`, and keeps the names true while it plays. */
export function nameControls(target: HTMLElement, player: PlayerTold, totalMs: number): void {
  const line = target.querySelector<HTMLElement>(".rr-progress");
  const buttons = [...target.querySelectorAll<HTMLButtonElement>(".rr-controller__btns > button")];
  const [play] = buttons;
  const speeds = buttons.slice(1, -1);
  const whole = buttons.at(-1);
  const skip = target.querySelector<HTMLInputElement>('.rr-controller__btns input[type="checkbox"]');

  skip?.setAttribute("aria-label", "Skip inactive time");
  whole?.setAttribute("aria-label", "Full screen");
  play?.setAttribute("aria-label", "Play");
  if (line) {
    // The arrow keys are those of the whole page.
    line.tabIndex = 0;
    for (const [name, value] of [
      ["role", "slider"],
      ["aria-label", "Time"],
      ["aria-valuemin", "0"],
      ["aria-valuemax", String(Math.ceil(totalMs / 1000))],
    ] as const)
      line.setAttribute(name, value);
  }
  tellTime(line, 0);
  requestAnimationFrame(() => tellSpeed(speeds));

  player.addEventListener("ui-update-current-time", (told) => tellTime(line, payloadOf(told)));
  player.addEventListener("ui-update-player-state", (told) =>
    play?.setAttribute("aria-label", payloadOf(told) === "playing" ? "Pause" : "Play"),
  );
  // The player marks the button a moment after it was pressed.
  for (const one of speeds) one.addEventListener("click", () => requestAnimationFrame(() => tellSpeed(speeds)));
}

function tellTime(line: HTMLElement | null, atMs: unknown): void {
  const seconds = typeof atMs === "number" ? Math.floor(atMs / 1000) : 0;
  if (!line || line.getAttribute("aria-valuenow") === String(seconds)) return;
  line.setAttribute("aria-valuenow", String(seconds));
  line.setAttribute("aria-valuetext", formatClock(seconds * 1000));
}

function tellSpeed(speeds: readonly HTMLButtonElement[]): void {
  for (const one of speeds) one.setAttribute("aria-pressed", String(one.classList.contains("active")));
}

function payloadOf(told: unknown): unknown {
  return typeof told === "object" && told !== null && "payload" in told ? told.payload : null;
}
