/**
 * The connection of one tab to the server.
 *
 * States:
 * - `off`: nothing wanted, or refused for good
 * - `waiting`: a pause before the next try
 * - `opening`: a socket is being opened, or has said `session_start` and waits for the answer
 * - `open`: `session_started` has come; batches flow
 * - `polling`: WebSockets do not get through; the same messages go by HTTP, one round after the other
 *
 * `off` -connect-> `opening` -session_started-> `open` -close-> `waiting` -time-> `opening`
 * `opening` fails twice without ever opening -> `polling` -a while later-> `opening`; `polling` fails -> `waiting`
 * any -disconnect or a final refusal-> `off`
 */

import { CLOSE } from "../protocol/close-codes.ts";
import { reconnectDelayMs } from "../protocol/reconnect.ts";
import type { SessionStart, ToTrackerMessage } from "../protocol/tracker-messages.ts";
import type { Host } from "./host.ts";
import { createPost, ingestUrl, sendBeacon, type Answer } from "./http.ts";
import { isMessage, toBytes, toText, type OwnMessage } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import type { Sender, Way } from "./sender.ts";

type State =
  | { name: "off" }
  | { name: "waiting"; cancel: () => void }
  | { name: "opening" | "open"; socket: WebSocket; cancel: () => void }
  | { name: "polling"; cancel: () => void; isReady: boolean; isBusy: boolean; queue: Uint8Array[] };

export interface UplinkOptions {
  host: Host;
  /** Origin of the server. */
  endpoint: string;
  key: string;
  outbox: Outbox;
  sender: Sender;
  /** The page as it is now; read anew for every connection. */
  start: () => SessionStart;
  /** Everything the server says, after the uplink has done its own part. */
  onMessage: (message: ToTrackerMessage) => void;
  /** The server wants nothing of us: no such key, or no right. */
  onRefused: (reason: string) => void;
  /** The session is over, or another connection speaks for this tab: `start` will have another name for it. */
  onGone: () => void;
  hostFetch: typeof fetch;
}

/** The way to the server, whichever it is at the moment. */
export interface Uplink {
  connect: () => void;
  /** Closes without a farewell; `connect` starts again. */
  disconnect: () => void;
  /** Sends what the window allows. */
  pump: () => void;
  /** Sends a control message if there is a connection; the next `session_start` says the same where there is none. */
  say: (message: OwnMessage) => void;
  /** The page goes away: sends the tail of {@link Sender.pumpTail} and `tab_end` before it returns. */
  sendTail: (maxBytes: number, isLast: boolean) => void;
  /** True while batches can flow. */
  isOpen: () => boolean;
}

/** A socket that has not been answered by then never will be. */
const OPEN_TIMEOUT_MS = 10_000;
/** So many sockets must fail to open before HTTP is tried. */
const FAILURES_BEFORE_POLLING = 2;
/** How long HTTP is kept to before WebSockets are tried again. */
const POLLING_MS = 120_000;
const POLL_BUSY_MS = 1_000;
const POLL_IDLE_MS = 5_000;
/** A connection that lasted so long has held: the next failure counts as the first. */
const HELD_MS = 10_000;
/** Batches under way and not a word for so long: the other end is gone, whatever TCP believes. */
const SILENCE_MS = 60_000;
/** Above this the browser's own queue is left alone. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

const FINAL_ERRORS: ReadonlySet<string> = new Set(["unauthorized", "forbidden"]);
const FINAL_STATUS: ReadonlySet<number> = new Set([401, 403]);

/** An uplink that is not connected yet. */
export function createUplink(options: UplinkOptions): Uplink {
  const { host, outbox, sender } = options;
  const { endpoint, key } = options;
  const socketUrl = `${endpoint.replace(/^http/, "ws")}/ws?type=tracker&key=${encodeURIComponent(key)}`;
  const httpUrl = ingestUrl(endpoint, key);
  const post = createPost(httpUrl, options.hostFetch);

  let state: State = { name: "off" };
  /** Failed tries since the last connection that held. */
  let attempt = 0;
  /** Sockets in a row that never opened. */
  let unopened = 0;
  let retryAfterMs = 0;
  let openedAt = 0;
  let heardAt = 0;
  let pollingUntil = 0;
  let isOver = false;
  /** Said while the server had not answered yet: its answer may be to what was true before. */
  let unsaid: OwnMessage[] = [];

  function enter(next: State): void {
    if (state.name !== "off") state.cancel();
    state = next;
  }

  function connect(): void {
    if (isOver || (state.name !== "off" && state.name !== "waiting")) return;
    if (unopened >= FAILURES_BEFORE_POLLING && Date.now() < pollingUntil) startPolling();
    else openSocket();
  }

  function openSocket(): void {
    const created = createSocket(socketUrl);
    if (created) follow(created);
    else startPolling();
  }

  function follow(socket: WebSocket): void {
    let hasOpened = false;
    const isCurrent = (): boolean => "socket" in state && state.socket === socket;
    unsaid = [];
    enter({ name: "opening", socket, cancel: host.after(OPEN_TIMEOUT_MS, () => lost(1006)) });

    function lost(code: number): void {
      if (!isCurrent()) return;
      socket.close();
      if (!hasOpened) unopened++;
      if (openedAt && Date.now() - openedAt > HELD_MS) attempt = 0;
      openedAt = 0;
      if (unopened >= FAILURES_BEFORE_POLLING) startPolling();
      else wait(code);
    }

    socket.onopen = host.guard(() => {
      hasOpened = true;
      unopened = 0;
      if (isCurrent()) socket.send(toText({ type: "session_start", data: options.start() }));
    });
    socket.onmessage = host.guard((event: MessageEvent<unknown>) => {
      if (!isCurrent() || typeof event.data !== "string") return;
      const message: unknown = JSON.parse(event.data);
      if (!isMessage(message)) return;
      if (message.type === "session_started") {
        openedAt = Date.now();
        enter({ name: "open", socket, cancel: watchSilence(() => lost(1006)) });
        for (const said of unsaid.splice(0)) socket.send(toText(said));
      }
      const code = receive(message);
      if (code) lost(code);
      else pump();
    });
    socket.onclose = host.guard((event: CloseEvent) => lost(event.code));
  }

  function watchSilence(lost: () => void): () => void {
    let cancel = host.after(SILENCE_MS, function check() {
      if (outbox.entries.length && Date.now() - heardAt > SILENCE_MS) lost();
      else cancel = host.after(SILENCE_MS, check);
    });
    return () => cancel();
  }

  function wait(closeCode: number): void {
    const isGone = closeCode === CLOSE.gone;
    if (isGone) options.onGone();
    if (isOver) return;
    const delay = reconnectDelayMs(attempt++, isGone ? CLOSE.timeout : closeCode, Math.random(), retryAfterMs);
    retryAfterMs = 0;
    if (delay === null) refuse(`closed with ${closeCode}`);
    else enter({ name: "waiting", cancel: host.after(delay, connect) });
  }

  function refuse(reason: string): void {
    disconnect();
    options.onRefused(reason);
  }

  function disconnect(): void {
    const socket = "socket" in state ? state.socket : undefined;
    enter({ name: "off" });
    socket?.close();
  }

  /** Does what a message says; returns the close code that it amounts to, or 0. */
  function receive(message: ToTrackerMessage): number {
    heardAt = Date.now();
    const { type, data } = message;
    // Facts first: a fresh session id, told here, changes what is resumed.
    options.onMessage(message);
    if (type === "session_started") sender.resume(data.upto);
    else if (type === "ack") sender.acked(data.upto);
    else if (type === "resend") {
      sender.rewind(data.fromSeq, data.afterMs ?? 0);
      host.after(data.afterMs ?? 0, pump);
    } else if (type === "error") {
      retryAfterMs = data.retryAfterMs ?? 0;
      if (FINAL_ERRORS.has(data.code)) refuse(data.message);
      // Where the page was not let in there is nothing to wait for.
      return data.code === "gone" ? CLOSE.gone : state.name === "opening" ? CLOSE.overload : 0;
    }
    return 0;
  }

  function pump(): void {
    if (state.name === "open") {
      const { socket } = state;
      if (socket.bufferedAmount > MAX_BUFFERED_BYTES) host.after(POLL_BUSY_MS, pump);
      else sender.pump(wayOf(socket));
    } else if (state.name === "polling" && state.isReady && !state.isBusy && sender.unsent().length) pollSoon(POLL_BUSY_MS);
  }

  function wayOf(socket: WebSocket): Way {
    return {
      batch: (entry) => socket.send(toBytes({ type: "events_batch", data: entry.batch })),
      gap: (gap) => socket.send(toText({ type: "gap", data: gap })),
    };
  }

  /** Gathers messages for one HTTP request. */
  function wayInto(messages: Uint8Array[]): Way {
    return {
      batch: (entry) => messages.push(toBytes({ type: "events_batch", data: entry.batch })),
      gap: (gap) => messages.push(toBytes({ type: "gap", data: gap })),
    };
  }

  function startPolling(): void {
    pollingUntil = Date.now() + POLLING_MS;
    enter({ name: "polling", cancel: host.after(0, poll), isReady: false, isBusy: false, queue: [] });
  }

  function pollSoon(delayMs: number): void {
    if (state.name !== "polling" || state.isBusy) return;
    state.cancel();
    state.cancel = host.after(delayMs, poll);
  }

  /** One round: the first only asks where the server stands, the others carry what the window allows. */
  function poll(): void {
    if (state.name !== "polling") return;
    const round = state;
    const messages = [toBytes({ type: "session_start", data: options.start() }), ...round.queue.splice(0)];
    if (round.isReady) sender.pump(wayInto(messages));
    round.isBusy = true;
    void post(messages).then(host.guard((answer) => finishRound(round, answer)));
  }

  function finishRound(round: State & { name: "polling" }, answer: Answer): void {
    if (state !== round) return;
    round.isBusy = false;
    let code = 0;
    for (const message of answer.messages) code = receive(message) || code;
    if (state !== round) return;
    if (code) return wait(code);
    if (FINAL_STATUS.has(answer.status)) return refuse(`HTTP ${answer.status}`);
    if (answer.status !== 200) {
      // HTTP does not get through either, so it is not the sockets that are blocked.
      if (!round.isReady) unopened = 0;
      return wait(1006);
    }
    attempt = 0;
    round.isReady = true;
    if (Date.now() > pollingUntil) return openSocket();
    pollSoon(Math.max(retryAfterMs, sender.pausedMs(), outbox.entries.length ? POLL_BUSY_MS : POLL_IDLE_MS));
    retryAfterMs = 0;
  }

  host.listen(window, "online", () => {
    if (state.name === "waiting") connect();
  });
  host.onUndo(() => {
    isOver = true;
    disconnect();
  });

  return {
    connect,
    disconnect,
    pump,
    isOpen: () => state.name === "open" || state.name === "polling",
    say(message) {
      if (state.name === "open") state.socket.send(toText(message));
      else if (state.name === "opening") unsaid.push(message);
      else if (state.name === "polling") {
        state.queue.push(toBytes(message));
        pollSoon(0);
      }
    },
    sendTail(maxBytes, isLast) {
      const messages: Uint8Array<ArrayBuffer>[] = [];
      sender.pumpTail(wayInto(messages), maxBytes, isLast);
      messages.push(toBytes({ type: "tab_end", data: { tab: options.start().tab } }));
      if (state.name === "open") for (const message of messages) state.socket.send(message);
      else sendBeacon(httpUrl, [toBytes({ type: "session_start", data: options.start() }), ...messages], options.hostFetch);
    },
  };
}

/** A socket, or null where there are none here, or the page's policy forbids ours. */
function createSocket(url: string): WebSocket | null {
  try {
    return new WebSocket(url);
  } catch {
    return null;
  }
}
