/**
 * The door of privacy: takes secrets out of what trackers send before anybody sees or stores it, and looks for those that are stored
 * already.
 */

import type { AuditTrail } from "../audit-trail.ts";
import type { Encoding } from "../../protocol/batch.ts";
import type { Marker } from "../../protocol/markers.ts";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import type { SessionStart, SessionUpdate } from "../../protocol/tracker-messages.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Route } from "../net/route.ts";
import type { EventCut } from "./cut-events.ts";
import { redactMarkers, redactStart, redactUpdate } from "./redact-facts.ts";
import { createScanRoutes } from "./scan-routes.ts";
import { createScanRunner } from "./scan-runner.ts";
import { createSettingsCache } from "./settings-cache.ts";
import { createWorkerPool, type WorkerPoolDeps } from "./worker-pool.ts";
import type { CutPayload } from "./worker-tasks.ts";

export { cutEvents, type EventCut, plainAddress } from "./cut-events.ts";
export type { CutPayload } from "./worker-tasks.ts";

/** A payload and what its header says of it. */
export interface PackedPayload {
  encoding: Encoding;
  rawBytes: number;
  payload: Uint8Array;
}

/** Counts since the start of the process. */
export interface PrivacyStatus {
  redactedPayloads: number;
  /** Payloads that could not be read, and were not kept. */
  unreadablePayloads: number;
  /** Payloads turned away because too many waited. */
  refusedPayloads: number;
  threads: number;
  queuedPayloads: number;
  queuedBytes: number;
  crashes: number;
}

/** The redaction that `server/ingest` and `server/digest` ask for; nothing of it throws. */
export interface Redaction {
  text(projectId: number, text: string): string;
  /** What may be the site's own id of a person: an e-mail address stays, a card number or a token does not. */
  personId(projectId: number, text: string): string;
  /** A line of source: keys and tokens only, because `name: value` is code there. */
  sourceLine(projectId: number, text: string): string;
  /** An object or list that came as JSON, changed in place. */
  fields(projectId: number, fields: object): void;
  markers(projectId: number, markers: Marker[]): Marker[];
  start(projectId: number, start: SessionStart): SessionStart;
  update(projectId: number, update: SessionUpdate): SessionUpdate;
  /** Plain events, changed in place; false where there is too much to read on the event loop. */
  events(projectId: number, events: readonly RrwebEvent[]): boolean;
  readsPayloads(projectId: number): boolean;
  /** In a worker thread. Null for a payload that cannot be read; instead of a promise where the queue is full. */
  payload(projectId: number, packed: PackedPayload): Promise<PackedPayload | null> | null;
}

export interface Privacy {
  redaction: Redaction;
  /**
   * What is left of a payload for a guest, made in a worker thread of its own, so that ingest never waits for guests. Null where nothing is
   * left, or the payload cannot be read; instead of a promise where too many wait. The payload is moved and must not be used again.
   */
  cutPayload(packed: PackedPayload, cut: EventCut): Promise<CutPayload | null> | null;
  routes: readonly Route[];
  status(): PrivacyStatus;
  /** Reads the settings of all projects, and begins to work on leak scans. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What the room is built from. */
export interface PrivacyDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  audit: AuditTrail;
  /** Where its figures are shown. */
  metrics?: Pick<Metrics, "gauge">;
  /** For tests. */
  pool?: Partial<WorkerPoolDeps>;
}

/** Most characters of plain events that are redacted on the event loop: a few milliseconds. */
const MAX_INLINE_CHARS = 128 * 1024;

/** Builds the room. It makes no thread before there is something to do for one. */
export function createPrivacy({ db, clock, log, audit, metrics, pool: options }: PrivacyDeps): Privacy {
  const settings = createSettingsCache({ db, clock, log });
  const pool = createWorkerPool({ clock, log, ...options });
  const cutters = createWorkerPool({ clock, log, maxThreads: 1, ...options });
  const scans = createScanRunner({ db, clock, log });
  const counts = { redactedPayloads: 0, unreadablePayloads: 0, refusedPayloads: 0 };

  const redaction: Redaction = {
    text(projectId, text) {
      const rules = settings.of(projectId);
      return rules.settings.enabled ? rules.all.text(text) : text;
    },
    personId(projectId, text) {
      const rules = settings.of(projectId);
      return rules.settings.enabled ? rules.ids.text(text) : text;
    },
    sourceLine(projectId, text) {
      const rules = settings.of(projectId);
      return rules.settings.enabled ? rules.all.text(text, "style") : text;
    },
    fields(projectId, fields) {
      const rules = settings.of(projectId);
      if (rules.settings.enabled) rules.all.value(fields);
    },
    markers(projectId, markers) {
      const rules = settings.of(projectId);
      return rules.settings.enabled ? redactMarkers(rules, markers) : markers;
    },
    start(projectId, start) {
      const rules = settings.of(projectId);
      return rules.settings.enabled ? redactStart(rules, start) : start;
    },
    update(projectId, update) {
      const rules = settings.of(projectId);
      return rules.settings.enabled ? redactUpdate(rules, update) : update;
    },
    events(projectId, events) {
      const rules = settings.of(projectId);
      return !rules.settings.enabled || rules.all.events(events, MAX_INLINE_CHARS) !== null;
    },
    readsPayloads(projectId) {
      const { enabled, payloads } = settings.of(projectId).settings;
      return enabled && payloads;
    },
    payload(projectId, packed) {
      const performed = pool.perform({ kind: "redact", packed, settings: settings.of(projectId).settings });
      if (performed === null) {
        counts.refusedPayloads++;
        return null;
      }
      return performed.then((result) => {
        if (result.kind === "redacted") {
          counts.redactedPayloads++;
          return result.packed;
        }
        counts.unreadablePayloads++;
        log.warn("a payload could not be redacted, and is not kept", { projectId, reason: result.kind });
        return null;
      });
    },
  };

  const status = (): PrivacyStatus => {
    const { threads, queuedTasks, queuedBytes, crashes } = pool.status();
    return { ...counts, threads, queuedPayloads: queuedTasks, queuedBytes, crashes };
  };
  metrics?.gauge("privacy_redacted_payloads", "Payloads that went through redaction.", () => counts.redactedPayloads);
  metrics?.gauge(
    "privacy_unreadable_payloads",
    "Payloads that could not be redacted, and were not kept.",
    () => counts.unreadablePayloads,
  );
  metrics?.gauge("privacy_refused_payloads", "Payloads turned away because too many waited.", () => counts.refusedPayloads);
  metrics?.gauge("privacy_queued_bytes", "Bytes of payloads that wait for redaction.", () => status().queuedBytes);
  metrics?.gauge("privacy_crashes", "Threads that ended over a payload.", () => status().crashes);

  return {
    redaction,
    cutPayload(packed, cut) {
      const performed = cutters.perform({ kind: "cut", packed, cut });
      return performed && performed.then((result) => (result.kind === "cut" ? result.packed : null));
    },
    routes: createScanRoutes({ db, audit, onChange: () => scans.wake() }),
    status,
    async start() {
      await settings.start();
      scans.start();
    },
    async stop() {
      settings.stop();
      await Promise.all([scans.stop(), pool.stop(), cutters.stop()]);
    },
  };
}
