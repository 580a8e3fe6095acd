/** A signed-in browser: begins with a new secret each time, ends when asked to or after 30 days. */

import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import type { HttpRequest } from "../net/route.ts";
import { cleanText } from "../../protocol/text.ts";
import { deleteSignIn, insertSignIn } from "./auth-queries.ts";
import { clearCookie, type CookieStyle, createSecret, hashSecret, readCookie, writeCookie } from "./cookies.ts";

const LIFE_MS = 30 * 24 * 3_600_000;
const MAX_USER_AGENT = 512;

/** Beginning and ending sign-ins; what comes back belongs into `Set-Cookie`. */
export interface SignIns {
  /** Signs a person in, ends the sign-in that the browser had before, and returns the `Set-Cookie`. */
  begin(userId: number, request: HttpRequest): Promise<string>;
  /** Ends the browser's sign-in, where it has one, and returns the `Set-Cookie`. */
  end(request: HttpRequest): Promise<string>;
}

/** Builds sign-ins of one cookie. */
export function createSignIns({ db, clock, cookie }: { db: Queryable; clock: Clock; cookie: CookieStyle }): SignIns {
  async function endOld(request: HttpRequest): Promise<void> {
    const old = readCookie(cookie, request.headers["cookie"]);
    if (old !== null) await deleteSignIn(db, hashSecret(old));
  }
  return {
    async begin(userId, request) {
      const secret = createSecret();
      const now = clock.now();
      await endOld(request);
      await insertSignIn(db, {
        hash: hashSecret(secret),
        userId,
        now,
        expiresAt: now + LIFE_MS,
        userAgent: cleanText((request.headers["user-agent"] ?? "").slice(0, MAX_USER_AGENT)),
      });
      return writeCookie(cookie, secret, LIFE_MS / 1000);
    },
    async end(request) {
      await endOld(request);
      return clearCookie(cookie);
    },
  };
}
