/**
 * The page behind a one-time link: `POST /auth/invitation/look` says what the link is for, `POST /auth/invitation` uses it. The secret is in
 * no address that is sent: those lie in the logs of proxies. Whoever has the secret may know what
 * is in it; everybody else gets the same answer, whether the link was used, taken back, has expired, or never was.
 */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import type { Queryable } from "../db/db.ts";
import { readBody } from "../http-input.ts";
import type { HttpRequest, HttpResponse, Route } from "../net/route.ts";
import { accountName, addressName } from "./attempts.ts";
import { hashSecret } from "./cookies.ts";
import { findOpenLink, type OpenLink, revokeResetLinks, useLink } from "./link-queries.ts";
import { addMember, lockProject, readMember } from "./member-queries.ts";
import { type AuthRoom, checkPassword, linkSecret, newPassword, shownPassword } from "./room.ts";
import { deleteSignInsOf } from "./sign-in-queries.ts";
import { personOf, toJson } from "./sign-in-routes.ts";
import { changePassword, hasUser, insertUser, lockUser, readUser, type UserRow } from "./user-queries.ts";

const look = v.object({ token: linkSecret });
const acceptance = v.object({ token: linkSecret, password: v.optional(shownPassword) });

/** The rows of the route table about using a link. */
export function createLinkRoutes(room: AuthRoom): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/auth/invitation/look",
      access: "open",
      summary: "What a one-time link is for: {token}",
      maxBodyBytes: 8 * 1024,
      handle: async (request) => {
        await room.linksByAddress.take(addressName(request.peer));
        const link = await openLink(room, readBody(look, request.body).token);
        const { kind, email, expiresAt } = link;
        const hasAccount = await hasUser(room.db, email);
        const isSignedIn = (await signedInAs(room, request, email)) !== null;
        return {
          json: {
            kind,
            email,
            ...(link.kind === "invitation" ? { projectId: link.projectId, projectName: link.projectName, role: link.role } : {}),
            expiresAt,
            hasAccount,
            needsPassword: link.kind === "password_reset" || !isSignedIn,
          },
        };
      },
    },
    {
      method: "POST",
      path: "/auth/invitation",
      access: "open",
      summary: "Uses a one-time link and signs in: {token, password?}; the password is a new one, or that of the account",
      maxBodyBytes: 8 * 1024,
      handle: async (request) => {
        await room.linksByAddress.take(addressName(request.peer));
        const { token, password } = readBody(acceptance, request.body);
        const link = await openLink(room, token);
        return link.kind === "invitation" ? accept(room, request, link, password) : reset(room, request, link, password);
      },
    },
  ];
}

async function accept(
  room: AuthRoom,
  request: HttpRequest,
  link: Extract<OpenLink, { kind: "invitation" }>,
  password: string | undefined,
): Promise<HttpResponse> {
  const { peer } = request;
  const { projectId } = link;
  const known = (await hasUser(room.db, link.email)) ? await prove(room, request, link.email, password) : null;
  const hash = known ? "" : await room.passwords.hash(readNewPassword(password));
  const { user, cookie } = await room.db.transaction(async (tx) => {
    // The project before the link, as those do who take roles and links back: the other way round two could wait for each other.
    if (!(await lockProject(tx, projectId))) throw linkIsOver();
    const now = await claim(room, tx, link);
    const user = known ?? (await insertUser(tx, link.email, hash));
    if (!user) throw new AppError("not_started", "this person has an account by now: try again");
    const before = await readMember(tx, projectId, user.id);
    const role = await addMember(tx, { projectId, userId: user.id, role: link.role, now });
    const actor = personOf(user);
    const about = { actor, peer, projectId };
    await room.audit.record(
      {
        ...about,
        action: "invitation_accepted",
        subject: { kind: "invitation", id: String(link.id) },
        data: { email: link.email, role: link.role, isNewPerson: known === null },
      },
      tx,
    );
    await room.audit.record(
      {
        ...about,
        action: before ? "member_role_changed" : "member_added",
        subject: { kind: "user", id: String(user.id) },
        data: { email: user.email, ...(before ? { from: before.role, to: role } : { role }) },
      },
      tx,
    );
    const cookie = await room.signIns.begin(tx, user, request);
    await room.audit.record({ action: "sign_in", actor, peer, data: { by: "invitation" } }, tx);
    return { user, cookie };
  });
  await room.rights.changed();
  return { headers: { "Set-Cookie": cookie }, json: { user: toJson(user), projectId } };
}

/** A new password by a link of an administrator: all sign-ins of before end, and other such links with them. */
async function reset(room: AuthRoom, request: HttpRequest, link: OpenLink, password: string | undefined): Promise<HttpResponse> {
  const { peer } = request;
  const hash = await room.passwords.hash(readNewPassword(password));
  const { user, cookie } = await room.db.transaction(async (tx) => {
    // The person before the link, as those do who disable somebody.
    const user = await lockUser(tx, link.email);
    const now = await claim(room, tx, link);
    if (!user || !(await changePassword(tx, { userId: user.id, old: user.password_hash, hash, now }))) throw linkIsOver();
    const ended = await deleteSignInsOf(tx, user.id);
    await revokeResetLinks(tx, user.email, now);
    const actor = personOf(user);
    await room.audit.record({ action: "password_changed", actor, peer, data: { by: "link", ended } }, tx);
    const cookie = await room.signIns.begin(tx, { id: user.id, password_hash: hash }, request);
    await room.audit.record({ action: "sign_in", actor, peer, data: { by: "link" } }, tx);
    return { user, cookie };
  });
  await room.byAccount.forgive(accountName(user.email));
  await room.rights.changed();
  room.log.info("a password was changed", { userId: user.id });
  return { headers: { "Set-Cookie": cookie }, json: { user: toJson(user) } };
}

/** The account that the link is for, proved by being signed in with it or by its password. */
async function prove(room: AuthRoom, request: HttpRequest, email: string, password: string | undefined): Promise<UserRow> {
  const signedIn = await signedInAs(room, request, email);
  if (signedIn) return signedIn;
  if (password === undefined) throw new AppError("auth", "this address has an account: its password is needed");
  const user = await checkPassword(room, { email, password, peer: request.peer });
  if (!user) throw new AppError("auth", "the password is wrong");
  return user;
}

async function signedInAs(room: AuthRoom, { headers }: HttpRequest, email: string): Promise<UserRow | null> {
  const identity = await room.identify({ cookie: headers["cookie"] });
  if (identity.kind !== "user" || identity.email.toLowerCase() !== email.toLowerCase()) return null;
  return readUser(room.db, identity.userId);
}

async function openLink(room: AuthRoom, secret: string): Promise<OpenLink> {
  const link = await findOpenLink(room.db, hashSecret(secret), room.clock.now());
  if (!link) throw linkIsOver();
  return link;
}

async function claim(room: AuthRoom, tx: Queryable, link: OpenLink): Promise<number> {
  const now = room.clock.now();
  if (!(await useLink(tx, link.id, now))) throw linkIsOver();
  return now;
}

function readNewPassword(password: string | undefined): string {
  const read = v.safeParse(newPassword, password);
  if (read.success) return read.output;
  throw new AppError("protocol", "password: expected one of 8 to 512 characters");
}

function linkIsOver(): AppError {
  return new AppError("not_found", "this link was used, was taken back, has expired, or never was");
}
