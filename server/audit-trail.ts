/** What every room needs to write down what was done: the words and the entry. `server/audit` keeps them. */

import type { Identity } from "./auth/auth.ts";
import type { Queryable } from "./db/db.ts";

/** Everything that is written down; a new kind of deed gets a word here. */
export const AUDIT_ACTIONS = [
  "sign_in",
  "sign_in_failed",
  "sign_out",
  "sign_out_everywhere",
  "sign_in_ended",
  "password_changed",
  "password_reset_link_made",
  "invitation_made",
  "invitation_revoked",
  "invitation_accepted",
  "user_disabled",
  "user_enabled",
  "administrator_made",
  "administrator_unmade",
  "member_added",
  "member_role_changed",
  "member_removed",
  "token_made",
  "token_revoked",
  "project_made",
  "project_changed",
  "project_removed",
  "key_made",
  "key_renamed",
  "key_revoked",
  "session_watched",
  "session_replayed",
  "session_exported",
  "session_imported",
  "session_pinned",
  "session_unpinned",
  "session_erased",
  "sessions_erased",
  "person_erased",
  "assist_asked",
  "assist_granted",
  "assist_refused",
  "assist_ended",
  "retention_run",
  "leak_scan_run",
  "source_maps_uploaded",
  "source_maps_removed",
  "share_link_made",
  "share_link_revoked",
  "share_link_opened",
  "embed_token_made",
  "embedding_changed",
  "embedding_ended",
  "alert_channel_made",
  "alert_channel_changed",
  "alert_channel_removed",
  "alert_rule_made",
  "alert_rule_changed",
  "alert_rule_removed",
  "dead_letter_retried",
  "dead_letter_dropped",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Who did it: an identity as auth found it, or `system` for what the server does by itself. */
export type AuditActor =
  | "system"
  | { readonly kind: "nobody"; /** The e-mail address that he gave, where he gave one. */ readonly email?: string }
  | { readonly kind: "user"; readonly userId: number; readonly email: string }
  | { readonly kind: "token"; readonly tokenId: number; readonly userId: number }
  | {
      readonly kind: "guest";
      /** By what he came: `share link 5`, `embed token of user 3`. Nothing secret. */
      readonly name: string;
    };

/** What happened. Texts are cut and cleaned when they are written; nothing secret belongs in `data`. */
export interface AuditEntry {
  action: AuditAction;
  actor: AuditActor;
  peer?: string;
  projectId?: number | null;
  /** What it was done to, e.g. `{kind: "session", id: "…"}`. */
  subject?: { kind: string; id: string } | null;
  /** The visitor it is about (`userId` of the session), where there is one. */
  personId?: string | null;
  data?: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}

/** Where it is written down. */
export interface AuditTrail {
  /**
   * Writes an entry, in the transaction of the deed where `tx` is given. To be awaited before the deed is answered: what cannot be
   * written down is not done.
   */
  record(entry: AuditEntry, tx?: Queryable): Promise<void>;
}

/** How somebody saw a session: as it happened, afterwards, or by taking a copy away. */
export type ViewKind = "live" | "replay" | "export";

/** Somebody is about to see what was recorded of a visitor. */
export interface SessionView {
  kind: ViewKind;
  /** By which way, in one word: `feed`, `batches`, `events`, `clip`. */
  by: string;
  actor: AuditActor;
  peer: string;
  session: { readonly sessionId: string; readonly projectId: number; readonly userId: string | null };
}

/** Where it is written down who saw whom. */
export interface ViewTrail {
  /**
   * To be awaited before the first byte of the session leaves. One view is one entry: the same person (or token) on the same session in
   * the same kind is written once in ten minutes, however many requests the player makes.
   * @throws AppError `store` while the database is away, but for `live`: the live edge needs no database, and its views are kept in
   * memory and written when it is back; `overload` where too many are kept already
   */
  viewed(view: SessionView): Promise<void>;
}

/** Who somebody is, for an entry. */
export function actorOf(identity: Identity): AuditActor {
  switch (identity.kind) {
    case "nobody":
      return { kind: "nobody" };
    case "user":
      return { kind: "user", userId: identity.userId, email: identity.email };
    case "token":
      return { kind: "token", tokenId: identity.tokenId, userId: identity.userId };
    default:
      return identity satisfies never;
  }
}
