import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import type { Identity } from "../auth/auth.ts";
import { createProjects, type Project, type Projects } from "./projects.ts";

const KEY = "00112233445566778899aabbccddeeff";

let test: TestDatabase;
let projects: Projects;
let accessChanges: number;
let call: ReturnType<typeof createCaller>;

beforeAll(async () => {
  test = await createTestDatabase();
});

afterAll(async () => {
  await test.drop();
});

beforeEach(async () => {
  await test.database.query("TRUNCATE projects, project_keys, project_members, tokens CASCADE");
  accessChanges = 0;
  projects = build("");
  call = createCaller(projects.routes);
});

function build(defaultProjectKey: string): Projects {
  return createProjects({
    db: test.database,
    clock: createTestClock(0),
    defaultProjectKey,
    onAccessChanged: () => {
      accessChanges++;
      return Promise.resolve();
    },
  });
}

function person(isAdmin: boolean, ...projectIds: number[]): Identity {
  return {
    kind: "user",
    userId: 1,
    email: "a@example.com",
    isAdmin,
    signInId: "",
    roles: new Map(projectIds.map((id) => [id, isAdmin ? "owner" : "viewer"])),
  };
}

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
});

describe("routes of projects", () => {
  it("PRJ-5 let an administrator make, change and read projects, and everybody learn of it", async () => {
    const made = await call("POST", "/v1/projects", { identity: person(true), body: { name: "  Café Shop " } });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ name: "Café Shop", slug: "cafe-shop" });
    const project = made.json as Project;
    expect(await projects.findByKey(project.keys[0] ?? "")).toEqual(project);
    expect(accessChanges).toBe(1);
    const identity = person(true, project.id);
    const changed = await call("PATCH", `/v1/projects/${project.id}`, { identity, body: { name: "Shop" } });
    expect(changed.json).toEqual({ ...project, name: "Shop" });
    expect(await projects.findByKey(project.keys[0] ?? "")).toMatchObject({ name: "Shop" });
  });

  it("PRJ-5 let a member read his own, and give nothing of others away", async () => {
    const [shop, blog] = [await insertProject(test.database, "shop"), await insertProject(test.database, "blog")];
    const member = person(false, shop.id);
    expect((await call("GET", "/v1/projects", { identity: member })).json).toMatchObject({
      projects: [{ id: shop.id, keys: [shop.key] }],
    });
    expect((await call("GET", `/v1/projects/${shop.id}/keys`, { identity: member })).json).toMatchObject({
      keys: [{ key: shop.key }],
    });
    const foreign = await call("GET", `/v1/projects/${blog.id}/keys`, { identity: member });
    const unknown = await call("GET", "/v1/projects/99999/keys", { identity: member });
    expect([foreign.status, foreign.json]).toEqual([404, unknown.json]);
    expect((await call("GET", "/v1/projects/x/keys", { identity: member })).json).toEqual(unknown.json);
    for (const [method, path] of [
      ["POST", "/v1/projects"],
      ["PATCH", `/v1/projects/${shop.id}`],
      ["POST", `/v1/projects/${shop.id}/keys`],
      ["DELETE", `/v1/projects/${shop.id}/keys/${shop.key}`],
    ] as const) {
      expect((await call(method, path, { identity: member, body: { name: "x" } })).status).toBe(403);
    }
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

  it("PRJ-2 make keys that work at once and revoke them at once, of the project in the path only", async () => {
    const [shop, blog] = [await insertProject(test.database, "shop"), await insertProject(test.database, "blog")];
    const identity = person(true, shop.id, blog.id);
    const made = await call("POST", `/v1/projects/${shop.id}/keys`, { identity });
    const { key } = made.json as { key: string };
    expect(made.status).toBe(201);
    expect(await projects.findByKey(key)).toMatchObject({ id: shop.id, keys: [shop.key, key] });
    expect((await call("DELETE", `/v1/projects/${blog.id}/keys/${key}`, { identity })).status).toBe(404);
    expect((await call("DELETE", `/v1/projects/${shop.id}/keys/%00`, { identity })).status).toBe(404);
    expect((await call("DELETE", `/v1/projects/${shop.id}/keys/${key}`, { identity })).status).toBe(200);
    expect(await projects.findByKey(key)).toBeNull();
    expect(await projects.findByKey(shop.key)).toMatchObject({ id: shop.id });
  });
});
