import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import {
  checkoutEvents,
  errorIdOf,
  insertBatch,
  insertProject,
  insertSession,
  insertTab,
} from "../../test/harness/stored-session.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { AppError } from "../app-error.ts";
import type { Identity, Role } from "../auth/auth.ts";
import { createReplay } from "../replay/replay.ts";
import { type Audit, AUDIT_KEPT_DAYS, createAudit } from "./audit.ts";

const DAY_MS = 86_400_000;
const DAY = "2026-11-20";
const T0 = Date.parse("2026-11-20T10:00:00Z");
const clock = createTestClock(T0);

let test: TestDatabase;
let audit: Audit;
let call: ReturnType<typeof createCaller>;
let shop: number;
let blog: number;

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
  audit = createAudit({ db: test.database, clock, log: quietLog });
  const replay = createReplay({ db: test.database, live: { activeSessions: () => [] }, views: audit });
  call = createCaller([...audit.routes, ...replay.routes]);
});
afterAll(() => test.drop());

function person(userId: number, roles: Record<number, Role>, isAdmin = false): Extract<Identity, { kind: "user" }> {
  const entries = Object.entries(roles).map(([id, role]) => [Number(id), role] as const);
  return { kind: "user", userId, email: `user-${userId}@example.com`, isAdmin, signInId: "", roles: new Map(entries) };
}

interface Page {
  entries: { id: number; at: number; action: string; data: Record<string, unknown> }[];
  nextCursor: string | null;
}

async function read(identity: Identity, query = ""): Promise<Page> {
  const answer = await call("GET", `/v1/audit${query}`, { identity });
  expect(answer.status, JSON.stringify(answer.json)).toBe(200);
  // Built by our own route; the tests look at what is in it.
  return answer.json as Page;
}

describe("the table", () => {
  const count = async () => (await test.database.query("SELECT id FROM audit_log")).length;

  it("AUD-1 refuses UPDATE, DELETE and TRUNCATE of the server's own connection, in every mode", async () => {
    await audit.record({ action: "sign_in", actor: { kind: "user", userId: 1, email: "a@example.com" }, projectId: shop });
    const before = await count();
    const modes = ["", "SET LOCAL watchback.erasing = 'on'", "SET LOCAL watchback.audit_retention = 'on'"];
    modes.push("SET LOCAL session_replication_role = 'replica'");
    const refused = ["DELETE FROM audit_log", "TRUNCATE audit_log", "UPDATE audit_log SET action = 'sign_out'"];
    for (const mode of modes) {
      for (const statement of refused) {
        const doing = test.database.transaction(async (tx) => {
          if (mode !== "") await tx.query(mode);
          await tx.query(statement);
        });
        await expect(doing, `${mode}; ${statement}`).rejects.toThrow("audit_log is append-only");
      }
    }
    await expect(test.database.query("UPDATE audit_log SET person_id = NULL")).rejects.toThrow("append-only");
    expect(await count()).toBe(before);
  });

  it("AUD-2 lets an erasure take ids out, and change nothing else", async () => {
    const entry = { action: "session_replayed", actor: { kind: "nobody" }, peer: "192.0.2.1", projectId: shop } as const;
    await audit.record({ ...entry, subject: { kind: "session", id: "s-1" }, personId: "ada", data: { by: "feed", name: "x" } });
    const erase = (set: string) =>
      test.database.transaction(async (tx) => {
        await tx.query("SET LOCAL watchback.erasing = 'on'");
        return tx.query(`UPDATE audit_log SET ${set} WHERE person_id = 'ada' RETURNING id`);
      });
    const columns = ["id = -1", "at = now()", "action = 'sign_in'", "actor_kind = 'system'", "actor_user_id = 5"];
    columns.push("actor_token_id = 5", "project_id = 1 + project_id", "subject_kind = NULL");
    const values = [
      "subject_id = 's-2'",
      "person_id = 'bob'",
      "actor_name = 'eve'",
      "peer = '10.0.0.1'",
      `data = '{"by":"clip"}'`,
    ];
    const more = `data = data || '{"more":1}'`;
    for (const set of [...columns, ...values, more]) await expect(erase(set), set).rejects.toThrow(/append-only|can only be/);
    expect(await erase("data = data - 'name'")).toHaveLength(1);
    expect(await erase("subject_id = NULL, person_id = NULL, peer = '', actor_name = '', data = '{}'")).toHaveLength(1);
    const page = await read(person(1, { [shop]: "admin" }), "?action=session_replayed");
    expect(page.entries).toMatchObject([{ subject: { kind: "session", id: "" }, personId: null, peer: "", data: {} }]);
  });

  it("AUD-9 lets go of entries after more than a year, when the clean-up asks, and of no younger one", async () => {
    const old = await test.database.query<{ id: number }>(
      `INSERT INTO audit_log (at, action, actor_kind) SELECT now() - age * interval '1 day', 'sign_in', 'system'
       FROM unnest(ARRAY[${AUDIT_KEPT_DAYS + 1}, ${AUDIT_KEPT_DAYS - 1}, 366, 364]) AS age RETURNING id`,
    );
    const ids = old.map(({ id }) => id);
    const left = async () => {
      const rows = await test.database.query<{ id: number }>("SELECT id FROM audit_log WHERE id = ANY($1) ORDER BY id", [ids]);
      return rows.map(({ id }) => id);
    };
    const atNow = createAudit({ db: test.database, clock: createTestClock(Date.now()), log: quietLog });
    expect(await atNow.removeOld()).toBe(1);
    expect(await left()).toEqual(ids.slice(1));
    // A clock that is years ahead must not empty the log.
    const years = createTestClock(Date.now() + 4_000 * DAY_MS);
    const ahead = createAudit({ db: test.database, clock: years, log: quietLog });
    ahead.start(60_000);
    await waitFor(async () => (await left()).length === 1);
    expect(await left()).toEqual(ids.slice(3));
    await ahead.stop();
  });

  it("AUD-13 takes part in the transaction of the deed", async () => {
    const deed = test.database.transaction(async (tx) => {
      await audit.record({ action: "key_made", actor: "system", projectId: shop }, tx);
      throw new AppError("forbidden", "no");
    });
    await expect(deed).rejects.toThrow("no");
    expect((await read(person(1, {}, true), "?action=key_made")).entries).toEqual([]);
  });
});

describe("reading it", () => {
  const admin = person(1, {}, true);

  it("AUD-10 shows administrators all, project admins and owners theirs, and others nothing", async () => {
    await audit.record({ action: "project_made", actor: "system", projectId: shop });
    await audit.record({ action: "project_made", actor: "system", projectId: blog });
    await audit.record({ action: "user_disabled", actor: "system" });
    const seen = async (identity: Identity, query = "") =>
      (await read(identity, query)).entries.filter(({ action }) => /project_made|user_disabled/.test(action)).length;
    expect(await seen(admin)).toBe(3);
    expect(await seen(person(2, { [shop]: "admin" }))).toBe(1);
    expect(await seen(person(2, { [shop]: "owner", [blog]: "owner" }))).toBe(2);
    expect(await seen(person(2, { [shop]: "owner", [blog]: "member" }))).toBe(1);
    const status = async (identity: Identity, query: string) => (await call("GET", `/v1/audit${query}`, { identity })).status;
    const member = person(3, { [shop]: "member" });
    expect(await status(member, "")).toBe(403);
    expect(await status(member, `?project=${shop}`)).toBe(403);
    expect(await status(member, `?project=${blog}`)).toBe(404);
    expect(await status(member, "?project=99999")).toBe(404);
    expect(await status(person(3, {}), "")).toBe(403);
    const readToken: Identity = { ...tokenOf(4), roles: new Map([[shop, "owner"]]), scopes: new Set(["read"]) };
    expect(await status(readToken, `?project=${shop}`)).toBe(403);
  });

  it("AUD-11 filters by project, action, actor, subject, person and time, and refuses what makes no sense", async () => {
    const [user] = await test.database.query<{ id: number }>(
      "INSERT INTO users (id, email, password_hash) VALUES (77, 'Grace@example.com', '') RETURNING id",
    );
    const userId = user?.id ?? 0;
    const [token] = await test.database.query<{ id: number }>(
      "INSERT INTO tokens (token_hash, user_id, name, hint) VALUES ('\\x01', $1, 'robot', '') RETURNING id",
      [userId],
    );
    const tokenId = token?.id ?? 0;
    clock.advance(5_000);
    const from = clock.now();
    await audit.record({
      action: "session_pinned",
      actor: { kind: "user", userId, email: "Grace@example.com" },
      projectId: blog,
    });
    await audit.record({
      action: "session_unpinned",
      actor: { kind: "token", userId, tokenId },
      projectId: blog,
      subject: { kind: "session", id: "visit-77" },
      personId: "eve",
    });
    const actions = async (query: string) => (await read(admin, query)).entries.map(({ action }) => action);
    const both = ["session_unpinned", "session_pinned"];
    expect(await actions(`?from=${from}`)).toEqual(both);
    expect(await actions(`?project=${blog}&action=session_pinned,session_unpinned`)).toEqual(both);
    expect(await actions(`?actor=${userId}`)).toEqual(both);
    expect(await actions("?actor=grace@EXAMPLE.com")).toEqual(both);
    expect(await actions(`?actor=token:${tokenId}`)).toEqual(["session_unpinned"]);
    expect(await actions("?subject=visit-77")).toEqual(["session_unpinned"]);
    expect(await actions("?person=eve")).toEqual(["session_unpinned"]);
    expect(await actions(`?from=${from}&to=${from}`)).toEqual([]);
    expect(await actions("?actor=system&action=session_pinned")).toEqual([]);
    expect((await read(admin, "?subject=visit-77")).entries).toMatchObject([
      { actor: { kind: "token", userId, tokenId, name: "Grace@example.com", tokenName: "robot" } },
    ]);
    for (const query of ["?action=flew", "?actor=99999999999", "?cursor=zzz", "?from=x", "?limit=0", "?project=-1"]) {
      if (query === "?actor=99999999999") expect(await actions(query)).toEqual([]);
      else expect((await call("GET", `/v1/audit${query}`, { identity: admin })).status, query).toBe(400);
    }
  });

  it("AUD-12 pages through everything once, newest first, while entries are added", async () => {
    for (let n = 0; n < 25; n++) {
      const projectId = n % 2 === 0 ? shop : blog;
      await audit.record({ action: "leak_scan_run", actor: "system", projectId, data: { n } });
    }
    for (const identity of [admin, person(5, { [shop]: "admin", [blog]: "owner" })]) {
      const numbers: unknown[] = [];
      let cursor: string | null = "";
      while (cursor !== null) {
        const page: Page = await read(identity, `?action=leak_scan_run&limit=7&cursor=${cursor}`);
        numbers.push(...page.entries.map(({ data }) => data["n"]).filter((n) => typeof n === "number"));
        await audit.record({ action: "leak_scan_run", actor: "system", projectId: shop });
        cursor = page.nextCursor;
      }
      expect(numbers).toEqual(Array.from({ length: 25 }, (_, n) => 24 - n));
    }
  });
});

describe("views over HTTP", () => {
  it("AUD-14 are written before the bytes leave, once a view; what is refused is none", async () => {
    const key = { sessionId: "visit-1", startedOn: DAY, projectId: shop };
    await insertSession(test.database, { ...key, startedAt: T0, userId: "visitor-1" });
    await insertTab(test.database, "visit-1", "main", T0);
    const markers = [{ kind: "error" as const, at: T0 + 10, name: "TypeError", text: "x" }];
    await insertBatch(test.database, { ...key, tab: "main", seq: 0, events: checkoutEvents(T0, "Hello"), markers });
    const viewer = person(9, { [shop]: "viewer" });
    const stranger = person(10, { [blog]: "owner" });
    const views = async () => {
      const { entries } = await read(person(1, {}, true), "?subject=visit-1");
      return entries.map(({ action, data }) => `${action} ${String(data["by"])}`);
    };
    const clip = `/v1/errors/${errorIdOf("visit-1", "main", 0, 0)}/clip`;
    for (const path of ["/v1/sessions/visit-1/batches", "/sessions/visit-1/events", clip]) {
      expect((await call("GET", path, { identity: stranger })).status).toBe(404);
    }
    for (const path of ["/v1/sessions/visit-1", clip.replace("/clip", "")]) {
      expect((await call("GET", path, { identity: viewer })).status).toBe(200);
    }
    expect(await views()).toEqual([]);
    for (let from = 0; from < 5; from++) {
      const answer = await call("GET", `/v1/sessions/visit-1/batches?from=${T0 + from}`, { identity: viewer, peer: "192.0.2.5" });
      expect(answer.pieces).toHaveLength(1);
    }
    expect(await views()).toEqual(["session_replayed batches"]);
    await call("GET", "/sessions/visit-1/events", { identity: { ...viewer, userId: 11 } });
    await call("GET", clip, { identity: { ...viewer, userId: 12 } });
    expect(await views()).toEqual(["session_replayed clip", "session_replayed events", "session_replayed batches"]);
    expect((await read(person(1, {}, true), "?subject=visit-1")).entries.at(-1)).toMatchObject({
      actor: { kind: "user", userId: 9, name: "user-9@example.com" },
      peer: "192.0.2.5",
      projectId: shop,
      personId: "visitor-1",
      data: { kind: "replay" },
    });
  });
});

function tokenOf(tokenId: number): Extract<Identity, { kind: "token" }> {
  return { kind: "token", tokenId, userId: 1, isAdmin: false, scopes: new Set(), roles: new Map() };
}
