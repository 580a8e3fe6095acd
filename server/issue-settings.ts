/** What a project wants of its issues: how they are grouped, and from when on one counts. */

import * as v from "valibot";

/** The fields, for the settings of a project. */
export const issueSettingsFields = {
  /** The route (Sentry's `transaction`) is part of the key: one bug on two routes is two issues. */
  routeSplits: v.boolean(),
  /** Errors in an engine's own words are also looked up by the place in the original source where they were thrown. */
  placeJoins: v.boolean(),
  /** From so many distinct sessions on an issue counts as promoted. */
  promoteAfterSessions: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000)),
};

/** The same as a schema of its own. */
export const issueSettingsSchema = v.object(issueSettingsFields);
export type IssueSettings = v.InferOutput<typeof issueSettingsSchema>;

export const DEFAULT_ISSUE_SETTINGS: IssueSettings = { routeSplits: true, placeJoins: true, promoteAfterSessions: 2 };

/** The settings out of their `jsonb`: what is missing there, or makes no sense any more, is the default. */
export function readIssueSettings(stored: unknown): IssueSettings {
  const fields = typeof stored === "object" && stored !== null ? stored : {};
  const whole = v.safeParse(issueSettingsSchema, { ...DEFAULT_ISSUE_SETTINGS, ...fields });
  if (whole.success) return whole.output;
  let read = DEFAULT_ISSUE_SETTINGS;
  const entries: [string, unknown][] = Object.entries(fields);
  for (const [name, value] of entries) {
    const next = v.safeParse(issueSettingsSchema, { ...read, [name]: value });
    if (next.success) read = next.output;
  }
  return read;
}
