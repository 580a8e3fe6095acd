/** Values of a page as a person reads them: JSON text as what it means, long ones cut. */

/** A value, taken apart for a tree. */
export type Value =
  | { kind: "text"; text: string }
  | { kind: "plain"; text: string }
  | { kind: "list"; entries: readonly { name: string; value: unknown }[] }
  | { kind: "object"; entries: readonly { name: string; value: unknown }[] };

/** Most entries of one level that a tree shows. */
export const MAX_TREE_ENTRIES = 200;
const MAX_LINE = 400;

/** What a JSON text means; a text that is JSON once more (our tracker's objects) means that. Anything else is itself. */
export function readValue(text: string): unknown {
  const once = parse(text);
  if (once === undefined) return text;
  if (typeof once === "string" && /^\s*[[{]/.test(once)) return parse(once) ?? once;
  return once;
}

/** A value for a tree. */
export function openValue(value: unknown): Value {
  if (typeof value === "string") return { kind: "text", text: value };
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return { kind: "list", entries: items.slice(0, MAX_TREE_ENTRIES).map((one, index) => ({ name: String(index), value: one })) };
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).slice(0, MAX_TREE_ENTRIES);
    return { kind: "object", entries: entries.map(([name, one]): { name: string; value: unknown } => ({ name, value: one })) };
  }
  return { kind: "plain", text: String(value) };
}

/** A value on one line, as a console writes it. */
export function valueLine(value: unknown, depth = 0): string {
  const open = openValue(value);
  switch (open.kind) {
    case "text":
      return depth === 0 ? cut(open.text) : `"${cut(open.text)}"`;
    case "plain":
      return open.text;
    case "list":
      if (depth > 1) return `[${open.entries.length}]`;
      return cut(`[${open.entries.map((entry) => valueLine(entry.value, depth + 1)).join(", ")}]`);
    case "object":
      if (depth > 1) return "{…}";
      return cut(`{${open.entries.map((entry) => `${entry.name}: ${valueLine(entry.value, depth + 1)}`).join(", ")}}`);
    default:
      return open satisfies never;
  }
}

/** What a console call says: the places of its first value are filled as a browser fills them. */
export function consoleLine(values: readonly string[]): string {
  const [first, ...rest] = values.map(readValue);
  if (typeof first !== "string")
    return cut(
      [first, ...rest]
        .filter((one) => one !== undefined)
        .map((one) => valueLine(one))
        .join(" "),
    );
  const line = first.replace(/%[sdifoOc]/g, (place) => {
    if (rest.length === 0) return place;
    const value = rest.shift();
    return place === "%c" ? "" : valueLine(value);
  });
  return cut([line, ...rest.map((one) => valueLine(one))].join(" "));
}

function cut(text: string): string {
  return text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
