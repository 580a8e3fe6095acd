/** One running recording: everything of the tracker, put together. */

import { DEFAULT_TRACKER_LIMITS, MAX_OUTBOX_BYTES, MAX_PAGEHIDE_BYTES } from "../protocol/limits.ts";
import type { Marker } from "../protocol/markers.ts";
import type { SessionStart, ToTrackerMessage } from "../protocol/tracker-messages.ts";
import { createBatcher, type Draft } from "./batcher.ts";
import { createHappenings, type Capture } from "./capture/capture.ts";
import { errorMarker, maskAgain } from "./capture/errors.ts";
import { stateEvent } from "./capture/state.ts";
import { watchPage } from "./capture/watch.ts";
import { createPacker, type Packed } from "./compress.ts";
import { createErrorWindow, type ErrorWindow } from "./error-window.ts";
import { createHost } from "./host.ts";
import { createPost, ingestUrl } from "./http.ts";
import { sendLeftovers } from "./leftovers.ts";
import { createMarkerRate } from "./marker-rate.ts";
import { loadModule, type AssistFeed, type PreviewFeed } from "./modules.ts";
import { isLooser, stricter, type Facts, type Rules, type Settings } from "./options.ts";
import { createOutbox } from "./outbox.ts";
import { isTrackingUnwanted, pageFacts, placeOf, scalars } from "./page-facts.ts";
import { createPrivacy } from "./privacy.ts";
import { createRecorder } from "./record.ts";
import { createSender } from "./sender.ts";
import { createSession, keepRules, storageOf } from "./session.ts";
import { createShelf } from "./shelf.ts";
import { createUplink } from "./socket.ts";
import { watchUnload } from "./unload.ts";

export interface Visit {
  readonly sessionId: string | null;
  flush: () => void;
  mark: (name: string, data: Facts) => void;
  /** A value that the site tells for the panels: of its state, or of a storage. */
  show: (area: string, name: string, value: unknown) => void;
  identify: (userId: string | null, traits: Facts) => void;
  captureError: (error: unknown) => void;
  /** Ends it and puts everything back; with `isWithdrawn` nothing is sent any more, and the device is wiped. */
  stop: (isWithdrawn: boolean) => void;
}

/** What the tracker says of a recording that it starts. */
export interface Beginning {
  /** False where this browser has not heard yet what the project asks for. */
  isHeard: boolean;
  /** Errors and the site's own marks, of a recording that was given up because the project is stricter. */
  marks: Marker[];
  /** The project asks for more than this recording kept to; nothing of it was sent, and it has ended. */
  onStricter: (asked: Rules, marks: Marker[]) => void;
  /** Shown in the page instead of sent. */
  isPreview: boolean;
}

/** Un-acknowledged for so long, a batch goes to the shelf: in a healthy visit none ever does. */
const SAVE_AFTER_MS = 300;
/** While something is on the shelf, the tab says so often that it lives. */
const ALIVE_MS = 30_000;
const MAX_FACTS = 32;
const MAX_TRAITS = 64;

/**
 * Starts recording.
 * @throws whatever the settings or the browser are unfit for; nothing is left behind then
 */
export function startVisit(settings: Settings, { isHeard, marks, onStricter, isPreview }: Beginning): Visit {
  const host = createHost(settings.onError);
  const { key, endpoint } = settings;
  // As it is before we watch it.
  const hostFetch = window.fetch.bind(window);
  const privacy = createPrivacy(settings);
  const local = isPreview ? null : storageOf("localStorage");
  const perTab = local && storageOf("sessionStorage");
  let limits = DEFAULT_TRACKER_LIMITS;
  const session = createSession({
    key,
    sampleRate: settings.sampleRate,
    idleMs: () => limits.sessionIdleMs,
    local,
    perTab,
    now: Date.now,
  });
  const shelf = createShelf();
  const outbox = createOutbox(MAX_OUTBOX_BYTES);
  const sender = createSender(outbox, () => session.tab, Date.now);
  const packer = createPacker(host.guard(keep));
  const batcher = createBatcher((delayMs, task) => host.after(delayMs, task), host.guard(take));
  const happenings = createHappenings(host);
  const recorder = createRecorder(host, privacy, settings, (event) => {
    batcher.add(event);
    happenings.tell("event", event);
    // A checkout is waited for: by a viewer, or by whatever plays from here.
    if (event.type === 2) host.after(0, batcher.cut);
  });
  const uplink = createUplink({
    host,
    endpoint,
    key,
    outbox,
    sender,
    hostFetch,
    start,
    onMessage,
    onRefused,
    onGone: () => renew(true),
  });

  const feed: PreviewFeed = { drafts: [], start, rules: stricter(settings), isHeard, stop: end };
  let held: ErrorWindow | null = isPreview
    ? { add: (draft) => feed.drafts.push(draft), release: () => [], isCheckoutDue: () => false }
    : settings.mode === "error"
      ? createErrorWindow(settings.beforeErrorSec * 1_000, MAX_OUTBOX_BYTES)
      : null;
  /** Errors, and marks of the site, that are not durable yet. */
  let openMarks: Marker[] = [];
  let { userId }: { userId?: string | null | undefined } = settings;
  let traits: Facts | undefined;
  let startedAt = Date.now();
  let isOnShelf = false;
  let cancelSave: (() => void) | undefined;
  let isSaveDue = false;
  let isOver = false;
  let helped: AssistFeed | undefined;
  const isTooMany = createMarkerRate();

  function start(): SessionStart {
    return {
      // Until the project was heard, what any project would allow.
      ...pageFacts(isHeard || isPreview ? privacy : createPrivacy({ ...settings, maskText: "all" })),
      sessionId: session.id,
      resumeToken: session.token,
      answersResend: true,
      tab: session.tab,
      tabGroup: session.tabGroup,
      userId,
      traits,
      startTime: startedAt,
      release: settings.release,
      environment: settings.environment,
    };
  }

  /** A batch is ready to be packed. */
  function take(draft: Draft): void {
    if (isOver) return;
    if (!session.touch()) {
      // The session ended while nothing happened; what is in this batch will be in the next one's first checkout.
      if (!renew()) return;
      draft.markers.forEach((marker) => batcher.mark(marker, Date.now()));
      if (held) return;
      uplink.connect();
      sendOld();
    } else if (held) {
      held.add(draft);
      if (held.isCheckoutDue()) host.after(0, recorder.checkout);
    } else packer.push(draft);
  }

  /** A batch is packed and gets its seq. */
  function keep({ draft, ...packed }: Packed): void {
    if (isOver) return;
    if (packed.payload.length > limits.maxPayloadBytes || packed.rawBytes > limits.maxRawBytes) {
      outbox.skip();
      host.fail(new RangeError(`a batch of ${packed.payload.length} bytes is larger than the server takes`));
    } else {
      const { firstAt, lastAt, count, checkout, markers } = draft;
      const isPlayable = outbox.add({ tab: session.tab, firstAt, lastAt, count, checkout, markers, ...packed });
      if (!isPlayable) host.after(0, recorder.checkout);
      if (!isSaveDue) saveIn(SAVE_AFTER_MS);
    }
    uplink.pump();
  }

  function saveIn(delayMs: number): void {
    cancelSave?.();
    isSaveDue = true;
    cancelSave = host.after(delayMs, save);
  }

  function save(): void {
    saveAs(false);
    if (isOnShelf) saveIn(ALIVE_MS);
    isSaveDue = false;
  }

  function saveAs(isClosed: boolean): void {
    cancelSave?.();
    isOnShelf = outbox.entries.length > 0;
    const { nextSeq } = outbox;
    const about = { tab: session.tab, key, start: start(), rules: feed.rules, nextSeq, aliveAt: Date.now(), isClosed };
    if (isOnShelf) shelf.save(about, outbox.entries);
  }

  function onMessage(message: ToTrackerMessage): void {
    const { type, data } = message;
    if (type === "session_started") {
      const { settings: asked } = data;
      if (asked) {
        keepRules(local, key, asked);
        const isUnwanted = session.draw >= asked.sampleRate || (asked.respectDoNotTrack && isTrackingUnwanted());
        if (isUnwanted || isLooser(settings, asked)) {
          giveUp(asked, isUnwanted);
          return;
        }
      }
      if (data.sessionId !== session.id) {
        session.adopt(data.sessionId, data.resumeToken);
        if (isOnShelf) shelf.forget(session.tab, Infinity);
        outbox.renumber();
        recorder.checkout();
      }
      if (!isHeard) {
        isHeard = true;
        uplink.say({ type: "session_update", data: placeOf(privacy) });
      }
      limits = data.limits;
      batcher.setLimits(limits);
      watched(data.watchers);
    } else if (type === "ack") {
      const isAll = data.upto >= outbox.nextSeq - 1;
      if (isOnShelf) shelf.forget(session.tab, isAll ? Infinity : data.upto);
      if (isAll) {
        isOnShelf = false;
        openMarks = [];
      }
    } else if (type === "watchers") watched(data.count);
    else if (type === "checkout_request") recorder.checkout();
    else if (type === "error") {
      host.fail(new Error(`${data.code}: ${data.message}`));
      // Without a time to wait it is the session that is full.
      if (data.code === "limit" && !data.retryAfterMs) end();
    } else if (/^assist/.test(type)) {
      if (!helped) {
        helped = { ...capture, messages: [], say: uplink.say };
        loadModule(host, endpoint, "assist", helped);
      }
      helped.messages.push(message);
    }
  }

  function watched(count: number): void {
    batcher.setInterval(count ? limits.flushWatchedMs : limits.flushIdleMs);
  }

  function onRefused(reason: string): void {
    host.fail(new Error(`refused: ${reason}`));
    end();
  }

  /** The project is stricter than what was recorded: nothing of that is sent. */
  function giveUp(asked: Rules, isUnwanted: boolean): void {
    const { id: sessionId, tab } = session;
    uplink.say(isUnwanted ? { type: "session_end", data: { sessionId } } : { type: "tab_end", data: { tab } });
    shelf.forget(tab, Infinity);
    session.leave();
    end();
    onStricter(asked, openMarks);
  }

  /**
   * Begins again as another tab, and perhaps session, with nothing sent yet; what this one could not send is left over, except where the
   * session is gone: then nothing of it may come back.
   * @returns false where the draw of the new session is against recording
   */
  function renew(isGone = false): boolean {
    if (isGone) {
      isOver = true;
      finish();
      isOver = false;
      shelf.forget(session.tab, Infinity);
    } else {
      packer.flushNow();
      saveAs(true);
    }
    uplink.disconnect();
    outbox.clear();
    isOnShelf = false;
    session.renew(isGone);
    if (session.isSampled) recorder.checkout();
    else end();
    return session.isSampled;
  }

  /** Nothing more is recorded in this page. */
  function end(): void {
    isOver = true;
    recorder.stop();
    host.undo();
    shelf.close();
  }

  function sendOld(): void {
    const { tab, tabGroup } = session;
    void sendLeftovers(host, shelf, { key, tab, tabGroup }, createPost(ingestUrl(endpoint, key), hostFetch)).catch(host.fail);
  }

  function mark(marker: Marker): void {
    if (isOver || (marker.kind !== "console" && isTooMany(marker.at))) return;
    if (/^(?:error|custom)$/.test(marker.kind)) openMarks.push(marker);
    batcher.mark(marker, Date.now());
    // An error shows at once, with what it changed on the page; in error mode it opens the gates.
    if (marker.kind !== "error") return;
    host.after(0, letGo);
    happenings.tell("error", marker);
  }

  function letGo(): void {
    batcher.cut();
    if (!held || isPreview) return;
    const drafts = held.release();
    held = null;
    startedAt = drafts[0]?.firstAt ?? startedAt;
    drafts.forEach((draft) => packer.push(draft));
    uplink.connect();
  }

  function finish(): void {
    batcher.cut();
    packer.flushNow();
  }

  const capture: Capture = {
    host,
    privacy,
    settings,
    nodes: recorder.nodes,
    perTab,
    ...happenings,
    mark,
    record: (plugin, payload) => batcher.add({ type: 6, timestamp: Date.now(), data: { plugin, payload } }),
    navigated() {
      uplink.say({ type: "session_update", data: placeOf(privacy) });
      recorder.navigated();
    },
  };

  if (session.isSampled) {
    watchPage(capture);
    if (settings.recordBodies) loadModule(host, endpoint, "bodies", capture);
    recorder.start();
    if (!held) uplink.connect();
    if (isPreview) {
      batcher.setInterval(limits.flushWatchedMs);
      loadModule(host, endpoint, "preview", feed);
    } else sendOld();
    for (const old of marks) mark(maskAgain(privacy, old));
    watchUnload(host, {
      hide() {
        capture.tell("leave", "hidden");
        batcher.cut();
      },
      leave() {
        capture.tell("leave", "gone");
        session.leave();
        if (held) return;
        finish();
        // Before the project was heard nothing may go: the next page load sends it, if it may.
        if (isHeard) uplink.sendTail(MAX_PAGEHIDE_BYTES, !shelf.isUsable());
        saveAs(true);
        // An open socket would keep the page out of the browser's cache for the back button.
        uplink.disconnect();
      },
      comeBack() {
        session.enter();
        if (held) return;
        save();
        uplink.connect();
        recorder.checkout();
      },
    });
  }

  return {
    get sessionId() {
      return session.isSampled ? session.id : null;
    },
    flush: host.guard(batcher.cut),
    mark: host.guard((name, data) => mark({ kind: "custom", at: Date.now(), name, data: scalars(data, MAX_FACTS) })),
    show: host.guard((area, name, value) => batcher.add(stateEvent(privacy, area, name, value))),
    captureError: host.guard((error) => mark(errorMarker(capture, error, "manual"))),
    identify: host.guard((id, more) => {
      userId = id;
      traits = scalars(more, MAX_TRAITS);
      uplink.say({ type: "session_update", data: { userId, traits } });
    }),
    stop(isWithdrawn) {
      host.guard(() => {
        if (isWithdrawn) {
          uplink.say({ type: "session_end", data: { sessionId: session.id } });
          shelf.wipe();
          session.forget();
        } else if (!held && session.isSampled) {
          finish();
          if (isHeard) uplink.sendTail(uplink.isOpen() ? Infinity : MAX_PAGEHIDE_BYTES, false);
          saveAs(true);
          session.leave();
        }
      })();
      end();
    },
  };
}
