/** How an installation gets its first administrator: from the configuration, or through a one-time link that the start prints. */

import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { createSecret, hashSecret } from "./cookies.ts";
import type { Passwords } from "./passwords.ts";
import { createFirstAdministrator, insertSetupLink } from "./setup-queries.ts";
import { hasAdministrator } from "./user-queries.ts";

const LINK_LIFE_MS = 24 * 3_600_000;

/** What making him takes. */
export interface FirstAdministratorDeps {
  db: Database;
  clock: Clock;
  passwords: Passwords;
  audit: AuditTrail;
}

/**
 * @param superuser `email:password`, or empty
 * @returns null where there is an administrator already. Links that were printed before stay valid until one is used or a day is over.
 */
export async function prepareFirstAdministrator(
  { db, clock, passwords, audit }: FirstAdministratorDeps,
  superuser: string,
  publicUrl: string,
): Promise<{ setupUrl: string } | { createdEmail: string } | null> {
  if (await hasAdministrator(db)) return null;
  if (superuser !== "") {
    const at = superuser.indexOf(":");
    const email = superuser.slice(0, at);
    const hash = await passwords.hash(superuser.slice(at + 1));
    const made = await createFirstAdministrator(db, email, hash, null, (id, tx) =>
      audit.record(
        { action: "administrator_made", actor: "system", subject: { kind: "user", id: String(id) }, data: { email } },
        tx,
      ),
    );
    return typeof made === "number" ? { createdEmail: email } : null;
  }
  const secret = createSecret();
  const now = clock.now();
  await insertSetupLink(db, hashSecret(secret), now, now + LINK_LIFE_MS);
  return { setupUrl: `${publicUrl.replace(/\/+$/, "")}/setup#token=${secret}` };
}
