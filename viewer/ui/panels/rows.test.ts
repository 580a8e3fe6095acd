import { describe, expect, it } from "vitest";
import type { MarkerKind } from "../../../protocol/markers.ts";
import type { BookedEntry } from "../../player/log-book.ts";
import type { LogEntry } from "../../player/log-entries.ts";
import type { Page, TimelineMarker } from "../../player/timeline.ts";
import { consoleRows, networkRows, stateRows } from "./log-rows.ts";
import { actionRows, errorRows, eventRows, markRows, pageRows } from "./marker-rows.ts";
import { filtersOf, PANEL_KINDS } from "./panel-list.ts";
import { chooseRows, lastAtOrBefore, PANELS } from "./panel-row.ts";
import { consoleLine, openValue, readValue, valueLine } from "./values.ts";

let ids = 0;
const book = (entry: LogEntry, tab = "a"): BookedEntry => ({ ...entry, tab, id: `e${ids++}` });
const log = (at: number, level: "log" | "error" | "warn", ...values: unknown[]): BookedEntry =>
  book({ kind: "console", at, level, values: values.map((value) => JSON.stringify(value)), trace: [] });
const request = (at: number, status: number, durationMs: number, url = "https://shop.example/a"): BookedEntry =>
  book({
    kind: "request",
    at,
    method: "GET",
    url,
    status,
    durationMs,
    initiator: "fetch",
    bytes: 2_048,
    requestBody: null,
    responseBody: '{"ok":true}',
  });
const marker = (kind: MarkerKind, at: number, rest: Partial<TimelineMarker> = {}): TimelineMarker => ({
  kind,
  at,
  id: `m${ids++}`,
  tab: "a",
  errorId: null,
  ...rest,
});

describe("values", () => {
  it("VIE-73 are what JSON means, also where it is JSON once more, and text otherwise", () => {
    expect(readValue('{"a":1}')).toEqual({ a: 1 });
    expect(readValue('"{\\"a\\":[1]}"')).toEqual({ a: [1] });
    expect(readValue('"[no json"')).toBe("[no json");
    expect(readValue("no json")).toBe("no json");
    expect(valueLine({ a: "x", b: [1, { c: { d: 1 } }] })).toBe('{a: "x", b: [1, {…}]}');
    expect(openValue(Array.from({ length: 5_000 }, (_, index) => index))).toMatchObject({ kind: "list" });
    expect(valueLine("x".repeat(9_999)).length).toBeLessThan(500);
  });

  it("VIE-73 fill the places of a console call as a browser does", () => {
    const values = ["%c %s bought %d teas%%", "color: red", "Ada", 3, { more: true }].map((value) => JSON.stringify(value));
    expect(consoleLine(values)).toBe(" Ada bought 3 teas%% {more: true}");
    expect(consoleLine(['{"a":1}', '"b"'])).toBe("{a: 1} b");
    expect(consoleLine([])).toBe("");
  });
});

describe("the console", () => {
  it("VIE-73 is one row for equal calls in a row, with their number", () => {
    const rows = consoleRows(
      [log(1, "log", "again"), log(2, "log", "again"), log(3, "warn", "again"), log(4, "log", "again")],
      [],
    );
    expect(rows.map(({ at, count, group, tone }) => [at, count, group, tone])).toEqual([
      [1, 2, "log", "plain"],
      [3, 1, "warn", "warn"],
      [4, 1, "log", "plain"],
    ]);
  });

  it("VIE-73 tells an error once where the page records its console, and by its marker where it does not", () => {
    const error = marker("console_error", 1_004, { name: "error", text: "broken" });
    const other = marker("console_error", 9_000, { name: "error", text: "late" });
    const rows = consoleRows([log(1_000, "error", "broken")], [error, other]);
    expect(rows.map(({ text, tone }) => [text, tone])).toEqual([
      ["broken", "error"],
      ["late", "error"],
    ]);
    const warning = marker("console", 5, { name: "warning", text: "from Sentry" });
    expect(consoleRows([], [warning])[0]).toMatchObject({ text: "from Sentry", group: "warn" });
    const [said, heard] = [
      marker("console", 20_001, { name: "warn", text: "slow" }),
      marker("console", 20_002, { text: "slow" }),
    ];
    expect(consoleRows([log(20_000, "warn", "slow")], [said, heard]).map(({ group }) => group)).toEqual(["warn", "log"]);
    expect(eventRows([warning, said])).toEqual([]);
  });
});

describe("the network", () => {
  it("VIE-74 says method, address, status, time and size of every request, and marks failed and slow ones", () => {
    const rows = networkRows(
      [request(1_000, 200, 40), request(2_000, 500, 20), request(3_000, 200, 2_500), request(4_000, 0, 5)],
      [],
    );
    expect(rows.map(({ text, meta, group, tone }) => [text, meta, group, tone])).toEqual([
      ["GET /a", "200 · 40 ms", "fine", "plain"],
      ["GET /a", "500 · 20 ms", "failed", "error"],
      ["GET /a", "200 · 2.5 s", "slow", "warn"],
      ["GET /a", "no answer · 5 ms", "failed", "error"],
    ]);
    expect(rows[0]?.facts).toContainEqual({ name: "Size", value: "2.0 KB" });
    expect(rows[0]?.excerpts).toEqual([{ title: "Response body", text: '{"ok":true}', isValue: true }]);
  });

  it("VIE-74 tells a failed request once, by its event or by its marker, at the time of its sending", () => {
    const data = { method: "POST", status: 500, durationMs: 300, url: "https://shop.example/pay" };
    const both = marker("failed_request", 2_020, { name: "https://shop.example/a", data: { ...data, durationMs: 20 } });
    const alone = marker("failed_request", 8_300, { name: "https://shop.example/pay", data });
    const rows = networkRows([request(2_000, 500, 20)], [both, alone]);
    expect(rows.map(({ at, text }) => [at, text])).toEqual([
      [2_000, "GET /a"],
      [8_000, "POST /pay"],
    ]);
    const crumb = { name: "request", text: "GET /x", data: { method: "GET", status: 200, durationMs: 9, url: "/x" } };
    expect(networkRows([], [marker("custom", 7, crumb)])[0]).toMatchObject({ at: 7, text: "GET /x", group: "fine" });
  });
});

describe("rows of markers", () => {
  const page: Page = {
    tab: "a",
    group: "a",
    url: "https://shop.example/cart",
    title: "Cart",
    from: 100,
    to: 9_000,
    upto: 3,
    ended: true,
  };

  it("VIE-75 give each page load its web vitals, judged by their bounds", () => {
    const vitals = marker("web_vitals", 9_000, { data: { lcpMs: 2_000, inpMs: 300, cls: 0.31 } });
    const way = marker("navigation", 5_000, { name: "https://shop.example/pay" });
    const [load, next] = pageRows([marker("page_load", 150, { name: page.url }), way, vitals], [page]);
    expect(load).toMatchObject({
      at: 150,
      text: "/cart",
      meta: "LCP 2.0 s · INP 300 ms · CLS 0.31",
      tone: "error",
      group: "loads",
    });
    expect(load?.facts.slice(-3)).toEqual([
      { name: "LCP", value: "2.0 s, good", tone: "good" },
      { name: "INP", value: "300 ms, needs improvement", tone: "warn" },
      { name: "CLS", value: "0.31, poor", tone: "error" },
    ]);
    expect(next).toMatchObject({ at: 5_000, text: "/pay", group: "ways" });
    const ofSentry = marker("custom", 200, { name: "web-vital", text: "largest-contentful-paint", data: { value: 900 } });
    expect(pageRows([ofSentry], [page])[0]).toMatchObject({ meta: "LCP 900 ms", tone: "good" });
  });

  it("VIE-75 say what the visitor did: keystrokes of one field are one row", () => {
    const typed = (at: number, text: string, node = 4) => book({ kind: "typed", at, node, text, isChecked: false });
    const rows = actionRows(
      [marker("click", 50, { text: "Buy" }), marker("dead_click", 8_000, { text: "Nothing" }), marker("error", 1)],
      [typed(100, "o"), typed(200, "oo"), typed(300, "x", 5), typed(9_000, "late", 5)],
    );
    expect(rows.map(({ at, text, group }) => [at, text, group])).toEqual([
      [50, "Buy", "clicks"],
      [100, "Typed “oo”", "inputs"],
      [300, "Typed “x”", "inputs"],
      [8_000, "Nothing", "friction"],
      [9_000, "Typed “late”", "inputs"],
    ]);
  });

  it("VIE-75 are errors with their stacks, marks by their names, and state with what was before", () => {
    const rows = errorRows([marker("error", 1, { name: "TypeError", text: "no", stack: "at x" }), marker("click", 2)]);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ text: "TypeError: no", excerpts: [{ title: "Stack", text: "at x" }] });
    expect(markRows([marker("custom", 1, { name: "Bought" })])[0]).toMatchObject({ text: "Bought", group: "Bought" });
    const told = (at: number, value: string) => book({ kind: "state", at, area: "state", name: "cart", value });
    const [first, second] = stateRows([told(1, '{"n":1}'), told(2, '{"n":2}')]);
    expect([first?.text, first?.excerpts.length]).toEqual(["cart = {n: 1}", 1]);
    expect(second?.excerpts[1]).toEqual({ title: "Before", text: '{"n":1}', isValue: true });
  });
});

describe("every panel", () => {
  it("VIE-76 narrows its rows by kind and by every word of a search, in texts, facts and values", () => {
    const rows = networkRows(
      [request(1, 200, 4, "https://shop.example/tea"), request(2, 500, 4, "https://shop.example/pot")],
      [],
    );
    expect(chooseRows(rows, [], "")).toBe(rows);
    expect(chooseRows(rows, ["failed"], "").map(({ at }) => at)).toEqual([1]);
    expect(chooseRows(rows, [], "POT 500").map(({ at }) => at)).toEqual([2]);
    expect(chooseRows(rows, [], "ok tea").map(({ at }) => at)).toEqual([1]);
    expect(chooseRows(rows, [], "ok nothing")).toEqual([]);
  });

  it("VIE-76 finds the row at the playhead", () => {
    const rows = [{ at: 10 }, { at: 20 }, { at: 20 }, { at: 30 }];
    expect([0, 10, 19, 20, 25, 99].map((at) => lastAtOrBefore(rows, at))).toEqual([-1, 0, 0, 2, 2, 3]);
    expect(lastAtOrBefore([], 5)).toBe(-1);
  });

  it("VIE-76 has a name, words for when it is empty, and filters with counts", () => {
    expect(PANEL_KINDS.map(({ id }) => id)).toEqual(PANELS);
    expect(PANEL_KINDS.every(({ name, empty }) => name !== "" && empty !== "")).toBe(true);
    const marks = PANEL_KINDS.find(({ id }) => id === "marks");
    const rows = markRows([
      marker("custom", 1, { name: "A" }),
      marker("custom", 2, { name: "A" }),
      marker("custom", 3, { name: "B" }),
    ]);
    expect(marks && filtersOf(marks, rows)).toEqual([
      { group: "A", name: "A", count: 2 },
      { group: "B", name: "B", count: 1 },
    ]);
  });
});
