/** Passwords as Argon2id, with the parameters of the OWASP Password Storage Cheat Sheet (m = 19 MiB, t = 2, p = 1). */

import { hash, parseOptions, verify } from "@node-rs/argon2";
import { AppError } from "../app-error.ts";

const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** `Algorithm.Argon2id` of the package, whose enum exists in its types only. */
const ARGON2ID: number = 2;
/** Each one at work takes 19 MiB and one thread of libuv's four. */
const MAX_AT_ONCE = 4;
/** Sign-ins that wait past this are refused; at about 20 ms each that is a second of waiting. */
const MAX_WAITING = 200;

/**
 * What an unknown address is checked against: a hash of today's parameters that no password has (zeros), so that the check does all the
 * work of a real one.
 */
const NOBODYS_HASH = `$argon2id$v=19$m=${PARAMETERS.memoryCost},t=${PARAMETERS.timeCost},p=${PARAMETERS.parallelism}$${"A".repeat(22)}$${"A".repeat(43)}`;

/** Who does the work: Argon2 of `@node-rs/argon2`, but for tests that count it. */
export interface PasswordEngine {
  hash(password: string, parameters: typeof PARAMETERS): Promise<string>;
  verify(stored: string, password: string): Promise<boolean>;
}

/** What a password turned out to be; `rehash` replaces a stored hash whose parameters are lower than today's. */
export type PasswordCheck = { isRight: false } | { isRight: true; rehash: string | null };

/** Hashing and checking, a few at a time. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /** Does the same work for `null` (nobody has that address) as for a wrong password. */
  check(stored: string | null, password: string): Promise<PasswordCheck>;
}

/** Builds the hasher; at most four hashes are at work at once. */
export function createPasswords(engine: PasswordEngine = { hash, verify }): Passwords {
  const queue: (() => void)[] = [];
  let running = 0;

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= MAX_AT_ONCE) {
      if (queue.length >= MAX_WAITING) throw new AppError("overload", "too many sign-ins at once", { retryAfterMs: 2_000 });
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running++;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running--;
    }
  }

  const hashNow = (password: string) => inTurn(() => engine.hash(password, PARAMETERS));

  return {
    hash: hashNow,
    async check(stored, password) {
      const against = stored ?? NOBODYS_HASH;
      const isRight = (await inTurn(() => engine.verify(against, password).catch(() => false))) && stored !== null;
      if (!isRight) return { isRight: false };
      return { isRight: true, rehash: isOutdated(against) ? await hashNow(password) : null };
    },
  };
}

function isOutdated(stored: string): boolean {
  const used = parseOptions(stored);
  const algorithm: number = used.algorithm;
  return algorithm !== ARGON2ID || used.memoryCost < PARAMETERS.memoryCost || used.timeCost < PARAMETERS.timeCost;
}
