import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { quietLog } from "../../test/harness/postgres.ts";
import { makeScratch } from "../../test/harness/scratch.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { createFilms } from "./films.ts";
import { heldBytes } from "./memory-watch.ts";

/** What a shell adds to the environment that it is given. */
const OF_THE_SHELL = new Set(["PWD", "OLDPWD", "SHLVL", "_"]);

let folder: string;
let scratch: string;

beforeEach(() => {
  folder = makeScratch("wb-films-");
  scratch = join(folder, "scratch");
  mkdirSync(scratch);
  // A server of root starts the browser as another account, which has to write beside its script.
  for (const path of [folder, scratch]) chmodSync(path, 0o777);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Something that is started as a browser is, writes down what it was given, and then does as it is told. */
function browserThat(does: string): string {
  const file = join(folder, "browser");
  const notes = ['env > "$0.env"', 'printf "%s\\n" "$@" > "$0.args"', 'echo $$ > "$0.pid"'];
  writeFileSync(file, ["#!/bin/sh", ...notes, does, ""].join("\n"));
  chmodSync(file, 0o755);
  return file;
}

async function make(path: string, signal: AbortSignal, maxRunMs = 60_000): Promise<void> {
  const films = createFilms({ chromium: { path, searchPath: "/bin:/usr/bin", sandbox: true }, log: quietLog, scratch, maxRunMs });
  for await (const piece of films.make(onePage(), signal)) expect(piece).toBeInstanceOf(Uint8Array);
}

async function* onePage(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode("<!doctype html>"));
}

const note = (name: string): string => readFileSync(join(folder, `browser.${name}`), "utf8");
const pid = (): number => Number(note("pid"));

function isRunning(): boolean {
  try {
    process.kill(pid(), 0);
    return true;
  } catch {
    return false;
  }
}

describe("the browser that makes films", () => {
  it("EXP-13 has its sandbox, no network, a profile of its own that goes with it, and nothing of our environment", async () => {
    await expect(make(browserThat("exit 1"), new AbortController().signal)).rejects.toMatchObject({ kind: "not_started" });
    const flags = note("args").split("\n");
    expect(flags).not.toContain("--no-sandbox");
    expect(flags).toContain("--host-resolver-rules=MAP * ~NOTFOUND");
    expect(flags.filter((flag) => flag.startsWith("--proxy-server="))).toEqual(["--proxy-server=socks5://127.0.0.1:1"]);
    expect(flags.some((flag) => flag.startsWith(`--user-data-dir=${scratch}`))).toBe(true);
    const names = note("env")
      .split("\n")
      .flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
    expect(names.filter((name) => !OF_THE_SHELL.has(name)).sort()).toEqual(["HOME", "LANG", "PATH", "TMPDIR"]);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("EXP-13 ends with whoever asked, and after its time; nothing of it is left", async () => {
    const leaving = new AbortController();
    const left = make(browserThat("exec sleep 300"), leaving.signal);
    const refused = expect(left).rejects.toThrow();
    await waitFor(() => existsSync(join(folder, "browser.pid")) && note("pid") !== "");
    leaving.abort();
    await refused;
    await waitFor(() => !isRunning(), { what: () => "the browser to end with whoever asked" });

    await expect(make(browserThat("exec sleep 300"), new AbortController().signal, 300)).rejects.toThrow("too long");
    await waitFor(() => !isRunning(), { what: () => "the browser to end after its time" });
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("EXP-13 finds what a server that was killed has left of a film, and removes it", async () => {
    const [old, young] = [join(scratch, "watchback-film-old"), join(scratch, "watchback-film-young")];
    for (const path of [old, young]) mkdirSync(path);
    const hourAgo = Date.now() / 1000 - 3_600;
    utimesSync(old, hourAgo, hourAgo);
    await expect(make(browserThat("exit 1"), new AbortController().signal)).rejects.toThrow();
    expect(readdirSync(scratch)).toEqual(["watchback-film-young"]);
  });

  it.runIf(existsSync("/proc/self/status"))("EXP-13 has its memory counted, of the processes that are there", async () => {
    const [one, none] = await Promise.all([heldBytes([process.pid]), heldBytes([2 ** 30])]);
    expect(one).toBeGreaterThan(10 * 1024 ** 2);
    expect(none).toBe(0);
  });
});
