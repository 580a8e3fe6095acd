import { describe, expect, it } from "vitest";
import { LIVE_BUFFER_MS, LiveClock } from "./live-clock.ts";

const PAGE = 1_700_000_000_000;

describe("the live clock", () => {
  it("VIE-1 runs a small buffer behind the newest event that can have arrived", () => {
    const clock = new LiveClock();
    clock.observe(PAGE, 1_000);
    expect(clock.at(1_000)).toBe(PAGE - LIVE_BUFFER_MS);
    expect(clock.at(1_500)).toBe(PAGE + 500 - LIVE_BUFFER_MS);
  });

  it("VIE-1 never lets an event wait longer than the buffer, and a late one not at all", () => {
    const clock = new LiveClock();
    clock.observe(PAGE, 1_000);
    expect(clock.dueIn(PAGE, 1_000)).toBe(LIVE_BUFFER_MS);
    expect(clock.dueIn(PAGE - 5_000, 1_000)).toBe(0);
    expect(clock.dueIn(PAGE + 3_600_000, 1_000)).toBe(LIVE_BUFFER_MS);
    expect(new LiveClock().dueIn(PAGE, 1_000)).toBe(0);
  });

  it("VIE-2 does not care by how much the page's clock is off", () => {
    for (const skew of [-3_600_000, 0, 3_600_000]) {
      const clock = new LiveClock();
      clock.observe(PAGE + skew, 1_000);
      expect(clock.at(2_000) - skew).toBe(PAGE + 1_000 - LIVE_BUFFER_MS);
    }
  });

  it("VIE-1 catches up at once when an old backlog is followed by news", () => {
    const clock = new LiveClock();
    clock.observe(PAGE - 30_000, 1_000);
    clock.observe(PAGE, 1_005);
    expect(clock.at(1_005)).toBe(PAGE - LIVE_BUFFER_MS);
  });

  it("VIE-2 follows a clock that was set back and a network that became slower, after at most two windows", () => {
    const clock = new LiveClock();
    for (let t = 0; t < 60_000; t += 100) clock.observe(PAGE + t, t + 20);
    for (let t = 60_000; t < 90_000; t += 100) clock.observe(PAGE + t - 5_000, t + 20);
    expect(clock.at(90_000)).toBe(PAGE + 90_000 - 5_000 - 20 - LIVE_BUFFER_MS);
  });
});
