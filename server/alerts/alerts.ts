/** The door of alerts: who hears of an issue, by which way, and what became of the message. */

import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { IssueNews } from "../digested.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import { createChannelRoutes } from "./channel-routes.ts";
import { noteNews } from "./noting.ts";
import { createRuleRoutes } from "./rule-routes.ts";
import { MAX_TRIES, type MailWay, sendMessage } from "./sender.ts";

export type { MailWay } from "./sender.ts";

/** What the other rooms ask of alerts. */
export interface Alerts {
  /**
   * Notes who has to hear of these news, in the transaction that made them; messages go out after its commit. Of one issue, a channel
   * gets one message in its cooldown, however many news there are.
   */
  note(tx: Queryable, news: readonly IssueNews[]): Promise<void>;
  routes: readonly Route[];
}

/** What the room is built from. */
export interface AlertsDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  audit: AuditTrail;
  jobs: Pick<Jobs, "define" | "add">;
  /** Base of links, without a closing slash. */
  publicUrl: string;
  /** Null where no mail server is configured. */
  mail: MailWay | null;
  /** True to post to addresses of the own machine and network. */
  allowPrivate: boolean;
}

const JOB = "alert";

/** Builds the room, and says how its jobs are done. */
export function createAlerts(deps: AlertsDeps): Alerts {
  const { db, clock, jobs } = deps;
  jobs.define(JOB, async (payload) => {
    const messageId = readMessageId(payload);
    if (messageId !== null) await sendMessage(deps, messageId);
  });
  const sendLater = (tx: Queryable, messageId: number) =>
    jobs.add(JOB, { messageId }, { key: `${JOB}:${messageId}`, maxAttempts: MAX_TRIES }, tx);
  return {
    async note(tx, news) {
      for (const { messageId } of await noteNews(tx, news, clock.now())) await sendLater(tx, messageId);
    },
    routes: [
      ...createChannelRoutes({ db, clock, audit: deps.audit, mail: deps.mail, sendLater }),
      ...createRuleRoutes({ db, audit: deps.audit }),
    ],
  };
}

function readMessageId(payload: unknown): number | null {
  if (typeof payload !== "object" || payload === null || !("messageId" in payload)) return null;
  return typeof payload.messageId === "number" ? payload.messageId : null;
}
