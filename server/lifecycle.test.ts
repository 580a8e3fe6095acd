import { describe, expect, it } from "vitest";
import { createLifecycle } from "./lifecycle.ts";
import { silentLogger } from "./log.ts";

describe("lifecycle", () => {
  it("NET-10 releases newest first, goes on after a fault and a time-out, and does so once", async () => {
    const released: string[] = [];
    const lifecycle = createLifecycle(silentLogger);
    lifecycle.onStop("database", () => released.push("database"));
    lifecycle.onStop("hangs", () => new Promise(() => {}), 10);
    lifecycle.onStop("throws", () => {
      throw new Error("no");
    });
    lifecycle.onStop("sockets", () => released.push("sockets"));
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(released).toEqual(["sockets", "database"]);
  });
});
