import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import type { AuditEntry } from "../audit-trail.ts";
import type { Identity, Role } from "../auth/auth.ts";
import { silentLogger } from "../log.ts";
import { createProjects, DEFAULT_PROJECT_SETTINGS, type Project, type Projects } from "./projects.ts";

const KEY = "00112233445566778899aabbccddeeff";

let test: TestDatabase;
let clock: TestClock;
let projects: Projects;
let accessChanges: number;
let audited: AuditEntry[];
let call: ReturnType<typeof createCaller>;

beforeAll(async () => {
  test = await createTestDatabase();
});

afterAll(async () => {
  await test.drop();
});

beforeEach(async () => {
  await test.database.query("TRUNCATE projects, project_keys, project_members, tokens, users CASCADE");
  await test.database.query("INSERT INTO users (id, email, password_hash) VALUES (1, 'a@example.com', '')");
  accessChanges = 0;
  audited = [];
  clock = createTestClock(Date.UTC(2026, 10, 21));
  projects = build("");
  call = createCaller(projects.routes);
});

function build(defaultProjectKey: string): Projects {
  return createProjects({
    db: test.database,
    clock,
    log: silentLogger,
    audit: {
      record: (entry) => {
        audited.push(entry);
        return Promise.resolve();
      },
    },
    defaultProjectKey,
    onAccessChanged: () => {
      accessChanges++;
      return Promise.resolve();
    },
  });
}

function person(isAdmin: boolean, ...projectIds: number[]): Identity {
  return member(isAdmin ? "owner" : "viewer", isAdmin, ...projectIds);
}

function member(role: Role, isAdmin: boolean, ...projectIds: number[]): Identity {
  return {
    kind: "user",
    userId: 1,
    email: "a@example.com",
    isAdmin,
    signInId: "",
    roles: new Map(projectIds.map((id) => [id, role])),
  };
}

const settingsOf = (json: unknown) => (json as Project).settings;

describe("the first project", () => {
  it("PRJ-1 is made with the key of the configuration, which later starts keep", async () => {
    const made = await build(KEY).prepareFirstProject();
    expect(made.keys).toEqual([KEY]);
    const again = await build(KEY).prepareFirstProject();
    expect(again).toEqual(made);
    expect(await projects.findByKey(KEY)).toEqual(made);
  });

  it("PRJ-1 is made with a key of its own, by one of several that start together", async () => {
    const made = await Promise.all([build(""), build(""), build("")].map((one) => one.prepareFirstProject()));
    expect(made[0]?.keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(made[0]?.keys).toHaveLength(1);
    expect(made[1]).toEqual(made[0]);
    expect(await projects.list()).toEqual([made[0]]);
  });

  it("PRJ-1 is not made where there is one, and does not get back a revoked key", async () => {
    const { id } = await insertProject(test.database, "shop");
    expect((await projects.prepareFirstProject()).id).toBe(id);
    await build(KEY).prepareFirstProject();
    await call("DELETE", `/v1/projects/${id}/keys/${KEY}`, { identity: person(true, id) });
    expect((await build(KEY).prepareFirstProject()).keys).not.toContain(KEY);
  });

  it("PRJ-1 is a new one where the last was removed, with a key that works though the configured one is gone", async () => {
    const first = await build(KEY).prepareFirstProject();
    await call("DELETE", `/v1/projects/${first.id}`, { identity: person(true, first.id) });
    const next = await build(KEY).prepareFirstProject();
    expect(next.id).not.toBe(first.id);
    expect(next.keys).toHaveLength(1);
    expect(next.keys).not.toContain(KEY);
    expect(await projects.findByKey(KEY)).toBeNull();
  });
});

describe("routes of projects", () => {
  it("PRJ-5 let an administrator make, change and read projects, and everybody learn of it", async () => {
    const made = await call("POST", "/v1/projects", { identity: person(true), body: { name: "  Café Shop " } });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ name: "Café Shop", slug: "cafe-shop", role: "owner", settings: DEFAULT_PROJECT_SETTINGS });
    const project = made.json as Project;
    expect(made.json).toMatchObject((await projects.findByKey(project.keys[0] ?? "")) ?? {});
    expect(accessChanges).toBe(1);
    const identity = person(true, project.id);
    const changed = await call("PATCH", `/v1/projects/${project.id}`, { identity, body: { name: "Shop" } });
    expect(changed.json).toEqual({ ...project, name: "Shop" });
    expect(await projects.findByKey(project.keys[0] ?? "")).toMatchObject({ name: "Shop" });
    expect(await test.database.query("SELECT user_id, role FROM project_members WHERE project_id = $1", [project.id])).toEqual([
      { user_id: 1, role: "owner" },
    ]);
  });

  it("PRJ-5 let a member read his own, and give nothing of others away", async () => {
    const [shop, blog] = [await insertProject(test.database, "shop"), await insertProject(test.database, "blog")];
    const viewer = person(false, shop.id);
    expect((await call("GET", "/v1/projects", { identity: viewer })).json).toMatchObject({
      projects: [{ id: shop.id, keys: [shop.key], role: "viewer" }],
    });
    expect((await call("GET", `/v1/projects/${shop.id}/keys`, { identity: viewer })).json).toMatchObject({
      keys: [{ key: shop.key }],
    });
    const unknown = await call("GET", "/v1/projects/99999/keys", { identity: viewer });
    expect(unknown.status).toBe(404);
    expect((await call("GET", "/v1/projects/x/keys", { identity: viewer })).json).toEqual(unknown.json);
    const body = { name: "x" };
    for (const [method, path] of [
      ["PATCH", ""],
      ["DELETE", ""],
      ["GET", "/keys"],
      ["POST", "/keys"],
      ["PATCH", `/keys/${blog.key}`],
      ["DELETE", `/keys/${blog.key}`],
    ] as const) {
      const foreign = await call(method, `/v1/projects/${blog.id}${path}`, { identity: viewer, body });
      expect([foreign.status, foreign.json]).toEqual([404, unknown.json]);
      if (method === "GET") continue;
      const own = path.replace(blog.key, shop.key);
      expect((await call(method, `/v1/projects/${shop.id}${own}`, { identity: viewer, body })).status).toBe(403);
    }
    expect((await call("POST", "/v1/projects", { identity: viewer, body })).status).toBe(403);
    expect(audited).toEqual([]);
  });

  it("PRJ-5 ask for the role admin to change, and for the role owner to remove", async () => {
    const shop = await insertProject(test.database, "shop");
    const path = `/v1/projects/${shop.id}`;
    for (const [role, patch, remove] of [
      ["viewer", 403, 403],
      ["member", 403, 403],
      ["admin", 200, 403],
      ["owner", 200, 200],
    ] as const) {
      const identity = member(role, false, shop.id);
      expect([role, (await call("PATCH", path, { identity, body: { name: role } })).status]).toEqual([role, patch]);
      expect([role, (await call("DELETE", path, { identity })).status]).toEqual([role, remove]);
    }
    expect((await call("DELETE", path, { identity: member("owner", false, shop.id) })).status).toBe(404);
  });

  it("PRJ-6 refuse a slug that is taken, and find another for a name that is", async () => {
    const identity = person(true);
    const first = await call("POST", "/v1/projects", { identity, body: { name: "Shop" } });
    const second = await call("POST", "/v1/projects", { identity, body: { name: "Shop" } });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.json).toMatchObject({ slug: expect.stringMatching(/^shop-[0-9a-f]{6}$/) as string });
    expect((await call("POST", "/v1/projects", { identity, body: { name: "x", slug: "shop" } })).status).toBe(400);
    const { id } = second.json as Project;
    expect((await call("PATCH", `/v1/projects/${id}`, { identity: person(true, id), body: { slug: "shop" } })).status).toBe(400);
    expect((await call("POST", "/v1/projects", { identity, body: { name: "x", slug: "No Good" } })).status).toBe(400);
  });

  it("PRJ-9 remove a project: nobody sees it, its keys are refused, its slug is free, and its data stays for retention", async () => {
    const shop = await insertProject(test.database, "shop");
    const identity = person(true, shop.id);
    expect(await projects.findByKey(shop.key)).toMatchObject({ id: shop.id });
    expect((await call("DELETE", `/v1/projects/${shop.id}`, { identity })).json).toEqual({ removed: true });
    expect(accessChanges).toBe(1);
    expect(await projects.findByKey(shop.key)).toBeNull();
    expect(await projects.findById(shop.id)).toBeNull();
    expect((await call("GET", "/v1/projects", { identity })).json).toEqual({ projects: [] });
    expect((await call("PATCH", `/v1/projects/${shop.id}`, { identity, body: { name: "again" } })).status).toBe(404);
    expect((await call("POST", `/v1/projects/${shop.id}/keys`, { identity })).status).toBe(404);
    expect(await test.database.query("SELECT id FROM projects WHERE removed_at IS NOT NULL")).toEqual([{ id: shop.id }]);
    const again = await call("POST", "/v1/projects", { identity, body: { name: "Shop", slug: "shop" } });
    expect(again.status).toBe(201);
    // A second one of the same name can be removed as well.
    const { id } = again.json as Project;
    expect((await call("DELETE", `/v1/projects/${id}`, { identity: person(true, id) })).status).toBe(200);
  });
});

describe("settings", () => {
  it("PRJ-7 are changed in part, and keep what was not named", async () => {
    const shop = await insertProject(test.database, "shop");
    const identity = person(true, shop.id);
    const patch = (settings: unknown) => call("PATCH", `/v1/projects/${shop.id}`, { identity, body: { settings } });
    await patch({ privacy: { maskText: "all" }, allowedOrigins: ["https://Shop.Example:443/", "https://*.shop.example"] });
    const changed = await patch({
      sampleRate: 0.25,
      retentionDays: 30,
      storageBudgetBytes: 5_000_000_000,
      limits: { batchesPerSecond: 50 },
      redaction: { keys: ["ssn"] },
      privacy: { blockSelector: " .secret " },
    });
    const expected = {
      ...DEFAULT_PROJECT_SETTINGS,
      allowedOrigins: ["https://shop.example", "https://*.shop.example"],
      sampleRate: 0.25,
      retentionDays: 30,
      storageBudgetBytes: 5_000_000_000,
      privacy: { ...DEFAULT_PROJECT_SETTINGS.privacy, maskText: "all", blockSelector: ".secret" },
      redaction: { ...DEFAULT_PROJECT_SETTINGS.redaction, keys: ["ssn"] },
      limits: { ...DEFAULT_PROJECT_SETTINGS.limits, batchesPerSecond: 50 },
    };
    expect(settingsOf(changed.json)).toEqual(expected);
    expect((await projects.findByKey(shop.key))?.settings).toEqual(expected);
    expect(settingsOf((await patch({ retentionDays: null, limits: { batchesPerSecond: null } })).json)).toMatchObject({
      retentionDays: null,
      limits: { batchesPerSecond: null },
      sampleRate: 0.25,
    });
  });

  it("PRJ-7 name the first field that is wrong, and change nothing then", async () => {
    const shop = await insertProject(test.database, "shop");
    const identity = person(true, shop.id);
    for (const [settings, field] of [
      [{ sampleRate: 1.5 }, "settings.sampleRate"],
      [{ sampleRate: "1" }, "settings.sampleRate"],
      [{ allowedOrigins: ["https://ok.example", "shop.example/path"] }, "settings.allowedOrigins.1"],
      [{ allowedOrigins: "https://ok.example" }, "settings.allowedOrigins"],
      [{ privacy: { maskText: "some" } }, "settings.privacy.maskText"],
      [{ privacy: { maskAll: true } }, "settings.privacy.maskAll"],
      [{ privacy: { blockSelector: "x".repeat(1_025) } }, "settings.privacy.blockSelector"],
      [{ redaction: { patterns: ["no good"] } }, "settings.redaction.patterns.0"],
      [{ retentionDays: 0 }, "settings.retentionDays"],
      [{ errorRetentionDays: 1.5 }, "settings.errorRetentionDays"],
      [{ storageBudgetBytes: -1 }, "settings.storageBudgetBytes"],
      [{ limits: { maxSocketsPerKey: 0 } }, "settings.limits.maxSocketsPerKey"],
      [{ isAdmin: true }, "settings.isAdmin"],
    ] as const) {
      const answer = await call("PATCH", `/v1/projects/${shop.id}`, { identity, body: { name: "changed", settings } });
      expect(answer.status).toBe(400);
      expect((answer.json as { error: { message: string } }).error.message).toContain(`${field}:`);
    }
    expect(await projects.findById(shop.id)).toMatchObject({ name: "shop", settings: DEFAULT_PROJECT_SETTINGS });
    expect(accessChanges).toBe(0);
  });

  it("PRJ-7 read a row whose groups make no sense any more as the defaults", async () => {
    const shop = await insertProject(test.database, "shop");
    await test.database.query(
      `UPDATE projects SET privacy = '{"maskText": "all", "recordConsole": 7, "old": 1}', limits = '[]', redaction = 'null' WHERE id = $1`,
      [shop.id],
    );
    expect((await projects.findById(shop.id))?.settings).toEqual({
      ...DEFAULT_PROJECT_SETTINGS,
      privacy: { ...DEFAULT_PROJECT_SETTINGS.privacy, maskText: "all" },
    });
  });

  it("PRJ-7 changed by two at once are both kept", async () => {
    const shop = await insertProject(test.database, "shop");
    const identity = person(true, shop.id);
    const changes = [
      { sampleRate: 0.5 },
      { retentionDays: 9 },
      { privacy: { recordConsole: false } },
      { limits: { maxSocketsPerKey: 4 } },
    ];
    const answers = await Promise.all(
      changes.map((settings) => call("PATCH", `/v1/projects/${shop.id}`, { identity, body: { settings } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await projects.findById(shop.id))?.settings).toMatchObject({
      sampleRate: 0.5,
      retentionDays: 9,
      privacy: { recordConsole: false },
      limits: { maxSocketsPerKey: 4 },
    });
  });
});

describe("keys", () => {
  it("PRJ-2 work at once and are revoked at once, of the project in the path only", async () => {
    const [shop, blog] = [await insertProject(test.database, "shop"), await insertProject(test.database, "blog")];
    const identity = person(true, shop.id, blog.id);
    const made = await call("POST", `/v1/projects/${shop.id}/keys`, { identity, body: { name: " Web " } });
    const { key } = made.json as { key: string };
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ name: "Web", lastUsedAt: null, revokedAt: null });
    expect(await projects.findByKey(key)).toMatchObject({ id: shop.id, keys: [shop.key, key] });
    expect((await call("PATCH", `/v1/projects/${blog.id}/keys/${key}`, { identity, body: { name: "x" } })).status).toBe(404);
    const renamed = await call("PATCH", `/v1/projects/${shop.id}/keys/${key}`, { identity, body: { name: "Phone" } });
    expect(renamed.json).toMatchObject({ key, name: "Phone" });
    expect((await call("DELETE", `/v1/projects/${blog.id}/keys/${key}`, { identity })).status).toBe(404);
    expect((await call("DELETE", `/v1/projects/${shop.id}/keys/%00`, { identity })).status).toBe(404);
    expect((await call("DELETE", `/v1/projects/${shop.id}/keys/${key}`, { identity })).status).toBe(200);
    expect((await call("DELETE", `/v1/projects/${shop.id}/keys/${key}`, { identity })).status).toBe(404);
    expect(await projects.findByKey(key)).toBeNull();
    expect(await projects.findByKey(shop.key)).toMatchObject({ id: shop.id });
  });

  it("PRJ-8 tell when they were used last, which is written behind, together, and kept where it cannot be written", async () => {
    const [shop, blog] = [await insertProject(test.database, "shop"), await insertProject(test.database, "blog")];
    const lastUse = async (id: number) => {
      const { json } = await call("GET", `/v1/projects/${id}/keys`, { identity: person(true, id) });
      return (json as { keys: { lastUsedAt: number | null }[] }).keys[0]?.lastUsedAt;
    };
    projects.start();
    for (let i = 0; i < 1_000; i++) projects.noteUse(shop.key);
    clock.advance(5_000);
    projects.noteUse(blog.key);
    expect(await lastUse(shop.id)).toBeNull();
    clock.advance(5_000);
    await expect.poll(() => lastUse(blog.id)).toBe(Date.UTC(2026, 10, 21) + 5_000);
    expect(await lastUse(shop.id)).toBe(Date.UTC(2026, 10, 21));
    await test.database.query("ALTER TABLE project_keys RENAME TO away");
    projects.noteUse(shop.key);
    clock.advance(10_000);
    await test.database.query("ALTER TABLE away RENAME TO project_keys");
    await projects.stop();
    expect(await lastUse(shop.id)).toBe(Date.UTC(2026, 10, 21) + 10_000);
  });

  it("PRJ-10 leave every change of a project and of its keys in the audit, in the transaction that makes it", async () => {
    const identity = person(true);
    const project = (await call("POST", "/v1/projects", { identity, body: { name: "Shop" } })).json as Project;
    const owner = person(true, project.id);
    const path = `/v1/projects/${project.id}`;
    await call("PATCH", path, { identity: owner, body: { name: "Store", settings: { privacy: { maskText: "all" } } } });
    await call("PATCH", path, { identity: owner, body: { settings: { privacy: { maskText: "all" } } } });
    const { key } = (await call("POST", `${path}/keys`, { identity: owner, body: { name: "web" } })).json as { key: string };
    await call("PATCH", `${path}/keys/${key}`, { identity: owner, body: { name: "app" } });
    await call("DELETE", `${path}/keys/${key}`, { identity: owner });
    await call("DELETE", path, { identity: owner });
    expect(audited.map(({ action }) => action)).toEqual([
      "project_made",
      "project_changed",
      "key_made",
      "key_renamed",
      "key_revoked",
      "project_removed",
    ]);
    expect(audited.every((entry) => entry.projectId === project.id && entry.peer === "127.0.0.1")).toBe(true);
    expect(audited[1]?.data).toEqual({ name: "Shop -> Store", "privacy.maskText": '"none" -> "all"' });
    expect(JSON.stringify(audited)).not.toContain(key);
    // What cannot be written down is not done.
    const mute = createProjects({
      db: test.database,
      clock,
      log: silentLogger,
      audit: { record: () => Promise.reject(new Error("no audit")) },
      defaultProjectKey: "",
      onAccessChanged: () => Promise.resolve(),
    });
    await expect(createCaller(mute.routes)("POST", "/v1/projects", { identity, body: { name: "Unseen" } })).rejects.toThrow();
    expect(await projects.list()).toEqual([]);
  });
});
