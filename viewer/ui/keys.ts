/** What the keys of the session page and of the issue page do, a table each: the handler and the help read the same. */

export type Action =
  | "toggle"
  | "back"
  | "forward"
  | "back10"
  | "forward10"
  | "previous"
  | "next"
  | "error"
  | "previousError"
  | "stepBack"
  | "step"
  | "live"
  | "skip"
  | "slower"
  | "faster"
  | "loopFrom"
  | "loopTo"
  | "unloop"
  | "link"
  | "search"
  | "panel"
  | "help";

/** What the keys of the issue page do. */
export type IssueAction = "toggle" | "back" | "forward" | "restart" | "newer" | "older" | "help";

/** What a key does on a page. */
export interface KeyRow<A extends string> {
  action: A;
  /** `KeyboardEvent.key`, with `shift+` where it has to be held. */
  keys: readonly string[];
  /** How the key is written on the screen. */
  shown: string;
  does: string;
}

export const KEYS: readonly KeyRow<Action>[] = [
  { action: "toggle", keys: [" ", "k"], shown: "space", does: "Play or pause" },
  { action: "back", keys: ["ArrowLeft"], shown: "←", does: "Back five seconds" },
  { action: "forward", keys: ["ArrowRight"], shown: "→", does: "Forward five seconds" },
  { action: "back10", keys: ["shift+ArrowLeft"], shown: "shift ←", does: "Back ten seconds" },
  { action: "forward10", keys: ["shift+ArrowRight"], shown: "shift →", does: "Forward ten seconds" },
  { action: "previous", keys: ["["], shown: "[", does: "Marker before" },
  { action: "next", keys: ["]"], shown: "]", does: "Next marker" },
  { action: "previousError", keys: ["shift+E"], shown: "shift E", does: "Error before" },
  { action: "error", keys: ["e"], shown: "E", does: "Next error, from ten seconds before it" },
  { action: "stepBack", keys: [","], shown: ",", does: "One event back" },
  { action: "step", keys: ["."], shown: ".", does: "One event forward" },
  { action: "live", keys: ["l"], shown: "L", does: "To the live edge" },
  { action: "skip", keys: ["s"], shown: "S", does: "Skip times without activity" },
  { action: "slower", keys: ["<"], shown: "<", does: "Slower" },
  { action: "faster", keys: [">"], shown: ">", does: "Faster" },
  { action: "loopFrom", keys: ["i"], shown: "I", does: "A loop begins here" },
  { action: "loopTo", keys: ["o"], shown: "O", does: "The loop ends here, and is played" },
  { action: "unloop", keys: ["u"], shown: "U", does: "No loop any more" },
  { action: "link", keys: ["c"], shown: "C", does: "Copy a link to this moment" },
  { action: "panel", keys: ["1", "2", "3", "4", "5", "6", "7", "8"], shown: "1–8", does: "The panels beside the page" },
  { action: "search", keys: ["/"], shown: "/", does: "Search in the panel" },
  { action: "help", keys: ["?"], shown: "?", does: "This list" },
];

export const ISSUE_KEYS: readonly KeyRow<IssueAction>[] = [
  { action: "toggle", keys: [" ", "k"], shown: "space", does: "Play or pause the clip" },
  { action: "back", keys: ["ArrowLeft"], shown: "←", does: "Back two seconds" },
  { action: "forward", keys: ["ArrowRight"], shown: "→", does: "Forward two seconds" },
  { action: "restart", keys: ["r"], shown: "R", does: "The clip from its beginning" },
  { action: "newer", keys: ["["], shown: "[", does: "Newer occurrence" },
  { action: "older", keys: ["]"], shown: "]", does: "Older occurrence" },
  { action: "help", keys: ["?"], shown: "?", does: "This list" },
];

/** The action of a key press by a table, or null: none for keys with Ctrl, Alt or Meta, and none while somebody types or is in a menu. */
export function actionOf<A extends string>(event: KeyboardEvent, table: readonly KeyRow<A>[]): A | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return null;
  if (event.target instanceof Element && isTakingKeys(event.target, event.key)) return null;
  const withShift = `shift+${event.key}`;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const row = table.find(
    ({ keys }) => (event.shiftKey && keys.includes(withShift)) || (keys.includes(name) && !isShiftedArrow(event)),
  );
  return row?.action ?? null;
}

function isShiftedArrow(event: KeyboardEvent): boolean {
  return event.shiftKey && event.key.startsWith("Arrow");
}

function isTakingKeys(target: Element, key: string): boolean {
  if (
    target.closest(
      "input, textarea, select, [contenteditable], [role=menu], [role=dialog], [role=alertdialog], [role=radiogroup]",
    )
  )
    return true;
  return (key === " " || key === "Enter") && target.closest("button, a, summary, [role=tab]") !== null;
}
