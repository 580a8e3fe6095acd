/** Who is signed in: signing in and out, the own password, the own sign-ins, and the first account. */

import * as v from "valibot";
import { request } from "./api.ts";
import { roleSchema } from "./roles.ts";

export const userSchema = v.object({
  id: v.number(),
  email: v.optional(v.string(), ""),
  isAdmin: v.boolean(),
  projectIds: v.optional(v.array(v.number()), []),
  /** Project id (as text) to role. */
  roles: v.optional(v.record(v.string(), roleSchema), {}),
});
export type User = v.InferOutput<typeof userSchema>;

const signInSchema = v.object({
  id: v.union([v.string(), v.number()]),
  createdAt: v.number(),
  lastSeenAt: v.number(),
  userAgent: v.optional(v.string(), ""),
  peer: v.nullish(v.string(), ""),
  isCurrent: v.boolean(),
});
/** One browser in which somebody is signed in. */
export type SignIn = v.InferOutput<typeof signInSchema>;

/** Who is signed in. @throws ApiError with status 401 where nobody is */
export async function readMe(): Promise<User> {
  return (await request("GET", "/auth/me", v.object({ user: userSchema }))).user;
}

/** Signs in; the server answers with a cookie that no script can read. */
export async function signIn(email: string, password: string): Promise<void> {
  await request("POST", "/auth/login", v.unknown(), { body: { email, password } });
}

/** Ends the sign-in of this browser. */
export async function signOut(): Promise<void> {
  await request("POST", "/auth/logout", v.unknown(), { body: {} });
}

/** Changes the own password; the server asks for the one that holds now. */
export async function changePassword(current: string, next: string): Promise<void> {
  await request("POST", "/auth/password", v.unknown(), { body: { current, next } });
}

/** The browsers in which the reader is signed in. */
export async function readSignIns(): Promise<SignIn[]> {
  return (await request("GET", "/auth/sign-ins", v.object({ signIns: v.array(signInSchema) }))).signIns;
}

/** Ends one sign-in. */
export async function endSignIn(id: SignIn["id"]): Promise<void> {
  await request("DELETE", `/auth/sign-ins/${encodeURIComponent(id)}`, v.unknown());
}

/** Ends every sign-in of the reader, this browser's as well. */
export async function signOutEverywhere(): Promise<void> {
  await request("POST", "/auth/logout-everywhere", v.unknown(), { body: {} });
}

/** True where the one-time link with this token can still be used. */
export async function readSetup(token: string): Promise<boolean> {
  return (await request("POST", "/v1/setup/look", v.object({ isOpen: v.boolean() }), { body: { token } })).isOpen;
}

/** Makes the first administrator and signs him in. */
export async function setUp(token: string, email: string, password: string): Promise<void> {
  await request("POST", "/v1/setup", v.unknown(), { body: { token, email, password } });
}
