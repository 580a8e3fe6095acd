/** The door of auth: who is asking, and what may he see. */

import type { Route } from "../net/route.ts";

/** `nobody` has shown nothing; `user` a sign-in cookie; `token` a bearer token. */
export type Identity =
  | { kind: "nobody" }
  | { kind: "user"; userId: number; email: string; isAdmin: boolean; signInId: string; projectIds: ReadonlySet<number> }
  | {
      kind: "token";
      tokenId: number;
      userId: number;
      isAdmin: boolean;
      scopes: ReadonlySet<string>;
      projectIds: ReadonlySet<number>;
    };

/** The credentials of a request or an upgrade, as they came. */
export interface Credentials {
  cookie?: string | undefined;
  /** Value of the `Authorization` header. */
  authorization?: string | undefined;
  /** `token` of the query string; sockets only. */
  token?: string | undefined;
}

/** True where this identity may read the sessions of this project. `projectIds` of an administrator holds every project. */
export function maySee(identity: Identity, projectId: number): boolean {
  return identity.kind !== "nobody" && identity.projectIds.has(projectId);
}

export interface Auth {
  /** Never throws for bad credentials: they make a `nobody`. */
  identify(credentials: Credentials): Promise<Identity>;
  /** True where a request that changes something comes from our own pages (or carries a bearer token). */
  isTrustedOrigin(origin: string | undefined, host: string | undefined, secFetchSite: string | undefined): boolean;
  /** Makes the first administrator from `CREATE_SUPERUSER`, or a one-time set-up link; null where there is an administrator. */
  prepareFirstAdministrator(): Promise<{ setupUrl: string } | { createdEmail: string } | null>;
  routes: readonly Route[];
}
