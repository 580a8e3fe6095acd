import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { nodeVersionFault } from "./node-version.mjs";
import { whenShellEnds } from "./parent.mjs";
import { hashSources, parts } from "./parts.mjs";
import { countTests } from "./test-counts.mjs";

const scratch = mkdtempSync(path.join(tmpdir(), "wb-bin-"));
const lock = pathToFileURL(fileURLToPath(new URL("./lock.mjs", import.meta.url))).href;

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe("scripts", () => {
  it.each([
    ["20.19.0", true],
    ["20.20.2", true],
    ["22.0.0", true],
    ["22.17.1", true],
    ["20.18.3", false],
    ["18.20.0", false],
    ["24.1.0", false],
    ["25.0.0", false],
  ])("BIN-6 say of Node %s whether it will do: %s", (version, isGood) => {
    const fault = nodeVersionFault(version);
    expect(fault === null).toBe(isGood);
    if (fault !== null) expect(fault).toContain(version);
  });

  it("BIN-9 notice the end of npm's shell, and look after nobody else's", async () => {
    let shell = 7;
    let calls = 0;
    whenShellEnds(() => calls++, { isByNpm: false, parentOf: () => ++shell });
    await new Promise<void>((resolve) => {
      whenShellEnds(resolve, { isByNpm: true, parentOf: () => shell++ });
    });
    expect(calls).toBe(0);
  });

  it("BIN-7 count what vitest reports, and never say that nothing failed where something did", () => {
    const test = (status: string) => ({ status });
    const report = {
      testResults: [
        { status: "passed", assertionResults: [test("passed"), test("passed"), test("pending"), test("skipped")] },
        { status: "failed", assertionResults: [test("passed"), test("failed")] },
        { status: "failed", assertionResults: [] },
      ],
    };
    expect(countTests(report, 1)).toEqual({ passed: 3, failed: 2, skipped: 2 });
    expect(countTests(null, 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countTests({ testResults: [{ status: "passed", assertionResults: [test("passed")] }] }, 1).failed).toBe(1);
    expect(countTests({ testResults: [{ status: "passed", assertionResults: [test("passed")] }] }, 0).failed).toBe(0);
  });

  it("BIN-8 know a fresh build by what it was made from", () => {
    const [server, tracker] = parts;
    expect(hashSources(server)).toBe(hashSources(server));
    expect(hashSources(server)).not.toBe(hashSources(tracker));
  });

  it("BIN-8 say nothing of a build that is no more: died, of a number that is in use again, or long silent", async () => {
    const folder = path.join(scratch, "left");
    mkdirSync(folder);
    const file = path.join(folder, ".build-lock");
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const [owner, at] of [
      ["999999999", new Date()],
      ["process.pid", new Date()],
      [String(process.pid), longAgo],
      ["", longAgo],
    ] as const) {
      const script = `
        import { utimesSync, writeFileSync } from "node:fs";
        import { withLock } from ${JSON.stringify(lock)};
        writeFileSync(${JSON.stringify(file)}, String(${owner === "" ? '""' : owner}));
        utimesSync(${JSON.stringify(file)}, ${at.getTime() / 1000}, ${at.getTime() / 1000});
        await withLock(${JSON.stringify(folder)}, async () => console.log("built"));`;
      const run = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
      let said = "";
      run.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
      await once(run, "close");
      expect([owner, said]).toEqual([owner, "built\n"]);
      expect(existsSync(file)).toBe(false);
    }
  });

  it("BIN-8 build one at a time, and take over from one that has died", async () => {
    const trace = path.join(scratch, "trace");
    writeFileSync(path.join(scratch, ".build-lock"), "999999999");
    const script = `
      import { appendFileSync } from "node:fs";
      import { withLock } from ${JSON.stringify(lock)};
      await withLock(${JSON.stringify(scratch)}, async () => {
        appendFileSync(${JSON.stringify(trace)}, "in ");
        await new Promise((resolve) => setTimeout(resolve, 50));
        appendFileSync(${JSON.stringify(trace)}, "out ");
      });`;
    const runs = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" }),
    );
    const codes = await Promise.all(runs.map(async (run) => (await once(run, "close"))[0] as number));
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(readFileSync(trace, "utf8")).toBe("in out in out in out in out ");
  });
});
