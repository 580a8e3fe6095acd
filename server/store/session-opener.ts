/** Claims of session ids, gathered: all that wait when the last statement returns go into the next. */

import { AppError } from "../app-error.ts";
import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import { classify } from "./faults.ts";
import { openSessions } from "./open-statement.ts";
import { dayOf } from "./partitions.ts";
import type { SessionOpened, SessionOpening } from "./store.ts";

const MAX_OPENINGS = 500;
/** Another process may make the same session between our look and our insert; the second look finds it. */
const MAX_TRIES = 3;

interface Waiting {
  opening: SessionOpening;
  resolve: (opened: SessionOpened) => void;
  reject: (error: AppError) => void;
}

export class SessionOpener {
  private readonly database: Queryable;
  private readonly clock: Clock;
  private waiting: Waiting[] = [];
  private isRunning = false;

  constructor(database: Queryable, clock: Clock) {
    this.database = database;
    this.clock = clock;
  }

  /** @throws AppError `store` while Postgres is away */
  open(opening: SessionOpening): Promise<SessionOpened> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ opening, resolve, reject });
      if (this.isRunning) return;
      this.isRunning = true;
      setImmediate(() => {
        void this.run();
      });
    });
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.waiting.slice(0, MAX_OPENINGS);
      this.waiting = this.waiting.slice(MAX_OPENINGS);
      await this.openGroup(group);
    }
    this.isRunning = false;
  }

  private async openGroup(group: readonly Waiting[]): Promise<void> {
    try {
      let open = group;
      for (let tries = 0; open.length > 0 && tries < MAX_TRIES; tries++) {
        const asked = open;
        const answers = await openSessions(
          this.database,
          asked.map(({ opening }) => opening),
          dayOf(this.clock.now()),
        );
        open = asked.filter((waiting, index) => {
          const answer = answers[index] ?? null;
          if (answer !== null) waiting.resolve(answer);
          return answer === null;
        });
      }
      for (const { reject } of open) reject(new AppError("store", "the session could not be opened", { retryAfterMs: 1_000 }));
    } catch (error) {
      if (group.length > 1 && classify(error) === "poison") {
        for (const waiting of group) await this.openGroup([waiting]);
        return;
      }
      const failure = new AppError("store", "the database does not answer", { cause: error, retryAfterMs: 2_000 });
      for (const { reject } of group) reject(failure);
    }
  }
}
