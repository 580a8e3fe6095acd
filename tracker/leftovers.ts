/** What earlier page loads could not send: this one sends it, tab by tab, by HTTP, beside its own work. */

import { SESSION_IDLE_MS } from "../protocol/limits.ts";
import type { Host } from "./host.ts";
import type { Post } from "./http.ts";
import { toBytes } from "./messages.ts";
import { isLooser } from "./options.ts";
import { createOutbox } from "./outbox.ts";
import { createSender } from "./sender.ts";
import type { Claimant, Leftover, Shelf } from "./shelf.ts";

/** Rounds without any progress before a tab is put back for the next page load. */
const MAX_IDLE_ROUNDS = 5;

/** Sends every tab that can be claimed; stops at the first that does not get through. */
export async function sendLeftovers(host: Host, shelf: Shelf, claimant: Claimant, post: Post): Promise<void> {
  let leftover: Leftover | null = null;
  host.listen(window, "pagehide", () => {
    if (leftover) putBack(shelf, leftover);
  });
  for (;;) {
    leftover = await shelf.claim(claimant, Date.now());
    if (!leftover) return;
    const { about, entries } = leftover;
    // Of a session that is over by now only what plays by itself is worth a session of its own.
    const isLate = about.aliveAt < Date.now() - SESSION_IDLE_MS;
    if (isLate && !entries.some((entry) => entry.batch.checkout)) shelf.forget(about.tab, Infinity);
    else if (!(await sendLeftover(leftover, shelf, post))) return;
  }
}

async function sendLeftover(leftover: Leftover, shelf: Shelf, post: Post): Promise<boolean> {
  const { about, entries } = leftover;
  const { tab, start } = about;
  const outbox = createOutbox(Infinity);
  outbox.restore(entries, about.nextSeq);
  const sender = createSender(outbox, () => tab, Date.now);
  let isResumed = false;
  for (let idleRounds = 0; idleRounds < MAX_IDLE_ROUNDS; idleRounds++) {
    const before = outbox.entries.length;
    const isDone = isResumed && before === 0;
    const messages = [toBytes({ type: "session_start", data: start })];
    const collect = (message: Parameters<typeof toBytes>[0]): unknown => messages.push(toBytes(message));
    if (isDone) collect({ type: "tab_end", data: { tab } });
    else if (isResumed) {
      sender.pump({
        batch: (entry) => collect({ type: "events_batch", data: entry.batch }),
        gap: (data) => collect({ type: "gap", data }),
      });
    }
    const answer = await post(messages);
    for (const { type, data } of answer.messages) {
      // Erased, or the project has become stricter since: nothing of it may be sent.
      const isUnwanted =
        type === "session_started"
          ? data.settings && isLooser(about.rules, data.settings)
          : type === "error" && data.code === "gone";
      if (isUnwanted) {
        shelf.forget(tab, Infinity);
        return true;
      }
      if (type === "session_started") {
        isResumed = true;
        if (data.sessionId !== start.sessionId) outbox.renumber();
        start.sessionId = data.sessionId;
        start.resumeToken = data.resumeToken;
        sender.resume(data.upto);
      } else if (type === "ack") {
        sender.acked(data.upto);
        idleRounds = 0;
      }
    }
    if (answer.status !== 200) break;
    if (isDone) return true;
    // All of it is durable: whatever becomes of the last word, nobody needs to send it again.
    if (isResumed && outbox.entries.length === 0) shelf.forget(tab, Infinity);
    if (isResumed && outbox.entries.length === before)
      await new Promise((resolve) => setTimeout(resolve, 1_000 * (idleRounds + 1)));
  }
  if (outbox.entries.length > 0) putBack(shelf, leftover);
  return false;
}

/** For the next page load. */
function putBack(shelf: Shelf, { about }: Leftover): void {
  shelf.save({ ...about, isClosed: true, claimedBy: undefined }, []);
}
