import { describe, expect, it } from "vitest";
import type { Breadcrumb } from "../../../protocol/occurrence.ts";
import type { TimelineMarker } from "../../player/timeline.ts";
import {
  activityWords,
  clipClock,
  crumbsOf,
  crumbsOfMarkers,
  framePlace,
  keyText,
  mergeCrumbs,
  stackText,
  statusDetail,
} from "./words.ts";

const crumb = (part: Partial<Breadcrumb>): Breadcrumb => ({
  at: 1_000,
  category: "",
  type: "",
  level: "info",
  message: "",
  data: {},
  ...part,
});

describe("words for issues", () => {
  it("VIE-61 say until when an issue is quiet, and what was done to it", () => {
    expect(statusDetail({ status: "open", resolvedIn: null, mutedUntil: null })).toBe("");
    expect(statusDetail({ status: "resolved", resolvedIn: "next", mutedUntil: null })).toBe("in the next release");
    expect(statusDetail({ status: "resolved", resolvedIn: "2.0", mutedUntil: null })).toBe("in 2.0");
    expect(statusDetail({ status: "muted", resolvedIn: null, mutedUntil: { at: null, count: 1_200, users: 3 } })).toBe(
      "until 1,200 occurrences or 3 users",
    );
    expect(activityWords({ kind: "assignee", text: "a@example.com" })).toBe("assigned it: a@example.com");
    expect(activityWords({ kind: "regressed", text: "" })).toBe("It came back");
    expect(activityWords({ kind: "regressed", text: "2.1" })).toBe("It came back in 2.1");
    expect(keyText(["exception", "TypeError", ["a"]])).toBe("exception · TypeError · (a)");
    expect(activityWords({ kind: "something_new", text: "" })).toBe("something new");
  });

  it("VIE-61 give a frame its place, and a stack as text with its causes", () => {
    expect(framePlace({ file: "src/a.ts", line: 3, column: 7 })).toBe("src/a.ts:3:7");
    expect(framePlace({ file: "", line: null, column: null })).toBe("unknown file");
    const frame = { file: "src/a.ts", function: "", line: 3, column: null, inApp: true };
    expect(
      stackText([
        { type: "TypeError", value: "no pot", frames: [frame] },
        { type: "Error", value: "", frames: [] },
      ]),
    ).toBe("TypeError: no pot\n    at <anonymous> (src/a.ts:3)\nCaused by: Error");
  });
});

describe("breadcrumbs", () => {
  it("VIE-62 are on the clip's clock: moved by the difference of two clocks, counted down before its beginning", () => {
    const [early, late, never] = crumbsOf([crumb({ at: 1 }), crumb({ at: 9 }), crumb({ at: null })], 0);
    if (early && late && never) expect(mergeCrumbs([early, late], [never])).toEqual([never, early, late]);
    expect(crumbsOf([crumb({ at: 5_000 }), crumb({ at: null })], -3_600_000).map(({ at }) => at)).toEqual([-3_595_000, null]);
    expect([0, 7_400, -400, -12_000, -61_000].map(clipClock)).toEqual(["0:00", "0:07", "−0:01", "−0:12", "−1:01"]);
  });

  it("VIE-62 say what happened, whoever tells it", () => {
    const told = crumbsOf(
      [
        crumb({ category: "navigation", data: { from: "/", to: "https://shop.example/cart?x=1" } }),
        crumb({ category: "fetch", type: "http", level: "error", data: { method: "GET", url: "/api/tea", status_code: 500 } }),
        crumb({
          category: "fetch",
          message: "https://shop.example/api",
          data: { method: "GET", url: "https://shop.example/api?a=1", status: 0 },
        }),
        crumb({ category: "page_load", message: "https://shop.example/cart Your cart" }),
        crumb({ category: "ui.click", message: "button#buy" }),
        crumb({ category: "console", level: "error", message: "too hot" }),
        crumb({ category: "console", level: "warning", message: "still hot" }),
        crumb({}),
      ],
      0,
    );
    expect(told.map(({ kind, text }) => [kind, text])).toEqual([
      ["navigation", "/ → /cart?x=1"],
      ["failed_request", "GET /api/tea 500"],
      ["failed_request", "GET /api?a=1 0"],
      ["page_load", "/cart Your cart"],
      ["click", "button#buy"],
      ["console_error", "too hot"],
      ["console", "still hot"],
      ["custom", "Something happened"],
    ]);
  });

  it("VIE-62 are those of the recording where a report has none, without the error itself", () => {
    const marker = (part: Partial<TimelineMarker>): TimelineMarker => ({
      id: "m",
      kind: "click",
      at: 1,
      tab: "t",
      errorId: null,
      ...part,
    });
    const shown = crumbsOfMarkers(
      [
        marker({ text: "Buy" }),
        marker({ kind: "failed_request", name: "https://shop.example/a", data: { method: "GET", status: 404 } }),
        marker({ kind: "error", errorId: "e1" }),
        marker({ kind: "error", errorId: "e0", name: "Error", text: "before" }),
      ],
      "e1",
    );
    expect(shown.map(({ text, detail }) => [text, detail])).toEqual([
      ["Buy", ""],
      ["/a", "GET 404"],
      ["Error: before", ""],
    ]);
  });
});
