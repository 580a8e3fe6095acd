/** What the worker threads of this room are asked, and what they answer. Everything crosses as a structured clone. */

import type { RedactionPattern } from "../../protocol/redaction.ts";
import type { EventCut } from "./cut-events.ts";
import type { Packed } from "./payload-bytes.ts";
import type { RedactionSettings } from "./redactor.ts";
import type { Leak } from "./find-leaks.ts";

/** Redact a payload by these settings. */
export interface RedactTask {
  kind: "redact";
  packed: Packed;
  settings: RedactionSettings;
}

/** Search a payload. */
export interface ScanTask {
  kind: "scan";
  packed: Packed;
  patterns: readonly RedactionPattern[];
  /** Secret of the scan: leaks of the same value have the same fingerprint within it. */
  salt: Uint8Array;
}

/** Leave of a payload what a guest may see. */
export interface CutTask {
  kind: "cut";
  packed: Packed;
  cut: EventCut;
}

export type Task = RedactTask | ScanTask | CutTask;

/** What is left of a payload, and what its header says now. */
export interface CutPayload extends Packed {
  count: number;
  firstAt: number;
  lastAt: number;
  /** True where it still begins with Meta and a full snapshot. */
  checkout: boolean;
}

/**
 * - `redacted`: the payload without its secrets; `changes` is 0 where there were none, and then it is the payload as it came
 * - `scanned`: what was found
 * - `cut`: what is left; null where nothing is
 * - `unreadable`: the payload is not what its header says, or too large once it is redacted
 * - `failed`: the thread ended over it, twice
 */
export type TaskResult =
  | { kind: "redacted"; packed: Packed; changes: number }
  | { kind: "scanned"; leaks: Leak[] }
  | { kind: "cut"; packed: CutPayload | null }
  | { kind: "unreadable" }
  | { kind: "failed" };
