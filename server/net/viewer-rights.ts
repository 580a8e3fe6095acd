/**
 * The rights of open viewer sockets, looked at again: at once when rights may have changed, anyway every {@link CHECK_INTERVAL_MS}, and at
 * the moment at which a sign-in or token ends by itself. However many viewers there are, only a few look-ups run at a time.
 */

import type { Auth } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { ViewerSocket } from "./viewer-socket.ts";

/** What nobody told of is noticed within this time. */
export const CHECK_INTERVAL_MS = 30_000;
const TICK_MS = 1_000;
/** Look-ups at a time: 1,000 viewers are through in well under a second, and the database has room for others. */
const MAX_LOOKS = 4;

/** What it is built from. */
export interface ViewerRightsDeps {
  auth: Pick<Auth, "identify">;
  clock: Clock;
  logger: Logger;
  open: ReadonlySet<ViewerSocket>;
}

/** The looking. */
export interface ViewerRights {
  /** How often rights may have changed so far: who asked before the last time has to ask again. */
  changes(): number;
  /** Rights may have changed: all open sockets are looked at, now or within a second. */
  lookAgain(): void;
  stop(): void;
}

/** Begins to look. */
export function watchViewerRights({ auth, clock, logger, open }: ViewerRightsDeps): ViewerRights {
  const due = new Set<ViewerSocket>();
  let looks = 0;
  let lookNumber = 0;
  let changes = 0;
  let allLookedAt = -Infinity;
  let isAllDue = false;

  async function look(): Promise<void> {
    looks++;
    for (const socket of due) {
      due.delete(socket);
      if (!open.has(socket)) continue;
      socket.checkedAt = clock.now();
      const number = ++lookNumber;
      try {
        const identity = await auth.identify(socket.credentials);
        // Of two looks at the same socket the answer of the first may come last, and gives back nothing that was withdrawn.
        if (number < socket.lookNumber) continue;
        socket.lookNumber = number;
        socket.identityChanged(identity);
      } catch (error) {
        // The database is away: nobody can tell, and cutting every viewer would help nobody.
        logger.debug("viewer not checked again", { error });
      }
    }
    looks--;
  }

  const lookAtDue = () => {
    while (looks < MAX_LOOKS && looks < due.size) void look();
  };

  const lookAtAll = () => {
    isAllDue = false;
    allLookedAt = clock.now();
    for (const socket of open) due.add(socket);
    lookAtDue();
  };

  const stopTimer = clock.every(TICK_MS, () => {
    const now = clock.now();
    for (const socket of open) {
      if (socket.expiresAt <= now) socket.expired();
      else if (now - socket.checkedAt >= CHECK_INTERVAL_MS) due.add(socket);
    }
    if (isAllDue) lookAtAll();
    else lookAtDue();
  });

  return {
    changes: () => changes,
    lookAgain() {
      changes++;
      // Many changes in a row, as when a company signs in on Monday, cost one look at everybody a second.
      if (clock.now() - allLookedAt >= TICK_MS) lookAtAll();
      else isAllDue = true;
    },
    stop() {
      stopTimer();
      due.clear();
    },
  };
}
