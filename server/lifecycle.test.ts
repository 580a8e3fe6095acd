import { describe, expect, it } from "vitest";
import { createEnding, createLifecycle } from "./lifecycle.ts";
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

  it("BIN-9 ends once: the echo of a signal is not a second one, and who asks again later means it", async () => {
    const heard: (string | number)[] = [];
    const at = { ms: 5_000 };
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const exit = (code: number) => heard.push(code);
    const ending = createEnding(() => held, { exit, say: (text) => heard.push(text), now: () => at.ms });
    expect(ending.isUnderWay()).toBe(false);
    const ended = ending.end("SIGINT", 0);
    at.ms += 800;
    await ending.end("SIGINT", 0);
    expect(ending.isUnderWay()).toBe(true);
    expect(heard).toEqual(["SIGINT: writing what is held, then stopping."]);
    at.ms += 400;
    await ending.end("SIGTERM", 0);
    expect(heard.at(-1)).toBe(1);
    release();
    await ended;
    expect(heard.slice(-2)).toEqual(["Stopped.", 0]);
  });
});
