/**
 * Ingest keys in use: which sockets are open by each, and whether it still is good.
 *
 * With a key that was good when last looked at, a tracker is let in within the call that asks, which is what the library does best; the
 * look at the database follows. Keys with open sockets are looked at again every {@link LOOK_MS} and whenever rights changed, all of
 * them by one statement; a key that was revoked, or whose project was removed, ends its sockets for good.
 */

import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Project, Projects } from "../projects/projects.ts";

/** With the age of an answer (`server/projects`) and the reading itself below the promised 5 s. */
const LOOK_MS = 500;
/** Most keys remembered; past it one that has no socket is forgotten. */
const MAX_KEYS = 10_000;
/** Sockets that are closed in one turn. */
const CLOSES_PER_TURN = 500;

/** A tracker's socket, as far as its key is concerned. */
export interface KeyHolder {
  /** The key is good no more: says so, and closes for good. */
  keyRevoked(): void;
}

/** One key. Sockets keep a reference, and so always see its project as it is now. */
export interface KeyUse {
  readonly key: string;
  project: Project;
  readonly holders: Set<KeyHolder>;
}

/** Every key that trackers came with. */
export interface TrackerKeys {
  /** From memory alone. */
  get(key: string): KeyUse | null;
  /**
   * By a real look, which is remembered.
   * @throws AppError as `Projects.findByKey`
   */
  find(key: string): Promise<KeyUse | null>;
  /** Looks again at all keys that have sockets. */
  lookAgain(): void;
  stop(): void;
}

/** What it is built from. */
export interface TrackerKeysDeps {
  projects: Pick<Projects, "findByKey" | "noteUse">;
  clock: Clock;
  logger: Logger;
}

/** Builds it, and begins to look. */
export function createTrackerKeys({ projects, clock, logger }: TrackerKeysDeps): TrackerKeys {
  const known = new Map<string, KeyUse>();

  function makeRoom(): void {
    for (const [key, use] of known) {
      if (use.holders.size > 0) continue;
      known.delete(key);
      return;
    }
  }

  async function find(key: string): Promise<KeyUse | null> {
    const project = await projects.findByKey(key);
    const use = known.get(key);
    if (!project) {
      known.delete(key);
      if (use) void closeAll(use);
      return null;
    }
    if (use) {
      use.project = project;
      return use;
    }
    if (known.size >= MAX_KEYS) makeRoom();
    const made = { key, project, holders: new Set<KeyHolder>() };
    known.set(key, made);
    return made;
  }

  async function closeAll(use: KeyUse): Promise<void> {
    while (use.holders.size > 0) {
      let left = CLOSES_PER_TURN;
      for (const holder of use.holders) {
        // A holder leaves the set when it is closed; one that is not open yet is told when it is.
        use.holders.delete(holder);
        holder.keyRevoked();
        if (--left === 0) break;
      }
      await new Promise(setImmediate);
    }
  }

  const lookAgain = () => {
    for (const use of known.values()) {
      if (use.holders.size === 0) continue;
      projects.noteUse(use.key);
      // With the database away nobody can tell, and nobody can revoke anything either.
      find(use.key).catch((error: unknown) => logger.debug("project key not checked again", { error }));
    }
  };
  const stopTimer = clock.every(LOOK_MS, lookAgain);
  return { get: (key) => known.get(key) ?? null, find, lookAgain, stop: stopTimer };
}
