/** Acknowledgements: told after the commit and never before, one for each tab and commit. */

import type { ToTrackerMessage } from "../../protocol/tracker-messages.ts";
import type { BatchRow } from "../store/store.ts";
import type { IngestRoom } from "./room.ts";
import { findTab, type OpenTab } from "./sessions.ts";

export class Acks {
  private readonly room: IngestRoom;
  /** Tabs that are told at the end of this commit; empty between commits. */
  private readonly due: OpenTab[] = [];
  /** Tabs whose tracker sent again what is durable; told in one go. */
  private repeated: OpenTab[] = [];

  constructor(room: IngestRoom) {
    this.room = room;
  }

  /** These are durable now. */
  onDurable(rows: readonly BatchRow[]): void {
    const { due, room } = this;
    // Rows of one tab often come in a row.
    let tab: OpenTab | undefined;
    for (const row of rows) {
      if (tab?.summary.tab !== row.tab || tab.session.summary.sessionId !== row.sessionId) {
        const session = room.sessions.get(row.sessionId);
        tab = session && findTab(session, row.tab);
        if (!tab) continue;
      }
      tab.pending--;
      if (row.seq > tab.committed) tab.committed = row.seq;
      if (!tab.isAckDue) {
        tab.isAckDue = true;
        due.push(tab);
      }
    }
    for (const acked of due) {
      acked.isAckDue = false;
      room.deps.live.committed(acked.session.summary.sessionId, acked.summary.tab, acked.committed);
      this.tell(acked);
    }
    due.length = 0;
  }

  /** This one will never be durable: it is not waited for, and not acknowledged. */
  onRefused(row: BatchRow): void {
    const session = this.room.sessions.get(row.sessionId);
    const tab = session && findTab(session, row.tab);
    if (!tab) return;
    tab.pending--;
    tab.holder?.progressed();
  }

  /** A tracker sent what is durable already: it missed the acknowledgement. */
  repeat(tab: OpenTab): void {
    if (tab.isRepeatDue) return;
    tab.isRepeatDue = true;
    this.repeated.push(tab);
    if (this.repeated.length > 1) return;
    // After all that came with it: one acknowledgement answers a whole resend.
    this.room.deps.clock.after(0, () => {
      const tabs = this.repeated;
      this.repeated = [];
      for (const told of tabs) {
        told.isRepeatDue = false;
        this.tell(told);
      }
    });
  }

  private tell(tab: OpenTab): void {
    if (tab.holder === null) return;
    const ack: ToTrackerMessage = { type: "ack", data: { tab: tab.summary.tab, upto: tab.committed } };
    tab.holder.send(ack);
    tab.holder.progressed();
    if (tab.formerHolders === null) return;
    for (const holder of tab.formerHolders) {
      holder.send(ack);
      holder.progressed();
    }
  }
}
