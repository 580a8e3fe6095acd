import { createHash, randomUUID } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Frame, OccurrenceDetail } from "../../protocol/occurrence.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { makeScratch } from "../../test/harness/scratch.ts";
import { BREAKS, breakShop, buildShop, scriptOf } from "../../test/harness/shop-build.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { createAudit } from "../audit/audit.ts";
import type { Identity, Role } from "../auth/auth.ts";
import { systemClock } from "../clock.ts";
import { createJobs, type Jobs } from "../jobs/jobs.ts";
import { createMetrics, type Metrics } from "../metrics.ts";
import type { Method } from "../net/route.ts";
import { createSourceMaps, type SourceMaps } from "./sourcemaps.ts";

const ORIGIN = "https://shop.example/";
const [FIRST] = BREAKS;

let test: TestDatabase;
let scratch: string;
let shop: number;
let blog: number;
/** The built shop: its script, and what is broken in it. */
let script: { name: string; code: Uint8Array; map: Uint8Array };
let frames: Frame[];
let jobs: Jobs;
let room: SourceMaps;
let metrics: Metrics;

beforeAll(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
  scratch = makeScratch("wb-maps-");
  const dist = await buildShop(scratch, "esbuild");
  const name = scriptOf(dist);
  const read = (file: string) => new Uint8Array(readFileSync(path.join(dist, "assets", file)));
  script = { name, code: read(name), map: read(`${name}.map`) };
  frames = await breakShop(dist, ORIGIN, (built) => FIRST?.run(built));
});

afterAll(async () => {
  await test.drop();
  rmSync(scratch, { recursive: true, force: true });
});

beforeEach(async () => {
  await test.database.query("TRUNCATE artifact_bundles, artifacts, artifact_chunks, occurrences CASCADE");
  jobs = createJobs({ db: test.database, connection: test.connection, log: quietLog });
  room = build(jobs);
  await jobs.start();
});

afterEach(async () => {
  await jobs.stop();
  await room.stop();
});

function build(withJobs: Pick<Jobs, "define" | "add">, extra: { maxProjectBytes?: number } = {}): SourceMaps {
  const db = test.database;
  metrics = createMetrics();
  return createSourceMaps({
    db,
    metrics,
    clock: systemClock,
    log: quietLog,
    audit: createAudit({ db, clock: systemClock, log: quietLog }),
    jobs: withJobs,
    publicUrl: "http://localhost:8080",
    retentionDays: 90,
    maxProjectBytes: 1e9,
    ...extra,
  });
}

const person = (role: Role, projects: number | number[], userId = 1): Identity => ({
  kind: "user",
  userId,
  email: "ada@example.com",
  isAdmin: false,
  signInId: "1",
  roles: new Map([projects].flat().map((id) => [id, role])),
});

const token = (scope: string, projectId: number, tokenId = 7, role: Role = "member"): Identity => ({
  kind: "token",
  tokenId,
  userId: 1,
  isAdmin: false,
  scopes: new Set([scope]),
  roles: new Map([[projectId, role]]),
});

/** What a route answers; its error where it refuses. */
async function ask(
  method: Method,
  address: string,
  identity: Identity,
  body?: Uint8Array | object,
  contentType = "",
): Promise<{ status: number; json: Record<string, unknown>; message: string }> {
  const headers = { "content-type": contentType };
  const { status, json } = await createCaller(room.routes)(method, address, { identity, body, headers });
  const told: Record<string, unknown> = Object.fromEntries(Object.entries(json ?? {}));
  const { error } = told as { error?: { message: string } };
  return { status, json: error ? {} : told, message: error?.message ?? "" };
}

const zipOf = (files: Record<string, Uint8Array>) => zipSync(files, { level: 1 });
const shopZip = (folder = "assets/") =>
  zipOf({ [`${folder}${script.name}`]: script.code, [`${folder}${script.name}.map`]: script.map });
const upload = (query: string, body: Uint8Array, projectId = shop, who = token("sourcemaps", projectId)) =>
  ask("POST", `/v1/projects/${projectId}/source-maps?${query}`, who, body);
const map = (release: string, stack: readonly Frame[] = frames, projectId = shop, dist = "") =>
  room.map(projectId, { release, dist }, stack);
const filesOf = (stack: readonly Frame[]) => stack.map(({ file }) => file);
const ORIGINAL = FIRST?.places.map(({ file }) => file);

describe("which map is meant", () => {
  it("MAP-3 the same path, whatever the origin; else the longest end; two that fit alike are none", async () => {
    await upload("release=1", shopZip());
    for (const base of [ORIGIN, "https://cdn.example/v7/", "app:///", "/srv/www/", "C:\\site\\"]) {
      const moved = frames.map((frame) => ({ ...frame, file: frame.file.replace(ORIGIN, base) }));
      expect(filesOf(await map("1", moved)), base).toEqual(ORIGINAL);
    }
    const bare = frames.map((frame) => ({ ...frame, file: `${ORIGIN}${script.name}?v=3#x` }));
    expect(filesOf(await map("1", bare))).toEqual(ORIGINAL);
    const other = frames.map((frame) => ({ ...frame, file: `${ORIGIN}other/${script.name}` }));
    expect((await map("1", other))[0]?.mapFault).toBe("no upload of the release has this path");

    await upload("release=2", zipOf({ [`a/${script.name}.map`]: script.map, [`b/${script.name}.map`]: script.map }));
    expect((await map("2", bare))[0]?.mapFault).toBe("several files of the release fit this path");
    const inA = frames.map((frame) => ({ ...frame, file: `${ORIGIN}x/a/${script.name}` }));
    expect(filesOf(await map("2", inA))).toEqual(ORIGINAL);
  });

  it("MAP-3 the error's own dist, else one without; and the newest upload of a path", async () => {
    const empty = strToU8(JSON.stringify({ version: 3, sources: ["old.ts"], names: [], mappings: "AAAA" }));
    await upload(`release=1&url=~/assets/${script.name}`, empty);
    expect(new Set(filesOf(await map("1")))).toEqual(new Set(["old.ts"]));
    await upload("release=1&dist=ios", shopZip());
    expect(filesOf(await map("1", frames, shop, "ios"))).toEqual(ORIGINAL);
    expect(new Set(filesOf(await map("1", frames, shop, "android")))).toEqual(new Set(["old.ts"]));
    await upload("release=1", shopZip());
    expect(filesOf(await map("1"))).toEqual(ORIGINAL);
  });

  it("MAP-3, MAP-10 a debug id means something in its project only, and goes before release and path", async () => {
    const debugId = randomUUID();
    await upload(`debugId=${debugId.replaceAll("-", "").toUpperCase()}`, script.map);
    const told = frames.map((frame) => ({ ...frame, file: "https://x.example/blob.bin", debugId }));
    expect(filesOf(await map("", told))).toEqual(ORIGINAL);
    expect((await map("", told, blog))[0]?.mapFault).toBe("the project has no source maps");
    await upload("release=1", strToU8(JSON.stringify({ version: 3, sources: ["b.ts"], names: [], mappings: "AAAA" })), blog);
    expect((await map("", told, blog))[0]?.mapFault).toBe("no upload has this debug id");
    expect((await map("1", frames, blog))[0]?.mapFault).toBe("no upload of the release has this path");
  });

  it("MAP-4 what cannot be mapped stays and says why; other languages are left alone", async () => {
    expect((await map("1"))[0]).toEqual({ ...frames[0], mapFault: "the project has no source maps" });
    await upload("release=1", shopZip());
    expect((await map(""))[0]?.mapFault).toBe("the error names neither a release nor a debug id");
    const [frame] = frames;
    if (!frame) throw new Error("no frames");
    const others: Frame[] = [
      { ...frame, file: "/app/views.py" },
      { ...frame, line: null },
      { ...frame, column: null },
      { ...frame, column: 0 },
      { ...frame, file: "<anonymous>", function: "Array.reduce" },
      { ...frame, raw: { file: "a.js", function: "a", line: 1, column: 1 } },
    ];
    expect(await map("1", others)).toEqual(others);
    const beyond = await map("1", [{ ...frame, line: 9_999 }]);
    expect(beyond[0]?.mapFault).toBe("the source map says nothing about this place");
    await upload("release=2", zipOf({ [`assets/${script.name}`]: script.code, "assets/other.js.map": script.map }));
    expect((await map("2"))[0]?.mapFault).toBe("its source map was not uploaded");
  });

  it("MAP-13 nothing is fetched: an address in the script leads to what was uploaded, or nowhere", async () => {
    const code = strToU8(
      `${new TextDecoder().decode(script.code).replace(/\/\/#.*/s, "")}\n//# sourceMappingURL=http://127.0.0.1:9/x.map`,
    );
    await upload("release=1", zipOf({ [`assets/${script.name}`]: code, "assets/other.js.map": script.map }));
    expect((await map("1"))[0]?.mapFault).toBe("its source map was not uploaded");
    await upload("release=2", zipOf({ [`assets/${script.name}`]: code, "maps/x.map": script.map }));
    expect(filesOf(await map("2"))).toEqual(ORIGINAL);
  });
});

describe("maps that come late", () => {
  it("MAP-7 are applied to what is stored, by release and by debug id", async () => {
    const debugId = randomUUID();
    const byRelease = await insertOccurrence(shop, "3", await map("3"));
    const byId = await insertOccurrence(
      shop,
      "",
      await map(
        "",
        frames.map((frame) => ({ ...frame, debugId })),
      ),
    );
    const otherRelease = await insertOccurrence(shop, "4", await map("4"));
    const otherProject = await insertOccurrence(blog, "3", await map("3", frames, blog));
    await upload("release=3", shopZip());
    await upload(`debugId=${debugId}`, script.map);
    await waitFor(
      async () => (await storedFiles(byRelease))[0] === ORIGINAL?.[0] && (await storedFiles(byId))[0] === ORIGINAL?.[0],
      {
        what: () => "the stored frames to be mapped",
      },
    );
    expect(await storedFiles(byRelease)).toEqual(ORIGINAL);
    expect(await storedFiles(byId)).toEqual(ORIGINAL);
    expect(await storedFiles(otherRelease)).toEqual(filesOf(frames));
    expect(await storedFiles(otherProject)).toEqual(filesOf(frames));
  });
});

async function insertOccurrence(projectId: number, release: string, stack: readonly Frame[]): Promise<string> {
  const id = randomUUID();
  const exceptions = [{ type: "TypeError", value: "x", frames: stack }];
  const detail: Pick<OccurrenceDetail, "exceptions" | "frames" | "dist"> = { exceptions, frames: [], dist: "" };
  await test.database.query(
    `INSERT INTO occurrences (error_id, project_id, issue_id, event_id, source, received_at, at, release, detail)
     VALUES ($1::uuid, $2, 1, $3, 'sdk', now(), 0, $4, $5)`,
    [id, projectId, id, release, JSON.stringify(detail)],
  );
  return id;
}

async function storedFiles(errorId: string): Promise<string[]> {
  const [row] = await test.database.query<{ detail: OccurrenceDetail }>("SELECT detail FROM occurrences WHERE error_id = $1", [
    errorId,
  ]);
  return filesOf(row?.detail.exceptions[0]?.frames ?? []);
}

describe("pieces", () => {
  const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex");
  const chunkPath = "/api/0/organizations/any/chunk-upload/";
  const assemblePath = "/api/0/organizations/any/artifactbundle/assemble/";
  const form = (name: string, bytes: Uint8Array) =>
    Buffer.concat([
      Buffer.from(`--cut\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: x/y\r\n\r\n`),
      bytes,
      Buffer.from("\r\n--cut--\r\n"),
    ]);
  const send = (bytes: Uint8Array, who: Identity, name = sha1(bytes)) =>
    ask("POST", chunkPath, who, new Uint8Array(form(name, bytes)), "multipart/form-data; boundary=cut");
  const assemble = (bytes: Uint8Array, who: Identity, projects: unknown[] = [shop]) =>
    ask("POST", assemblePath, who, { checksum: sha1(bytes), chunks: [sha1(bytes)], projects, version: "9" });
  const settled = (bytes: Uint8Array, who: Identity) =>
    waitFor(async () => ["ok", "error"].includes(String((await assemble(bytes, who)).json["state"])), {
      what: () => "the upload to be read",
    });

  it("MAP-8 are their sender's, are what their checksum says, and make an upload once all are there", async () => {
    const bytes = shopZip();
    const mine = token("sourcemaps", shop, 7);
    expect((await assemble(bytes, mine)).json).toEqual({ state: "not_found", missingChunks: [sha1(bytes)] });
    expect((await send(bytes, mine, "0".repeat(40))).status).toBe(400);
    expect((await send(bytes, mine)).status).toBe(200);
    expect((await assemble(bytes, token("sourcemaps", shop, 8))).json["state"]).toBe("not_found");
    expect((await assemble(bytes, mine, ["shop"])).json["state"]).toBe("created");
    await settled(bytes, mine);
    expect(filesOf(await map("9"))).toEqual(ORIGINAL);
    expect(await test.database.query("SELECT 1 FROM artifact_chunks")).toEqual([]);
  });

  it("MAP-8 one upload for two projects is read for both, and nothing of it is left", async () => {
    const bytes = shopZip();
    const both = person("member", [shop, blog]);
    await send(bytes, both);
    await waitFor(async () => (await assemble(bytes, both, [shop, blog])).json["state"] === "ok", {
      what: () => "both projects to have it",
    });
    for (const project of [shop, blog]) expect(filesOf(await map("9", frames, project))).toEqual(ORIGINAL);
    expect(await test.database.query("SELECT 1 FROM artifact_chunks")).toEqual([]);
  });

  it("MAP-8 of what cannot be read the tool hears why, whether or not its pieces still lie here", async () => {
    const mine = token("sourcemaps", shop);
    const bytes = zipOf({ "readme.txt": strToU8("nothing") });
    await send(bytes, mine);
    await assemble(bytes, mine);
    await settled(bytes, mine);
    for (const sendsAgain of [false, true]) {
      if (sendsAgain) await send(bytes, mine);
      expect((await assemble(bytes, mine)).json).toMatchObject({ state: "error", detail: "it holds no source map" });
    }
  });

  it("MAP-10, MAP-11 no project that is not for them, and nothing by viewers", async () => {
    const bytes = shopZip();
    const mine = token("sourcemaps", shop);
    await send(bytes, mine);
    for (const projects of [[blog], ["blog"], [999_999], [shop, blog]])
      expect((await assemble(bytes, mine, projects)).status).toBe(404);
    expect((await assemble(bytes, person("viewer", shop))).status).toBe(403);
    expect((await send(bytes, person("viewer", shop))).status).toBe(403);
    expect((await upload("release=1", bytes, blog, mine)).status).toBe(404);
    expect((await upload("release=1", bytes, shop, token("read", shop))).status).toBe(403);
    expect((await upload("release=1", bytes, shop, person("viewer", shop))).status).toBe(403);
    expect((await upload("release=1", bytes, shop, person("member", shop))).status).toBe(201);
  });
});

describe("what was uploaded", () => {
  it("MAP-11 is listed for viewers and removed by admins, which is written down", async () => {
    const made = await upload("release=1", shopZip());
    expect(made.json["bundle"]).toMatchObject({ release: "1", state: "ready", scriptCount: 1, mapCount: 1 });
    const [row] = await test.database.query<{ id: string }>("SELECT bundle_id::text AS id FROM artifact_bundles");
    const id = row?.id ?? "";
    const at = `/v1/projects/${shop}/source-maps`;
    expect((await ask("GET", at, person("viewer", shop))).json["bundles"]).toHaveLength(1);
    expect((await ask("GET", at, person("owner", blog))).status).toBe(404);
    expect((await ask("GET", at, token("sourcemaps", shop))).status).toBe(404);
    const one = await ask("GET", `${at}/${id}`, person("viewer", shop));
    expect(one.json["scripts"]).toMatchObject([{ url: `~/assets/${script.name}`, hasMap: true }]);
    expect((await ask("GET", `/v1/projects/${blog}/source-maps/${id}`, person("viewer", blog))).status).toBe(404);
    expect((await ask("DELETE", `${at}/${id}`, person("member", shop))).status).toBe(403);
    expect((await ask("DELETE", `/v1/projects/${blog}/source-maps/${id}`, person("owner", blog))).status).toBe(404);
    expect(filesOf(await map("1"))).toEqual(ORIGINAL);
    expect((await ask("DELETE", `${at}/${id}`, person("admin", shop))).status).toBe(200);
    expect((await map("1"))[0]?.mapFault).toBe("the project has no source maps");
    const written = await test.database.query(
      "SELECT action FROM audit_log WHERE project_id = $1 AND subject_id = $2 ORDER BY id",
      [shop, id],
    );
    expect(written).toEqual([{ action: "source_maps_uploaded" }, { action: "source_maps_removed" }]);
  });

  it("MAP-12 goes when nothing has needed it, and with its project; a project has a bound", async () => {
    const all = async () =>
      (await test.database.query<{ release: string }>("SELECT release FROM artifact_bundles ORDER BY release")).map(
        (row) => row.release,
      );
    for (const release of ["used", "unused"]) await upload(`release=${release}`, shopZip());
    await test.database.query("UPDATE artifact_bundles SET last_used_at = now() - interval '91 days'");
    await map("used");
    const inUse = "SELECT 1 FROM artifact_bundles WHERE last_used_at > now() - interval '1 day'";
    await waitFor(async () => (await test.database.query(inUse)).length === 1, { what: () => "its use to be written down" });
    await room.cleanUp();
    expect(await all()).toEqual(["used"]);
    await test.database.query(
      "INSERT INTO artifact_chunks (owner, checksum, body, created_at) VALUES ('token:1', '\\x01', '\\x02', now() - interval '25 hours')",
    );
    const gone = (await insertProject(test.database, "gone")).id;
    await upload("release=of-gone", shopZip(), gone);
    await test.database.query("UPDATE projects SET removed_at = now() WHERE id = $1", [gone]);
    expect(await room.cleanUp()).toEqual({ bundles: 1, chunks: 1 });
    expect(await all()).toEqual(["used"]);
    const narrow = build({ define: () => undefined, add: () => Promise.resolve() }, { maxProjectBytes: 1_000 });
    const wide = room;
    room = narrow;
    expect((await upload("release=more", shopZip())).message).toContain("as many source maps as it may");
    room = wide;
    await narrow.stop();
  });

  it("MAP-9 what is no source map is refused with the reason", async () => {
    const refused = async (body: Uint8Array, query = "release=1") => (await upload(query, body)).message;
    expect(await refused(new Uint8Array(0))).toBe("the body is empty");
    expect(await refused(strToU8("PK and no more"))).toContain("no zip");
    expect(await refused(strToU8("hello"))).toContain("holds no source map");
    expect(await refused(strToU8("{"))).toContain("holds no source map");
    expect(await refused(shopZip(), "")).toContain("names no release");
    expect(await refused(script.map, "debugId=12")).toContain("debugId");
    expect(await refused(script.map, `release=${"x".repeat(300)}`)).toContain("release");
  });
});

describe("looking up", () => {
  it("MAP-14 asks the threads once for the same places", async () => {
    await upload("release=1", shopZip());
    const asked = () => metrics.snapshot()["sourcemaps_tasks"] ?? 0;
    const before = asked();
    const all = await Promise.all(Array.from({ length: 2_000 }, () => map("1")));
    expect(new Set(all.map((stack) => filesOf(stack).join()))).toEqual(new Set([ORIGINAL?.join()]));
    // One that says that it has not the map, and one with it.
    expect(asked() - before).toBe(2);
  });
});
