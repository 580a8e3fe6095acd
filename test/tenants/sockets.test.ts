import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkMessages, checkRightViewers, checkUpgrades, type SocketsReport } from "./sockets-check.ts";
import { checkKeys, checkTrackers } from "./trackers-check.ts";
import { createWorld, type World } from "./world.ts";

const PATIENCE_MS = 300_000;

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, PATIENCE_MS);
afterAll(() => world.stop());

function tell(what: string, { messages, covered, checks, faults }: SocketsReport): void {
  const percent = Math.floor((100 * covered) / messages);
  process.stdout.write(
    `two tenants: ${what}: messages ${covered}/${messages} (${percent} %), checks ${checks}, leaks ${faults.length}\n`,
  );
  expect(faults).toEqual([]);
  expect(covered).toBe(messages);
  expect(checks).toBeGreaterThan(0);
}

describe("sockets between two tenants", () => {
  it("TEN-7 who is nobody opens no viewer's socket, and is told the same whatever he shows", async () => {
    tell("upgrades", await checkUpgrades(world));
  });

  it(
    "TEN-8, TEN-9 every message of a viewer is refused alike for theirs and for nothing, and nothing of theirs is heard afterwards",
    async () => {
      tell("viewers", await checkMessages(world));
    },
    PATIENCE_MS,
  );

  it("TEN-6 every message works for the one who may", async () => {
    tell("the right viewers", await checkRightViewers(world));
  });

  it("TEN-10 a tracker with a key that is none is refused, alike for keys that were", async () => {
    tell("keys", await checkKeys(world));
  });

  it("TEN-11 a tracker that names another tenant's session gets a fresh one, as for a stranger's of its own tenant, and changes nothing", async () => {
    tell("trackers", await checkTrackers(world));
  });
});
