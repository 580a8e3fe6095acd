/**
 * Who is visiting: the session (shared by the tabs of one browser through localStorage, ended by half an hour without an event), this page
 * context's tab, and the browser tab it belongs to. Without storage everything lives as long as the page.
 */

import { createSessionId, createTabId } from "../protocol/ids.ts";
import type { TrackerSettings } from "../protocol/tracker-messages.ts";

/** What the tabs of one browser share. */
export interface StoredSession {
  id: string;
  token: string;
  /** When it was last heard of. */
  at: number;
  /** Drawn once, from 0 to 1: recorded where the share that is to be recorded is larger. */
  draw: number;
}

export interface Session {
  readonly id: string;
  readonly token: string;
  readonly isSampled: boolean;
  readonly draw: number;
  /** Page context; a new one for each page load and each session. */
  readonly tab: string;
  /** The browser tab, over page loads. */
  readonly tabGroup: string;
  /**
   * Something happened: keeps the session alive.
   * @returns false where it had ended, or another tab has moved on to another session: then it is time to {@link renew}
   */
  touch: () => boolean;
  /** A new page context, in the session that the other tabs are in, or in a new one; in any case in a new one where this one is gone. */
  renew: (isGone?: boolean) => void;
  /** The server has given this page another session. */
  adopt: (id: string, token: string) => void;
  /** The page goes away, and may come back: leaves the browser tab's name to the next page. */
  leave: () => void;
  enter: () => void;
  /** Removes everything from the device. */
  forget: () => void;
}

export interface SessionOptions {
  key: string;
  sampleRate: number;
  idleMs: () => number;
  local: Storage | null;
  perTab: Storage | null;
  now: () => number;
}

/** Storage is written at most this often to say that the session lives. */
const TOUCH_MS = 5_000;

export function createSession(options: SessionOptions): Session {
  const { local, perTab, now } = options;
  const name = storedName(options.key);
  let stored = read() ?? create();
  let tab = createTabId(random(12));
  const tabGroup = take() ?? createTabId(random(12));
  write();

  function read(): StoredSession | null {
    const found = attempt(() => JSON.parse(local?.getItem(name) ?? "null") as unknown);
    return isStored(found) && now() - found.at < options.idleMs() ? found : null;
  }

  function write(): void {
    attempt(() => local?.setItem(name, JSON.stringify(stored)));
  }

  function create(): StoredSession {
    const draw = Math.random();
    return {
      id: createSessionId(now(), random(10)),
      token: createTabId(random(32)),
      at: now(),
      // Who is out stays out, whatever another page of the site says.
      draw: draw < options.sampleRate ? draw : 1,
    };
  }

  /** Taken out while the page lives: a copy of the browser tab gets a name of its own. */
  function take(): string | null | undefined {
    return attempt(() => {
      const found = perTab?.getItem(name);
      perTab?.removeItem(name);
      return found;
    });
  }

  return {
    get id() {
      return stored.id;
    },
    get token() {
      return stored.token;
    },
    get draw() {
      return stored.draw;
    },
    get isSampled() {
      return stored.draw < options.sampleRate;
    },
    get tab() {
      return tab;
    },
    tabGroup,
    touch() {
      const isOver = now() - stored.at >= options.idleMs();
      if (!isOver && now() - stored.at < TOUCH_MS) return true;
      const shared = read();
      if (shared ? shared.id !== stored.id : isOver) return false;
      stored = { ...stored, at: now() };
      write();
      return true;
    },
    renew(isGone = false) {
      const isOver = isGone || now() - stored.at >= options.idleMs();
      const shared = read();
      // Another tab may have begun the next one.
      stored = { ...(shared && !(isGone && shared.id === stored.id) ? shared : isOver ? create() : stored), at: now() };
      tab = createTabId(random(12));
      write();
    },
    adopt(id, token) {
      stored = { ...stored, id, token, at: now() };
      write();
    },
    leave() {
      attempt(() => perTab?.setItem(name, tabGroup));
    },
    enter() {
      take();
    },
    forget() {
      attempt(() => local?.removeItem(name));
      keepRules(local, options.key, null);
      attempt(() => perTab?.removeItem(loadsName(options.key)));
      take();
    },
  };
}

function storedName(key: string): string {
  return `watchback.${key}`;
}

/** Where the newest page loads of a browser tab are kept. */
export function loadsName(key: string): string {
  return `${storedName(key)}.loads`;
}

/** What the project asked for when it was last heard, or null. */
export function keptRules(local: Storage | null, key: string): TrackerSettings | null {
  const found = attempt(() => JSON.parse(local?.getItem(`${storedName(key)}.rules`) ?? "null") as unknown);
  return typeof found === "object" ? (found as TrackerSettings | null) : null;
}

/** Keeps that for the next page load; null forgets it. */
export function keepRules(local: Storage | null, key: string, rules: TrackerSettings | null): void {
  const name = `${storedName(key)}.rules`;
  attempt(() => (rules ? local?.setItem(name, JSON.stringify(rules)) : local?.removeItem(name)));
}

/** Storage, or null where the browser forbids even to ask. */
export function storageOf(name: "localStorage" | "sessionStorage"): Storage | null {
  return attempt(() => window[name]) ?? null;
}

function random(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function isStored(value: unknown): value is StoredSession {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    "token" in value &&
    "at" in value &&
    typeof value.at === "number" &&
    "draw" in value
  );
}
