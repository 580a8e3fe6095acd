/** The DevTools protocol over two pipes of a child process: JSON messages, each ended by a NUL. No port is opened for it. */

import type { Readable, Writable } from "node:stream";

/** A browser may send no more at once; a screenshot is a megabyte. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** One browser. */
export interface DevTools {
  /**
   * Calls a method.
   * @param session of the page that is meant; absent: the browser itself
   * @throws Error where the browser says no, or has gone
   */
  call(method: string, params?: object, session?: string): Promise<Readonly<Record<string, unknown>>>;
  /** Waits for the next event of this name; to be called before what causes it. */
  next(method: string, session: string): Promise<void>;
  /** Ends all that waits. */
  end(reason: Error): void;
}

interface Waiting {
  resolve(result: Readonly<Record<string, unknown>>): void;
  reject(error: Error): void;
}

/** Speaks to a browser whose pipes these are. */
export function createDevTools(toBrowser: Writable, fromBrowser: Readable): DevTools {
  const waiting = new Map<number, Waiting>();
  let events: { method: string; session: string; waiting: Waiting }[] = [];
  let held: Buffer[] = [];
  let heldBytes = 0;
  let lastId = 0;
  let ended: Error | null = null;

  function end(reason: Error): void {
    ended ??= reason;
    for (const one of [...waiting.values(), ...events.map((event) => event.waiting)]) one.reject(ended);
    waiting.clear();
    events = [];
  }

  function take(text: string): void {
    const message = toRecord(JSON.parse(text));
    const { id, method, sessionId } = message;
    if (typeof id === "number") {
      const call = waiting.get(id);
      waiting.delete(id);
      const error = toRecord(message["error"]);
      if (typeof error["message"] === "string") call?.reject(new Error(error["message"]));
      else call?.resolve(toRecord(message["result"]));
      return;
    }
    const heard = events.filter((event) => event.method === method && event.session === sessionId);
    events = events.filter((event) => !heard.includes(event));
    for (const event of heard) event.waiting.resolve({});
  }

  fromBrowser.on("data", (piece: Buffer) => {
    let from = 0;
    for (let at = piece.indexOf(0); at >= 0; at = piece.indexOf(0, from)) {
      held.push(piece.subarray(from, at));
      const text = Buffer.concat(held).toString("utf8");
      held = [];
      heldBytes = 0;
      from = at + 1;
      try {
        take(text);
      } catch {
        end(new Error("the browser sent something unreadable"));
      }
    }
    held.push(piece.subarray(from));
    heldBytes += piece.length - from;
    if (heldBytes > MAX_MESSAGE_BYTES) end(new Error("the browser sent too much"));
  });
  fromBrowser.on("close", () => end(new Error("the browser has gone")));
  for (const pipe of [fromBrowser, toBrowser]) pipe.on("error", (error: Error) => end(error));

  return {
    call(method, params = {}, session) {
      if (ended) return Promise.reject(ended);
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        toBrowser.write(`${JSON.stringify({ id, method, params, ...(session === undefined ? {} : { sessionId: session }) })}\0`);
      });
    },
    next(method, session) {
      if (ended) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        events.push({ method, session, waiting: { resolve: () => resolve(), reject } });
      });
    },
    end,
  };
}

/** A plain object; an empty one for everything else. */
export function toRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
