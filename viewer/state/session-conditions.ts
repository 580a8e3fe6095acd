/** What sessions can be narrowed by, beside the filters that are always in sight: each is a chip, and a parameter of the list's address. */

/** How a value is asked for: a text, one of those that sessions have, a choice of a few, or a number of minutes. */
export type ConditionInput =
  | { kind: "text"; hint: string; least?: number }
  | { kind: "values"; facet: "country" | "browser" | "os" | "device" | "release" | "environment" }
  | { kind: "choice"; choices: Readonly<Record<string, string>> }
  | { kind: "minutes" };

/** One way to narrow. `isMany`: it may be there several times. */
export interface ConditionKind {
  group: string;
  label: string;
  input: ConditionInput;
  isMany: boolean;
}

const TROUBLES = {
  rage_click: "rage clicks",
  dead_click: "dead clicks",
  error_click: "clicks that caused errors",
  thrash: "a shaken pointer",
  form_abandoned: "abandoned forms",
  reload_loop: "reloads again and again",
  failed_request: "failed requests",
  console_error: "console errors",
  custom: "custom marks",
  assist: "help by an agent",
} as const;

/** By parameter of `GET /v1/sessions`, in the order in which they are offered. */
export const CONDITIONS = {
  user: { group: "Visitor", label: "User id", input: { kind: "text", hint: "exact" }, isMany: false },
  trait: { group: "Visitor", label: "Trait", input: { kind: "text", hint: "plan=pro, or plan" }, isMany: true },
  country: { group: "Visitor", label: "Country", input: { kind: "values", facet: "country" }, isMany: true },
  region: { group: "Visitor", label: "Region", input: { kind: "text", hint: "exact" }, isMany: true },
  page: {
    group: "Pages",
    label: "Visited page",
    input: { kind: "text", hint: "part of it, e.g. /checkout", least: 3 },
    isMany: false,
  },
  url: { group: "Pages", label: "Last page", input: { kind: "text", hint: "part of it" }, isMany: false },
  mark: { group: "Pages", label: "Custom mark", input: { kind: "text", hint: "exact name" }, isMany: true },
  has: { group: "Trouble", label: "Has", input: { kind: "choice", choices: TROUBLES }, isMany: true },
  error: { group: "Trouble", label: "Error", input: { kind: "text", hint: "part of type or message", least: 3 }, isMany: false },
  issue: { group: "Trouble", label: "Issue", input: { kind: "text", hint: "number in the issue's address" }, isMany: false },
  console: {
    group: "Trouble",
    label: "Console",
    input: { kind: "text", hint: "part of what was logged", least: 3 },
    isMany: false,
  },
  browser: { group: "Device", label: "Browser", input: { kind: "values", facet: "browser" }, isMany: true },
  os: { group: "Device", label: "System", input: { kind: "values", facet: "os" }, isMany: true },
  device: { group: "Device", label: "Device", input: { kind: "values", facet: "device" }, isMany: true },
  release: { group: "Version", label: "Release", input: { kind: "values", facet: "release" }, isMany: true },
  environment: { group: "Version", label: "Environment", input: { kind: "values", facet: "environment" }, isMany: true },
  minActiveMs: { group: "Time", label: "Active for at least", input: { kind: "minutes" }, isMany: false },
  maxActiveMs: { group: "Time", label: "Active for at most", input: { kind: "minutes" }, isMany: false },
  minDurationMs: { group: "Time", label: "At least as long as", input: { kind: "minutes" }, isMany: false },
  maxDurationMs: { group: "Time", label: "At most as long as", input: { kind: "minutes" }, isMany: false },
} as const satisfies Readonly<Record<string, ConditionKind>>;

export type ConditionName = keyof typeof CONDITIONS;

/** One chip. */
export interface Condition {
  name: ConditionName;
  value: string;
}

const MINUTE_MS = 60_000;

/** The names in the order in which they are offered. */
export const CONDITION_NAMES = Object.keys(CONDITIONS).flatMap((name) => (isConditionName(name) ? [name] : []));

function isConditionName(name: string): name is ConditionName {
  return Object.hasOwn(CONDITIONS, name);
}

/** What is known of one. */
export function kindOf(name: ConditionName): ConditionKind {
  return CONDITIONS[name];
}

/** The names in their groups. */
export function conditionGroups(): { label: string; names: ConditionName[] }[] {
  const groups: { label: string; names: ConditionName[] }[] = [];
  for (const name of CONDITION_NAMES) {
    const { group } = kindOf(name);
    const last = groups.at(-1);
    if (last?.label === group) last.names.push(name);
    else groups.push({ label: group, names: [name] });
  }
  return groups;
}

/** Those in an address, in the order in which they stand there. */
export function readConditions(query: URLSearchParams): Condition[] {
  const found: Condition[] = [];
  for (const [name, value] of query) {
    if (isConditionName(name) && value.trim() !== "") found.push(...addCondition([], { name, value: value.trim() }));
  }
  return found.reduce<Condition[]>(addCondition, []);
}

/** With one more; it takes the place of another where there can be only one, and is not there twice. */
export function addCondition(conditions: readonly Condition[], added: Condition): Condition[] {
  const { isMany } = kindOf(added.name);
  const others = conditions.filter(({ name, value }) => name !== added.name || (isMany && value !== added.value));
  return [...others, added];
}

/** The value as people say it. */
export function sayValue({ name, value }: Condition): string {
  const { input } = kindOf(name);
  switch (input.kind) {
    case "choice":
      return input.choices[value] ?? value;
    case "minutes":
      return Number(value) < MINUTE_MS
        ? `${Math.round(Number(value) / 1_000)} s`
        : `${Number((Number(value) / MINUTE_MS).toFixed(2))} min`;
    case "values":
      return input.facet === "country" ? countryName(value) : value;
    case "text":
      return value;
    default:
      return input satisfies never;
  }
}

/** What was typed as the value of a condition; null where it is none yet. */
export function toValue(name: ConditionName, typed: string): string | null {
  const text = typed.trim();
  const { input } = kindOf(name);
  if (text === "") return null;
  if (input.kind === "minutes") {
    const minutes = Number(text.replace(",", "."));
    return Number.isFinite(minutes) && minutes >= 0 ? String(Math.round(minutes * MINUTE_MS)) : null;
  }
  if (input.kind === "text" && Array.from(text).length < (input.least ?? 1)) return null;
  return name === "issue" && !/^[1-9]\d{0,9}$/.test(text) ? null : text;
}

/** A country by its two letters, in the reader's language. */
export function countryName(code: string): string {
  try {
    return new Intl.DisplayNames(undefined, { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}
