import { expect, it } from "vitest";
import { lookAtEveryPage } from "../harness/every-page.ts";

it("E2E-38 every page can be used with eyes, keys and screen readers, and fits a phone: dark", { timeout: 300_000 }, async () => {
  const { found, addresses } = await lookAtEveryPage("dark");
  expect(found).toEqual([]);
  expect(addresses).toBeGreaterThan(25);
});
