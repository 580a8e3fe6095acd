import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { quietLog } from "../../test/harness/postgres.ts";
import { makeScratch } from "../../test/harness/scratch.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { withClient } from "./connection.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded.ts";
import { isPostmasterOf, readPostmasterFile } from "./embedded-lock.ts";
import { isAlive } from "./embedded-process.ts";

let dataDir: string;
let started: EmbeddedPostgres[] = [];

beforeEach(() => {
  dataDir = path.join(makeScratch("wb-embedded-"), 'a folder, with "spaces"');
});

afterEach(async () => {
  for (const postgres of started) await postgres.stop("immediate");
  started = [];
  rmSync(path.dirname(dataDir), { recursive: true, force: true });
});

async function start(): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, log: quietLog });
  started.push(postgres);
  return postgres;
}

async function ask(postgres: EmbeddedPostgres, sql: string): Promise<unknown> {
  return withClient(postgres.connection, async (client) => (await client.query<Record<string, unknown>>(sql)).rows[0]);
}

/** A process that starts the embedded Postgres and then does nothing. Resolves when it is up. */
async function startElsewhere(env: Record<string, string> = {}): Promise<{ child: ChildProcess; output: () => string }> {
  const script = path.join(path.dirname(dataDir), "start.mts");
  const embedded = path.join(import.meta.dirname, "embedded.ts");
  writeFileSync(
    script,
    `import { startEmbeddedPostgres } from ${JSON.stringify(embedded)};
     const log = { debug() {}, info() {}, warn() {}, error() {} };
     startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log }).then(
       (postgres) => {
         process.on("SIGTERM", () => process.exit(0));
         console.log("up", postgres.pid());
         setInterval(() => {}, 1000);
       },
       (error) => { console.log("failed", error.message); process.exit(1); },
     );`,
  );
  const child = spawn(process.execPath, [path.join("bin", "run.mjs"), script], {
    cwd: path.join(import.meta.dirname, "..", ".."),
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  await waitFor(() => /^(up|failed)/m.test(output) || child.exitCode !== null, { timeoutMs: 60_000 });
  return { child, output: () => output };
}

/** Whether a process has root's rights on this machine: its number 0, and in no namespace of its own. */
function isRoot(pid: number): boolean {
  return statSync(`/proc/${pid}`).uid === 0 && /^\s*0\s+0\s/.test(readFileSync(`/proc/${pid}/uid_map`, "utf8"));
}

describe("the embedded Postgres", { timeout: 120_000 }, () => {
  it("DB-10 makes its files once, in any path, and serves its unix socket only", async () => {
    const postgres = await start();
    expect(await ask(postgres, "SELECT current_database() AS name, current_user AS who")).toEqual({
      name: "watchback",
      who: "watchback",
    });
    const settings = `SELECT current_setting('listen_addresses') AS tcp, current_setting('fsync') AS fsync,
      current_setting('synchronous_commit') AS commit, current_setting('data_checksums') AS checksums`;
    expect(await ask(postgres, settings)).toEqual({ tcp: "", fsync: "on", commit: "on", checksums: "on" });
    expect(readdirSync(dataDir).sort()).toEqual(["pg-18", "run"]);
    expect(statSync(path.join(dataDir, "run")).mode & 0o077).toBe(0);
    await ask(postgres, "CREATE TABLE kept AS SELECT 5 AS n");
    await postgres.stop();
    expect(readPostmasterFile(postgres.dataDir)).toBeNull();
    expect(await ask(await start(), "SELECT n FROM kept")).toEqual({ n: 5 });
  });

  it("DB-10 finds a short folder for its socket where the data folder's path is too long", async () => {
    dataDir = path.join(dataDir, "a".repeat(60), "b".repeat(60));
    const postgres = await start();
    expect(await ask(postgres, "SELECT 1 AS one")).toEqual({ one: 1 });
    expect("host" in postgres.connection && postgres.connection.host.length).toBeLessThan(80);
  });

  it("DB-11 a second one in the same folder is told who uses it", async () => {
    await start();
    await expect(startEmbeddedPostgres({ dataDir, log: quietLog })).rejects.toThrow(
      `Another Watchback (process ${process.pid}) uses the data folder`,
    );
    expect((await startElsewhere()).output()).toContain(`failed Another Watchback (process ${process.pid})`);
  });

  it("DB-12 what a killed process left running is stopped, and everything committed is there", async () => {
    const { child, output } = await startElsewhere();
    const orphan = Number(/up (\d+)/.exec(output())?.[1]);
    child.kill("SIGKILL");
    await waitFor(() => child.signalCode === "SIGKILL");
    expect(isAlive(orphan)).toBe(true);
    const postgres = await start();
    expect(isPostmasterOf(orphan, postgres.dataDir)).toBe(false);
    expect(postgres.pid()).not.toBe(orphan);
    expect(await ask(postgres, "SELECT 1 AS one")).toEqual({ one: 1 });
  });

  it("DB-12 after a crash of everything the lock file is no hindrance, even where its number is a stranger's now", async () => {
    const postgres = await start();
    await ask(postgres, "CREATE TABLE kept AS SELECT 6 AS n");
    const file = path.join(postgres.dataDir, "postmaster.pid");
    const left = readFileSync(file, "utf8");
    await postgres.stop("immediate");
    const stranger = spawn("sleep", ["60"]);
    writeFileSync(file, left.replace(/^\d+/, String(stranger.pid)));
    expect(await ask(await start(), "SELECT n FROM kept")).toEqual({ n: 6 });
    stranger.kill();
  });

  it("DB-12 half-made files are made anew, and a stranger's folder is left alone", async () => {
    mkdirSync(path.join(dataDir, "pg-18.new"), { recursive: true });
    writeFileSync(path.join(dataDir, "pg-18.new", "half"), "");
    const postgres = await start();
    expect(existsSync(path.join(dataDir, "pg-18.new"))).toBe(false);
    await postgres.stop();
    rmSync(path.join(postgres.dataDir, "PG_VERSION"));
    await expect(start()).rejects.toThrow("holds no Postgres data");
    writeFileSync(path.join(postgres.dataDir, "PG_VERSION"), "17\n");
    await expect(start()).rejects.toThrow("is of Postgres 17");
  });

  it("DB-13 one that dies by itself is started again", async () => {
    const postgres = await start();
    const first = postgres.pid();
    process.kill(first ?? 0, "SIGKILL");
    await waitFor(() => postgres.pid() !== null && postgres.pid() !== first);
    await waitFor(() => ask(postgres, "SELECT 1 AS one").then(Boolean, () => false));
  });

  it("DB-14 ends with its process, also where nobody stops it", async () => {
    const { child, output } = await startElsewhere();
    const pid = Number(/up (\d+)/.exec(output())?.[1]);
    child.kill("SIGTERM");
    await waitFor(() => child.exitCode !== null);
    await waitFor(() => !isAlive(pid));
    const postgres = await start();
    await postgres.stop();
    await postgres.stop();
    expect(postgres.pid()).toBeNull();
  });

  /** The same without `unshare` within reach; the test ends it. */
  async function startWithoutNamespaces(): Promise<{ account: number; stop: () => Promise<void> }> {
    const { child, output } = await startElsewhere({ PATH: path.dirname(dataDir) });
    const pid = Number(/up (\d+)/.exec(output())?.[1]);
    return {
      account: statSync(`/proc/${pid}`).uid,
      stop: async () => {
        child.kill("SIGTERM");
        await waitFor(() => child.exitCode !== null);
        await waitFor(() => !isAlive(pid));
      },
    };
  }

  it.runIf(process.getuid?.() === 0)(
    "DB-15 as root it runs as somebody else, and goes on where namespaces are forbidden",
    async () => {
      const postgres = await start();
      expect(isRoot(postgres.pid() ?? 0)).toBe(false);
      await ask(postgres, "CREATE TABLE kept AS SELECT 7 AS n");
      await postgres.stop();
      const { account, stop } = await startWithoutNamespaces();
      expect(account).toBeGreaterThan(0);
      await stop();
      expect(await ask(await start(), "SELECT n FROM kept")).toEqual({ n: 7 });
    },
  );

  it.runIf(process.getuid?.() === 0)("DB-15 as root without namespaces an account makes the files", async () => {
    const { account, stop } = await startWithoutNamespaces();
    expect(account).toBeGreaterThan(0);
    expect(statSync(path.join(dataDir, "pg-18")).uid).toBe(account);
    await stop();
  });

  it("DB-15 a folder that cannot be written is told so", async () => {
    writeFileSync(dataDir, "a file");
    await expect(start()).rejects.toThrow("Set DATA_DIR to a folder that can be written");
    rmSync(dataDir);
  });
});
