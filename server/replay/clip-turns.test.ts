import { expect, it } from "vitest";
import { AppError } from "../app-error.ts";
import { createClipTurns } from "./clip-turns.ts";

const { signal } = new AbortController();

/** Work that ends when it is told to. */
function createWork() {
  const ends: (() => void)[] = [];
  let running = 0;
  let most = 0;
  return {
    ends,
    most: () => most,
    async run() {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => ends.push(resolve));
      running--;
    },
  };
}

it("REP-19 clips are read two at a time, as many wait as there is room for, and the next is told when to come back", async () => {
  const turns = createClipTurns(2, 3);
  const work = createWork();
  const taken = Array.from({ length: 5 }, () => turns.take(() => work.run(), signal));
  const refused: unknown = await turns.take(() => work.run(), signal).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(AppError);
  expect(refused).toMatchObject({ kind: "overload", retryAfterMs: 1_000 });
  for (let done = 0; done < 5; done++) {
    await expect.poll(() => work.ends.length).toBeGreaterThan(done);
    work.ends[done]?.();
  }
  await Promise.all(taken);
  expect([work.ends.length, work.most()]).toEqual([5, 2]);
});

it("REP-19 who goes while he waits takes no turn, and work that fails gives its own back", async () => {
  const turns = createClipTurns(1, 1);
  const work = createWork();
  const first = turns.take(() => work.run(), signal);
  const leaving = new AbortController();
  const left = turns.take(() => work.run(), leaving.signal).catch((error: unknown) => error);
  leaving.abort();
  expect(await left).toMatchObject({ kind: "overload" });
  const failing = turns.take(() => Promise.reject(new Error("no")), signal).catch((error: unknown) => error);
  work.ends[0]?.();
  await first;
  expect(await failing).toMatchObject({ message: "no" });
  expect(await turns.take(() => Promise.resolve("again"), signal)).toBe("again");
});
