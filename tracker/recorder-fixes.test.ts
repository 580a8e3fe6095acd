import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { fixRecorder } from "./recorder-fixes.ts";

const source = readFileSync(fileURLToPath(new URL("../node_modules/@rrweb/record/dist/record.js", import.meta.url)), "utf8");

describe("recorder fixes", () => {
  test("TRK-52 every fix finds its place in the pinned recorder, and no worker is left in it", () => {
    const fixed = fixRecorder(source);
    expect(fixed).toContain("observedDocuments.has");
    expect(fixed).not.toMatch(/new Worker|new Blob|eval\(|new Function/);
  });

  test("TRK-52 another version of the recorder stops the build", () => {
    expect(() => fixRecorder(source.replace("handlers.push(observe(iframeEl.contentDocument));", ""))).toThrow(/recorder fix/);
  });
});
