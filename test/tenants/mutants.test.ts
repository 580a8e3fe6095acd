import { afterEach, describe, expect, it } from "vitest";
import { MUTANTS } from "./mutants.ts";
import { checkStrangers } from "./routes-check.ts";
import { checkMessages } from "./sockets-check.ts";
import { createWorld, type World } from "./world.ts";

const PATIENCE_MS = 120_000;

let world: World | null = null;
afterEach(async () => {
  await world?.stop();
  world = null;
});

describe("mutants", () => {
  it.each(Object.entries(MUTANTS))(
    "TEN-12 the suite finds %s out",
    async (name, { what, around, routes }) => {
      world = await createWorld(around);
      const isWanted = (route: { name: string }) => routes.includes(route.name);
      const { faults } = routes.length > 0 ? await checkStrangers(world, isWanted) : await checkMessages(world);
      process.stdout.write(`two tenants: mutant ${name} (${what}): ${faults.length} leaks\n`);
      for (const route of routes) expect(faults.join("\n")).toContain(route);
      expect(faults).not.toEqual([]);
    },
    PATIENCE_MS,
  );
});
