/**
 * The outbox on the device, in IndexedDB: what was not acknowledged when the page went away is sent by the next page load of the same
 * origin. Best effort: where the browser refuses, everything here does nothing.
 */

import type { SessionStart } from "../protocol/tracker-messages.ts";
import type { Rules } from "./options.ts";
import type { Entry } from "./outbox.ts";

/** What is known of a tab whose batches are kept. */
export interface ShelfTab {
  tab: string;
  key: string;
  start: SessionStart;
  /** What its batches were recorded under. */
  rules: Rules;
  nextSeq: number;
  /** When the tab last said that it lives. */
  aliveAt: number;
  /** True once its page said that it goes. */
  isClosed: boolean;
  /** A later page load is at it. */
  claimedBy?: Claimant | undefined;
}

/** Who asks for the tabs of others. */
export interface Claimant {
  key: string;
  /** Its own, which it leaves alone. */
  tab: string;
  /** A browser tab's name is handed on by the page that goes, so that no earlier tab of this group lives, whatever it could still write. */
  tabGroup: string;
}

/** A tab of an earlier page load, claimed by this one. */
export interface Leftover {
  about: ShelfTab;
  entries: Entry[];
}

export interface Shelf {
  /** False once the browser has refused. */
  isUsable: () => boolean;
  /** Writes the entries that are not written yet, and that the tab lives, or goes; removes what is older than the first of them. */
  save: (about: ShelfTab, entries: readonly Entry[]) => void;
  /** Removes what is durable; with `Infinity` the tab as well. */
  forget: (tab: string, upto: number) => void;
  /** Takes over one tab that is not alive, or null. No two page loads are given the same one. */
  claim: (claimant: Claimant, now: number) => Promise<Leftover | null>;
  /** Removes everything, of every tab. */
  wipe: () => void;
  close: () => void;
}

/** A tab that says nothing for so long is dead; hidden pages get to speak once a minute. */
export const DEAD_AFTER_MS = 150_000;
/** Older leftovers are of no use to anybody. */
const MAX_AGE_MS = 7 * 24 * 3_600_000;
const NAME = "watchback";

/** The only writer of the database is this file, in this version: what it reads is what `save` put there. */
export function createShelf(): Shelf {
  let opening: Promise<IDBDatabase | null> | undefined;
  let database: IDBDatabase | null | undefined;

  function open(): Promise<IDBDatabase | null> {
    opening ??= new Promise<IDBDatabase | null>((resolve) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("tabs", { keyPath: "tab" });
        request.result.createObjectStore("batches");
      };
      request.onerror = request.onblocked = () => resolve(null);
      request.onsuccess = () => {
        // Somebody removes or upgrades it: let go, or he waits for ever.
        request.result.onversionchange = close;
        resolve(request.result);
      };
    })
      .catch(() => null)
      .then((opened) => (database = opened));
    return opening;
  }

  function close(): void {
    database?.close();
    database = undefined;
    opening = undefined;
  }

  /** Runs `work` at once where the database is open, which a page that goes away needs. */
  function write(work: (tabs: IDBObjectStore, batches: IDBObjectStore) => void): void {
    const run = (opened: IDBDatabase | null): void => {
      if (!opened) return;
      try {
        const transaction = opened.transaction(["tabs", "batches"], "readwrite");
        // An abort, of a full disk for example, must not reach the page's own error handlers.
        transaction.onerror = transaction.onabort = (event) => event.preventDefault();
        work(transaction.objectStore("tabs"), transaction.objectStore("batches"));
        // Does not wait for the page's event loop, which may not turn again.
        if ("commit" in transaction) transaction.commit();
      } catch {
        database = null;
      }
    };
    if (database === undefined) void open().then(run);
    else run(database);
  }

  return {
    close,
    isUsable: () => Boolean(database),
    save(about, entries) {
      const fresh = entries.filter((entry) => !entry.stored);
      for (const entry of fresh) entry.stored = true;
      write((tabs, batches) => {
        tabs.put(about);
        if (entries[0]) batches.delete(rangeOf(about.tab, entries[0].batch.seq - 0.5));
        for (const entry of fresh) batches.put(entry, [about.tab, entry.batch.seq]);
      });
    },
    forget(tab, upto) {
      write((tabs, batches) => {
        batches.delete(rangeOf(tab, upto));
        if (upto === Infinity) tabs.delete(tab);
      });
    },
    async claim(claimant, now) {
      const { key, tab, tabGroup } = claimant;
      const opened = await open();
      if (!opened) return null;
      return await new Promise<Leftover | null>((resolve) => {
        const transaction = opened.transaction(["tabs", "batches"], "readwrite");
        const tabs = transaction.objectStore("tabs");
        const batches = transaction.objectStore("batches");
        let leftover: Leftover | null = null;
        const all = tabs.getAll();
        all.onsuccess = () => {
          for (const about of all.result as ShelfTab[]) {
            // In use where a living page has it: its own, or the one that claimed it. A page of our group that is not us is gone.
            const user = about.claimedBy ?? about.start;
            const isLeft = user.tabGroup === tabGroup && user.tab !== tab;
            if (about.key !== key || about.tab === tab || !(about.isClosed || isLeft || about.aliveAt < now - DEAD_AFTER_MS))
              continue;
            if (about.aliveAt < now - MAX_AGE_MS) {
              tabs.delete(about.tab);
              batches.delete(rangeOf(about.tab, Infinity));
              continue;
            }
            tabs.put({ ...about, aliveAt: now, isClosed: false, claimedBy: claimant });
            const held = batches.getAll(rangeOf(about.tab, Infinity));
            held.onsuccess = () => (leftover = { about, entries: held.result as Entry[] });
            return;
          }
        };
        transaction.oncomplete = () => resolve(leftover);
        transaction.onabort = transaction.onerror = () => resolve(null);
      }).catch(() => null);
    },
    wipe() {
      write((tabs, batches) => {
        tabs.clear();
        batches.clear();
      });
    },
  };
}

function rangeOf(tab: string, upto: number): IDBKeyRange {
  return IDBKeyRange.bound([tab, -1], [tab, upto]);
}
