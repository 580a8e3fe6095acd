/**
 * How often somebody may try: a token bucket for each account and each address. The buckets are rows, so that a restart forgives
 * nothing and all processes count together. A name is kept as its SHA-256 only: who mistypes may have typed a secret.
 */

import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import { AppError } from "../app-error.ts";
import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import { forgiveTries, giveBackTry, readTries, takeTry } from "./attempt-queries.ts";

/** One set of buckets. */
export interface Attempts {
  /**
   * Takes one try from `name`.
   * @throws AppError `limit` with the time to wait where none is left
   */
  take(name: string): Promise<void>;
  /** Puts back the one try that a success took. */
  giveBack(name: string): Promise<void>;
  /** Gives `name` all its tries back. */
  forgive(name: string): Promise<void>;
}

/** What a set of buckets is built from. */
export interface AttemptsOptions {
  db: Queryable;
  clock: Clock;
  /** Keeps sets apart that have names in common. */
  kind: string;
  /** Tries that may come at once. */
  burst: number;
  /** One more try after so long. */
  refillMs: number;
}

/** Builds one set of buckets. */
export function createAttempts({ db, clock, kind, burst, refillMs }: AttemptsOptions): Attempts {
  const bucket = (name: string) => ({
    hash: createHash("sha256").update(`${kind}\n${name}`).digest(),
    burst,
    refillMs,
    now: clock.now(),
  });
  return {
    async take(name) {
      const asked = bucket(name);
      if (await takeTry(db, asked)) return;
      const left = await readTries(db, asked);
      const waitMs = Math.max(1, Math.ceil((1 - left) * refillMs));
      throw new AppError("limit", "too many attempts, try again later", { retryAfterMs: waitMs });
    },
    giveBack: (name) => giveBackTry(db, bucket(name)),
    forgive: (name) => forgiveTries(db, bucket(name)),
  };
}

/**
 * The name under which an account is limited: one for all spellings that the database takes for the same address. It lowers letter by letter;
 * `toLowerCase` of a whole text makes two characters of `İ`, and a `ς` of a last `Σ`.
 */
export function accountName(email: string): string {
  return Array.from(email, (letter) => String.fromCodePoint(letter.toLowerCase().codePointAt(0) ?? 0)).join("");
}

/**
 * The name under which an address is limited: IPv6 by its first 64 bits, because a household or a rented machine has all that follow
 * (RFC 6177), anything else as it is.
 */
export function addressName(peer: string): string {
  if (!isIPv6(peer)) return peer;
  const [head = "", tail = ""] = peer.toLowerCase().replace(/%.*$/, "").split("::");
  const first = head === "" ? [] : head.split(":");
  const missing = peer.includes("::") ? 8 - first.length - (tail === "" ? 0 : tail.split(":").length) : 0;
  const groups = [...first, ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...(tail === "" ? [] : tail.split(":"))];
  return groups
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(":");
}
