/**
 * What the page behind the one-time set-up link asks and does. The secret is in no address that is sent: those lie in the logs of proxies.
 */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import { readBody } from "../http-input.ts";
import type { Route } from "../net/route.ts";
import { addressName } from "./attempts.ts";
import { hashSecret } from "./cookies.ts";
import { type AuthRoom, emailSchema, linkSecret, newPassword } from "./room.ts";
import { createFirstAdministrator, isLinkOpen } from "./setup-queries.ts";
import { personOf } from "./sign-in-routes.ts";
import { hasAdministrator } from "./user-queries.ts";

const setup = v.object({ token: linkSecret, email: emailSchema, password: newPassword });

const look = v.object({ token: linkSecret });

/** The rows of the route table about the set-up link. */
export function createSetupRoutes(room: AuthRoom): readonly Route[] {
  const { db, clock, audit } = room;
  return [
    {
      method: "POST",
      path: "/v1/setup/look",
      access: "open",
      summary: "Whether a set-up link can still be used: {token}",
      maxBodyBytes: 8 * 1024,
      handle: async (request) => {
        await room.linksByAddress.take(addressName(request.peer));
        const { token } = readBody(look, request.body);
        const isOpen = await isLinkOpen(db, hashSecret(token), clock.now());
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
        await room.linksByAddress.take(addressName(request.peer));
        const wanted = readBody(setup, request.body);
        const link = { hash: hashSecret(wanted.token), now: clock.now() };
        if (!(await isLinkOpen(db, link.hash, link.now))) throw linkIsOver();
        const { email } = wanted;
        const hash = await room.passwords.hash(wanted.password);
        const made = await createFirstAdministrator(db, email, hash, link, (id, tx) => {
          const subject = { kind: "user", id: String(id) };
          return audit.record({ action: "administrator_made", actor: personOf({ id, email }), peer: request.peer, subject }, tx);
        });
        if (typeof made !== "number") throw linkIsOver();
        room.log.info("the first administrator was made", { userId: made });
        const cookie = await db.transaction(async (tx) => {
          const begun = await room.signIns.begin(tx, { id: made, password_hash: hash }, request);
          await audit.record({ action: "sign_in", actor: personOf({ id: made, email }), peer: request.peer }, tx);
          return begun;
        });
        await room.rights.changed();
        return { status: 201, headers: { "Set-Cookie": cookie }, json: { user: { id: made, email, isAdmin: true } } };
      },
    },
  ];
}

function linkIsOver(): AppError {
  return new AppError("forbidden", "this link was used, has expired, or there is an administrator already");
}
