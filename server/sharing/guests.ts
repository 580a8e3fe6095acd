/**
 * Guests: who holds the secret of a share link, or an embed token. A guest is no identity of `server/auth`: every route and message that is
 * not made for guests takes him for nobody. He may read one session, or one range of it, until the link or token ends.
 */

import { createHash } from "node:crypto";
import { isSessionId } from "../../protocol/ids.ts";
import type { AuditActor } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import { type EmbedClaims, readEmbedToken } from "./embed-token.ts";

const SECRET = /^[A-Za-z0-9_-]{43}$/;
const HEADER = /^Guest +(\S{1,1024}) *$/i;

/** What a guest may see, and until when. */
export interface Guest {
  kind: "guest";
  by: "share" | "embed";
  /** For the audit; nothing secret. */
  name: string;
  /** Of a share link. */
  linkId: number | null;
  projectId: number;
  sessionId: string;
  /** Page times; null for the whole session. */
  fromAt: number | null;
  toAt: number | null;
  showsPanels: boolean;
  /** Epoch milliseconds by the server's clock. */
  expiresAt: number;
}

/** Tells who a guest is. */
export interface Guests {
  /**
   * Asks the database each time: what was revoked a moment ago is no longer good.
   * @param authorization the header `Authorization: Guest <secret>`
   * @returns null for everything else, and for what has ended, was revoked, or shows a session that is gone
   */
  identify(authorization: string | undefined): Promise<Guest | null>;
}

interface LinkRow {
  link_id: number;
  project_id: number;
  session_id: string;
  from_at: number | null;
  to_at: number | null;
  shows_panels: boolean;
  expires_at: number;
}

/** Builds it. */
export function createGuests({ db, clock, secret }: { db: Queryable; clock: Clock; secret: string }): Guests {
  async function byLink(text: string): Promise<Guest | null> {
    const [row] = await db.query<LinkRow>(
      `SELECT l.link_id, l.project_id, l.session_id, l.from_at, l.to_at, l.shows_panels,
         (extract(epoch FROM l.expires_at) * 1000)::float8 AS expires_at
       FROM share_links l JOIN sessions s ON s.session_id = l.session_id AND s.project_id = l.project_id
       JOIN projects p ON p.id = l.project_id AND p.removed_at IS NULL
       WHERE l.token_hash = $1 AND l.revoked_at IS NULL AND l.expires_at > to_timestamp($2 / 1000.0)`,
      [hashLinkSecret(text), clock.now()],
    );
    if (!row) return null;
    return {
      kind: "guest",
      by: "share",
      name: `share link ${row.link_id}`,
      linkId: row.link_id,
      projectId: row.project_id,
      sessionId: row.session_id,
      fromAt: row.from_at,
      toAt: row.to_at,
      showsPanels: row.shows_panels,
      expiresAt: row.expires_at,
    };
  }

  async function byToken(claims: EmbedClaims): Promise<Guest | null> {
    const rows = await db.query(
      `SELECT 1 FROM sessions s JOIN projects p ON p.id = s.project_id AND p.removed_at IS NULL
       JOIN embedding e ON e.project_id = p.id AND e.generation = $3
       JOIN users u ON u.id = $4 AND u.disabled_at IS NULL
       WHERE s.session_id = $1 AND s.project_id = $2
         AND (u.is_admin OR EXISTS (SELECT 1 FROM project_members m WHERE m.user_id = u.id AND m.project_id = p.id AND m.role <> 'viewer'))`,
      [claims.session, claims.project, claims.generation, claims.user],
    );
    if (rows.length === 0) return null;
    return {
      kind: "guest",
      by: "embed",
      name: `embed token of user ${claims.user}`,
      linkId: null,
      projectId: claims.project,
      sessionId: claims.session,
      fromAt: claims.from,
      toAt: claims.to,
      showsPanels: claims.panels,
      expiresAt: claims.expires,
    };
  }

  return {
    async identify(authorization) {
      const text = HEADER.exec(authorization ?? "")?.[1] ?? "";
      if (SECRET.test(text)) return byLink(text);
      const claims = readEmbedToken(secret, text, clock.now());
      return claims && isSessionId(claims.session) ? byToken(claims) : null;
    },
  };
}

/** What is stored instead of a link's secret, which has 256 random bits. */
export function hashLinkSecret(secret: string): Buffer {
  return createHash("sha256").update(`watchback share link\n${secret}`).digest();
}

/** Who a guest is, for an entry. */
export function guestActor({ name }: Guest): AuditActor {
  return { kind: "guest", name };
}
