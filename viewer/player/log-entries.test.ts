import { describe, expect, it } from "vitest";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { readBatchEntries } from "./inflate.ts";
import { MAX_ENTRY_TEXT, mayHoldEntries, readEntries } from "./log-entries.ts";

const plugin = (name: string, payload: unknown): RrwebEvent => ({
  type: RRWEB.plugin,
  timestamp: 5_000,
  data: { plugin: name, payload },
});
const custom = (tag: string, payload: unknown): RrwebEvent => ({ type: RRWEB.custom, timestamp: 5_000, data: { tag, payload } });

describe("entries of events", () => {
  it("VIE-70 are console calls with their level, values and place", () => {
    const payload = { level: "warn", payload: ['"careful"', '{"a":1}'], trace: ["shop.js:1:2"] };
    expect(readEntries(plugin("rrweb/console@1", payload))).toEqual([
      { kind: "console", at: 5_000, level: "warn", values: ['"careful"', '{"a":1}'], trace: ["shop.js:1:2"] },
    ]);
    const levels = ["assert", "trace", "table", 7].map((level) => readEntries(plugin("rrweb/console@1", { level }))[0]);
    expect(levels.map((entry) => entry?.kind === "console" && entry.level)).toEqual(["error", "debug", "log", "log"]);
  });

  it("VIE-70 are requests at the time of their sending, with bodies only where they came along", () => {
    const ours = { name: "https://shop.example/a", method: "POST", status: 404, duration: 1_200, initiatorType: "fetch" };
    const theirs = { url: "/b", transferSize: 512, responseBody: { ok: true } };
    expect(readEntries(plugin("rrweb/network@1", { requests: [ours, theirs, null, 7] }))).toEqual([
      {
        kind: "request",
        at: 3_800,
        method: "POST",
        url: "https://shop.example/a",
        status: 404,
        durationMs: 1_200,
        initiator: "fetch",
        bytes: null,
        requestBody: null,
        responseBody: null,
      },
      expect.objectContaining({ method: "GET", url: "/b", status: 0, bytes: 512, responseBody: '{"ok":true}' }),
    ]);
  });

  it("VIE-70 are state, storage and what was typed", () => {
    expect(readEntries(custom("watchback/state", { name: "cart", value: '{"items":2}' }))).toEqual([
      { kind: "state", at: 5_000, area: "state", name: "cart", value: '{"items":2}' },
    ]);
    expect(readEntries(custom("watchback/storage", { area: "local", name: "theme", value: null }))).toEqual([
      { kind: "state", at: 5_000, area: "local", name: "theme", value: "" },
    ]);
    const typed = { type: RRWEB.incremental, timestamp: 5_000, data: { source: 5, id: 9, text: "tea", isChecked: false } };
    expect(readEntries(typed)).toEqual([{ kind: "typed", at: 5_000, node: 9, text: "tea", isChecked: false }]);
  });

  it("VIE-70 are bounded text, whatever a page puts into them", () => {
    const long = "x".repeat(100_000);
    const hostile: unknown[] = [null, 7, "text", [], { payload: { __proto__: null } }, { payload: [long, { toString: 1 }] }];
    for (const payload of hostile) {
      for (const name of ["rrweb/console@1", "rrweb/network@1"]) expect(() => readEntries(plugin(name, payload))).not.toThrow();
      for (const tag of ["watchback/state", "watchback/storage"]) expect(() => readEntries(custom(tag, payload))).not.toThrow();
    }
    const [call] = readEntries(plugin("rrweb/console@1", { level: "log", payload: Array.from({ length: 500 }, () => long) }));
    expect(call?.kind === "console" && call.values.length).toBe(32);
    expect(call?.kind === "console" && call.values[0]?.length).toBe(MAX_ENTRY_TEXT);
    const requests = Array.from({ length: 5_000 }, () => ({ name: long }));
    expect(readEntries(plugin("rrweb/network@1", { requests }))).toHaveLength(500);
    expect(readEntries(custom("other", { name: "x" }))).toEqual([]);
  });

  it("VIE-70 are read of a batch alone, with times inside its header's, and a broken one has none", async () => {
    const events = [
      plugin("rrweb/console@1", { level: "log", payload: ['"x"'] }),
      { type: 3, timestamp: 1, data: { source: 0 } },
    ];
    const json = JSON.stringify(events);
    expect(mayHoldEntries(json)).toBe(true);
    expect(mayHoldEntries('[{"type":3,"data":{"source":0}}]')).toBe(false);
    const payload = new TextEncoder().encode(json);
    const batch = { encoding: "json", rawBytes: payload.length, payload, firstAt: 6_000, lastAt: 7_000 } as const;
    expect((await readBatchEntries(batch)).map(({ at }) => at)).toEqual([6_000]);
    expect(await readBatchEntries({ ...batch, payload: payload.slice(0, 10) })).toEqual([]);
  });
});
