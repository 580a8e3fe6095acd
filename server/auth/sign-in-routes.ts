/** `POST /auth/login`, `POST /auth/logout`, `GET /auth/me`. */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import type { Queryable } from "../db/db.ts";
import { readBody } from "../http-input.ts";
import type { Route } from "../net/route.ts";
import { readableProjects, roleIn } from "./identity.ts";
import { type AuthRoom, checkPassword, emailSchema, shownPassword } from "./room.ts";
import type { UserRow } from "./user-queries.ts";

const login = v.object({ email: emailSchema, password: shownPassword });

/** The rows of the route table about signing in and out. */
export function createSignInRoutes(room: AuthRoom): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/auth/login",
      access: "open",
      summary: "Signs in: {email, password}; answers with an httpOnly cookie",
      maxBodyBytes: 8 * 1024,
      handle: async (request) => {
        const user = await checkPassword(room, { ...readBody(login, request.body), peer: request.peer });
        if (!user) throw new AppError("auth", "the e-mail address or the password is wrong");
        const cookie = await room.db.transaction(async (tx) => {
          const begun = await room.signIns.begin(tx, user, request);
          await room.audit.record({ action: "sign_in", actor: personOf(user), peer: request.peer }, tx);
          return begun;
        });
        // The browser may have been signed in before, and its sockets still be open.
        if (request.headers["cookie"] !== undefined) await room.rights.changed();
        room.log.info("signed in", { userId: user.id });
        return { headers: { "Set-Cookie": cookie }, json: { user: toJson(user) } };
      },
    },
    {
      method: "POST",
      path: "/auth/logout",
      access: "open",
      summary: "Ends the sign-in of this browser",
      handle: async (request) => {
        const hasCookie = request.headers["cookie"] !== undefined;
        const end = async (tx: Queryable) => {
          const whose = await room.signIns.end(tx, request);
          if (whose) await room.audit.record({ action: "sign_out", actor: { kind: "user", ...whose }, peer: request.peer }, tx);
          return whose;
        };
        const ended = hasCookie ? await room.db.transaction(end) : null;
        if (ended) await room.rights.changed();
        return { headers: { "Set-Cookie": room.signIns.cleared }, json: { signedOut: true } };
      },
    },
    {
      method: "GET",
      path: "/auth/me",
      access: "signed-in",
      summary: "Who is asking, and which projects he may see",
      handle: ({ identity }) => {
        if (identity.kind === "nobody") throw new AppError("auth", "sign in first");
        const projectIds = [...readableProjects(identity)].sort((a, b) => a - b);
        const roles = Object.fromEntries(projectIds.map((projectId) => [projectId, roleIn(identity, projectId)]));
        const user = { id: identity.userId, email: identity.email, isAdmin: identity.isAdmin, projectIds, roles };
        if (identity.kind === "user") return { json: { user } };
        return { json: { user, token: { id: identity.tokenId, scopes: [...identity.scopes].sort() } } };
      },
    },
  ];
}

/** A person as the one who did it, for the audit trail. */
export function personOf(user: { id: number; email: string }) {
  return { kind: "user", userId: user.id, email: user.email } as const;
}

/** A person as the answer to a sign-in has him. */
export function toJson(user: UserRow) {
  return { id: user.id, email: user.email, isAdmin: user.is_admin };
}
