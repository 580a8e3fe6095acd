/** Events of a pointer and of keys, in the order in which a browser makes them, and what they do to a field. */

/** Longer text comes as one piece, as if it was put in from the clipboard. */
const MAX_LETTERS = 64;

type Field = HTMLInputElement | HTMLTextAreaElement;

/** Out of use, says the standard, and the only way in which a page can write as its visitor does: with undo, and with the browser's own events. */
interface Editor {
  execCommand: (name: "delete" | "insertLineBreak" | "insertText", hasDialog?: boolean, text?: string) => boolean;
}

interface Place {
  x: number;
  y: number;
}

/** Presses an element with the first button of a mouse, and lets go of it. */
export function press(target: Element, { x, y }: Place, focusable: HTMLElement | null): void {
  const common = {
    bubbles: true,
    cancelable: true,
    composed: true,
    view: window,
    clientX: x,
    clientY: y,
    screenX: x + window.screenX,
    screenY: y + window.screenY,
  };
  const pointer = { ...common, pointerId: 1, pointerType: "mouse", isPrimary: true };
  target.dispatchEvent(new PointerEvent("pointerover", pointer));
  target.dispatchEvent(new MouseEvent("mouseover", common));
  target.dispatchEvent(new PointerEvent("pointermove", pointer));
  target.dispatchEvent(new MouseEvent("mousemove", common));
  // Whoever refuses the pointer's event hears nothing of the mouse's; the click comes all the same.
  const hasMouse = target.dispatchEvent(new PointerEvent("pointerdown", { ...pointer, button: 0, buttons: 1, pressure: 0.5 }));
  const mayFocus =
    !hasMouse || target.dispatchEvent(new MouseEvent("mousedown", { ...common, button: 0, buttons: 1, detail: 1 }));
  if (mayFocus) {
    if (focusable) focusOn(focusable);
    else blurActive();
  }
  target.dispatchEvent(new PointerEvent("pointerup", { ...pointer, button: 0 }));
  if (hasMouse) target.dispatchEvent(new MouseEvent("mouseup", { ...common, button: 0, detail: 1 }));
  target.dispatchEvent(new PointerEvent("click", { ...pointer, button: 0, detail: 1 }));
}

/** Types into a field, where its caret is. False where the page refused every letter. */
export function typeText(element: HTMLElement, text: string): boolean {
  focusOn(element);
  const letters = Array.from(text);
  let isTaken = text === "";
  for (const piece of letters.length > MAX_LETTERS ? [text] : letters) {
    const isLetter = letters.length <= MAX_LETTERS;
    if (isLetter && !key("keydown", element, piece)) continue;
    if (isLetter) key("keypress", element, piece);
    if (insert(element, piece, isLetter ? "insertText" : "insertFromPaste")) isTaken = true;
    if (isLetter) key("keyup", element, piece);
  }
  return isTaken;
}

/**
 * Presses one of the keys that do something; false where the page refused it.
 * @param isFree true for elements that may be pressed: Enter in a field presses its form's button
 */
export function pressKey(
  element: Element,
  name: "Enter" | "Tab" | "Escape" | "Backspace",
  isFree: (element: Element) => boolean,
): boolean {
  const isTaken = key("keydown", element, name);
  if (isTaken && name === "Enter") enter(element, isFree);
  else if (isTaken && name === "Backspace") erase(element);
  else if (isTaken && name === "Escape") escape();
  key("keyup", element, name);
  return isTaken;
}

/** Goes to an element; in a field, behind what is there. */
function focusOn(element: HTMLElement): void {
  if (hasFocus(element)) return;
  element.focus({ preventScroll: true });
  if (!element.matches("input,textarea")) return;
  const field = element as Field;
  try {
    field.setSelectionRange(field.value.length, field.value.length);
  } catch {
    // Fields for numbers and addresses have no caret that a script may move.
  }
}

function key(type: string, target: Element, name: string): boolean {
  const code =
    name === " "
      ? "Space"
      : /^[a-z]$/i.test(name)
        ? `Key${name.toUpperCase()}`
        : /^\d$/.test(name)
          ? `Digit${name}`
          : name.length > 1
            ? name
            : "";
  return target.dispatchEvent(
    new KeyboardEvent(type, { key: name, code, bubbles: true, cancelable: true, composed: true, view: window }),
  );
}

function enter(element: Element, isFree: (element: Element) => boolean): void {
  if (!key("keypress", element, "Enter")) return;
  if (element.matches("textarea") || isWritable(element)) insert(element, "\n", "insertLineBreak");
  else if (element.matches("a[href],button,summary")) (element as HTMLElement).click();
  else if (element.matches("input")) {
    settle(element);
    // What a browser does: it presses the form's first button, and sends a form without one where there is a single field.
    const { form } = element;
    const button = form?.querySelector<HTMLButtonElement>(
      "button:not([type]),button[type=submit],input[type=submit],input[type=image]",
    );
    if (button) {
      if (!button.disabled && isFree(button)) button.click();
    } else if (form?.querySelectorAll("input:not([type=hidden])").length === 1) form.requestSubmit();
  }
}

function erase(element: Element): void {
  if (isWritable(element)) {
    if (hasFocus(element)) editorOf(element).execCommand("delete");
    return;
  }
  if (!element.matches("input,textarea")) return;
  const field = element as Field;
  const { start, end } = caretOf(field);
  const from = start === end ? start - (Array.from(field.value.slice(0, start)).at(-1)?.length ?? 0) : start;
  if (from < 0 || (from === end && start === end)) return;
  replace(field, from, end, "", "deleteContentBackward", null);
}

function escape(): void {
  const dialog = [...document.querySelectorAll<HTMLDialogElement>("dialog[open]")].at(-1);
  if (dialog?.dispatchEvent(new Event("cancel", { cancelable: true })) === true) dialog.close();
}

function insert(element: Element, text: string, inputType: string): boolean {
  if (isWritable(element)) {
    if (!hasFocus(element)) return false;
    const editor = editorOf(element);
    return inputType === "insertLineBreak" ? editor.execCommand(inputType) : editor.execCommand("insertText", false, text);
  }
  const field = element as Field;
  const { start, end } = caretOf(field);
  const room = field.maxLength >= 0 ? Math.max(0, field.maxLength - (field.value.length - (end - start))) : Infinity;
  const piece = text.slice(0, room);
  return piece !== "" && replace(field, start, end, piece, inputType, piece);
}

/** Puts `text` in the place of a part of a field's value, by the browser's own setter: a page's framework may have put another one before it. */
function replace(field: Field, start: number, end: number, text: string, inputType: string, data: string | null): boolean {
  const init = { inputType, data, bubbles: true, composed: true, view: window };
  if (!field.dispatchEvent(new InputEvent("beforeinput", { ...init, cancelable: true }))) return false;
  watchChange(field);
  setterOf(field)?.call(field, field.value.slice(0, start) + text + field.value.slice(end));
  const caret = start + text.length;
  try {
    field.setSelectionRange(caret, caret);
  } catch {
    // As above.
  }
  field.dispatchEvent(new InputEvent("input", init));
  return true;
}

function setterOf(field: Field): ((value: string) => void) | undefined {
  for (let owner: object | null = Reflect.getPrototypeOf(field); owner; owner = Reflect.getPrototypeOf(owner)) {
    const found = Reflect.getOwnPropertyDescriptor(owner, "value");
    if (found?.set) return found.set;
  }
  return undefined;
}

function caretOf(field: Field): { start: number; end: number } {
  const { length } = field.value;
  return { start: field.selectionStart ?? length, end: field.selectionEnd ?? length };
}

/** Values before we changed them; a browser tells of a change when the field is left, but not of one that a script made. */
const changed = new Map<Field, () => void>();

function watchChange(field: Field): void {
  if (changed.has(field)) return;
  const before = field.value;
  const done = (): void => {
    field.removeEventListener("blur", done);
    changed.delete(field);
    if (field.value !== before) field.dispatchEvent(new Event("change", { bubbles: true }));
  };
  changed.set(field, done);
  field.addEventListener("blur", done);
}

function settle(element: Element): void {
  changed.get(element as Field)?.();
}

/** Nothing of ours stays at a field; what was typed is told as a change. */
export function settleAll(): void {
  for (const done of [...changed.values()]) done();
}

function editorOf({ ownerDocument }: Element): Editor {
  return ownerDocument;
}

/** The browser writes into what has the focus, whichever element it was asked for; and the page may have moved it. */
function hasFocus(element: Element): boolean {
  const root = element.getRootNode();
  return "activeElement" in root && root.activeElement === element;
}

/** True for what is written in like a document. */
export function isWritable(element: Element): boolean {
  return "isContentEditable" in element && element.isContentEditable === true;
}

function blurActive(): void {
  const active = document.activeElement;
  if (active && active !== document.body && "blur" in active && typeof active.blur === "function") (active as HTMLElement).blur();
}
