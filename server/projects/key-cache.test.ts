import { describe, expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { createKeyCache } from "./key-cache.ts";
import { DEFAULT_PROJECT_SETTINGS, type Project } from "./projects.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const PROJECT: Project = { id: 1, name: "Shop", slug: "shop", keys: [KEY], createdAt: 0, settings: DEFAULT_PROJECT_SETTINGS };

/** A source of projects that a test fills, counts and switches off. */
function createSource() {
  const source = {
    projects: new Map([[KEY, PROJECT]]),
    reads: [] as string[][],
    isAway: false,
    read: async (keys: readonly string[]) => {
      source.reads.push([...keys]);
      await Promise.resolve();
      if (source.isAway) throw new Error("away");
      return new Map(keys.flatMap((key) => [...source.projects].filter(([one]) => one === key)));
    },
  };
  return source;
}

const randomKey = (n: number) => n.toString(16).padStart(32, "0");

describe("the key cache", () => {
  it("PRJ-2 answers from memory, and notices a revoked key within 5 s", async () => {
    const source = createSource();
    const clock = createTestClock(1_000);
    const cache = createKeyCache({ clock, read: source.read });
    expect(await cache.find(KEY)).toEqual(PROJECT);
    source.projects.clear();
    expect(await cache.find(KEY)).toEqual(PROJECT);
    expect(source.reads).toHaveLength(1);
    clock.advance(4_999);
    expect(await cache.find(KEY)).toBeNull();
  });

  it("PRJ-2 forgets at once when told so, an answer that is on its way included", async () => {
    const source = createSource();
    const cache = createKeyCache({ clock: createTestClock(1_000), read: source.read });
    const asked = cache.find(KEY);
    source.projects.clear();
    cache.forget();
    await asked;
    expect(await cache.find(KEY)).toBeNull();
  });

  it("PRJ-3 reads all keys that wait together, and remembers unknown ones", async () => {
    const source = createSource();
    const cache = createKeyCache({ clock: createTestClock(1_000), read: source.read });
    const ask = () => Promise.all(Array.from({ length: 1_200 }, (_, n) => cache.find(randomKey(n))));
    expect((await ask()).every((project) => project === null)).toBe(true);
    expect(source.reads.length).toBeLessThanOrEqual(4);
    expect(source.reads.every((keys) => keys.length <= 500)).toBe(true);
    const before = source.reads.length;
    await ask();
    expect(source.reads.length).toBe(before);
  });

  it("PRJ-3 refuses what would wait without bound, and never looks up what cannot be a key", async () => {
    const source = createSource();
    const cache = createKeyCache({ clock: createTestClock(1_000), read: source.read });
    const asked = await Promise.allSettled(Array.from({ length: 7_000 }, (_, n) => cache.find(randomKey(n))));
    expect(asked.filter((one) => one.status === "rejected").length).toBeGreaterThan(1_000);
    const before = source.reads.length;
    for (const key of ["", "short", KEY.toUpperCase(), `${KEY}0`, "'; DROP TABLE projects; --"])
      expect(await cache.find(key)).toBeNull();
    expect(source.reads.length).toBe(before);
  });

  it("PRJ-3 keeps known keys whatever random ones come", async () => {
    const source = createSource();
    const cache = createKeyCache({ clock: createTestClock(1_000), read: source.read });
    await cache.find(KEY);
    for (let n = 0; n < 12_000; n += 400) {
      await Promise.all(Array.from({ length: 400 }, (_, m) => cache.find(randomKey(n + m))));
    }
    const before = source.reads.length;
    expect(await cache.find(KEY)).toEqual(PROJECT);
    expect(source.reads.length).toBe(before);
  });

  it("PRJ-4 goes on with a known key while the database is away, and says so for an unknown one", async () => {
    const source = createSource();
    const clock = createTestClock(1_000);
    const cache = createKeyCache({ clock, read: source.read });
    await cache.find(KEY);
    source.isAway = true;
    clock.advance(60_000);
    expect(await cache.find(KEY)).toEqual(PROJECT);
    await expect(cache.find(randomKey(1))).rejects.toMatchObject({ kind: "store" });
    source.isAway = false;
    expect(await cache.find(randomKey(1))).toBeNull();
  });
});
