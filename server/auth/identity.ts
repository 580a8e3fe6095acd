/** Who somebody turned out to be, and what follows from it. */

import { AppError } from "../app-error.ts";

const NONE: ReadonlySet<number> = new Set();

/**
 * What a member may do in a project, each more than the one before: `viewer` watches; `member` also pins and marks; `admin` also changes
 * settings, keys and members, and erases; `owner` also removes the project and makes owners. An administrator of the installation is
 * owner of every project.
 */
export const ROLES = ["viewer", "member", "admin", "owner"] as const;
export type Role = (typeof ROLES)[number];

/** What a bearer token may be for; `admin` is all that its owner may do. */
export const SCOPES = ["ingest", "read", "sourcemaps", "embed", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** `nobody` has shown nothing; `user` a sign-in cookie; `token` a bearer token. `roles` maps project id to the person's role there. */
export type Identity =
  | { kind: "nobody" }
  | {
      kind: "user";
      userId: number;
      email: string;
      isAdmin: boolean;
      signInId: string;
      /** When the sign-in ends by itself. */
      expiresAt?: number;
      roles: ReadonlyMap<number, Role>;
    }
  | {
      kind: "token";
      tokenId: number;
      /** When the token ends by itself; absent for never. */
      expiresAt?: number;
      userId: number;
      /** Address of its owner. */
      email?: string;
      /** Only for an administrator's token of scope `admin` that is not bound to a project. */
      isAdmin: boolean;
      scopes: ReadonlySet<string>;
      /** The roles of its owner, in the project it is bound to or in all of his. */
      roles: ReadonlyMap<number, Role>;
    };

/** The credentials of a request or an upgrade, as they came. */
export interface Credentials {
  cookie?: string | undefined;
  /** Value of the `Authorization` header. */
  authorization?: string | undefined;
  /** `token` of the query string; sockets only. */
  token?: string | undefined;
}

/** The role that this identity acts with in a project; null for none. A token of scope `read` is a viewer, whoever owns it. */
export function roleIn(identity: Identity, projectId: number): Role | null {
  if (identity.kind === "nobody") return null;
  const role = identity.roles.get(projectId) ?? null;
  if (identity.kind === "user" || role === null || identity.scopes.has("admin")) return role;
  return identity.scopes.has("read") ? "viewer" : null;
}

/** True where this identity may read the sessions of this project. */
export function maySee(identity: Identity, projectId: number): boolean {
  return roleIn(identity, projectId) !== null;
}

/** True where this identity may send batches into the project without an ingest key: a token of scope `ingest` (or `admin`) of a member. */
export function mayIngest(identity: Identity, projectId: number): boolean {
  if (identity.kind !== "token" || !(identity.scopes.has("ingest") || identity.scopes.has("admin"))) return false;
  const role = identity.roles.get(projectId);
  return role !== undefined && !isBelow(role, "member");
}

/**
 * Asks for the right to upload source maps: somebody who is signed in, or a token of scope `sourcemaps` (or `admin`), of a member.
 * @throws AppError `not_found` where the owner has no role in the project, as for one that does not exist; `forbidden` otherwise
 */
export function requireMapUpload(identity: Identity, projectId: number): void {
  const role = identity.kind === "nobody" ? undefined : identity.roles.get(projectId);
  if (role === undefined) throw new AppError("not_found", "there is nothing here under this id");
  const hasScope = identity.kind !== "token" || identity.scopes.has("sourcemaps") || identity.scopes.has("admin");
  if (!hasScope || isBelow(role, "member"))
    throw new AppError("forbidden", "this takes the role member in the project, and of a token the scope sourcemaps");
}

/**
 * Asks for the right to make embed tokens: somebody who is signed in, or a token of scope `embed` (or `admin`), of a member.
 * @throws AppError `not_found` where the owner has no role in the project, as for one that does not exist; `forbidden` otherwise
 */
export function requireEmbed(identity: Identity, projectId: number): void {
  const role = identity.kind === "nobody" ? undefined : identity.roles.get(projectId);
  const hasScope = identity.kind !== "token" || identity.scopes.has("embed") || identity.scopes.has("admin");
  // Who may not even read here hears nothing of what is there.
  if (role === undefined || (!hasScope && !maySee(identity, projectId)))
    throw new AppError("not_found", "there is nothing here under this id");
  if (!hasScope || isBelow(role, "member"))
    throw new AppError("forbidden", "this takes the role member in the project, and of a token the scope embed");
}

/** Every project whose sessions this identity may read; none for a token without the scope `read` or `admin`. */
export function readableProjects(identity: Identity): ReadonlySet<number> {
  if (identity.kind === "nobody") return NONE;
  return new Set([...identity.roles.keys()].filter((projectId) => maySee(identity, projectId)));
}

/**
 * Asks for a role in a project.
 * @throws AppError `not_found` where the project is not visible at all, as for one that does not exist; `forbidden` where the role is
 * too low
 */
export function requireRole(identity: Identity, projectId: number, least: Role): void {
  const role = roleIn(identity, projectId);
  if (role === null) throw new AppError("not_found", "there is nothing here under this id");
  if (isBelow(role, least)) throw new AppError("forbidden", `this takes the role ${least} in the project`);
}

/** True where the first role may do less than the second. */
export function isBelow(role: Role, other: Role): boolean {
  return ROLES.indexOf(role) < ROLES.indexOf(other);
}
