/** Command line options, and the address of a server that a tool may write to. */

import { parseArgs, type ParseArgsConfig } from "node:util";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

/** One option of a command: its default, and a line of help. */
export interface Option {
  default: string;
  help: string;
}

/**
 * Reads `--name value` options; `--flag` alone is "true". Prints the help and ends where `--help` or an unknown name is given.
 * @param usage first line of the help
 */
export function readOptions<N extends string>(
  usage: string,
  table: Readonly<Record<N, Option>>,
  flags: readonly string[] = [],
): { values: Record<N, string>; flags: ReadonlySet<string>; rest: string[] } {
  const names = Object.keys(table) as N[]; // the keys of a literal table are its names
  const options: ParseArgsConfig["options"] = { help: { type: "boolean" } };
  for (const name of names) options[name] = { type: "string" };
  for (const name of flags) options[name] = { type: "boolean" };
  const parsed = parse(options);
  const given: Readonly<Record<string, unknown>> = parsed.values;
  if (given["help"] === true) {
    console.log(usage);
    for (const name of names) console.log(`  --${name.padEnd(12)} ${table[name].help} (${table[name].default || "none"})`);
    process.exit(0);
  }
  const values = {} as Record<N, string>;
  for (const name of names) values[name] = typeof given[name] === "string" ? given[name] : table[name].default;
  return { values, flags: new Set(flags.filter((name) => given[name] === true)), rest: parsed.positionals };
}

function parse(options: ParseArgsConfig["options"]): { values: Record<string, unknown>; positionals: string[] } {
  try {
    return parseArgs({ options: options ?? {}, allowPositionals: true });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

/** A number above 0; ends the command where it is none. */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`--${name} must be a number above 0`);
  process.exit(2);
}

/**
 * The tracker socket of a server. Ends the command where the server is not on this machine and the caller does not say that it is his:
 * these tools write, and the load generator writes a lot.
 */
export function trackerSocket(origin: string, key: string, isOwn: boolean): URL {
  if (!URL.canParse(origin)) {
    console.error(`--url must be the address of a server, like http://localhost:8080`);
    process.exit(2);
  }
  const url = new URL("/ws", origin);
  if (!LOOPBACK.has(url.hostname) && !isOwn) {
    console.error(`${url.hostname} is not this machine. If that server is yours to fill, say --i-own-this.`);
    process.exit(2);
  }
  if (!/^[0-9a-f]{32}$/.test(key)) {
    console.error("--key must be a project's ingest key, 32 hex digits; the start of the server prints it in the script tag");
    process.exit(2);
  }
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("type", "tracker");
  url.searchParams.set("key", key);
  return url;
}
