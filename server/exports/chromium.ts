/**
 * The Chromium of this machine: found, and started for one task as a child process without a network, with a profile of its own that goes with
 * it, and with none of our environment. It is ended where it takes too much memory, and where the machine has none left it goes before others.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, writeFile } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { AppError } from "../app-error.ts";
import { createDevTools, type DevTools, toRecord } from "./devtools-pipe.ts";
import { watchMemory } from "./memory-watch.ts";

/** Names under which it is installed. */
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "chrome-headless-shell"];
const START_MS = 30_000;
const STOP_MS = 5_000;
const MAX_SAID = 4_000;
/** What all its processes may hold together: five times the largest page that is played in it, and what it takes itself. */
const MAX_MEMORY_BYTES = 3 * 1024 ** 3;
/** For the system's choice of what ends when memory does (`/proc/<pid>/oom_score_adj`): far before a server or a database. */
const EXPENDABLE = "800";
/** The account that a server of root starts it as: Chromium has no sandbox as root. */
const NOBODY = 65_534;

/** What the configuration says of it. */
export interface ChromiumSettings {
  /** Its file; empty: looked for on `searchPath`; `off`: none. */
  path: string;
  searchPath: string;
  /** False where the machine allows it no sandbox. */
  sandbox: boolean;
}

/** A running browser. */
export interface Browser {
  devTools: DevTools;
  /** Ends it, and everything that it started. */
  stop(): Promise<void>;
}

/** The file of a Chromium that can be started, or null. */
export async function findChromium({ path, searchPath }: ChromiumSettings): Promise<string | null> {
  if (path === "off") return null;
  const folders = searchPath.split(delimiter).filter(isAbsolute);
  const places = path === "" ? NAMES.flatMap((name) => folders.map((folder) => join(folder, name))) : [path];
  for (const place of places) {
    const found = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return place;
  }
  return null;
}

/**
 * Starts it.
 * @param file as {@link findChromium} gives it
 * @param folder an empty one of its own, that the caller removes
 * @param signal ends it, also while it starts
 * @throws AppError `not_started` that says what the browser said
 */
export async function startChromium(
  file: string,
  folder: string,
  settings: ChromiumSettings,
  signal: AbortSignal,
): Promise<Browser> {
  const account = settings.sandbox && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const child = spawn(
    file,
    [...FLAGS, `--user-data-dir=${folder}`, ...(settings.sandbox ? [] : ["--no-sandbox"]), "about:blank"],
    {
      ...account,
      cwd: folder,
      env: { HOME: folder, TMPDIR: folder, PATH: settings.searchPath, LANG: "C.UTF-8" },
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
      // A group of its own, so that its own children end with it.
      detached: true,
    },
  );
  let said = "";
  child.stderr?.on("data", (piece: Buffer) => {
    said = `${said}${piece.toString("utf8")}`.slice(-MAX_SAID);
  });
  const [, , , toBrowser, fromBrowser] = child.stdio;
  const devTools = createDevTools(asWritable(toBrowser), asReadable(fromBrowser));
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const gone = (): Promise<unknown> => Promise.race([exited, new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())]);
  void exited.then(() => devTools.end(new Error("the browser has gone")));
  const end = (why: string): void => {
    devTools.end(new Error(why));
    kill(child);
  };
  const onAbort = (): void => end("the browser was stopped");
  signal.addEventListener("abort", onAbort, { once: true });
  if (child.pid !== undefined) void writeFile(`/proc/${child.pid}/oom_score_adj`, EXPENDABLE).catch(() => undefined);
  const timer = setTimeout(() => devTools.end(new Error("the browser does not answer")), START_MS);
  try {
    await devTools.call("Browser.getVersion");
  } catch (error) {
    signal.removeEventListener("abort", onAbort);
    kill(child);
    await gone();
    throw new AppError("not_started", `Chromium did not start: ${lastWords(said)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
  const unwatch = watchMemory(
    () => pidsOf(devTools),
    MAX_MEMORY_BYTES,
    () => end("the browser took too much memory"),
  );
  return {
    devTools,
    async stop() {
      signal.removeEventListener("abort", onAbort);
      unwatch();
      end("the browser was stopped");
      await gone();
    },
  };
}

const FLAGS = [
  "--headless",
  "--remote-debugging-pipe",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-sync",
  "--disable-quic",
  "--disable-breakpad",
  "--metrics-recording-only",
  "--mute-audio",
  "--hide-scrollbars",
  "--force-color-profile=srgb",
  "--js-flags=--max-old-space-size=1024",
  // No name has an address, and what has one goes to a proxy that is not there.
  "--host-resolver-rules=MAP * ~NOTFOUND",
  "--proxy-server=socks5://127.0.0.1:1",
  "--proxy-bypass-list=<-loopback>",
];

/** Processes of a browser. */
async function pidsOf(devTools: DevTools): Promise<number[]> {
  const { processInfo } = await devTools.call("SystemInfo.getProcessInfo");
  if (!Array.isArray(processInfo)) return [];
  return processInfo.map((info: unknown) => toRecord(info)["id"]).filter((id) => typeof id === "number");
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // All of the group has gone already.
  }
}

/** The last line that is no empty one; a sandbox that is not allowed says so there. */
function lastWords(said: string): string {
  if (/sandbox/i.test(said)) return "this machine allows it no sandbox (see CHROMIUM_SANDBOX)";
  return said.trim().split("\n").at(-1)?.slice(0, 300) ?? "it said nothing";
}

function asWritable(pipe: Readable | Writable | null | undefined): Writable {
  if (!pipe || !("write" in pipe)) throw new AppError("bug", "the browser has no pipe");
  return pipe;
}

function asReadable(pipe: Readable | Writable | null | undefined): Readable {
  if (!pipe || !("read" in pipe)) throw new AppError("bug", "the browser has no pipe");
  return pipe;
}
