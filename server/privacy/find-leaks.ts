/** The leak scan's view of a text: what is secret in it, where, and a sample that gives nothing away. */

import { createHmac } from "node:crypto";
import type { RedactionPattern } from "../../protocol/redaction.ts";
import { findSecrets, type Mode, type Secret } from "./find-secrets.ts";
import { compileRules, parseJson } from "./redactor.ts";
import { maskSample } from "./mask-sample.ts";
import type { LooseEvent } from "./payload-bytes.ts";
import { walkEvent, walkValue, type Visitor } from "./walk.ts";

/** What the scan looks for where nobody says otherwise: phone numbers are too often something else. */
export const SCANNED_PATTERNS: readonly RedactionPattern[] = [
  "card",
  "private_key",
  "jwt",
  "authorization",
  "token",
  "email",
  "iban",
];

/** One find. */
export interface Leak {
  kind: Secret["kind"];
  /** For people: `text`, `attribute placeholder`, `url`, `marker data.email`. */
  where: string;
  /** Page time of the event it is in; null outside events. */
  at: number | null;
  sample: string;
  /** Equal for equal values of one scan; never stored. */
  fingerprint: string;
}

/** Most finds of one payload. */
const MAX_LEAKS = 500;
const MAX_NESTED = 4;

/** Finds leaks in texts, values and events, one after the other. */
export interface LeakFinder {
  readonly leaks: readonly Leak[];
  value(value: unknown, where: string, at?: number | null): void;
  events(events: readonly LooseEvent[]): void;
}

/** Builds a finder that begins with nothing found. */
export function createLeakFinder(patterns: readonly RedactionPattern[], salt: Uint8Array): LeakFinder {
  const rules = compileRules({ keys: [], allow: [], patterns });
  const leaks: Leak[] = [];
  let at: number | null = null;
  let nested = 0;

  function add(kind: Secret["kind"], where: string, value: string, name?: string): void {
    if (leaks.length >= MAX_LEAKS) return;
    const fingerprint = createHmac("sha256", salt).update(value).digest("base64url").slice(0, 22);
    leaks.push({ kind, where, at, sample: maskSample(kind, value, name), fingerprint });
  }

  function readText(text: string, mode: Mode, where: string): string {
    const json = mode === "text" && nested < MAX_NESTED ? parseJson(text) : undefined;
    if (json === undefined) {
      for (const { kind, start, end, name } of findSecrets(text, rules, mode)) add(kind, where, text.slice(start, end), name);
    } else {
      nested++;
      walkValue(json, where, visitor);
      nested--;
    }
    return text;
  }

  const visitor: Visitor = {
    names: rules.names,
    text: readText,
    named: (value, name, where) => {
      add("named", where, typeof value === "string" ? value : JSON.stringify(value), name);
      return value;
    },
    isSpent: () => leaks.length >= MAX_LEAKS,
  };

  return {
    leaks,
    value(value, where, when = null) {
      at = when;
      if (typeof value === "string") readText(value, "text", where);
      else walkValue(value, where, visitor);
    },
    events(events) {
      for (const event of events) {
        at = event.timestamp;
        walkEvent(event, visitor);
      }
    },
  };
}
