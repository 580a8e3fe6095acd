/** The way back in for an installation whose administrators have all lost their passwords: a link made on the machine itself. */

import { AppError } from "../app-error.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { createSecret, hashSecret } from "./cookies.ts";
import { insertLink } from "./link-queries.ts";
import { findUser } from "./user-queries.ts";

const LIFE_MS = 3_600_000;

/** What making the link takes. */
export interface RecoveryDeps {
  db: Database;
  clock: Clock;
  audit: AuditTrail;
  /** Base address of the link. */
  publicUrl: string;
}

/**
 * Makes a link to a new password for this address, for whoever may use the database anyway. It works once, for an hour.
 * @throws AppError `not_found` where nobody who can sign in has that address
 */
export async function makeRecoveryLink({ db, clock, audit, publicUrl }: RecoveryDeps, email: string): Promise<string> {
  const secret = createSecret();
  const now = clock.now();
  await db.transaction(async (tx) => {
    const user = await findUser(tx, email);
    if (!user) throw new AppError("not_found", `nobody who can sign in has the address ${email}`);
    await insertLink(tx, {
      hash: hashSecret(secret),
      kind: "password_reset",
      email: user.email,
      projectId: null,
      role: null,
      madeBy: null,
      now,
      expiresAt: now + LIFE_MS,
    });
    const subject = { kind: "user", id: String(user.id) };
    await audit.record({ action: "password_reset_link_made", actor: "system", subject, data: { email: user.email } }, tx);
  });
  return `${publicUrl.replace(/\/+$/, "")}/invite#token=${secret}`;
}
