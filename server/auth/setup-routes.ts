/** `GET` and `POST /v1/setup`: what the page behind the one-time set-up link asks and does. */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { readBody } from "../http-input.ts";
import type { Logger } from "../log.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import type { Attempts } from "./attempts.ts";
import { createFirstAdministrator, hasAdministrator, isLinkOpen } from "./auth-queries.ts";
import { hashSecret } from "./cookies.ts";
import { emailSchema, MAX_PASSWORD_LENGTH } from "./first-administrator.ts";
import type { Passwords } from "./passwords.ts";
import type { SignIns } from "./sign-ins.ts";

/** NIST SP 800-63B, section 5.1.1.2: eight or more, and no rules about their kinds. */
const MIN_PASSWORD_LENGTH = 8;

const setup = v.object({
  token: v.pipe(v.string(), v.maxLength(128)),
  email: emailSchema,
  password: v.pipe(v.string(), v.minLength(MIN_PASSWORD_LENGTH), v.maxLength(MAX_PASSWORD_LENGTH)),
});

/** What the routes are built from. */
export interface SetupRoutesDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  passwords: Passwords;
  signIns: SignIns;
  byAddress: Attempts;
}

/** The rows of the route table about the set-up link. */
export function createSetupRoutes(deps: SetupRoutesDeps): readonly Route[] {
  const { db, clock } = deps;
  return [
    {
      method: "GET",
      path: "/v1/setup",
      access: "open",
      summary: "Whether a set-up link can still be used",
      query: { token: "the token of the link" },
      handle: async (request) => {
        limit(deps, request);
        const isOpen = await isLinkOpen(db, hashSecret(request.query.get("token") ?? ""), clock.now());
        return { json: { isOpen: isOpen && !(await hasAdministrator(db)) } };
      },
    },
    {
      method: "POST",
      path: "/v1/setup",
      access: "open",
      summary: "Makes the first administrator and signs him in: {token, email, password}",
      maxBodyBytes: 8 * 1024,
      handle: async (request) => {
        limit(deps, request);
        const wanted = readBody(setup, request.body);
        const link = { hash: hashSecret(wanted.token), now: clock.now() };
        if (!(await isLinkOpen(db, link.hash, link.now))) throw linkIsOver();
        const made = await createFirstAdministrator(db, wanted.email, await deps.passwords.hash(wanted.password), link);
        if (typeof made !== "number") throw linkIsOver();
        deps.log.info("the first administrator was made", { userId: made });
        const cookie = await deps.signIns.begin(made, request);
        return {
          status: 201,
          headers: { "Set-Cookie": cookie },
          json: { user: { id: made, email: wanted.email, isAdmin: true } },
        };
      },
    },
  ];
}

function limit({ byAddress }: SetupRoutesDeps, { peer }: HttpRequest): void {
  const waitMs = byAddress.take(peer);
  if (waitMs > 0) throw new AppError("limit", "too many attempts, try again later", { retryAfterMs: waitMs });
}

function linkIsOver(): AppError {
  return new AppError("forbidden", "this link was used, has expired, or there is an administrator already");
}
