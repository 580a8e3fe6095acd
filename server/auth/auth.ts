/** The door of auth: who is asking, and what may he see. */

import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import { createAccountRoutes } from "./account-routes.ts";
import { addressName, createAttempts } from "./attempts.ts";
import { createCleanUp } from "./clean-up.ts";
import { cookieStyle } from "./cookies.ts";
import { prepareFirstAdministrator } from "./first-administrator.ts";
import { createIdentities } from "./identities.ts";
import type { Credentials, Identity } from "./identity.ts";
import { createInvitationRoutes } from "./invitation-routes.ts";
import { createLinkRoutes } from "./link-routes.ts";
import { createMemberRoutes } from "./member-routes.ts";
import { createPasswords, type PasswordEngine } from "./passwords.ts";
import { createRights } from "./rights.ts";
import type { AuthRoom } from "./room.ts";
import { createSetupRoutes } from "./setup-routes.ts";
import { createSignIns } from "./sign-ins.ts";
import { createSignInRoutes } from "./sign-in-routes.ts";
import { createTokenRoutes } from "./token-routes.ts";
import { isTrusted } from "./trusted-origin.ts";
import { createUserRoutes } from "./user-routes.ts";

export {
  type Credentials,
  type Identity,
  isBelow,
  mayIngest,
  maySee,
  readableProjects,
  requireEmbed,
  requireMapUpload,
  requireRole,
  type Role,
  roleIn,
  ROLES,
  type Scope,
  SCOPES,
} from "./identity.ts";
export { addressName };
export { ensureSecret } from "./secret.ts";

/** What the other rooms ask of auth. */
export interface Auth {
  /**
   * Never throws for bad credentials: they make a `nobody`. Answers may be 2 s old, so that what was revoked elsewhere stops working
   * within 5 s.
   */
  identify(credentials: Credentials): Promise<Identity>;
  /**
   * True where a request that changes something comes from our own pages (or carries a bearer token). Without any of the three it is no
   * browser, and trusted; an upgrade that shows a cookie should be asked for an `origin` besides.
   */
  isTrustedOrigin(origin: string | undefined, host: string | undefined, secFetchSite: string | undefined): boolean;
  /** Makes the first administrator from `CREATE_SUPERUSER`, or a one-time set-up link; null where there is an administrator. */
  prepareFirstAdministrator(): Promise<{ setupUrl: string } | { createdEmail: string } | null>;
  /**
   * To be called after anything that takes or gives rights was committed: people, members, tokens, sign-ins, keys, projects. What
   * this process remembers is forgotten and its listeners are told at once, those of other processes within 2 s.
   */
  rightsChanged(): Promise<void>;
  /** Calls `listener` whenever rights may have changed, here or in another process; returns how to stop that. */
  onRightsChanged(listener: () => void): () => void;
  /** Begins to write behind when sign-ins and tokens were used last. */
  start(): void;
  /** Writes what is left of that. */
  stop(): Promise<void>;
  routes: readonly Route[];
}

/** What the room is built from. */
export interface AuthDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  audit: AuditTrail;
  /** Base address under which browsers reach us; https makes the cookie Secure. */
  publicUrl: string;
  /** Further origins whose pages may use the cookie (`ALLOWED_ORIGINS`). */
  allowedOrigins?: readonly string[];
  /** `CREATE_SUPERUSER`, `email:password`; empty for a set-up link. */
  createSuperuser: string;
  /** Who hashes passwords; for tests that count the work. */
  passwordEngine?: PasswordEngine;
}

/** Builds the room. */
export function createAuth(deps: AuthDeps): Auth {
  const { db, clock, log, audit } = deps;
  const cookie = cookieStyle(deps.publicUrl);
  const passwords = createPasswords(deps.passwordEngine);
  const identities = createIdentities({
    db,
    clock,
    cookie,
    onSaveFailed: (error) => {
      log.warn("last uses of sign-ins could not be saved", { error: error instanceof Error ? error.message : String(error) });
    },
  });
  const rights = createRights({ db, clock, log });
  rights.onChange(() => {
    identities.forget();
  });
  const cleanUp = createCleanUp({ db, clock, log });
  const room: AuthRoom = {
    db,
    clock,
    log,
    audit,
    passwords,
    signIns: createSignIns({ clock, cookie }),
    rights,
    identify: (credentials) => identities.identify(credentials),
    // Ten wrong passwords, then one try each half minute; an address may be many people.
    byAccount: createAttempts({ db, clock, kind: "account", burst: 10, refillMs: 30_000 }),
    byAddress: createAttempts({ db, clock, kind: "address", burst: 30, refillMs: 5_000 }),
    linksByAddress: createAttempts({ db, clock, kind: "link", burst: 30, refillMs: 5_000 }),
    publicUrl: deps.publicUrl.replace(/\/+$/, ""),
  };
  return {
    identify: (credentials) => identities.identify(credentials),
    isTrustedOrigin: (origin, host, secFetchSite) =>
      isTrusted({ publicUrl: deps.publicUrl, allowed: deps.allowedOrigins ?? [] }, origin, host, secFetchSite),
    prepareFirstAdministrator: () =>
      prepareFirstAdministrator({ db, clock, passwords, audit }, deps.createSuperuser, deps.publicUrl),
    rightsChanged: () => rights.changed(),
    onRightsChanged: (listener) => rights.onChange(listener),
    start: () => {
      identities.start();
      rights.start();
      cleanUp.start();
    },
    async stop() {
      rights.stop();
      await cleanUp.stop();
      await identities.stop();
    },
    routes: [
      ...createSignInRoutes(room),
      ...createAccountRoutes(room),
      ...createLinkRoutes(room),
      ...createSetupRoutes(room),
      ...createTokenRoutes(room),
      ...createMemberRoutes(room),
      ...createInvitationRoutes(room),
      ...createUserRoutes(room),
    ],
  };
}
