/** `POST /auth/login`, `POST /auth/logout`, `GET /auth/me`. */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import type { Queryable } from "../db/db.ts";
import { readBody } from "../http-input.ts";
import type { Logger } from "../log.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import type { Attempts } from "./attempts.ts";
import { findUser, replaceHash, type UserRow } from "./auth-queries.ts";
import { emailSchema, MAX_PASSWORD_LENGTH } from "./first-administrator.ts";
import type { Passwords } from "./passwords.ts";
import type { SignIns } from "./sign-ins.ts";

const login = v.object({ email: emailSchema, password: v.pipe(v.string(), v.maxLength(MAX_PASSWORD_LENGTH)) });

/** What the routes are built from. */
export interface SignInRoutesDeps {
  db: Queryable;
  log: Logger;
  passwords: Passwords;
  signIns: SignIns;
  byAccount: Attempts;
  byAddress: Attempts;
  /** A sign-in ended: what is remembered of it must go. */
  onSignedOut: () => Promise<void>;
}

/** The rows of the route table about signing in and out. */
export function createSignInRoutes(deps: SignInRoutesDeps): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/auth/login",
      access: "open",
      summary: "Signs in: {email, password}; answers with an httpOnly cookie",
      maxBodyBytes: 8 * 1024,
      handle: async (request) => {
        const user = await checkPassword(deps, request);
        const cookie = await deps.signIns.begin(user.id, request);
        deps.log.info("signed in", { userId: user.id });
        return { headers: { "Set-Cookie": cookie }, json: { user: { id: user.id, email: user.email, isAdmin: user.is_admin } } };
      },
    },
    {
      method: "POST",
      path: "/auth/logout",
      access: "open",
      summary: "Ends the sign-in of this browser",
      handle: async (request) => {
        const cookie = await deps.signIns.end(request);
        await deps.onSignedOut();
        return { headers: { "Set-Cookie": cookie }, json: { signedOut: true } };
      },
    },
    {
      method: "GET",
      path: "/auth/me",
      access: "signed-in",
      summary: "Who is asking, and which projects he may see",
      handle: ({ identity }) => {
        if (identity.kind === "nobody") throw new AppError("auth", "sign in first");
        const { userId: id, isAdmin } = identity;
        const roles = Object.fromEntries(identity.roles);
        const projectIds = [...identity.roles.keys()].sort((a, b) => a - b);
        return identity.kind === "user"
          ? { json: { user: { id, email: identity.email, isAdmin, projectIds, roles } } }
          : {
              json: {
                user: { id, isAdmin, projectIds, roles },
                token: { id: identity.tokenId, scopes: [...identity.scopes].sort() },
              },
            };
      },
    },
  ];
}

/** The same answer, in the same time, for an unknown address and a wrong password. */
async function checkPassword(deps: SignInRoutesDeps, request: HttpRequest): Promise<UserRow> {
  const { email, password } = readBody(login, request.body);
  const account = email.toLowerCase();
  const waitMs = Math.max(deps.byAddress.take(request.peer), deps.byAccount.take(account));
  if (waitMs > 0) throw new AppError("limit", "too many attempts, try again later", { retryAfterMs: waitMs });
  const user = await findUser(deps.db, email);
  const check = await deps.passwords.check(user?.password_hash ?? null, password);
  if (!user || !check.isRight) {
    deps.log.info("a sign-in was refused", { peer: request.peer });
    throw new AppError("auth", "the e-mail address or the password is wrong");
  }
  deps.byAccount.forgive(account);
  deps.byAddress.forgive(request.peer);
  if (check.rehash !== null) await replaceHash(deps.db, user.id, user.password_hash, check.rehash);
  return user;
}
