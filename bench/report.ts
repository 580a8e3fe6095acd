/** How a figure is shown: one JSON line for machines, one table for people, and whether it meets its bar. */

/** One promise of a figure. */
export interface Check {
  what: string;
  value: number;
  unit: string;
  bar: { atMost: number } | { atLeast: number };
}

export interface Figure {
  /** As typed on the command line. */
  name: string;
  title: string;
  /** Column heads and rows of the table; the first column names the row. */
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  checks: readonly Check[];
  /** Anything else worth keeping in the JSON line. */
  details?: Readonly<Record<string, unknown>>;
}

/** True where the value keeps the promise; NaN never does. */
export function isMet(check: Check): boolean {
  return "atMost" in check.bar ? check.value <= check.bar.atMost : check.value >= check.bar.atLeast;
}

/** The figure as one line of JSON. */
export function toJsonLine(figure: Figure): string {
  const { name, checks, head, rows, details } = figure;
  const shown = checks.map((check) => ({ ...check, value: round(check.value), met: isMet(check) }));
  return JSON.stringify({ figure: name, met: checks.every(isMet), checks: shown, head, rows, ...details });
}

/** The figure as text. */
export function toTable(figure: Figure): string {
  const cells = [figure.head, ...figure.rows.map((row) => row.map((cell) => (typeof cell === "number" ? show(cell) : cell)))];
  const widths = figure.head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  const promises = figure.checks.map((check) => {
    const bar = "atMost" in check.bar ? `<= ${show(check.bar.atMost)}` : `>= ${show(check.bar.atLeast)}`;
    return `${isMet(check) ? "  met  " : "  MISSED"} ${check.what}: ${show(check.value)} ${check.unit} (bar ${bar})`;
  });
  return [figure.title, "", lines[0] ?? "", rule, ...lines.slice(1), "", ...promises, ""].join("\n");
}

function round(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(5)) : value;
}

/** A number as people read it: thousands apart, three digits where it is small. */
export function show(value: number): string {
  if (!Number.isFinite(value)) return "?";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
