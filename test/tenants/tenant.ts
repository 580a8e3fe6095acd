/** Puts a tenant into the database: a project with everything that a project can have, and a word that is in all of it. */

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { hashSync } from "@node-rs/argon2";
import type { Queryable } from "../../server/db/db.ts";
import { type Role, ROLES } from "../../server/auth/auth.ts";
import { checkoutEvents, errorIdOf, insertBatch, insertSession, insertTab, textEvent } from "../harness/stored-session.ts";
import type { IdKind, Ids } from "./ids.ts";

/** Everybody's password. */
export const PASSWORD = "a password of tenants";
/** Cheap on purpose: what is tested here is not the hash. */
const HASH = hashSync(PASSWORD, { memoryCost: 8, timeCost: 1, parallelism: 1 });
const DAY = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
const T0 = Date.parse(`${DAY}T10:00:00Z`);

/** A tenant as the tests know it. */
export interface Tenant {
  /** In every text of the tenant, and nowhere else: where it is read, something leaked. */
  word: string;
  projectId: number;
  key: string;
  /** User ids of its people, one for each role. */
  people: Record<Role, number>;
  ids: Ids;
  /** Texts of the tenant without the word: keys, ids of errors. */
  secrets: string[];
  /** Makes another one of a kind, for a request that uses it up. */
  make(kind: IdKind): Promise<string>;
}

let made = 0;

/** The secret of a link, a sign-in or a token, and what the database holds of it. */
export const sha256 = (secret: string): Buffer => createHash("sha256").update(secret).digest();

/** Makes a person, and a member of these projects. */
export async function insertPerson(db: Queryable, email: string, roles: Readonly<Record<number, Role>> = {}): Promise<number> {
  const [row] = await db.query<{ id: number }>("INSERT INTO users (email, password_hash) VALUES ($1, $2) RETURNING id", [
    email,
    HASH,
  ]);
  const id = row?.id ?? 0;
  for (const [project, role] of Object.entries(roles)) {
    await db.query("INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, $3)", [Number(project), id, role]);
  }
  return id;
}

/** A bearer token to insert. */
export interface TokenFacts {
  userId: number;
  projectId: number | null;
  scopes: readonly string[];
  name: string;
  expiresAt?: Date;
  revokedAt?: Date;
}

/** Makes a token, as `POST /v1/tokens` would. */
export async function insertToken(db: Queryable, facts: TokenFacts): Promise<{ id: number; secret: string }> {
  const secret = randomBytes(20).toString("hex");
  const [row] = await db.query<{ id: number }>(
    `INSERT INTO tokens (token_hash, user_id, project_id, name, scopes, hint, expires_at, revoked_at)
     VALUES ($1, $2, $3, $4, $5, '', $6, $7) RETURNING id`,
    [sha256(secret), facts.userId, facts.projectId, facts.name, facts.scopes, facts.expiresAt ?? null, facts.revokedAt ?? null],
  );
  return { id: row?.id ?? 0, secret };
}

/** Makes an invitation; `use` is what became of it. */
export async function insertInvitation(
  db: Queryable,
  facts: { projectId: number; email: string; use: "open" | "revoked" },
): Promise<{ id: number; secret: string }> {
  const secret = randomBytes(32).toString("base64url");
  const [row] = await db.query<{ id: number }>(
    `INSERT INTO invitations (token_hash, kind, email, project_id, role, expires_at, revoked_at)
     VALUES ($1, 'invitation', $2, $3, 'viewer', now() + interval '1 day', CASE WHEN $4 THEN now() END) RETURNING id`,
    [sha256(secret), facts.email, facts.projectId, facts.use === "revoked"],
  );
  return { id: row?.id ?? 0, secret };
}

/** What an erasure leaves behind. */
export async function insertTombstone(db: Queryable, sessionId: string, projectId: number): Promise<void> {
  await db.query("INSERT INTO tombstones (session_id, project_id) VALUES ($1, $2)", [sessionId, projectId]);
}

/** Makes the tenant. */
export async function insertTenant(db: Queryable, word: string): Promise<Tenant> {
  const [row] = await db.query<{ id: number }>("INSERT INTO projects (name, slug) VALUES ($1, $2) RETURNING id", [
    `The ${word} project`,
    word,
  ]);
  const projectId = row?.id ?? 0;
  const people: Record<Role, number> = { viewer: 0, member: 0, admin: 0, owner: 0 };
  for (const role of ROLES) people[role] = await insertPerson(db, `${role}@${word}.example`, { [projectId]: role });
  const secrets: string[] = [];
  const context = { db, word, projectId, people, secrets };
  const ids = { project: String(projectId) } as Record<IdKind, string>;
  for (const kind of Object.keys(MAKERS)) if (isMade(kind)) ids[kind] = await makeOne(context, kind);
  const key = ids.key;
  await db.query("UPDATE sessions SET pinned_at = now() WHERE session_id = $1", [ids.session]);
  return { word, projectId, key, people, ids, secrets, make: (kind) => makeOne(context, kind) };
}

interface Context {
  db: Queryable;
  word: string;
  projectId: number;
  people: Record<Role, number>;
  secrets: string[];
}

type Maker = (context: Context, n: number) => Promise<string>;

const MAKERS: Record<IdKind, Maker> = {
  /** A project more, with the same people. */
  project: async ({ db, word, people }, n) => {
    const [row] = await db.query<{ id: number }>("INSERT INTO projects (name, slug) VALUES ($1, $2) RETURNING id", [
      `${word} ${n}`,
      `${word}-${n}`,
    ]);
    const id = row?.id ?? 0;
    for (const [role, userId] of Object.entries(people)) {
      await db.query("INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, $3)", [id, userId, role]);
    }
    return String(id);
  },
  session: async (context, n) => insertVisit(context, `${context.word}-visit-${n}`, `${context.word}-visitor`),
  liveSession: async (context, n) => insertVisit(context, `${context.word}-other-${n}`, `${context.word}-visitor`),
  error: async (context, n) => {
    const sessionId = await insertVisit(context, `${context.word}-broken-${n}`, `${context.word}-visitor`);
    return errorIdOf(sessionId, "main", 1, 0);
  },
  /** Of the project's viewer, for everybody in it. */
  search: async ({ db, word, projectId, people }, n) => {
    const [row] = await db.query<{ id: number }>(
      "INSERT INTO saved_searches (project_id, user_id, name, query, is_shared) VALUES ($1, $2, $3, '', true) RETURNING search_id AS id",
      [projectId, people.viewer, `${word} search ${n}`],
    );
    return String(row?.id ?? 0);
  },
  /** An error of an SDK, with a file and feedback. */
  filedError: async ({ db, word, projectId, secrets }, n) => {
    const errorId = randomUUID();
    const eventId = randomBytes(16).toString("hex");
    await db.query(
      "INSERT INTO occurrences (error_id, project_id, issue_id, event_id, source, received_at, at) VALUES ($1, $2, 0, $3, 'sdk', now(), 0)",
      [errorId, projectId, eventId],
    );
    await db.query("INSERT INTO attachments (project_id, event_id, ordinal, name, bytes) VALUES ($1, $2, 0, $3, '\\x00')", [
      projectId,
      eventId,
      `${word}-${n}.txt`,
    ]);
    await db.query(
      "INSERT INTO feedback (project_id, event_id, error_event_id, received_at, message) VALUES ($1, $2, $2, now(), $3)",
      [projectId, eventId, `${word} wrote`],
    );
    secrets.push(errorId);
    return errorId;
  },
  /** An issue, with an occurrence in a session, and a comment. */
  issue: (context, n) => insertIssue(context, n),
  otherIssue: (context, n) => insertIssue(context, n),
  /** One that was merged into the issue that was made first. */
  mergedIssue: async (context, n) => {
    const id = await insertIssue(context, n);
    await context.db.query(
      `UPDATE issues SET merged_at = now(), merged_into =
         (SELECT min(issue_id) FROM issues o WHERE o.project_id = issues.project_id AND o.merged_into IS NULL) WHERE issue_id = $1`,
      [id],
    );
    return id;
  },
  /** An error in an issue. */
  grouped: async (context, n) => {
    const issueId = await insertIssue(context, n);
    const rows = await context.db.query<{ id: string }>("SELECT error_id AS id FROM occurrences WHERE issue_id = $1", [issueId]);
    return rows[0]?.id ?? "";
  },
  /** Of a file of such an error. */
  ordinal: () => Promise.resolve("0"),
  key: async ({ db, word, projectId, secrets }, n) => {
    const key = randomBytes(16).toString("hex");
    await db.query("INSERT INTO project_keys (key, project_id, name) VALUES ($1, $2, $3)", [key, projectId, `${word} key ${n}`]);
    secrets.push(key);
    return key;
  },
  user: async ({ db, word, projectId }, n) =>
    String(await insertPerson(db, `spare-${n}@${word}.example`, { [projectId]: "viewer" })),
  invitation: async ({ db, word, projectId }, n) => {
    const { id } = await insertInvitation(db, { projectId, email: `guest-${n}@${word}.example`, use: "open" });
    return String(id);
  },
  token: async ({ db, word, projectId, people }, n) => {
    const facts = { userId: people.viewer, projectId, scopes: ["read"], name: `${word} token ${n}` };
    return String((await insertToken(db, facts)).id);
  },
  signIn: async ({ db, word, people }) => {
    const [row] = await db.query<{ id: number }>(
      `INSERT INTO sign_ins (token_hash, user_id, expires_at, user_agent) VALUES ($1, $2, now() + interval '1 day', $3) RETURNING id`,
      [randomBytes(32), people.viewer, `${word} browser`],
    );
    return String(row?.id ?? 0);
  },
  person: async (context, n) => {
    const person = `${context.word}-visitor-${n}`;
    await insertVisit(context, `${context.word}-of-person-${n}`, person);
    return person;
  },
  scan: async (context, n) => {
    const { db, word, projectId, people } = context;
    const sessionId = await insertVisit(context, `${word}-scanned-${n}`, `${word}-visitor`);
    const [row] = await db.query<{ id: number }>(
      `INSERT INTO leak_scans (project_id, state, requested_by, patterns, salt, ended_at, found_count)
       VALUES ($1, 'done', $2, '{email}', '\\x00', now(), 1) RETURNING id`,
      [projectId, people.admin],
    );
    const id = row?.id ?? 0;
    await db.query("INSERT INTO leak_findings (scan_id, session_id, kind, place, sample) VALUES ($1, $2, 'email', 'text', $3)", [
      id,
      sessionId,
      `${word} sample`,
    ]);
    return String(id);
  },
  /** An upload of source maps. */
  upload: async ({ db, word, projectId }, n) => {
    const [row] = await db.query<{ id: string }>(
      `INSERT INTO artifact_bundles (project_id, checksum, release, state, uploaded_by) VALUES ($1, $2, $3, 'ready', $4)
       RETURNING bundle_id AS id`,
      [projectId, randomBytes(20).toString("hex"), `${word}@${n}`, `owner@${word}.example`],
    );
    const id = row?.id ?? "";
    await db.query(
      "INSERT INTO artifacts (bundle_id, project_id, release, url, file_name, map) VALUES ($1, $2, $3, $4, 'app.js', '\\x00')",
      [Number(id), projectId, `${word}@${n}`, `~/${word}/app.js`],
    );
    return id;
  },
  /** A mail channel, with a message that was sent by it. */
  channel: async ({ db, word, projectId }, n) => {
    const [row] = await db.query<{ id: number }>(
      `INSERT INTO alert_channels (project_id, kind, name, recipients) VALUES ($1, 'email', $2, $3) RETURNING channel_id AS id`,
      [projectId, `${word} channel ${n}`, [`alerts@${word}.example`]],
    );
    const id = row?.id ?? 0;
    await db.query(
      "INSERT INTO alert_messages (project_id, channel_id, kind, state, created_at) VALUES ($1, $2, 'test', 'sent', now() - interval '1 hour')",
      [projectId, id],
    );
    return String(id);
  },
  rule: async ({ db, word, projectId }, n) => {
    const [row] = await db.query<{ id: number }>(
      "INSERT INTO alert_rules (project_id, name) VALUES ($1, $2) RETURNING rule_id AS id",
      [projectId, `${word} rule ${n}`],
    );
    return String(row?.id ?? 0);
  },
  deadLetter: async ({ db, word, projectId }, n) => {
    const [row] = await db.query<{ id: number }>(
      `INSERT INTO intake (project_id, kind, head, body, dead_at, fault) VALUES ($1, 'event', $2, $3, now(), $4)
       RETURNING intake_id AS id`,
      [projectId, { event_id: `${word}-event-${n}` }, Buffer.from(word), `${word} is not readable`],
    );
    return String(row?.id ?? 0);
  },
  entry: async ({ db, word, projectId, people }, n) => {
    const [row] = await db.query<{ id: number }>(
      `INSERT INTO audit_log (action, actor_kind, actor_user_id, actor_name, project_id, subject_kind, subject_id, person_id)
       VALUES ('session_pinned', 'user', $1, $2, $3, 'session', $4, $5) RETURNING id`,
      [people.member, `member@${word}.example`, projectId, `${word}-visit-${n}`, `${word}-visitor`],
    );
    return String(row?.id ?? 0);
  },
  /** By the member, in the session that was made first. */
  comment: async ({ db, word, projectId, people }, n) => {
    const [row] = await db.query<{ id: number }>(
      `INSERT INTO session_comments (session_id, project_id, at, user_id, text)
       SELECT session_id, project_id, $2, $3, $4 FROM sessions WHERE project_id = $1
       ORDER BY session_id LIKE $5 DESC, started_at, session_id LIMIT 1 RETURNING comment_id AS id`,
      [projectId, T0, people.owner, `${word} said ${n}`, `${word}-visit-%`],
    );
    return String(row?.id ?? 0);
  },
  playlist: async ({ db, word, projectId, people }, n) => {
    const [row] = await db.query<{ id: number }>(
      "INSERT INTO playlists (project_id, name, user_id) VALUES ($1, $2, $3) RETURNING playlist_id AS id",
      [projectId, `${word} list ${n}`, people.owner],
    );
    return String(row?.id ?? 0);
  },
  /** In the playlist that was made first. */
  playlistItem: async ({ db, word, projectId, people }) => {
    const [row] = await db.query<{ id: number }>(
      `INSERT INTO playlist_items (playlist_id, session_id, place, user_id)
       SELECT min(p.playlist_id), $2, 1, $3 FROM playlists p WHERE p.project_id = $1 RETURNING item_id AS id`,
      [projectId, `${word}-listed`, people.owner],
    );
    return String(row?.id ?? 0);
  },
  shareLink: async ({ db, word, projectId, people }, n) => {
    const [row] = await db.query<{ id: number }>(
      `INSERT INTO share_links (session_id, project_id, token_hash, name, user_id, expires_at)
       VALUES ($1, $2, $3, $4, $5, now() + interval '1 day') RETURNING link_id AS id`,
      [`${word}-shared`, projectId, randomBytes(32), `${word} link ${n}`, people.owner],
    );
    return String(row?.id ?? 0);
  },
  email: ({ word }) => Promise.resolve(`owner@${word}.example`),
  revokedKey: async ({ db, projectId, secrets }) => {
    const key = randomBytes(16).toString("hex");
    await db.query("INSERT INTO project_keys (key, project_id, revoked_at) VALUES ($1, $2, now())", [key, projectId]);
    secrets.push(key);
    return key;
  },
  openLink: async ({ db, word, projectId }, n) => {
    const { secret } = await insertInvitation(db, { projectId, email: `newcomer-${n}@${word}.example`, use: "open" });
    return secret;
  },
  spentLink: async ({ db, word, projectId }, n) => {
    const { secret } = await insertInvitation(db, { projectId, email: `late-${n}@${word}.example`, use: "revoked" });
    return secret;
  },
};

function isMade(kind: string): kind is IdKind {
  return kind in MAKERS && kind !== "project";
}

function makeOne(context: Context, kind: IdKind): Promise<string> {
  return MAKERS[kind](context, ++made);
}

async function insertIssue({ db, word, projectId, people, secrets }: Context, n: number): Promise<string> {
  const errorId = randomUUID();
  const [row] = await db.query<{ id: number }>(
    `INSERT INTO issues (project_id, number, title, value, culprit, first_seen, last_seen, occurrence_count)
     VALUES ($1, $2, $3, $3, $4, now(), now(), 1) RETURNING issue_id AS id`,
    [projectId, n, `${word} broke`, `${word}.js`],
  );
  const id = row?.id ?? 0;
  const hash = randomBytes(32);
  await db.query("INSERT INTO groupings (project_id, mechanism, key_hash, key, issue_id) VALUES ($1, 'v1', $2, $3, $4)", [
    projectId,
    hash,
    JSON.stringify(["exception", "Error", word]),
    id,
  ]);
  await db.query(
    `INSERT INTO occurrences (error_id, project_id, issue_id, event_id, source, received_at, at, type, message, session_id, mechanism,
       key_hash, tags, detail)
     VALUES ($1, $2, $3, $4, 'sdk', now(), 0, 'Error', $5, $6, 'v1', $7, $8, '{"exceptions":[],"frames":[],"template":"","fingerprint":[]}')`,
    [errorId, projectId, id, `${word}${n}`, `${word} broke`, `${word}-of-issue-${n}`, hash, JSON.stringify({ page: word })],
  );
  await db.query("INSERT INTO issue_sessions (issue_id, session_id, last_at, count) VALUES ($1, $2, now(), 1)", [
    id,
    `${word}-of-issue-${n}`,
  ]);
  await db.query("INSERT INTO issue_activity (issue_id, at, kind, user_id, text) VALUES ($1, now(), 'comment', $2, $3)", [
    id,
    people.member,
    `${word} said so`,
  ]);
  secrets.push(errorId);
  return String(id);
}

/** A visit that is over: two batches, the second with an error. */
async function insertVisit({ db, word, projectId, secrets }: Context, sessionId: string, userId: string): Promise<string> {
  const url = `https://${word}.example/`;
  await insertSession(db, { sessionId, projectId, startedOn: DAY, startedAt: T0, userId, url, title: word });
  await insertTab(db, sessionId, "main", T0);
  const where = { sessionId, startedOn: DAY, projectId, tab: "main" };
  await insertBatch(db, { ...where, seq: 0, events: checkoutEvents(T0, word) });
  const error = { kind: "error" as const, at: T0 + 1_500, name: "TypeError", text: `${word} is undefined`, stack: `at ${word}` };
  await insertBatch(db, { ...where, seq: 1, events: [textEvent(T0 + 1_500, word)], markers: [error] });
  secrets.push(errorIdOf(sessionId, "main", 1, 0));
  return sessionId;
}
