/**
 * Postgres refuses to run as root. This file decides as whom it runs instead, without touching the host's accounts:
 *
 * - not root: as ourselves
 * - root, files that belong to an ordinary account already: as that account
 * - root with user namespaces: in one of its own, where root has another number; works below /root, files stay root's
 * - root without them (a plain container): as an unprivileged account, from a copy of the programs if it cannot reach them
 */

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AppError } from "../app-error.ts";
import { type Binaries, binariesIn } from "./embedded-binaries.ts";

/** Runs a program of {@link Binaries} as somebody who is not root. */
export interface Runner {
  binaries: Binaries;
  spawn(program: "initdb" | "postgres", args: readonly string[], options: SpawnOptions): ChildProcess;
  /** Hands a file, or a folder with all that is in it, to whoever runs the programs. */
  own(file: string): void;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
}

/**
 * @param dataDir where the cluster is or will be; its owner decides where it exists
 * @throws AppError `config` where no way leads around running as root
 */
export function createRunner(binaries: Binaries, dataDir: string): Runner {
  const owner = existsSync(dataDir) ? statSync(dataDir) : null;
  const us = process.getuid?.();
  if (us !== 0) {
    if (owner === null || us === undefined || owner.uid === us) return plainRunner(binaries);
    throw new AppError(
      "config",
      `The database files in ${dataDir} belong to another account (uid ${owner.uid}). Start as that one, or set DATA_DIR.`,
    );
  }
  if (owner !== null && owner.uid !== 0)
    return accountRunner(binaries, { name: `uid ${owner.uid}`, uid: owner.uid, gid: owner.gid }, dataDir);
  const account = findAccount();
  if (account !== null && canUnshare(account)) return namespaceRunner(binaries, account);
  if (account === null) throw asRoot("there is no unprivileged account on this machine");
  return accountRunner(binaries, account, dataDir);
}

function plainRunner(binaries: Binaries): Runner {
  return { binaries, spawn: (program, args, options) => spawn(binaries[program], args, options), own: () => undefined };
}

function namespaceRunner(binaries: Binaries, account: Account): Runner {
  return {
    binaries,
    spawn: (program, args, options) => spawn("unshare", [...unshareArgs(account), binaries[program], ...args], options),
    own: () => undefined,
  };
}

function unshareArgs(account: Account): string[] {
  return ["--user", `--map-user=${account.uid}`, `--map-group=${account.gid}`, "--"];
}

function canUnshare(account: Account): boolean {
  if (process.platform !== "linux") return false;
  return spawnSync("unshare", [...unshareArgs(account), "true"], { stdio: "ignore" }).status === 0;
}

function accountRunner(binaries: Binaries, account: Account, dataDir: string): Runner {
  const reachable = canRun(binaries, account) ? binaries : copyBinaries(binaries, account);
  const parent = path.dirname(dataDir);
  mkdirSync(parent, { recursive: true });
  // Passing through is enough: what is inside stays closed to everybody else.
  if (!canEnter(parent, account)) chmodSync(parent, statSync(parent).mode | 0o011);
  if (!canEnter(parent, account)) {
    throw asRoot(`the account ${account.name} cannot reach ${parent}; set DATA_DIR to a folder that it can`);
  }
  return {
    binaries: reachable,
    spawn: (program, args, options) => spawn(reachable[program], args, { ...options, uid: account.uid, gid: account.gid }),
    own: (file) => {
      handOver(file, account);
    },
  };
}

/** Files that were made in a namespace are root's; where namespaces have been forbidden since, the account takes them over. */
function handOver(file: string, account: Account): void {
  const found = statSync(file);
  if (found.uid === account.uid) return;
  if (found.isDirectory())
    for (const name of readdirSync(file, { recursive: true, encoding: "utf8" }))
      lchownSync(path.join(file, name), account.uid, account.gid);
  // Last, because it is what tells that all of them are handed over.
  chownSync(file, account.uid, account.gid);
}

function canRun(binaries: Binaries, account: Account): boolean {
  return spawnSync(binaries.initdb, ["--version"], { uid: account.uid, gid: account.gid, stdio: "ignore" }).status === 0;
}

function canEnter(folder: string, account: Account): boolean {
  const how = { uid: account.uid, gid: account.gid, cwd: "/", stdio: "ignore" } as const;
  return spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], how).status === 0;
}

/** Puts a copy of the programs where every account can read them, once per version. */
function copyBinaries(binaries: Binaries, account: Account): Binaries {
  for (const base of ["/var/lib", tmpdir()]) {
    const root = path.join(base, "watchback-postgres", binaries.version);
    const copy = binariesIn(root, binaries.version);
    try {
      if (!isOwnFolder(path.dirname(root))) continue;
      if (!existsSync(root)) {
        const making = `${root}.${process.pid}`;
        cpSync(binaries.root, making, { recursive: true, verbatimSymlinks: true });
        renameSync(making, root);
      }
      if (canRun(copy, account)) return copy;
      rmSync(root, { recursive: true, force: true });
    } catch {
      continue;
    }
  }
  throw asRoot(`the account ${account.name} cannot run the programs in ${binaries.root}, nor a copy of them`);
}

/** Makes a folder that only root writes; false where somebody else owns one of that name. */
function isOwnFolder(folder: string): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return statSync(folder).uid === 0;
}

/** initdb looks its user up by number, so that an account must exist; which one matters little. */
function findAccount(): Account | null {
  if (!existsSync("/etc/passwd")) return null;
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .map(([name, , uid, gid]) => ({ name: name ?? "", uid: Number(uid), gid: Number(gid) }))
    .filter((account) => account.name !== "" && account.uid > 0 && account.gid > 0);
  const byName = (name: string) => accounts.find((account) => account.name === name);
  return byName("postgres") ?? byName("nobody") ?? accounts[0] ?? null;
}

function asRoot(why: string): AppError {
  return new AppError(
    "config",
    `The embedded Postgres does not run as root, and ${why}. Start Watchback as an ordinary user, or set DATABASE_URL.`,
  );
}
