/** Every kind of credential that somebody may come with who has no business with a tenant. */

import type { Queryable } from "../../server/db/db.ts";
import { ROLES } from "../../server/auth/auth.ts";
import { waitFor } from "../harness/wait.ts";
import { postJson } from "../integration/running-app.ts";
import { insertInvitation, insertPerson, insertToken, PASSWORD, type Tenant, type TokenFacts } from "./tenant.ts";

/**
 * `unknown` proves nothing any more, or never did: everybody of this kind is nobody.
 * `stranger` is somebody, but not here: other tenants' people and tokens, people who were removed, tokens that may not read.
 */
export interface Credential {
  name: string;
  kind: "unknown" | "stranger";
  headers: Readonly<Record<string, string>>;
}

const PAST = new Date(Date.now() - 60_000);

/** Signs in; the value for a `Cookie` header. */
export async function signIn(base: string, email: string): Promise<string> {
  const answer = await postJson(`${base}/auth/login`, { email, password: PASSWORD });
  if (!answer.ok) throw new Error(`${email}: ${answer.status} ${await answer.text()}`);
  return answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

const bearer = (secret: string) => ({ Authorization: `Bearer ${secret}` });

/** Makes them all: who may not see `theirs`, most of them at home in `own`. */
export async function makeStrangers(base: string, db: Queryable, theirs: Tenant, own: Tenant): Promise<Credential[]> {
  const { word } = own;
  const a = theirs.projectId;
  const b = own.projectId;
  const all: Credential[] = [];
  const add = (name: string, kind: Credential["kind"], headers: Credential["headers"]) => void all.push({ name, kind, headers });
  const token = async (facts: Omit<TokenFacts, "name">) => {
    return bearer((await insertToken(db, { ...facts, name: `${word} credential` })).secret);
  };

  add("nothing", "unknown", {});
  add("garbage as bearer", "unknown", bearer("\u00e9 no token"));
  add("garbage as cookie", "unknown", { Cookie: "wb_sign_in=%00<script>; wb_sign_in" });
  add("a token that never was", "unknown", bearer("0123456789012345678901234567890123456789"));
  add("their ingest key as bearer", "unknown", bearer(theirs.key));
  add("their ingest key as cookie", "unknown", { Cookie: `wb_sign_in=${theirs.key}` });
  add("basic", "unknown", { Authorization: `Basic ${btoa(`owner@${theirs.word}.example:${PASSWORD}`)}` });
  const link = await insertInvitation(db, { projectId: a, email: `link@${theirs.word}.example`, use: "open" });
  add("an invitation as bearer", "unknown", bearer(link.secret));
  add("an invitation as cookie", "unknown", { Cookie: `wb_sign_in=${link.secret}` });

  const { owner } = theirs.people;
  add("their owner's revoked token", "unknown", await token({ userId: owner, projectId: a, scopes: ["admin"], revokedAt: PAST }));
  add("their owner's expired token", "unknown", await token({ userId: owner, projectId: a, scopes: ["admin"], expiresAt: PAST }));

  const leaver = `leaver@${theirs.word}.example`;
  await insertPerson(db, leaver, { [a]: "owner" });
  const ended = await signIn(base, leaver);
  await postJson(`${base}/auth/logout`, {}, { Cookie: ended });
  add("their owner's ended sign-in", "unknown", { Cookie: ended });
  const late = await signIn(base, leaver);
  await db.query(
    "UPDATE sign_ins SET expires_at = now() - interval '1 minute' WHERE user_id = (SELECT id FROM users WHERE email = $1)",
    [leaver],
  );
  add("their owner's expired sign-in", "unknown", { Cookie: late });

  const disabled = await insertPerson(db, `disabled@${theirs.word}.example`, { [a]: "owner" });
  const disabledCookie = await signIn(base, `disabled@${theirs.word}.example`);
  const disabledToken = await token({ userId: disabled, projectId: null, scopes: ["read", "admin"] });
  await db.query("UPDATE users SET disabled_at = now() WHERE id = $1", [disabled]);
  add("their disabled owner", "unknown", { Cookie: disabledCookie });
  add("their disabled owner's token", "unknown", disabledToken);

  for (const role of ROLES)
    add(`their neighbour's ${role}`, "stranger", { Cookie: await signIn(base, `${role}@${word}.example`) });
  const neighbour = own.people.owner;
  for (const scopes of [["read"], ["admin"], ["ingest"], ["sourcemaps"], ["embed"]]) {
    add(`a ${scopes.join()} token of a neighbour`, "stranger", await token({ userId: neighbour, projectId: b, scopes }));
  }
  add(
    "a neighbour's token for all he has",
    "stranger",
    await token({ userId: neighbour, projectId: null, scopes: ["read", "admin"] }),
  );
  // Somebody may bind a token only to what he sees; where that was not checked, the binding gives nothing.
  add(
    "a neighbour's token bound to them",
    "stranger",
    await token({ userId: neighbour, projectId: a, scopes: ["read", "admin"] }),
  );

  const both = await insertPerson(db, `both@${word}.example`, { [a]: "owner", [b]: "owner" });
  add(
    "a token bound elsewhere of their owner",
    "stranger",
    await token({ userId: both, projectId: b, scopes: ["read", "admin"] }),
  );

  const removed = await insertPerson(db, `removed@${word}.example`, { [a]: "owner" });
  add("a removed member", "stranger", { Cookie: await signIn(base, `removed@${word}.example`) });
  add("a removed member's token", "stranger", await token({ userId: removed, projectId: null, scopes: ["read", "admin"] }));
  add("a removed member's bound token", "stranger", await token({ userId: removed, projectId: a, scopes: ["read", "admin"] }));
  await db.query("DELETE FROM project_members WHERE user_id = $1", [removed]);

  for (const scope of ["ingest", "sourcemaps", "embed"]) {
    add(`their owner's ${scope} token`, "stranger", await token({ userId: both, projectId: a, scopes: [scope] }));
  }
  await db.query("UPDATE settings SET value = (value::bigint + 1)::text WHERE name = 'rights_version'");
  await waitUntilKnown(base, all);
  return all;
}

/** The rows were changed behind the server's back: it may remember for a moment who somebody was. */
async function waitUntilKnown(base: string, all: readonly Credential[]): Promise<void> {
  for (const { name, kind, headers } of all) {
    await waitFor(
      async () => {
        const answer = await fetch(`${base}/auth/me`, { headers });
        return (answer.status === 401) === (kind === "unknown");
      },
      { what: () => `${name} to be ${kind}` },
    );
  }
  await waitFor(
    async () => {
      const removed = all.filter(({ name }) => name.includes("removed member"));
      const sights = await Promise.all(removed.map(({ headers }) => fetch(`${base}/v1/projects`, { headers })));
      const texts = await Promise.all(sights.map((sight) => sight.text()));
      return texts.every((text) => text === '{"projects":[]}');
    },
    { what: () => "removed members to see nothing" },
  );
}
