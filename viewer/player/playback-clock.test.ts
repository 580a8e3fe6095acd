import { describe, expect, it } from "vitest";
import { PlaybackClock } from "./playback-clock.ts";

describe("the playback clock", () => {
  it("VIE-3 changes its speed without a jump, between 0.5 and 16", () => {
    const clock = new PlaybackClock();
    clock.set(5_000, 0);
    clock.start(0);
    clock.setSpeed(4, 1_000);
    expect(clock.read(1_000)).toBe(6_000);
    expect(clock.read(2_000)).toBe(10_000);
    clock.setSpeed(100, 2_000);
    expect(clock.speed).toBe(16);
    clock.setSpeed(0.1, 2_000);
    expect(clock.speed).toBe(0.5);
  });

  it("VIE-3 stands still while it is stopped, however often it is asked", () => {
    const clock = new PlaybackClock();
    clock.set(100, 0);
    clock.start(0);
    clock.stop(50);
    expect([clock.read(60), clock.read(9_999)]).toEqual([150, 150]);
    clock.start(10_000);
    expect(clock.read(10_010)).toBe(160);
  });
});
