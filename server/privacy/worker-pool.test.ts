import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { FILTERED } from "../../protocol/redaction.ts";
import { makeScratch } from "../../test/harness/scratch.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { systemClock } from "../clock.ts";
import { silentLogger } from "../log.ts";
import { packEvents, unpackEvents, type Packed } from "./payload-bytes.ts";
import { STANDARD_SETTINGS } from "./redactor.ts";
import type { TaskResult } from "./worker-tasks.ts";
import { createWorkerPool, type WorkerPool, type WorkerPoolDeps } from "./worker-pool.ts";

const CARD = "4111 1111 1111 1111";
const pools: WorkerPool[] = [];

function poolOf(more: Partial<WorkerPoolDeps> = {}): WorkerPool {
  const pool = createWorkerPool({ clock: systemClock, log: silentLogger, maxThreads: 2, ...more });
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.stop();
});

function packed(text: string, encoding: Packed["encoding"] = "deflate-raw"): Packed {
  const raw = new TextEncoder().encode(JSON.stringify([{ type: 5, timestamp: 1, data: { tag: "a", payload: { text } } }]));
  return { encoding, rawBytes: raw.length, payload: encoding === "json" ? raw : new Uint8Array(deflateRawSync(raw)) };
}

const taskOf = (one: Packed) => ({ kind: "redact" as const, packed: one, settings: STANDARD_SETTINGS });

/** What became of tasks, those that were not taken included. */
function answersOf(tasks: readonly (Promise<TaskResult> | null)[]): Promise<(TaskResult | null)[]> {
  return Promise.all(tasks.map(async (task) => (task === null ? null : task)));
}

/** A thread that does what a test wants, in place of ours. */
function threadThat(does: string): string {
  const file = join(makeScratch("wb-thread-"), "thread.mjs");
  writeFileSync(
    file,
    `import { parentPort } from "node:worker_threads";\nlet count = 0;\nparentPort.on("message", (task) => { count++; ${does} });\n`,
  );
  return file;
}

describe("the pool", () => {
  it("PRV-12 starts no thread before there is something to do, and PRV-19 finds the thread beside its sources", async () => {
    const pool = poolOf();
    expect(pool.status()).toEqual({ threads: 0, queuedTasks: 0, queuedBytes: 0, crashes: 0 });
    const result = await pool.perform(taskOf(packed(`card ${CARD}`)));
    expect(pool.status().threads).toBe(1);
    if (result?.kind !== "redacted") throw new Error(`got ${result?.kind}`);
    expect(result.changes).toBe(1);
    expect(unpackEvents(result.packed)?.events[0]?.data).toEqual({ tag: "a", payload: { text: `card ${FILTERED}` } });
  });

  it("PRV-7 gives back the same bytes where nothing was found, and what is no event does not stay", async () => {
    const pool = poolOf();
    const clean = packed("nothing to see".repeat(100));
    const result = await pool.perform(taskOf(clean));
    expect(result).toMatchObject({ kind: "redacted", changes: 0, packed: { rawBytes: clean.rawBytes, encoding: "deflate-raw" } });
    expect(Buffer.from(result?.kind === "redacted" ? result.packed.payload : []).equals(Buffer.from(clean.payload))).toBe(true);
    const raw = new TextEncoder().encode(JSON.stringify([CARD, { type: 5, timestamp: 1, data: {} }]));
    const mixed = await pool.perform(taskOf({ encoding: "json", rawBytes: raw.length, payload: raw }));
    expect(mixed?.kind === "redacted" && unpackEvents(mixed.packed)?.events).toEqual([{ type: 5, timestamp: 1, data: {} }]);
  });

  it("PRV-10 says so of a payload that is not what its header says", async () => {
    const pool = poolOf();
    const good = packed("x".repeat(5_000));
    const deep = new TextEncoder().encode(`${"[".repeat(2_000)}${"]".repeat(2_000)}`);
    const bomb = new Uint8Array(deflateRawSync(Buffer.alloc(100 * 1024 * 1024)));
    const bad: Packed[] = [
      { ...good, rawBytes: good.rawBytes - 1 },
      { ...good, encoding: "json" },
      { encoding: "json", rawBytes: deep.length, payload: deep },
      { encoding: "deflate-raw", rawBytes: 64 * 1024 * 1024, payload: bomb },
      { encoding: "deflate-raw", rawBytes: 10, payload: new Uint8Array([1, 2, 3]) },
      { encoding: "json", rawBytes: 2, payload: new TextEncoder().encode("{}") },
      { encoding: "json", rawBytes: 0, payload: new Uint8Array() },
    ];
    for (const one of bad) expect(await pool.perform(taskOf(one))).toEqual({ kind: "unreadable" });
    expect(pool.status().crashes).toBe(0);
  });

  it("PRV-9 refuses past its bounds, and takes again when there is room", async () => {
    const pool = poolOf({ maxThreads: 1, maxQueueCount: 3 });
    const taken = Array.from({ length: 5 }, () => pool.perform(taskOf(packed("a"))));
    expect(taken.map((one) => one === null)).toEqual([false, false, false, true, true]);
    await answersOf(taken);
    expect(await pool.perform(taskOf(packed("a")))).toMatchObject({ kind: "redacted" });
    const small = poolOf({ maxThreads: 1, maxQueueBytes: 1_000 });
    const large = packed("x".repeat(5_000), "json");
    const first = small.perform(taskOf(large));
    expect(small.perform(taskOf(packed("a")))).toBeNull();
    expect(await first).toMatchObject({ kind: "redacted" });
    expect(small.status()).toMatchObject({ queuedTasks: 0, queuedBytes: 0 });
  });

  it("PRV-11 a thread that dies over a payload is replaced; the payload is tried once more, the others are done", async () => {
    const entry = threadThat(`if (task.packed.rawBytes === 13) process.exit(1); parentPort.postMessage({ kind: "unreadable" });`);
    const pool = poolOf({ maxThreads: 1, entry });
    const deadly: Packed = { encoding: "json", rawBytes: 13, payload: new Uint8Array(1) };
    const results = [deadly, packed("a"), packed("b")].map((one) => pool.perform(taskOf(one)));
    expect(await answersOf(results)).toEqual([{ kind: "failed" }, { kind: "unreadable" }, { kind: "unreadable" }]);
    expect(pool.status()).toMatchObject({ crashes: 2, queuedTasks: 0, queuedBytes: 0 });
  });

  it("PRV-11 a thread that hangs over a payload is ended", async () => {
    const entry = threadThat(`if (task.packed.rawBytes === 13) for (;;); parentPort.postMessage({ kind: "unreadable" });`);
    // A thread that is still starting uses up the time of its first task.
    const pool = poolOf({ maxThreads: 1, entry, taskTimeoutMs: 2_000 });
    const hanging = pool.perform(taskOf({ encoding: "json", rawBytes: 13, payload: new Uint8Array(1) }));
    expect(await hanging).toEqual({ kind: "failed" });
    expect(await pool.perform(taskOf(packed("a")))).toEqual({ kind: "unreadable" });
  });

  it("PRV-11 a stop answers what waits", async () => {
    const pool = poolOf({ maxThreads: 1, entry: threadThat("") });
    const waiting = [pool.perform(taskOf(packed("a"))), pool.perform(taskOf(packed("b")))];
    await waitFor(() => pool.status().threads === 1);
    await pool.stop();
    expect(await answersOf(waiting)).toEqual([{ kind: "failed" }, { kind: "failed" }]);
    expect(pool.perform(taskOf(packed("a")))).toBeNull();
  });
});

describe("payloads", () => {
  it("PRV-7 are packed as they came: small ones plain, larger ones deflated", () => {
    const event = { type: 5, timestamp: 1, data: "x".repeat(2_000) };
    expect(packEvents([event], "deflate-raw")).toMatchObject({ encoding: "deflate-raw" });
    expect(packEvents([event], "json")).toMatchObject({ encoding: "json" });
    expect(packEvents([{ type: 5, timestamp: 1 }], "deflate-raw")).toMatchObject({ encoding: "json", rawBytes: 26 });
  });
});
