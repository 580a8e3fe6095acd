/** What a person does about his own account: another password, and the browsers that he is signed in with. */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, HttpResponse, Route } from "../net/route.ts";
import { type AuthRoom, checkPassword, newPassword, person, shownPassword } from "./room.ts";
import { deleteSignInOf, deleteSignInsOf, listSignIns } from "./sign-in-queries.ts";
import { revokeResetLinks } from "./link-queries.ts";
import { changePassword } from "./user-queries.ts";

const passwordChange = v.object({ current: shownPassword, next: newPassword });

/** The rows of the route table about one's own account. */
export function createAccountRoutes(room: AuthRoom): readonly Route[] {
  const { db, clock, audit, rights } = room;
  return [
    {
      method: "POST",
      path: "/auth/password",
      access: "signed-in",
      summary: "Changes your password: {current, next}; ends all your other sign-ins",
      maxBodyBytes: 8 * 1024,
      handle: (request) => setPassword(room, request),
    },
    {
      method: "GET",
      path: "/auth/sign-ins",
      access: "signed-in",
      summary: "The browsers that you are signed in with",
      handle: async ({ identity }) => {
        const { userId, signInId } = person(identity);
        const all = await listSignIns(db, userId, clock.now());
        return { json: { signIns: all.map(({ hash, ...signIn }) => ({ ...signIn, isCurrent: hash === signInId })) } };
      },
    },
    {
      method: "DELETE",
      path: "/auth/sign-ins/:id",
      access: "signed-in",
      summary: "Ends one of your sign-ins; its sockets are cut within 5 s",
      handle: async ({ identity, params, peer }) => {
        const actor = person(identity);
        const id = readId(params["id"]);
        await db.transaction(async (tx) => {
          if (!(await deleteSignInOf(tx, actor.userId, id))) throw notFound();
          await audit.record({ action: "sign_in_ended", actor, peer, subject: { kind: "sign_in", id: String(id) } }, tx);
        });
        await rights.changed();
        return { json: { ended: true } };
      },
    },
    {
      method: "POST",
      path: "/auth/logout-everywhere",
      access: "signed-in",
      summary: "Ends all your sign-ins, this one included; tokens stay",
      handle: async ({ identity, peer }) => {
        const actor = person(identity);
        const count = await db.transaction(async (tx) => {
          const ended = await deleteSignInsOf(tx, actor.userId);
          await audit.record({ action: "sign_out_everywhere", actor, peer, data: { ended } }, tx);
          return ended;
        });
        await rights.changed();
        return { headers: { "Set-Cookie": room.signIns.cleared }, json: { signedOut: true, ended: count } };
      },
    },
  ];
}

/** A stolen cookie must not be enough: the current password is asked for, and tried no more often than at sign-in. */
async function setPassword(room: AuthRoom, request: HttpRequest): Promise<HttpResponse> {
  const { userId, email } = person(request.identity);
  const { peer } = request;
  const wanted = readBody(passwordChange, request.body);
  const user = await checkPassword(room, { email, password: wanted.current, peer });
  if (!user || user.id !== userId) throw new AppError("forbidden", "the current password is wrong");
  const hash = await room.passwords.hash(wanted.next);
  const now = room.clock.now();
  const cookie = await room.db.transaction(async (tx) => {
    if (!(await changePassword(tx, { userId, old: user.password_hash, hash, now })))
      throw new AppError("forbidden", "the current password is wrong");
    const ended = await deleteSignInsOf(tx, userId);
    await revokeResetLinks(tx, email, now);
    await room.audit.record(
      { action: "password_changed", actor: { kind: "user", userId, email }, peer, data: { by: "himself", ended } },
      tx,
    );
    return room.signIns.begin(tx, { id: userId, password_hash: hash }, request);
  });
  await room.rights.changed();
  room.log.info("a password was changed", { userId });
  return { headers: { "Set-Cookie": cookie }, json: { changed: true } };
}
