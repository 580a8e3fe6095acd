/** Who somebody turned out to be, and what follows from it. */

const NONE: ReadonlySet<number> = new Set();

/** `nobody` has shown nothing; `user` a sign-in cookie; `token` a bearer token. */
export type Identity =
  | { kind: "nobody" }
  | { kind: "user"; userId: number; email: string; isAdmin: boolean; signInId: string; projectIds: ReadonlySet<number> }
  | {
      kind: "token";
      tokenId: number;
      userId: number;
      /** Only for an administrator's token of scope `admin` that is not bound to a project. */
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
  return readableProjects(identity).has(projectId);
}

/** Every project whose sessions this identity may read; none for a token without the scope `read` or `admin`. */
export function readableProjects(identity: Identity): ReadonlySet<number> {
  switch (identity.kind) {
    case "nobody":
      return NONE;
    case "user":
      return identity.projectIds;
    case "token":
      return identity.scopes.has("read") || identity.scopes.has("admin") ? identity.projectIds : NONE;
  }
}
