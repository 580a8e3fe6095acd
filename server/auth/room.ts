/** What the routes of this room share: what they are built from, and the words in which people say who they are. */

import * as v from "valibot";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import { accountName, type Attempts, addressName } from "./attempts.ts";
import type { Credentials, Identity } from "./identity.ts";
import type { Passwords } from "./passwords.ts";
import type { Rights } from "./rights.ts";
import type { SignIns } from "./sign-ins.ts";
import { findUser, replaceHash, type UserRow } from "./user-queries.ts";

/** What the routes are built from. */
export interface AuthRoom {
  db: Database;
  clock: Clock;
  log: Logger;
  audit: AuditTrail;
  passwords: Passwords;
  signIns: SignIns;
  rights: Pick<Rights, "changed">;
  identify: (credentials: Credentials) => Promise<Identity>;
  /** Passwords tried, by account, and by the address they came from. */
  byAccount: Attempts;
  byAddress: Attempts;
  /** Links tried, by address. */
  linksByAddress: Attempts;
  /** Base address of the links that are made, without a closing slash. */
  publicUrl: string;
}

/** Longest password that is hashed; hashing more would be work for nothing. */
const MAX_PASSWORD_LENGTH = 512;
/** NIST SP 800-63B, section 5.1.1.2: eight or more, and no rules about their kinds. */
const MIN_PASSWORD_LENGTH = 8;

/** A password as somebody shows it. */
export const shownPassword = v.pipe(v.string(), v.maxLength(MAX_PASSWORD_LENGTH));
/** A password as somebody chooses it. */
export const newPassword = v.pipe(v.string(), v.minLength(MIN_PASSWORD_LENGTH), v.maxLength(MAX_PASSWORD_LENGTH));
/** The secret of a link. */
export const linkSecret = v.pipe(v.string(), v.maxLength(128));

/** An e-mail address, as far as it matters here: one `@`, no blanks, at most 254 characters. */
export const emailSchema = v.pipe(
  v.string(),
  v.transform(cleanText),
  v.trim(),
  v.maxLength(254),
  v.regex(/^[^\s@]+@[^\s@]+$/, "expected an e-mail address"),
);

/**
 * The person who is signed in.
 * @throws AppError `forbidden` for a token: a stolen one must not be able to make itself another, nor let somebody in
 */
export function person(identity: Identity): Extract<Identity, { kind: "user" }> {
  if (identity.kind === "user") return identity;
  throw new AppError("forbidden", "this takes a person who is signed in, not a token");
}

/**
 * Checks a password, as often as that may be tried, and writes failures down. The same answer after the same work for an address that
 * nobody has, for one who was disabled, and for a wrong password.
 * @returns the person, with the hash that he has now; null where the password is wrong
 * @throws AppError `limit` with the time to wait
 */
export async function checkPassword(
  room: AuthRoom,
  { email, password, peer }: { email: string; password: string; peer: string },
): Promise<UserRow | null> {
  const account = accountName(email);
  const address = addressName(peer);
  await room.byAddress.take(address);
  await room.byAccount.take(account);
  const user = await findUser(room.db, email);
  const check = await room.passwords.check(user?.password_hash ?? null, password);
  if (!user || !check.isRight) {
    await room.audit.record({ action: "sign_in_failed", actor: { kind: "nobody", email }, peer });
    room.log.info("a password was refused", { peer });
    return null;
  }
  // What the account is forgiven was his own; the address gets back the one try only, or one account of one's own would buy any number
  // of tries at others.
  await room.byAccount.forgive(account);
  await room.byAddress.giveBack(address);
  if (check.rehash === null || !(await replaceHash(room.db, user.id, user.password_hash, check.rehash))) return user;
  return { ...user, password_hash: check.rehash };
}
