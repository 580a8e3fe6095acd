/**
 * How much a project may send of each category: by the minute, and by the day (UTC). In memory of this process; what the day has seen
 * already is read when a project is first met. A category that is used up leaves the others alone, or a flood of replays would silence errors.
 */

import type { Clock } from "../clock.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 3_600_000;
/** Longest silence that an SDK is told; by then a quota may have been raised. */
const MAX_WAIT_SECONDS = 3_600;
/** Projects that are remembered; past it all are forgotten, and their counts of the day read again. */
const MAX_PROJECTS = 10_000;

/** Categories that have a quota, and those that share it. */
export const QUOTA_OF = {
  error: "errors",
  security: "errors",
  feedback: "feedback",
  replay: "replays",
  attachment: "attachments",
} as const;
export type Limited = keyof typeof QUOTA_OF;
type Group = (typeof QUOTA_OF)[Limited];

/** Items of a group a minute, and a day; null: any number. */
export type QuotaNumbers = Readonly<Record<Group, { perMinute: number | null; perDay: number | null }>>;

/** Counts, and says when it is too much. */
export interface Quotas {
  /**
   * Takes `count` items where they fit; all or none.
   * @returns 0 where they were taken, else the seconds to wait
   */
  take(projectId: number, category: Limited, count: number, numbers: QuotaNumbers): number;
  /** Has to be awaited before the first `take` of a project, and costs nothing afterwards. */
  prepare(projectId: number): Promise<void> | null;
}

/** What quotas are built from. */
export interface QuotasDeps {
  clock: Clock;
  /** How many of each category a project has had accepted since `from`. */
  readDay(projectId: number, from: number): Promise<ReadonlyMap<string, number>>;
}

interface Window {
  startedAt: number;
  count: number;
}

type Windows = Record<Group, { minute: Window; day: Window }>;

/** Quotas of nobody yet. */
export function createQuotas(deps: QuotasDeps): Quotas {
  const { clock } = deps;
  const projects = new Map<number, Windows>();
  const preparing = new Map<number, Promise<void>>();

  async function read(projectId: number): Promise<void> {
    const startedAt = startOf(clock.now(), DAY_MS);
    // With the database away there are no counts, and nobody is turned away for it.
    const seen = await deps.readDay(projectId, startedAt).catch(() => new Map<string, number>());
    const windows = createWindows(startedAt);
    for (const [category, count] of seen) if (isLimited(category)) windows[QUOTA_OF[category]].day.count += count;
    if (projects.size >= MAX_PROJECTS) projects.clear();
    projects.set(projectId, windows);
    preparing.delete(projectId);
  }

  return {
    prepare(projectId) {
      if (projects.has(projectId)) return null;
      const already = preparing.get(projectId);
      if (already) return already;
      const reading = read(projectId);
      preparing.set(projectId, reading);
      return reading;
    },
    take(projectId, category, count, numbers) {
      const now = clock.now();
      let windows = projects.get(projectId);
      if (!windows) {
        if (projects.size >= MAX_PROJECTS) projects.clear();
        projects.set(projectId, (windows = createWindows(startOf(now, DAY_MS))));
      }
      const group = QUOTA_OF[category];
      const { minute, day } = windows[group];
      const { perMinute, perDay } = numbers[group];
      const waitMs = Math.max(waitFor(minute, MINUTE_MS, perMinute, count, now), waitFor(day, DAY_MS, perDay, count, now));
      if (waitMs > 0) return Math.min(MAX_WAIT_SECONDS, Math.ceil(waitMs / 1_000));
      minute.count += count;
      day.count += count;
      return 0;
    },
  };
}

/** True for a category that has a quota. */
export function isLimited(category: string): category is Limited {
  return Object.hasOwn(QUOTA_OF, category);
}

/** Moves the window to where `now` is; milliseconds until its end where `count` more do not fit. */
function waitFor(window: Window, lengthMs: number, max: number | null, count: number, now: number): number {
  const startedAt = startOf(now, lengthMs);
  if (window.startedAt !== startedAt) {
    window.startedAt = startedAt;
    window.count = 0;
  }
  return max !== null && window.count + count > max ? startedAt + lengthMs - now : 0;
}

function startOf(now: number, lengthMs: number): number {
  return now - (now % lengthMs);
}

function createWindows(startedAt: number): Windows {
  const both = () => ({ minute: { startedAt: 0, count: 0 }, day: { startedAt, count: 0 } });
  return { errors: both(), feedback: both(), replays: both(), attachments: both() };
}
