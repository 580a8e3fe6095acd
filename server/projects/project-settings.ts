/** What a project is set to: schema, defaults, and what of it its trackers are told. */

import * as v from "valibot";
import { ASSIST_POWERS } from "../../protocol/assist.ts";
import { REDACTION_PATTERNS } from "../../protocol/redaction.ts";
import { MASK_TEXT, type TrackerSettings } from "../../protocol/tracker-messages.ts";
import { cleanText } from "../../protocol/text.ts";
import { DEFAULT_ISSUE_SETTINGS, type IssueSettings, issueSettingsFields, readIssueSettings } from "../issue-settings.ts";
import { toOriginPattern } from "./origins.ts";

const MAX_ORIGINS = 200;
const MAX_NAMES = 500;
const MAX_DAYS = 3_650;

/** Text that is kept as it is meant; longer text is refused, because half a selector is another selector. */
const line = (max: number) => v.pipe(v.string(), v.transform(cleanText), v.trim(), v.maxLength(max));
const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const names = v.pipe(v.array(v.pipe(line(200), v.minLength(1))), v.maxLength(MAX_NAMES));
const days = v.nullable(whole(1, MAX_DAYS));

const origin = v.pipe(
  v.string(),
  v.maxLength(300),
  v.check((text) => toOriginPattern(text) !== null, "expected an origin like https://shop.example.com or https://*.example.com"),
  v.transform((text) => toOriginPattern(text) ?? ""),
);

const privacyFields = {
  maskAllInputs: v.boolean(),
  maskText: v.picklist(MASK_TEXT),
  maskTextSelector: line(1_024),
  blockSelector: line(1_024),
  recordConsole: v.boolean(),
  recordNetwork: v.boolean(),
  recordBodies: v.boolean(),
  respectDoNotTrack: v.boolean(),
};

const redactionFields = {
  enabled: v.boolean(),
  payloads: v.boolean(),
  keys: names,
  allow: names,
  /** What is looked for; empty: the usual (`STANDARD_PATTERNS`). */
  patterns: v.pipe(v.array(v.picklist(REDACTION_PATTERNS)), v.maxLength(REDACTION_PATTERNS.length)),
};

const limitFields = {
  maxEventsPerSession: v.nullable(whole(1, 1_000_000_000)),
  maxSocketsPerKey: v.nullable(whole(1, 10_000_000)),
  batchesPerSecond: v.nullable(whole(1, 1_000_000)),
  bytesPerSecond: v.nullable(whole(1, 1_000_000_000_000)),
  errorsPerMinute: v.nullable(whole(0, 100_000_000)),
  errorsPerDay: v.nullable(whole(0, 1_000_000_000)),
  replaysPerMinute: v.nullable(whole(0, 100_000_000)),
  replaysPerDay: v.nullable(whole(0, 1_000_000_000)),
};

const assistFields = {
  enabled: v.boolean(),
  /** What agents may ask for. */
  powers: v.pipe(v.array(v.picklist(ASSIST_POWERS)), v.maxLength(ASSIST_POWERS.length)),
};

const settingsFields = {
  allowedOrigins: v.pipe(v.array(origin), v.maxLength(MAX_ORIGINS)),
  sampleRate: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  retentionDays: days,
  errorRetentionDays: days,
  storageBudgetBytes: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
};

const privacySchema = v.object(privacyFields);
const redactionSchema = v.object(redactionFields);
const limitsSchema = v.object(limitFields);
const assistSchema = v.object(assistFields);

/** A change of settings: what is named is replaced, whole lists at once; a name that is none of ours is refused. */
export const settingsChangeSchema = v.partial(
  v.strictObject({
    ...settingsFields,
    privacy: v.partial(v.strictObject(privacyFields)),
    redaction: v.partial(v.strictObject(redactionFields)),
    limits: v.partial(v.strictObject(limitFields)),
    issues: v.partial(v.strictObject(issueSettingsFields)),
    assist: v.partial(v.strictObject(assistFields)),
  }),
);
export type SettingsChange = v.InferOutput<typeof settingsChangeSchema>;

/**
 * What a project asks of its pages. It is a floor: the stricter of this and the page's own options holds, so the defaults ask nothing, and
 * a page that says nothing masks every input and all sensitive text by itself.
 */
export type PrivacySettings = v.InferOutput<typeof privacySchema>;

/** What `server/privacy` takes out of what the server reads, and with `payloads` out of the events as well. */
export type RedactionSettings = v.InferOutput<typeof redactionSchema>;

/** Bounds of a project below those of the installation; null: none of its own. */
export type ProjectLimits = v.InferOutput<typeof limitsSchema>;

/** Co-browsing: whether agents may ask visitors at all, and for what. The visitor decides in any case. */
export type AssistSettings = v.InferOutput<typeof assistSchema>;

/** All settings of a project. */
export interface ProjectSettings {
  /** Origins whose pages may send, `https://*.example.com` for all below it; empty: any. */
  allowedOrigins: string[];
  /** Share of visits that is recorded, 0 to 1. */
  sampleRate: number;
  privacy: PrivacySettings;
  redaction: RedactionSettings;
  /** Null: what the installation says. */
  retentionDays: number | null;
  errorRetentionDays: number | null;
  storageBudgetBytes: number | null;
  limits: ProjectLimits;
  /** How errors are grouped, and from when on an issue counts. */
  issues: IssueSettings;
  assist: AssistSettings;
}

/** What a new project is set to. */
export const DEFAULT_PROJECT_SETTINGS: ProjectSettings = {
  allowedOrigins: [],
  sampleRate: 1,
  privacy: {
    maskAllInputs: false,
    maskText: "none",
    maskTextSelector: "",
    blockSelector: "",
    recordConsole: true,
    recordNetwork: true,
    recordBodies: false,
    respectDoNotTrack: false,
  },
  redaction: { enabled: true, payloads: false, keys: [], allow: [], patterns: [] },
  retentionDays: null,
  errorRetentionDays: null,
  storageBudgetBytes: null,
  limits: {
    maxEventsPerSession: null,
    maxSocketsPerKey: null,
    batchesPerSecond: null,
    bytesPerSecond: null,
    errorsPerMinute: null,
    errorsPerDay: null,
    replaysPerMinute: null,
    replaysPerDay: null,
  },
  issues: DEFAULT_ISSUE_SETTINGS,
  assist: { enabled: true, powers: [...ASSIST_POWERS] },
};

/** The settings after a change. */
export function changeSettings(settings: ProjectSettings, change: SettingsChange): ProjectSettings {
  const { privacy, redaction, limits, issues, assist, ...rest } = change;
  return {
    ...settings,
    ...given(rest),
    privacy: { ...settings.privacy, ...given(privacy ?? {}) },
    redaction: { ...settings.redaction, ...given(redaction ?? {}) },
    limits: { ...settings.limits, ...given(limits ?? {}) },
    issues: { ...settings.issues, ...given(issues ?? {}) },
    assist: { ...settings.assist, ...given(assist ?? {}) },
  };
}

/** A group of settings out of its `jsonb`: what is missing there, or makes no sense any more, is the default. */
export function readGroups(row: Readonly<Record<"privacy" | "redaction" | "limits" | "issue_settings" | "assist", unknown>>) {
  const { privacy, redaction, limits, assist } = DEFAULT_PROJECT_SETTINGS;
  return {
    privacy: readGroup(privacySchema, row.privacy, privacy),
    redaction: readGroup(redactionSchema, row.redaction, redaction),
    limits: readGroup(limitsSchema, row.limits, limits),
    issues: readIssueSettings(row.issue_settings),
    assist: readGroup(assistSchema, row.assist, assist),
  };
}

/** What `session_started` tells a tracker. */
export function trackerSettingsOf({ sampleRate, privacy }: ProjectSettings): TrackerSettings {
  return { sampleRate, ...privacy };
}

/** Every setting that differs, by its path, as `old -> new`. For the audit. */
export function describeChange(before: ProjectSettings, after: ProjectSettings): Record<string, string> {
  const [old, now] = [flatten(before), flatten(after)];
  const changed = [...now].filter(([path, value]) => old.get(path) !== value);
  return Object.fromEntries(changed.map(([path, value]) => [path, `${old.get(path) ?? ""} -> ${value}`]));
}

function readGroup<T extends object>(schema: v.GenericSchema<unknown, T>, value: unknown, defaults: T): T {
  const stored = typeof value === "object" && value !== null ? value : {};
  const whole = v.safeParse(schema, { ...defaults, ...stored });
  if (whole.success) return whole.output;
  let read = defaults;
  const fields: [string, unknown][] = Object.entries(stored);
  for (const [name, one] of fields) {
    const next = v.safeParse(schema, { ...read, [name]: one });
    if (next.success) read = next.output;
  }
  return read;
}

/** Without the fields that are there but undefined. */
function given<T extends object>(change: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function flatten(value: object, prefix = ""): Map<string, string> {
  const all = new Map<string, string>();
  const fields: [string, unknown][] = Object.entries(value);
  for (const [name, inner] of fields) {
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) {
      for (const [path, text] of flatten(inner, `${prefix}${name}.`)) all.set(path, text);
    } else all.set(prefix + name, JSON.stringify(inner));
  }
  return all;
}
