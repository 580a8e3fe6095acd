import { describe, expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { quietLog } from "../../test/harness/postgres.ts";
import { createDiskGuard, DISK_WAIT_MS } from "./disk-guard.ts";

const GIB = 1024 ** 3;

function build(freeBytes: number | Error) {
  const clock = createTestClock(0);
  const disk = { free: freeBytes, closings: 0 };
  const guard = createDiskGuard({
    clock,
    log: quietLog,
    folder: "/data",
    minFreeBytes: GIB,
    onClosed: () => disk.closings++,
    readSpace: () =>
      disk.free instanceof Error ? Promise.reject(disk.free) : Promise.resolve({ freeBytes: disk.free, totalBytes: 100 * GIB }),
  });
  const after = async (ms: number) => {
    clock.advance(ms);
    await guard.look();
  };
  return { guard, disk, after };
}

describe("the guard of the disk", () => {
  it("RET-13 closes before the disk is full, asks for room once, and opens by itself with something to spare", async () => {
    const { guard, disk, after } = build(2 * GIB);
    await guard.start();
    expect(guard.waitMs()).toBeNull();
    disk.free = GIB - 1;
    await after(2_000);
    expect(guard.waitMs()).toBe(DISK_WAIT_MS);
    expect(guard.state()).toEqual({ isClosed: true, freeBytes: GIB - 1, totalBytes: 100 * GIB, minFreeBytes: GIB });
    disk.free = 1.4 * GIB;
    await after(2_000);
    expect(guard.waitMs()).toBe(DISK_WAIT_MS);
    expect(disk.closings).toBe(1);
    disk.free = 1.5 * GIB;
    await after(2_000);
    expect(guard.waitMs()).toBeNull();
    disk.free = 0;
    await after(2_000);
    expect(disk.closings).toBe(2);
    guard.stop();
  });

  it("RET-13 a disk that cannot be read, or is elsewhere, stops nobody", async () => {
    const { guard } = build(new Error("EACCES"));
    await guard.start();
    expect(guard.waitMs()).toBeNull();
    const clock = createTestClock(0);
    const elsewhere = createDiskGuard({ clock, log: quietLog, folder: null, minFreeBytes: GIB, onClosed: () => undefined });
    await elsewhere.start();
    expect(elsewhere.state()).toMatchObject({ isClosed: false, freeBytes: null });
  });

  it("RET-13 reads a real disk", async () => {
    const real = createDiskGuard({
      clock: createTestClock(0),
      log: quietLog,
      folder: ".",
      minFreeBytes: 0,
      onClosed: () => undefined,
    });
    await real.look();
    expect(real.state().freeBytes).toBeGreaterThan(0);
    expect(real.state().totalBytes).toBeGreaterThan(real.state().freeBytes ?? 0);
  });
});
