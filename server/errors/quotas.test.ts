import { expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { createQuotas, type QuotaNumbers } from "./quotas.ts";

const any = { perMinute: null, perDay: null };
const numbers: QuotaNumbers = {
  errors: { perMinute: 10, perDay: 25 },
  replays: { perMinute: 2, perDay: null },
  feedback: any,
  attachments: any,
};
const NOON = Date.UTC(2026, 10, 21, 12, 0, 30);

it("ERR-16 a category is taken to its number a minute and a day, and leaves the others alone", async () => {
  const clock = createTestClock(NOON);
  const quotas = createQuotas({
    clock,
    readDay: () =>
      Promise.resolve(
        new Map([
          ["error", 3],
          ["transaction", 9],
        ]),
      ),
  });
  await quotas.prepare(1);
  expect(quotas.prepare(1)).toBeNull();
  const take = (category: "error" | "security" | "replay", count = 1) => quotas.take(1, category, count, numbers);
  expect(take("error", 9)).toBe(0);
  expect(take("error", 2)).toBe(30);
  expect(take("security", 1)).toBe(0);
  expect(take("error")).toBe(30);
  expect(take("replay", 2)).toBe(0);
  expect(take("replay")).toBe(30);
  clock.advance(30_000);
  expect(take("replay")).toBe(0);
  expect(take("error", 10)).toBe(0);
  clock.advance(60_000);
  // 3 of before, and 20 of now.
  expect(take("error", 3)).toBe(3_600);
  expect(take("error", 2)).toBe(0);
  expect(quotas.take(2, "error", 10, numbers)).toBe(0);
  clock.advance(12 * 3_600_000);
  expect(take("error", 10)).toBe(0);
});

it("ERR-16 nobody is turned away because nobody knows what the day has seen", async () => {
  const quotas = createQuotas({ clock: createTestClock(NOON), readDay: () => Promise.reject(new Error("away")) });
  await Promise.all([quotas.prepare(1), quotas.prepare(1)]);
  expect(quotas.take(1, "error", 10, numbers)).toBe(0);
});
