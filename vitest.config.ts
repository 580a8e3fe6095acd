/** How the tests run: six projects, from the quick to the slow; none is ever retried. */

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const everywhere = ["protocol", "server", "tracker", "viewer", "bin", "bench"];
const slowNames = ["**/*.pg.test.ts", "**/*.browser.test.ts"];
const never = ["**/node_modules/**", "dist/**", "data/**"];
/** What is waited for comes late on a loaded machine; what never comes fails all the same. */
const patient = { poll: { timeout: 15_000 } };
const postgres = ["test/harness/shared-postgres.ts"];

export default defineConfig({
  test: {
    retry: 0,
    projects: [
      {
        plugins: [svelte({ configFile: false })],
        resolve: { conditions: ["browser"] },
        test: {
          name: "unit",
          include: [...everywhere.map((folder) => `${folder}/**/*.test.ts`), "test/harness/**/*.test.ts"],
          exclude: [...slowNames, ...never],
          expect: patient,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "house",
          include: ["test/*.test.ts"],
          exclude: never,
          expect: patient,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "pg",
          include: ["**/*.pg.test.ts"],
          exclude: never,
          globalSetup: postgres,
          expect: patient,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "integration",
          include: [
            "test/integration/**/*.test.ts",
            "test/tenants/**/*.test.ts",
            "test/contracts/**/*.test.ts",
            "test/fuzz/rfc6455.test.ts",
          ],
          exclude: never,
          globalSetup: postgres,
          expect: patient,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // A browser and a server of its own for each file: two at a time, because they wait for each other most of the time.
        test: {
          name: "browser",
          include: [
            "**/*.browser.test.ts",
            "test/e2e/**/*.test.ts",
            "test/hostile/**/*.test.ts",
            "test/sdks/**/*.test.ts",
            "test/start/**/*.test.ts",
          ],
          exclude: never,
          globalSetup: postgres,
          expect: patient,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "loss",
          include: ["test/loss/**/*.test.ts", "test/fuzz/fuzz.test.ts"],
          exclude: never,
          globalSetup: postgres,
          expect: patient,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
