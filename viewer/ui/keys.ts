/** What the keys of the session page do, in one table: the handler and the help read the same. */

export type Action =
  | "toggle"
  | "back"
  | "forward"
  | "back10"
  | "forward10"
  | "previous"
  | "next"
  | "error"
  | "live"
  | "skip"
  | "slower"
  | "faster"
  | "help";

interface KeyRow {
  action: Action;
  /** `KeyboardEvent.key`, with `shift+` where it has to be held. */
  keys: readonly string[];
  /** How the key is written on the screen. */
  shown: string;
  does: string;
}

export const KEYS: readonly KeyRow[] = [
  { action: "toggle", keys: [" ", "k"], shown: "space", does: "Play or pause" },
  { action: "back", keys: ["ArrowLeft"], shown: "←", does: "Back five seconds" },
  { action: "forward", keys: ["ArrowRight"], shown: "→", does: "Forward five seconds" },
  { action: "back10", keys: ["shift+ArrowLeft"], shown: "shift ←", does: "Back ten seconds" },
  { action: "forward10", keys: ["shift+ArrowRight"], shown: "shift →", does: "Forward ten seconds" },
  { action: "previous", keys: ["["], shown: "[", does: "Marker before" },
  { action: "next", keys: ["]"], shown: "]", does: "Next marker" },
  { action: "error", keys: ["e"], shown: "E", does: "Next error, from ten seconds before it" },
  { action: "live", keys: ["l"], shown: "L", does: "To the live edge" },
  { action: "skip", keys: ["s"], shown: "S", does: "Skip times without activity" },
  { action: "slower", keys: ["<", ","], shown: "<", does: "Slower" },
  { action: "faster", keys: [">", "."], shown: ">", does: "Faster" },
  { action: "help", keys: ["?"], shown: "?", does: "This list" },
];

/** The action of a key press, or null: none for keys with Ctrl, Alt or Meta, and none while somebody types or is in a menu. */
export function actionOf(event: KeyboardEvent): Action | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return null;
  if (event.target instanceof Element && isTakingKeys(event.target, event.key)) return null;
  const withShift = `shift+${event.key}`;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const row = KEYS.find(
    ({ keys }) => (event.shiftKey && keys.includes(withShift)) || (keys.includes(name) && !isShiftedArrow(event)),
  );
  return row?.action ?? null;
}

function isShiftedArrow(event: KeyboardEvent): boolean {
  return event.shiftKey && event.key.startsWith("Arrow");
}

function isTakingKeys(target: Element, key: string): boolean {
  if (target.closest("input, textarea, select, [contenteditable], [role=menu], [role=dialog], [role=radiogroup]")) return true;
  return (key === " " || key === "Enter") && target.closest("button, a, summary, [role=tab]") !== null;
}
