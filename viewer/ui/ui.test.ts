import { describe, expect, it } from "vitest";
import type { MarkerKind } from "../../protocol/markers.ts";
import type { TimelineMarker } from "../player/timeline.ts";
import {
  formatAgo,
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatPath,
  formatPeer,
  markerTitle,
  toSafeHref,
} from "./format.ts";
import { ISSUE_KEYS, KEYS } from "./keys.ts";
import { clusterMarkers } from "./marker-clusters.ts";
import { parseUserAgent } from "./user-agent.ts";

describe("words for numbers", () => {
  it("VIE-27 are short and right at their borders", () => {
    expect([0, 59_999, 60_000, 3_600_000].map(formatClock)).toEqual(["0:00", "0:59", "1:00", "1:00:00"]);
    expect([400, 59_400, 90_000, 3_600_000, 5_400_000, 200_000_000].map(formatDuration)).toEqual([
      "0 s",
      "59 s",
      "1 min 30 s",
      "1 h",
      "1 h 30 min",
      "2 d",
    ]);
    expect([0, 1_023, 1_024, 52_428, 1_048_576, 5_000_000_000].map(formatBytes)).toEqual([
      "0 B",
      "1023 B",
      "1.0 KB",
      "51 KB",
      "1.0 MB",
      "4.7 GB",
    ]);
    expect([formatCount(1, "error"), formatCount(2, "batch", "batches")]).toEqual(["1 error", "2 batches"]);
    expect([formatAgo(0, 59_000), formatAgo(0, 61_000), formatAgo(0, 7_200_000)]).toEqual(["just now", "1 min ago", "2 h ago"]);
  });

  it("VIE-28 make a link of http and https only", () => {
    expect(toSafeHref("https://shop.example/a")).toBe("https://shop.example/a");
    for (const url of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "no address", ""]) {
      expect(toSafeHref(url)).toBeNull();
    }
    expect(["0:0:0:0:0:0:0:1", "127.0.0.1", "", "odd:one"].map(formatPeer)).toEqual(["::1", "127.0.0.1", "", "odd:one"]);
    expect([formatPath("https://shop.example/a?b#c"), formatPath("odd")]).toEqual(["/a?b#c", "odd"]);
  });

  it("VIE-27 say of every marker something", () => {
    const kinds: MarkerKind[] = [
      "error",
      "console_error",
      "failed_request",
      "click",
      "rage_click",
      "navigation",
      "page_load",
      "custom",
    ];
    for (const kind of kinds) expect(markerTitle({ kind })).not.toBe("");
    expect(markerTitle({ kind: "error", name: "TypeError", text: "no" })).toBe("TypeError: no");
    expect(markerTitle({ kind: "assist", name: "asked", text: "Ada asks: draw" })).toBe("Ada asks: draw");
  });

  it("VIE-27 know the browsers that people use", () => {
    const chrome =
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
    expect(parseUserAgent(chrome)).toEqual({ browser: "Chrome 140", system: "Windows", device: "desktop" });
    expect(parseUserAgent(`${chrome} Edg/140.0.0.0`).browser).toBe("Edge 140");
    const phone =
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1";
    expect(parseUserAgent(phone)).toEqual({ browser: "Safari 18", system: "iOS", device: "phone" });
    expect(parseUserAgent("")).toEqual({ browser: "Unknown", system: "Unknown", device: "unknown" });
  });
});

describe("markers on the timeline", () => {
  const marker = (kind: MarkerKind, at: number): TimelineMarker => ({ kind, at, id: `${kind}${at}`, tab: "a", errorId: null });

  it("VIE-29 become one where they are too close, and look like the most important of them", () => {
    const markers = [marker("click", 0), marker("error", 1), marker("click", 2), marker("navigation", 50), marker("click", 100)];
    const clusters = clusterMarkers(markers, 0, 100, 0.05);
    expect(clusters.map(({ kind, count, place }) => [kind, count, place])).toEqual([
      ["error", 3, 0],
      ["navigation", 1, 0.5],
      ["click", 1, 1],
    ]);
    expect(clusters[0]?.marker.at).toBe(1);
  });

  it("VIE-29 stay on the line, and are never more than fit", () => {
    const many = Array.from({ length: 5_000 }, (_, index) => marker("click", index));
    const clusters = clusterMarkers(many, 1_000, 2_000, 0.01);
    expect(clusters.length).toBeLessThanOrEqual(101);
    expect(clusters.every(({ place }) => place >= 0 && place <= 1)).toBe(true);
  });
});

describe("the keys", () => {
  it.each([
    ["session", KEYS],
    ["issue", ISSUE_KEYS],
  ])("VIE-30 of the %s page do one thing each, and all of them are in the help", (_, rows) => {
    const keys = rows.flatMap((row) => row.keys);
    expect(new Set(keys).size).toBe(keys.length);
    expect(rows.every((row) => row.does !== "" && row.shown !== "")).toBe(true);
    expect(rows.some(({ action }) => action === "help")).toBe(true);
  });
});
