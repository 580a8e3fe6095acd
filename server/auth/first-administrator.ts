/** How an installation gets its first administrator: from the configuration, or through a one-time link that the start prints. */

import * as v from "valibot";
import { cleanText } from "../../protocol/text.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { createFirstAdministrator, hasAdministrator, insertLink } from "./auth-queries.ts";
import { createSecret, hashSecret } from "./cookies.ts";
import type { Passwords } from "./passwords.ts";

/** Longest password that is hashed; hashing more would be work for nothing. */
export const MAX_PASSWORD_LENGTH = 512;
const LINK_LIFE_MS = 24 * 3_600_000;

/** An e-mail address, as far as it matters here: one `@`, no blanks, at most 254 characters. */
export const emailSchema = v.pipe(
  v.string(),
  v.transform(cleanText),
  v.trim(),
  v.maxLength(254),
  v.regex(/^[^\s@]+@[^\s@]+$/, "expected an e-mail address"),
);

/** What making him takes. */
export interface FirstAdministratorDeps {
  db: Database;
  clock: Clock;
  passwords: Passwords;
}

/**
 * @param superuser `email:password`, or empty
 * @returns null where there is an administrator already. Links that were printed before stay valid until one is used or a day is over.
 */
export async function prepareFirstAdministrator(
  { db, clock, passwords }: FirstAdministratorDeps,
  superuser: string,
  publicUrl: string,
): Promise<{ setupUrl: string } | { createdEmail: string } | null> {
  if (await hasAdministrator(db)) return null;
  if (superuser !== "") {
    const at = superuser.indexOf(":");
    const email = superuser.slice(0, at);
    const made = await createFirstAdministrator(db, email, await passwords.hash(superuser.slice(at + 1)), null);
    return typeof made === "number" ? { createdEmail: email } : null;
  }
  const secret = createSecret();
  const now = clock.now();
  await insertLink(db, hashSecret(secret), now, now + LINK_LIFE_MS);
  return { setupUrl: `${publicUrl.replace(/\/+$/, "")}/setup?token=${secret}` };
}
