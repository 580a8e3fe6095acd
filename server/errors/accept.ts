/**
 * The accept phase: who sends, framing, bounds, quotas, keeping, and the answer. Nothing of an event is parsed here. SDKs retry nothing and
 * drop what is not answered with 200, so that all that makes any sense is.
 */

import { AppError } from "../app-error.ts";
import type { Clock } from "../clock.ts";
import { readId } from "../http-input.ts";
import { withinTime } from "../lifecycle.ts";
import type { HttpRequest } from "../net/route.ts";
import { isAllowedOrigin, type Project, type Projects } from "../projects/projects.ts";
import type { AcceptedRow, Circumstances, SortedItems } from "./accepted.ts";
import { type Claim, readClient } from "./claims.ts";
import { countItem } from "./count-items.ts";
import type { Keeper } from "./keeper.ts";
import { isLimited, type Limited, type QuotaNumbers, type Quotas } from "./quotas.ts";
import type { Tallies } from "./tallies.ts";

/** A key that cannot be looked up within this time goes to the spool with what came by it. */
const LOOK_UP_MS = 1_000;
/** Most bytes of bodies, inflated ones included, that are held at once. */
const MAX_HELD_BYTES = 160 * 1024 * 1024;

/** Who sends: the project, or, while nobody can tell, what he claims. */
export interface Sender {
  key: string;
  projectId: number;
  /** Null while the key cannot be looked up. */
  project: Project | null;
  client: string;
}

/** What became of a request's items. */
export interface Verdict {
  /** Categories that are used up, with the seconds to wait. */
  limits: ReadonlyMap<string, number>;
  /** True where something was kept or counted. */
  isKept: boolean;
  /** True where something was too large. */
  isTooLarge: boolean;
}

export interface AcceptDeps {
  projects: Pick<Projects, "findByKey" | "noteUse">;
  keeper: Keeper;
  quotas: Quotas;
  tallies: Tallies;
  clock: Clock;
  /** What holds where a project says nothing else. */
  quotaDefaults: QuotaNumbers;
}

/** The steps of the accept phase, which the endpoints put together. */
export interface Accept {
  /**
   * Who sends by this key; the project has to be the one of the path, and its pages the ones that may.
   * @throws AppError `forbidden`, the same for an unknown key, an unknown project, and a key of another
   */
  admit(request: HttpRequest, claim: Claim): Promise<Sender>;
  /** Keeps and counts. `malformed`: items that could not be told apart. */
  take(sender: Sender, items: SortedItems, malformed: number): Promise<Verdict>;
  /** What the request says of its rows. */
  circumstances(sender: Sender, request: HttpRequest): Circumstances;
  /**
   * Does the work while its bytes are counted as held.
   * @throws AppError `overload` where too many are
   */
  holding<T>(bytes: number, work: () => Promise<T>): Promise<T>;
}

/** Builds it. */
export function createAccept({ projects, keeper, quotas, tallies, clock, quotaDefaults }: AcceptDeps): Accept {
  let heldBytes = 0;

  async function findProject(key: string): Promise<Project | null | "unknown"> {
    try {
      return await withinTime(projects.findByKey(key), LOOK_UP_MS);
    } catch {
      return "unknown";
    }
  }

  /** Rows that are within their quotas, where there are some; a category is taken whole or not at all. */
  function withinQuotas(projectId: number, rows: readonly AcceptedRow[], numbers: QuotaNumbers | null) {
    const limits = new Map<Limited, number>();
    const counts = new Map<Limited, number>();
    for (const row of rows) counts.set(categoryOf(row), (counts.get(categoryOf(row)) ?? 0) + 1);
    for (const [category, count] of counts) {
      const wait = numbers ? quotas.take(projectId, category, count, numbers) : 0;
      if (wait > 0) limits.set(category, wait);
    }
    const kept = rows.filter((row) => !limits.has(categoryOf(row)));
    // An attachment without what it belongs to is nothing.
    const owners = new Set(kept.filter(({ kind }) => kind !== "attachment").map(({ head }) => head.event_id));
    return { limits, counts, kept: kept.filter((row) => row.kind !== "attachment" || owners.has(row.head.event_id)) };
  }

  return {
    async admit(request, { key, client }) {
      const projectId = readProjectId(request.params["id"]);
      if (key === null || projectId === null) throw refused();
      const project = await findProject(key);
      if (project === null || (project !== "unknown" && project.id !== projectId)) throw refused();
      if (project === "unknown") return { key, projectId, project: null, client };
      if (!isAllowedOrigin(project.settings.allowedOrigins, request.headers["origin"])) {
        throw new AppError("forbidden", "pages of this origin may not send to this project");
      }
      projects.noteUse(key);
      return { key, projectId, project, client };
    },
    async take({ key, projectId, project }, { rows, counted, notKept, tooLarge }, malformed) {
      const numbers = project && quotaNumbersOf(project, quotaDefaults);
      const preparing = project ? quotas.prepare(projectId) : null;
      if (preparing) await withinTime(preparing, LOOK_UP_MS).catch(() => undefined);
      // Whom nobody can tell from a stranger uses up no project's quota; the spool bounds what is kept of him.
      const { limits, counts, kept } = withinQuotas(projectId, rows, numbers);
      if (kept.length > 0) await keeper.keep({ rows: kept, key, isUnverified: project === null });
      // What strangers send while nobody can tell who they are is counted nowhere.
      if (project) {
        for (const category of notKept) tallies.count(projectId, category, "not_kept");
        for (const category of tooLarge) tallies.count(projectId, category, "too_large");
        if (malformed > 0) tallies.count(projectId, "default", "malformed", malformed);
        for (const one of counted) {
          tallies.count(projectId, one.type.category, countItem(tallies, projectId, one) ? "accepted" : "malformed");
        }
        for (const [category, count] of counts)
          tallies.count(projectId, category, limits.has(category) ? "limited" : "accepted", count);
        const [first] = kept;
        if (first) tallies.noteSource(projectId, first.kind === "attachment" ? null : first.head.sdk);
      }
      return { limits, isKept: kept.length + counted.length + notKept.length > 0, isTooLarge: tooLarge.length > 0 };
    },
    circumstances: ({ projectId, client }, { headers }) => ({
      projectId,
      receivedAt: clock.now(),
      userAgent: headers["user-agent"] ?? "",
      client: readClient(client),
    }),
    async holding(bytes, work) {
      if (heldBytes + bytes > MAX_HELD_BYTES) throw new AppError("overload", "too many bodies at once");
      heldBytes += bytes;
      try {
        return await work();
      } finally {
        heldBytes -= bytes;
      }
    },
  };
}

/** One answer for all, so that nobody learns from it which projects and keys there are. */
function refused(): AppError {
  return new AppError("forbidden", "no project takes this with this key");
}

function readProjectId(text: string | undefined): number | null {
  try {
    return readId(text);
  } catch {
    return null;
  }
}

function categoryOf({ kind }: AcceptedRow): Limited {
  switch (kind) {
    case "event":
      return "error";
    case "csp_report":
      return "security";
    case "feedback":
    case "replay":
    case "attachment":
      return kind;
    default:
      return kind satisfies never;
  }
}

/** The quotas of a project, over those of the installation. */
function quotaNumbersOf({ settings: { limits } }: Project, defaults: QuotaNumbers): QuotaNumbers {
  return {
    ...defaults,
    errors: {
      perMinute: limits.errorsPerMinute ?? defaults.errors.perMinute,
      perDay: limits.errorsPerDay ?? defaults.errors.perDay,
    },
    replays: {
      perMinute: limits.replaysPerMinute ?? defaults.replays.perMinute,
      perDay: limits.replaysPerDay ?? defaults.replays.perDay,
    },
  };
}

/** `X-Sentry-Rate-Limits` of a verdict, one entry a category; empty where nothing is used up. */
export function rateLimitHeader(limits: ReadonlyMap<string, number>): string {
  return [...limits]
    .filter(([category]) => isLimited(category))
    .map(([category, wait]) => `${wait}:${category}:project:quota`)
    .join(", ");
}
