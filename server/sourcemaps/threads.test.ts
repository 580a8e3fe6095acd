import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeScratch } from "../../test/harness/scratch.ts";
import { systemClock } from "../clock.ts";
import { silentLogger } from "../log.ts";
import { createThreads, type Threads, type ThreadsDeps } from "./threads.ts";
import type { MapTask } from "./worker-tasks.ts";

/** A thread that dies over artifact 13, hangs over 14, and says of all others how many places it was asked for. */
const MOODY = `
import { parentPort } from "node:worker_threads";
parentPort.on("message", (task) => {
  if (task.artifactId === 13) process.exit(1);
  if (task.artifactId === 14) for (;;);
  parentPort.postMessage({ kind: "mapped", places: task.places.map(() => null) });
});
`;

let scratch: string;
const made: Threads[] = [];

beforeAll(() => {
  scratch = makeScratch("wb-threads-");
  writeFileSync(path.join(scratch, "moody.mjs"), MOODY);
});
afterEach(async () => {
  for (const threads of made.splice(0)) await threads.stop();
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

function build(extra: Partial<ThreadsDeps> = {}): Threads {
  const threads = createThreads({ clock: systemClock, log: silentLogger, ...extra });
  made.push(threads);
  return threads;
}

const place = { line: 1, column: 1, function: "" };
const task = (artifactId: number, bodies: MapTask["bodies"] = null): MapTask => ({
  kind: "map",
  artifactId,
  places: [place],
  bodies,
});
const mapBody = (source: string, size = 0) => {
  const map = { version: 3, sources: [source], names: [], mappings: "AAAA", sourcesContent: ["x".repeat(size)] };
  return { map: new Uint8Array(deflateRawSync(JSON.stringify(map))), source: null };
};

describe("threads", () => {
  it("MAP-9 one that dies over a task is replaced, that task is given up, and those behind it are done", async () => {
    const threads = build({ entry: path.join(scratch, "moody.mjs"), count: 1 });
    const results = await Promise.all([1, 13, 2, 3].map((id) => threads.perform(task(id))));
    expect(results.map(({ kind }) => kind)).toEqual(["mapped", "failed", "mapped", "mapped"]);
    expect(threads.status()).toMatchObject({ waiting: 0, crashes: 2, tasks: 4 });
  });

  it("MAP-9 so is one that hangs", async () => {
    const threads = build({ entry: path.join(scratch, "moody.mjs"), count: 1, taskTimeoutMs: 2_000 });
    const results = await Promise.all([14, 2].map((id) => threads.perform(task(id))));
    expect(results.map(({ kind }) => kind)).toEqual(["failed", "mapped"]);
  });

  it("MAP-9 what waits at a stop is answered", async () => {
    const threads = build({ entry: path.join(scratch, "moody.mjs"), count: 1 });
    const waiting = [14, 2].map((id) => threads.perform(task(id)));
    await threads.stop();
    expect((await Promise.all(waiting)).map(({ kind }) => kind)).toEqual(["failed", "failed"]);
    expect((await threads.perform(task(1))).kind).toBe("failed");
  });

  it("MAP-14 keep as many maps as there is memory for, and MAP-15 are found beside their sources", async () => {
    const threads = build({ count: 1, maxMapBytes: 3_000_000 });
    expect(threads.status().threads).toBe(0);
    const ask = async (id: number, bodies: MapTask["bodies"] = null) => {
      const result = await threads.perform(task(id, bodies));
      return result.kind === "mapped" ? (result.places[0]?.file ?? "nowhere") : result.kind;
    };
    expect(await ask(1)).toBe("absent");
    expect(await ask(1, mapBody("one.ts", 200_000))).toBe("one.ts");
    expect(await ask(1)).toBe("one.ts");
    expect(await ask(2, mapBody("two.ts", 200_000))).toBe("two.ts");
    expect(await ask(1)).toBe("one.ts");
    expect(await ask(3, mapBody("three.ts", 200_000))).toBe("three.ts");
    expect([await ask(2), await ask(1), await ask(3)]).toEqual(["absent", "one.ts", "three.ts"]);
    expect(await ask(4, mapBody("huge.ts", 2_000_000))).toBe("huge.ts");
    expect([await ask(1), await ask(3), await ask(4)]).toEqual(["absent", "absent", "huge.ts"]);
    expect(await ask(5, { map: new Uint8Array([1, 2]), source: null })).toBe("bad_map");
  });
});
