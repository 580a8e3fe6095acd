/**
 * From credentials to identities, remembered for a moment: a revoked token or an ended sign-in stops working at once in this process,
 * and within {@link FRESH_MS} in the others.
 */

import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { findSignIn, findToken, saveLastUses } from "./sign-in-queries.ts";
import type { Credentials, Identity, Role } from "./identity.ts";
import { type CookieStyle, hashSecret, readCookie } from "./cookies.ts";

const FRESH_MS = 2_000;
/** Answers kept; past that the oldest go. */
const MAX_CACHED = 10_000;
const SAVE_USES_MS = 10_000;
const TOKEN = /^[0-9a-f]{40}$/;
const NOBODY: Identity = { kind: "nobody" };

/** What the look-up is built from. */
export interface IdentitiesDeps {
  db: Database;
  clock: Clock;
  cookie: CookieStyle;
  /** Writing last uses failed; they are kept for the next time. */
  onSaveFailed(error: unknown): void;
}

/** The look-up, and its life. */
export interface Identities {
  identify(credentials: Credentials): Promise<Identity>;
  forget(): void;
  start(): void;
  stop(): Promise<void>;
}

interface Cached {
  identity: Promise<Identity>;
  until: number;
}

/** Builds the look-up. `start` begins writing last uses behind, `stop` writes what is left. */
export function createIdentities(deps: IdentitiesDeps): Identities {
  const { db, clock } = deps;
  const cache = new Map<string, Cached>();
  let signInUses = new Map<string, number>();
  let tokenUses = new Map<number, number>();
  let stopTimer: (() => void) | null = null;
  let saving = Promise.resolve();

  function remember(name: string, look: () => Promise<Identity>): Promise<Identity> {
    const now = clock.now();
    const entry = cache.get(name);
    if (entry && entry.until > now) return entry.identity;
    const fresh: Cached = { identity: look(), until: now + FRESH_MS };
    cache.delete(name);
    cache.set(name, fresh);
    fresh.identity.catch(() => {
      if (cache.get(name) === fresh) cache.delete(name);
    });
    for (const oldest of cache.keys()) {
      if (cache.size <= MAX_CACHED) break;
      cache.delete(oldest);
    }
    return fresh.identity;
  }

  async function bySignIn(hash: Buffer): Promise<Identity> {
    const row = await findSignIn(db, hash, clock.now());
    if (!row) return NOBODY;
    return {
      kind: "user",
      userId: row.user_id,
      email: row.email,
      isAdmin: row.is_admin,
      signInId: hash.toString("hex"),
      roles: rolesOf(row.roles, null),
      ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    };
  }

  async function byToken(hash: Buffer): Promise<Identity> {
    const row = await findToken(db, hash, clock.now());
    if (!row) return NOBODY;
    const { project_id: only } = row;
    return {
      kind: "token",
      tokenId: row.token_id,
      userId: row.user_id,
      email: row.email,
      isAdmin: row.is_admin && only === null && row.scopes.includes("admin"),
      scopes: new Set(row.scopes),
      roles: rolesOf(row.roles, only),
      ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    };
  }

  /** What is remembered may have ended by itself meanwhile. */
  function unlessOver(identity: Identity): Identity {
    const isOver = identity.kind !== "nobody" && identity.expiresAt !== undefined && identity.expiresAt <= clock.now();
    return isOver ? NOBODY : identity;
  }

  function saveInTurn(): Promise<void> {
    saving = saving.then(saveUses);
    return saving;
  }

  async function saveUses(): Promise<void> {
    const uses = { signIns: signInUses, tokens: tokenUses };
    signInUses = new Map();
    tokenUses = new Map();
    try {
      await saveLastUses(db, uses);
    } catch (error) {
      signInUses = new Map([...uses.signIns, ...signInUses]);
      tokenUses = new Map([...uses.tokens, ...tokenUses]);
      deps.onSaveFailed(error);
    }
  }

  return {
    async identify(credentials) {
      const bearer = readBearer(credentials);
      if (bearer !== null) {
        if (!TOKEN.test(bearer)) return NOBODY;
        const hash = hashSecret(bearer);
        const identity = unlessOver(await remember(`token ${hash.toString("hex")}`, () => byToken(hash)));
        if (identity.kind === "token") tokenUses.set(identity.tokenId, clock.now());
        return identity;
      }
      const secret = readCookie(deps.cookie, credentials.cookie);
      if (secret === null) return NOBODY;
      const hash = hashSecret(secret);
      const identity = unlessOver(await remember(`sign-in ${hash.toString("hex")}`, () => bySignIn(hash)));
      if (identity.kind === "user") signInUses.set(identity.signInId, clock.now());
      return identity;
    },
    forget() {
      cache.clear();
    },
    start() {
      stopTimer ??= clock.every(SAVE_USES_MS, () => void saveInTurn());
    },
    async stop() {
      stopTimer?.();
      stopTimer = null;
      await saveInTurn();
    },
  };
}

/**
 * A token that was shown wins over a cookie, even where it is wrong: what is asked for is never answered as somebody else. Another
 * scheme (`Basic`, for a proxy before us) is not for us.
 */
function readBearer({ authorization, token }: Credentials): string | null {
  if (/^Bearer\b/i.test(authorization ?? "")) return /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "";
  return token === undefined || token === "" ? null : token;
}

function rolesOf(roles: Readonly<Record<string, Role>>, only: number | null): ReadonlyMap<number, Role> {
  const all = Object.entries(roles).map(([id, role]): [number, Role] => [Number(id), role]);
  return new Map(only === null ? all : all.filter(([id]) => id === only));
}
