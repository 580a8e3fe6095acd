import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkForgery, checkRights, checkRoles, checkStrangers, uncovered } from "./routes-check.ts";
import { createWorld, type World } from "./world.ts";

const PATIENCE_MS = 300_000;

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, PATIENCE_MS);
afterAll(() => world.stop());

describe("routes between two tenants", () => {
  it("TEN-1 every route of the running app has a row that says how to ask it, and every row a route", () => {
    expect(uncovered(world)).toEqual([]);
  });

  it(
    "TEN-2, TEN-3, TEN-4 every route refuses every kind of stranger, alike for what is theirs and what is not there, and changes nothing",
    async () => {
      const { routes, covered, checks, faults } = await checkStrangers(world);
      const percent = Math.floor((100 * covered) / routes);
      const kinds = world.strangers.length;
      process.stdout.write(
        `two tenants: routes ${covered}/${routes} (${percent} %), credentials ${kinds}, checks ${checks}, leaks ${faults.length}\n`,
      );
      expect(faults).toEqual([]);
      expect(checks).toBeGreaterThan(1_000);
    },
    PATIENCE_MS,
  );

  it(
    "TEN-5 every route refuses the roles below its own with 403, and does nothing for them",
    async () => {
      const { checks, faults } = await checkRoles(world);
      process.stdout.write(`two tenants: roles, checks ${checks}, faults ${faults.length}\n`);
      expect(faults).toEqual([]);
      expect(checks).toBeGreaterThan(20);
    },
    PATIENCE_MS,
  );

  it(
    "TEN-13 every unsafe route refuses the pages of others, whose requests bring the right cookie",
    async () => {
      const { checks, faults } = await checkForgery(world);
      process.stdout.write(`two tenants: forged requests, checks ${checks}, faults ${faults.length}\n`);
      expect(faults).toEqual([]);
      expect(checks).toBeGreaterThan(100);
    },
    PATIENCE_MS,
  );

  it(
    "TEN-6 every route works for the one who may",
    async () => {
      const { checks, faults } = await checkRights(world);
      process.stdout.write(`two tenants: the right ones, checks ${checks}, faults ${faults.length}\n`);
      expect(faults).toEqual([]);
    },
    PATIENCE_MS,
  );
});
