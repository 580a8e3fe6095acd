import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Frame } from "../../protocol/occurrence.ts";
import { silentLogger } from "../../server/log.ts";
import { systemClock } from "../../server/clock.ts";
import { createDatabase } from "../../server/db/pool.ts";
import { createSourceMaps, type SourceMaps } from "../../server/sourcemaps/sourcemaps.ts";
import { createTestDatabase, type TestDatabase } from "../harness/postgres.ts";
import { makeScratch } from "../harness/scratch.ts";
import { BREAKS, breakShop, buildShop, SHOP, writeShop } from "../harness/shop-build.ts";
import { root } from "../harness/tree.ts";
import { postJson, readObject, runApp, type RunningApp } from "./running-app.ts";

const run = promisify(execFile);
const sentryCli = createRequire(import.meta.url).resolve("@sentry/cli/bin/sentry-cli");
const ORIGIN = "https://shop.example/app/";

let app: RunningApp;
let test: TestDatabase;
let scratch: string;
let maps: SourceMaps;
let token: string;

beforeAll(async () => {
  test = await createTestDatabase();
  app = await runApp({ DATABASE_URL: test.url });
  scratch = makeScratch("wb-maps-");
  const cookie = await app.signIn();
  const made = await readObject(
    await postJson(`${app.base}/v1/tokens`, { name: "build", scopes: ["sourcemaps"], projectId: 1 }, { Cookie: cookie }),
  );
  token = String(made["token"]);
  // The same database, by another room: what the app was told must be there for every process.
  const db = createDatabase({ connection: test.connection, log: silentLogger });
  maps = createSourceMaps({
    db,
    clock: systemClock,
    log: silentLogger,
    audit: { record: () => Promise.resolve() },
    jobs: { define: () => undefined, add: () => Promise.resolve() },
    publicUrl: app.base,
    retentionDays: 90,
    maxProjectBytes: 1e9,
  });
  const stop = maps.stop.bind(maps);
  maps = { ...maps, stop: () => stop().then(() => db.stop()) };
});

afterAll(async () => {
  await maps.stop();
  await app.stop();
  await test.drop();
  rmSync(scratch, { recursive: true, force: true });
});

async function cli(dist: string, ...commands: string[][]): Promise<string> {
  let said = "";
  for (const command of commands) {
    const { stdout, stderr } = await run(process.execPath, [sentryCli, "--url", app.base, "--auth-token", token, ...command], {
      cwd: path.dirname(dist),
      env: { PATH: process.env["PATH"] ?? "", HOME: scratch, SENTRY_LOG_LEVEL: "info", SENTRY_DISABLE_UPDATE_CHECK: "1" },
    }).catch((error: unknown) => {
      throw new Error(String(error), { cause: error });
    });
    said += stdout + stderr;
  }
  return said;
}

/** Every way to break it, mapped. */
async function expectOriginal(dist: string, origin: string, release: string): Promise<void> {
  for (const { name, run: breakIt, places } of BREAKS) {
    const frames = await breakShop(dist, origin, breakIt);
    const mapped = await maps.map(1, { release, dist: "" }, frames);
    const told = mapped.map(({ file, function: called, line }) => ({ file, function: called, line }));
    expect(told, name).toEqual(places);
    mapped.forEach((frame, i) => expectSource(frame, frames[i]));
  }
}

function expectSource(frame: Frame, before: Frame | undefined): void {
  const lines = (SHOP[frame.file] ?? "").split("\n");
  const at = (frame.line ?? 0) - 1;
  expect(frame.context?.line).toBe(lines[at]);
  expect(frame.context?.before).toEqual(lines.slice(Math.max(0, at - 5), at));
  expect(frame.context?.after).toEqual(lines.slice(at + 1, at + 6));
  expect(lines[at]?.charAt((frame.column ?? 0) - 1)).toMatch(/[\p{ID_Start}({]/u);
  expect(frame.inApp).toBe(!frame.file.includes("node_modules"));
  const { file, function: called, line, column } = before ?? frame;
  expect(frame.raw).toEqual({ file, function: called, line, column });
}

describe("sentry-cli, unmodified", () => {
  it("MAP-1 uploads a build of Vite by release and path", async () => {
    const dist = await buildShop(path.join(scratch, "vite-release"), "vite");
    const target = ["--org", "anything", "--project", "1"];
    await cli(dist, ["sourcemaps", "upload", ...target, "--release", "shop@1", "--wait", "--strict", dist]);
    await expectOriginal(dist, ORIGIN, "shop@1");
  });

  it("MAP-1 uploads a build of esbuild by debug id, without a release", async () => {
    const dist = await buildShop(path.join(scratch, "esbuild-ids"), "esbuild");
    const target = ["--org", "anything", "--project", "1"];
    await cli(dist, ["sourcemaps", "inject", dist], ["sourcemaps", "upload", ...target, "--wait", "--strict", dist]);
    await expectOriginal(dist, "https://elsewhere.example/", "");
    const again = await cli(dist, ["sourcemaps", "upload", ...target, "--wait", dist]);
    expect(again).toContain("Nothing to upload");
  });
});

describe("a bundler plugin of Sentry, unmodified", () => {
  it("MAP-1 uploads while it builds, by debug id", async () => {
    const folder = path.join(scratch, "plugin");
    writeShop(folder);
    const program = path.join(root, "test/harness/plugin-build.mjs");
    const env = { PATH: process.env["PATH"] ?? "", HOME: scratch, SENTRY_AUTH_TOKEN: token, NODE_ENV: "production" };
    await run(process.execPath, [program, folder, app.base], { cwd: folder, env });
    await expectOriginal(path.join(folder, "dist"), ORIGIN, "");
  });
});

describe("watchback sourcemaps upload", () => {
  it("MAP-2 uploads the folder of a build", async () => {
    const dist = await buildShop(path.join(scratch, "own"), "esbuild");
    const { stdout } = await run(
      process.execPath,
      [path.join(root, "bin/watchback.mjs"), "sourcemaps", "upload", dist, "--release", "shop@2"],
      { cwd: path.dirname(dist), env: { WATCHBACK_URL: app.base, WATCHBACK_TOKEN: token, WATCHBACK_PROJECT: "1" } },
    );
    expect(stdout).toContain("Uploaded 1 scripts, 1 with a source map");
    await expectOriginal(dist, ORIGIN, "shop@2");
    await expectOriginal(dist, "https://cdn.example/", "shop@2");
  });
});
