import { describe, expect, test } from "vitest";
import { isSessionId, isTabId } from "../protocol/ids.ts";
import { optionsOf, settle } from "./options.ts";
import { createSession } from "./session.ts";

/** Storage as the page has it, in memory. */
function createStorage(): Storage {
  const values = new Map<string, string>();
  return {
    get length() {
      return values.size;
    },
    clear: () => values.clear(),
    getItem: (name) => values.get(name) ?? null,
    setItem: (name, value) => void values.set(name, value),
    removeItem: (name) => void values.delete(name),
    key: (index) => [...values.keys()][index] ?? null,
  };
}

const IDLE_MS = 1_800_000;
let now = 1_000_000;
const start = (local: Storage | null, perTab: Storage | null = createStorage(), sampleRate = 1) =>
  createSession({ key: "k", sampleRate, idleMs: () => IDLE_MS, local, perTab, now: () => now });

describe("session", () => {
  test("TRK-21 the tabs of one browser share id and token; every page load is a tab of its own", () => {
    const local = createStorage();
    const [one, two] = [start(local), start(local)];
    expect([two.id, two.token]).toEqual([one.id, one.token]);
    expect(one.tab).not.toBe(two.tab);
    expect(isSessionId(one.id) && isTabId(one.tab) && isTabId(one.tabGroup) && /^[\w-]{32}$/.test(one.token)).toBe(true);
  });

  test("TRK-21 the tab group goes to the next page of the browser tab, and not to a copy of it while the page lives", () => {
    const [local, perTab] = [createStorage(), createStorage()];
    const one = start(local, perTab);
    const copy = start(local, createStorage());
    expect(copy.tabGroup).not.toBe(one.tabGroup);
    expect(perTab.length).toBe(0);
    one.leave();
    expect(start(local, perTab).tabGroup).toBe(one.tabGroup);
  });

  test("TRK-48 half an hour without an event ends it; less does not", () => {
    const local = createStorage();
    const one = start(local);
    now += IDLE_MS - 1;
    expect([one.touch(), start(local).id === one.id]).toEqual([true, true]);
    now += IDLE_MS;
    expect(one.touch()).toBe(false);
    const before = [one.id, one.tab];
    one.renew();
    expect(before).not.toContain(one.id);
    expect(before).not.toContain(one.tab);
    expect(start(local).id).toBe(one.id);
  });

  test("TRK-48 a tab that was idle follows the session that another tab began", () => {
    const local = createStorage();
    const [one, two] = [start(local), start(local)];
    now += IDLE_MS;
    expect(one.touch()).toBe(false);
    one.renew();
    expect(two.touch()).toBe(false);
    two.renew();
    expect(two.id).toBe(one.id);
  });

  test("TRK-32 without storage, or with broken values in it, there is a session all the same", () => {
    const local = createStorage();
    local.setItem("watchback.k", "{broken");
    for (const session of [start(null, null), start(local)]) {
      expect(isSessionId(session.id)).toBe(true);
      now += 6_000;
      expect(session.touch()).toBe(true);
    }
  });

  test("TRK-37 the draw holds for the session", () => {
    const local = createStorage();
    expect(start(local, null, 0).isSampled).toBe(false);
    expect(start(local, null, 1).isSampled).toBe(false);
  });

  test("TRK-35 forgotten, nothing is left", () => {
    const [local, perTab] = [createStorage(), createStorage()];
    const session = start(local, perTab);
    session.leave();
    session.forget();
    expect([local.length, perTab.length]).toEqual([0, 0]);
  });
});

describe("options", () => {
  test("TRK-51 data attributes are options: texts, numbers where the option is one, and true or false", () => {
    expect(
      optionsOf({ key: "k", sampleRate: "0.5", maskAllInputs: "false", recordConsole: "", release: "1.0", userId: "42" }),
    ).toEqual({
      key: "k",
      sampleRate: 0.5,
      maskAllInputs: false,
      recordConsole: true,
      release: "1.0",
      userId: "42",
    });
    expect(optionsOf({})).toBeNull();
  });

  test("TRK-51 what is not chosen has its default, and the endpoint is where the script came from", () => {
    expect(settle({ key: "k" }, "https://w.example")).toEqual({
      key: "k",
      endpoint: "https://w.example",
      sampleRate: 1,
      beforeErrorSec: 10,
      maskAllInputs: true,
      maskText: "sensitive",
      maskTextSelector: "",
      blockSelector: "",
      recordConsole: false,
      recordNetwork: false,
      recordBodies: true,
      respectDoNotTrack: false,
    });
    expect(settle({ key: "k", endpoint: "https://x.example/" }, "").endpoint).toBe("https://x.example");
  });
});
