/** People of a test: accounts in its database, and browsers that keep their cookie and call the routes of `server/auth`. */

import { hashSync } from "@node-rs/argon2";
import { createAudit } from "../../server/audit/audit.ts";
import { type Auth, type AuthDeps, createAuth, type Identity, type Role } from "../../server/auth/auth.ts";
import type { Database } from "../../server/db/db.ts";
import type { Method } from "../../server/net/route.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { quietLog } from "./postgres.ts";
import { createCaller, type RouteAnswer } from "./route-caller.ts";

/** What everybody's password is until he changes it. */
export const PASSWORD = "a long enough password";
const PASSWORD_HASH = hashSync(PASSWORD);

/** An entry of the audit trail, as far as tests look at it. */
export interface Deed {
  action: string;
  actor: string;
  actorName: string;
  peer: string;
  projectId: number | null;
  subject: string | null;
  data: Record<string, unknown>;
}

/** A browser: keeps the cookie that it is given. */
export interface Browser {
  /** The `Cookie` header that it would send; empty for none. */
  readonly cookie: string;
  identity(): Promise<Identity>;
  call(method: Method, address: string, body?: unknown): Promise<RouteAnswer>;
}

/** One process of auth over a database, and the people in it. */
export interface People {
  auth: Auth;
  clock: TestClock;
  insertUser(email: string, isAdmin?: boolean): Promise<number>;
  join(userId: number, projectId: number, role: Role): Promise<void>;
  /** A browser that is not signed in. */
  open(options?: { peer?: string; userAgent?: string }): Browser;
  /** A browser in which this person has signed in. */
  signIn(email: string, password?: string): Promise<Browser>;
  /** What was written down since this was built. */
  deeds(): Promise<Deed[]>;
}

/** Builds them; people, links and attempts of earlier tests are removed from the database. */
export async function createPeople(
  db: Database,
  now: number,
  options: Partial<Omit<AuthDeps, "db" | "clock" | "audit">> & { keep?: boolean } = {},
): Promise<People> {
  const { keep = false, ...rest } = options;
  if (!keep) await db.query("TRUNCATE users, sign_ins, tokens, project_members, setup_links, invitations, attempts CASCADE");
  const [last] = await db.query<{ id: string }>("SELECT coalesce(max(id), 0) AS id FROM audit_log");
  const clock = createTestClock(now);
  const audit = createAudit({ db, clock, log: quietLog });
  const auth = createAuth({ log: quietLog, publicUrl: "http://localhost:8080", createSuperuser: "", ...rest, db, clock, audit });
  const callRoute = createCaller(auth.routes);

  function open({ peer = "10.0.0.1", userAgent = "Test/1" }: { peer?: string; userAgent?: string } = {}): Browser {
    let cookie = "";
    return {
      get cookie() {
        return cookie;
      },
      identity: () => auth.identify({ cookie }),
      async call(method, address, body) {
        const headers = { "user-agent": userAgent, ...(cookie === "" ? {} : { cookie }) };
        const answer = await callRoute(method, address, { identity: await auth.identify({ cookie }), body, headers, peer });
        const given = answer.headers["Set-Cookie"]?.split(";")[0];
        if (given !== undefined) cookie = given.endsWith("=") ? "" : given;
        return answer;
      },
    };
  }

  return {
    auth,
    clock,
    open,
    async insertUser(email, isAdmin = false) {
      const rows = await db.query<{ id: number }>(
        "INSERT INTO users (email, password_hash, is_admin) VALUES ($1, $2, $3) RETURNING id",
        [email, PASSWORD_HASH, isAdmin],
      );
      return rows[0]?.id ?? 0;
    },
    async join(userId, projectId, role) {
      await db.query("INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, $3)", [projectId, userId, role]);
    },
    async signIn(email, password = PASSWORD) {
      const browser = open();
      const answer = await browser.call("POST", "/auth/login", { email, password });
      if (answer.status !== 200) throw new Error(`sign-in of ${email}: ${answer.status}`);
      return browser;
    },
    deeds: () =>
      db.query<Deed>(
        `SELECT action, actor_kind AS actor, actor_name AS "actorName", peer, project_id AS "projectId",
           subject_kind || ' ' || subject_id AS subject, data
         FROM audit_log WHERE id > $1 ORDER BY id`,
        [last?.id ?? 0],
      ),
  };
}
