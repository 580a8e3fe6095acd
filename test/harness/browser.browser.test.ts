import { expect, it } from "vitest";
import { findBrowser, launchBrowser } from "./browser.ts";

it("BIN-1 a real browser starts on this machine and runs a page", async () => {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.setContent("<title>here</title><p>text</p>");
    expect(await page.title()).toBe("here");
    expect((await findBrowser()).version).toMatch(/Chrom/);
  } finally {
    await browser.close();
  }
});
