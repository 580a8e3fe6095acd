/** A signed-in browser: begins with a new secret each time, ends when asked to or after 30 days. */

import { AppError } from "../app-error.ts";
import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import type { HttpRequest } from "../net/route.ts";
import { cleanText } from "../../protocol/text.ts";
import { deleteSignIn, insertSignIn } from "./sign-in-queries.ts";
import { clearCookie, type CookieStyle, createSecret, hashSecret, readCookie, writeCookie } from "./cookies.ts";

const LIFE_MS = 30 * 24 * 3_600_000;
const MAX_USER_AGENT = 512;

/** Beginning and ending sign-ins; what comes back belongs into `Set-Cookie`. */
export interface SignIns {
  /**
   * Signs a person in, ends the sign-in that the browser had before, and returns the `Set-Cookie`. The browser's old secret is never
   * taken over: somebody else may have put it there.
   * @param user with the hash that was checked; it must be his still
   * @throws AppError `auth` where his password was changed, or he was disabled, since
   */
  begin(tx: Queryable, user: { id: number; password_hash: string }, request: HttpRequest): Promise<string>;
  /** Ends the browser's sign-in and says whose it was; null where it has none. */
  end(db: Queryable, request: HttpRequest): Promise<{ userId: number; email: string } | null>;
  /** The `Set-Cookie` that takes the cookie away. */
  cleared: string;
}

/** Builds sign-ins of one cookie. */
export function createSignIns({ clock, cookie }: { clock: Clock; cookie: CookieStyle }): SignIns {
  const end: SignIns["end"] = async (db, request) => {
    const old = readCookie(cookie, request.headers["cookie"]);
    return old === null ? null : deleteSignIn(db, hashSecret(old));
  };
  return {
    async begin(tx, user, request) {
      const secret = createSecret();
      const now = clock.now();
      const hasBegun = await insertSignIn(tx, {
        hash: hashSecret(secret),
        userId: user.id,
        passwordHash: user.password_hash,
        now,
        expiresAt: now + LIFE_MS,
        userAgent: cleanText((request.headers["user-agent"] ?? "").slice(0, MAX_USER_AGENT)),
        peer: request.peer,
      });
      if (!hasBegun) throw new AppError("auth", "the e-mail address or the password is wrong");
      // After the person was locked, as those do who end his sign-ins: the other way round two could wait for each other.
      await end(tx, request);
      return writeCookie(cookie, secret, LIFE_MS / 1000);
    },
    end,
    cleared: clearCookie(cookie),
  };
}
