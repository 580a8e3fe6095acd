/**
 * Who saw whom. One view is one entry, however many requests a player makes; and no byte leaves before it is written down, or, for a live
 * view while the database is away, before it is kept for writing and told to the log.
 */

import { AppError } from "../app-error.ts";
import type { AuditAction, AuditActor, AuditEntry, SessionView, ViewKind, ViewTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";

/** The same viewer of the same session, in the same kind, is written once in this time. */
export const SAME_VIEW_MS = 10 * 60_000;
/** Most views that are remembered as written; past that the oldest are forgotten, and may be written once more. */
const MAX_REMEMBERED = 20_000;
/** Most live views that wait for the database; past that live views are refused. */
export const MAX_KEPT_VIEWS = 1_000;
/** A live view waits this long to be written before it goes on without. */
export const LIVE_WAIT_MS = 2_000;
/** Kept views are tried again this often. */
export const RETRY_MS = 2_000;
/** A view that fails so often while the database is there is given up: it must not hold up the others. */
const MAX_TRIES = 10;

const ACTIONS: Readonly<Record<ViewKind, AuditAction>> = {
  live: "session_watched",
  replay: "session_replayed",
  export: "session_exported",
};

export interface ViewsDeps {
  clock: Clock;
  log: Logger;
  /** Writes an entry as of `at`. */
  write: (entry: AuditEntry, at: number) => Promise<void>;
}

/** The trail of views, and its end. */
export interface Views extends ViewTrail {
  /** Live views that are not written yet. */
  keptCount(): number;
  /** Tries once more to write what is kept; what cannot be written is told to the log, one line each. */
  stop(): Promise<void>;
}

interface Kept {
  entry: AuditEntry;
  at: number;
  tries: number;
}

/** Builds the trail. */
export function createViews({ clock, log, write }: ViewsDeps): Views {
  /** When a view is to be written again; the promise is that of the entry under way, which everybody of the same view waits for. */
  const known = new Map<string, { until: number; isWritten: Promise<void> }>();
  const kept: Kept[] = [];
  /** Live views whose entry is on its way. */
  const underWay = new Set<Promise<void>>();
  let cancelRetry: (() => void) | null = null;
  let flushing: Promise<void> | null = null;
  let isStopped = false;

  const keep = (entry: AuditEntry, at: number) => {
    kept.push({ entry, at, tries: 0 });
    log.warn("a live view is written down later", factsOf(entry, at));
    if (!isStopped) retryLater();
  };

  const retryLater = () => {
    cancelRetry ??= clock.after(RETRY_MS, () => {
      cancelRetry = null;
      void flush().then(() => {
        if (kept.length > 0 && !isStopped) retryLater();
      });
    });
  };

  const flush = (): Promise<void> => (flushing ??= writeKept().finally(() => (flushing = null)));

  /** In the order in which they were seen; the first that fails ends the attempt. */
  async function writeKept(): Promise<void> {
    let count = 0;
    for (let first = kept[0]; first; first = kept[0]) {
      try {
        await write(first.entry, first.at);
      } catch (error) {
        log.debug("kept views not written yet", { count: kept.length, error: messageOf(error) });
        if (isAway(error) || ++first.tries < MAX_TRIES) break;
        log.error("a live view could not be written down", { ...factsOf(first.entry, first.at), error });
      }
      kept.shift();
      count++;
    }
    if (count > 0) log.info("kept views are written down", { count });
  }

  async function writeLive(entry: AuditEntry, at: number): Promise<void> {
    if (kept.length + underWay.size >= MAX_KEPT_VIEWS) {
      throw new AppError("overload", "who watches cannot be written down now", { retryAfterMs: RETRY_MS });
    }
    // Nobody overtakes what waits.
    if (kept.length > 0) {
      keep(entry, at);
      return;
    }
    const writing: Promise<void> = write(entry, at)
      .catch(() => keep(entry, at))
      .finally(() => underWay.delete(writing));
    underWay.add(writing);
    let cancel = () => {};
    const patience = new Promise<void>((resolve) => {
      cancel = clock.after(LIVE_WAIT_MS, () => {
        log.warn("the database is slow: a live view goes on before it is written down", factsOf(entry, at));
        resolve();
      });
    });
    await Promise.race([writing, patience]);
    cancel();
  }

  function forgetOldest(now: number): void {
    for (const [key, { until }] of known) {
      if (known.size <= MAX_REMEMBERED && until > now) break;
      known.delete(key);
    }
  }

  return {
    keptCount: () => kept.length + underWay.size,
    viewed(view) {
      const now = clock.now();
      const key = keyOf(view);
      const before = known.get(key);
      if (before && before.until > now) return before.isWritten;
      const entry = entryOf(view);
      const isWritten = view.kind === "live" ? writeLive(entry, now) : write(entry, now);
      const fresh = { until: now + SAME_VIEW_MS, isWritten };
      known.delete(key);
      known.set(key, fresh);
      forgetOldest(now);
      isWritten.catch(() => {
        if (known.get(key) === fresh) known.delete(key);
      });
      return isWritten;
    },
    async stop() {
      isStopped = true;
      cancelRetry?.();
      await Promise.all(underWay);
      await flush();
      for (const { entry, at } of kept) log.error("a live view was never written down", factsOf(entry, at));
    },
  };
}

function entryOf({ kind, by, actor, peer, session }: SessionView): AuditEntry {
  return {
    action: ACTIONS[kind],
    actor,
    peer,
    projectId: session.projectId,
    subject: { kind: "session", id: session.sessionId },
    personId: session.userId,
    data: { kind, by },
  };
}

function keyOf({ kind, actor, peer, session }: SessionView): string {
  // By one link come many people: each of their addresses is written down.
  const from = actor !== "system" && actor.kind === "guest" ? ` ${peer}` : "";
  return `${kind} ${nameOf(actor)}${from} ${session.sessionId}`;
}

function nameOf(actor: AuditActor): string {
  if (actor === "system") return "system";
  if (actor.kind === "guest") return `guest by ${actor.name}`;
  if (actor.kind === "user") return `user ${actor.userId}`;
  return actor.kind === "token" ? `token ${actor.tokenId}` : "nobody";
}

/** What the log may know of an entry: no names, no addresses. */
function factsOf(entry: AuditEntry, at: number) {
  const { actor } = entry;
  return { action: entry.action, actor: nameOf(actor), sessionId: entry.subject?.id, projectId: entry.projectId, at };
}

function isAway(error: unknown): boolean {
  return error instanceof AppError && error.kind === "store";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
