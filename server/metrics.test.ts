import { describe, expect, it } from "vitest";
import { createMetrics } from "./metrics.ts";

describe("metrics", () => {
  it("NET-9 renders counters, gauges and cumulative histograms as Prometheus text", () => {
    const metrics = createMetrics();
    const frames = metrics.counter("frames_total", "Frames taken in.");
    metrics.gauge("sockets", "Open sockets.", () => 3);
    const latency = metrics.histogram("ack_seconds", "Time to the ack.", [0.01, 0.1]);
    frames.value += 2;
    for (const value of [0.005, 0.01, 0.05, 7]) latency.observe(value);
    const lines = metrics.render().split("\n");
    expect(lines).toContain("# TYPE watchback_frames_total counter");
    expect(lines).toContain("watchback_frames_total 2");
    expect(lines).toContain("watchback_sockets 3");
    expect(lines).toContain('watchback_ack_seconds_bucket{le="0.01"} 2');
    expect(lines).toContain('watchback_ack_seconds_bucket{le="0.1"} 3');
    expect(lines).toContain('watchback_ack_seconds_bucket{le="+Inf"} 4');
    expect(lines).toContain("watchback_ack_seconds_count 4");
    expect(metrics.snapshot()).toMatchObject({ frames_total: 2, sockets: 3, ack_seconds_count: 4 });
  });

  it("NET-9 refuses a name that is taken", () => {
    const metrics = createMetrics();
    metrics.counter("a", "one");
    expect(() => metrics.counter("a", "two")).toThrow("already");
  });
});
