/** The door of alerts: who hears of an issue, by which way, and what became of the message. */

import * as v from "valibot";
import { ALERT_KINDS } from "../../protocol/alert.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { IssueNews } from "../digested.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import { createChannelPauses } from "./channel-pauses.ts";
import { createChannelRoutes } from "./channel-routes.ts";
import { type Claimed, removeOld } from "./cooldown-queries.ts";
import type { MailWay } from "./mail.ts";
import { type HeldWord, isOnce, noteHeld, noteNews } from "./noting.ts";
import { createRuleRoutes } from "./rule-routes.ts";
import { sendMessage, type SenderDeps } from "./sender.ts";

export type { MailWay } from "./mail.ts";

/** What the other rooms ask of alerts. */
export interface Alerts {
  /**
   * Notes who has to hear of these news, in the transaction that made them; messages go out after its commit. Of one issue, a channel
   * gets one message in its cooldown, however many news there are.
   */
  note(tx: Queryable, news: readonly IssueNews[]): Promise<void>;
  routes: readonly Route[];
  /** Removes what nobody asks for any more every `intervalMs` (`AUTO_CLEANUP_INTERVAL_MINUTES`); never where that is 0. */
  start(intervalMs: number): void;
  stop(): void;
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

const SEND = "alert";
const TELL_HELD = "alert-held";
/** At most so many messages are sent at once, so that slow receivers leave room for other jobs. */
const QUEUES = 2;
const DAY_MS = 24 * 3_600_000;
const MESSAGE_DAYS = 30;
/** Cooldowns that are over still know what they held back. */
const COOLDOWN_DAYS = 2;

const id = v.pipe(v.number(), v.integer());
const sendWish = v.object({ messageId: id, channelId: id });
const heldWord = v.object({
  projectId: id,
  channelId: id,
  issueId: id,
  kind: v.picklist(ALERT_KINDS.filter((kind) => kind !== "test")),
  until: v.number(),
});

/** Builds the room, and says how its jobs are done. */
export function createAlerts(deps: AlertsDeps): Alerts {
  const { db, clock, log, jobs } = deps;
  const sendLater: SenderDeps["sendLater"] = (tx, { messageId, channelId }, at) =>
    jobs.add(
      SEND,
      { messageId, channelId },
      {
        key: `${SEND}:${messageId}`,
        queue: `${SEND}-${channelId % QUEUES}`,
        ...(at === undefined ? {} : { runAt: new Date(at) }),
      },
      tx,
    );
  const sender: SenderDeps = { ...deps, pauses: createChannelPauses(clock), sendLater };

  async function follow(tx: Queryable, { told, held }: Claimed): Promise<void> {
    for (const wish of told) await sendLater(tx, wish);
    for (const { claim, until } of held) {
      const { projectId, channelId, issueId, kind } = claim;
      if (!isOnce(kind)) continue;
      const word: HeldWord = { projectId, channelId, issueId, kind, until };
      await jobs.add(TELL_HELD, word, { key: `${TELL_HELD}:${channelId}:${issueId}:${kind}`, runAt: new Date(until) }, tx);
    }
  }

  jobs.define(SEND, (payload) => sendMessage(sender, v.parse(sendWish, payload)));
  jobs.define(TELL_HELD, async (payload) => {
    const word = v.parse(heldWord, payload);
    await db.transaction(async (tx) => {
      const { told } = await noteHeld(tx, word, clock.now());
      await follow(tx, { told, held: [] });
    });
  });

  async function cleanUp(): Promise<void> {
    const now = clock.now();
    try {
      await removeOld(db, now - MESSAGE_DAYS * DAY_MS, now - COOLDOWN_DAYS * DAY_MS);
    } catch (error) {
      log.warn("old alerts were not removed", { error });
    }
  }

  let stopTimer = () => {};
  return {
    async note(tx, news) {
      await follow(tx, await noteNews(tx, news, clock.now()));
    },
    routes: [
      ...createChannelRoutes({ db, clock, audit: deps.audit, canMail: deps.mail !== null, sendLater }),
      ...createRuleRoutes({ db, audit: deps.audit }),
    ],
    start(intervalMs) {
      if (intervalMs > 0) stopTimer = clock.every(intervalMs, () => void cleanUp());
    },
    stop() {
      stopTimer();
    },
  };
}
