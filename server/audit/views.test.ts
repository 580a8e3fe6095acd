import { describe, expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { AppError } from "../app-error.ts";
import type { AuditEntry, SessionView } from "../audit-trail.ts";
import { createViews, LIVE_WAIT_MS, MAX_KEPT_VIEWS, RETRY_MS, SAME_VIEW_MS } from "./views.ts";

const NOON = Date.UTC(2026, 10, 21, 12);

/** A trail over a list, whose writing fails or hangs as a test says. */
function createRoom() {
  const clock = createTestClock(NOON);
  const written: { entry: AuditEntry; at: number }[] = [];
  const told: { level: string; message: string; fields: unknown }[] = [];
  const tell = (level: string) => (message: string, fields?: unknown) => void told.push({ level, message, fields });
  const room = {
    clock,
    written,
    told,
    /** Null while the database answers. */
    fault: null as (() => Promise<void>) | null,
    subjects: () => written.map(({ entry }) => `${entry.action} ${entry.subject?.id ?? ""}`),
    views: createViews({
      clock,
      log: { debug: tell("debug"), info: tell("info"), warn: tell("warn"), error: tell("error") },
      write: async (entry, at) => {
        await room.fault?.();
        written.push({ entry, at });
      },
    }),
  };
  return room;
}

function viewOf(more: Partial<SessionView> & { sessionId?: string; userId?: number } = {}): SessionView {
  const { sessionId = "visit-1", userId = 7, ...view } = more;
  return {
    kind: "live",
    by: "feed",
    actor: { kind: "user", userId, email: "ada@example.com" },
    peer: "192.0.2.7",
    session: { sessionId, projectId: 3, userId: "visitor-9" },
    ...view,
  };
}

const away = () => Promise.reject(new AppError("store", "the database is away"));
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe("one view", () => {
  it("AUD-3 is one entry, with who, whom, when and how", async () => {
    const room = createRoom();
    await room.views.viewed(viewOf());
    expect(room.written).toEqual([
      {
        at: NOON,
        entry: {
          action: "session_watched",
          actor: { kind: "user", userId: 7, email: "ada@example.com" },
          peer: "192.0.2.7",
          projectId: 3,
          subject: { kind: "session", id: "visit-1" },
          personId: "visitor-9",
          data: { kind: "live", by: "feed" },
        },
      },
    ]);
  });

  it("AUD-4 is written once in ten minutes, whatever the player loads, and by kind, person and session", async () => {
    const room = createRoom();
    for (let i = 0; i < 50; i++) await room.views.viewed(viewOf({ kind: "replay", by: "batches" }));
    await room.views.viewed(viewOf({ kind: "replay", by: "events" }));
    await room.views.viewed(viewOf({ kind: "live" }));
    await room.views.viewed(viewOf({ kind: "export" }));
    await room.views.viewed(viewOf({ kind: "replay", userId: 8 }));
    await room.views.viewed(viewOf({ kind: "replay", actor: { kind: "token", tokenId: 1, userId: 7 } }));
    await room.views.viewed(viewOf({ kind: "replay", sessionId: "visit-2" }));
    const first = ["session_replayed visit-1", "session_watched visit-1", "session_exported visit-1"];
    expect(room.subjects()).toEqual([
      ...first,
      "session_replayed visit-1",
      "session_replayed visit-1",
      "session_replayed visit-2",
    ]);
    room.clock.advance(SAME_VIEW_MS - 1);
    await room.views.viewed(viewOf({ kind: "replay" }));
    expect(room.written).toHaveLength(6);
    room.clock.advance(1);
    await room.views.viewed(viewOf({ kind: "replay" }));
    expect(room.written).toHaveLength(7);
  });

  it("AUD-5 is waited for by every request of it, and one that could not be written is tried by the next", async () => {
    const room = createRoom();
    let release: () => void = () => undefined;
    room.fault = () => new Promise((resolve) => (release = resolve));
    const order: string[] = [];
    const first = room.views.viewed(viewOf({ kind: "replay" })).then(() => order.push("first"));
    const second = room.views.viewed(viewOf({ kind: "replay" })).then(() => order.push("second"));
    await settle();
    expect(order).toEqual([]);
    release();
    await Promise.all([first, second]);
    expect(room.written).toHaveLength(1);
    room.fault = away;
    const other = viewOf({ kind: "replay", sessionId: "visit-2" });
    await expect(room.views.viewed(other)).rejects.toMatchObject({ kind: "store" });
    room.fault = null;
    await room.views.viewed(other);
    expect(room.subjects()).toEqual(["session_replayed visit-1", "session_replayed visit-2"]);
  });
});

describe("a live view while the database is away", () => {
  it("AUD-6 goes on, is told to the log without names, and is written later with its own time, in order", async () => {
    const room = createRoom();
    room.fault = away;
    await room.views.viewed(viewOf());
    room.clock.advance(500);
    await room.views.viewed(viewOf({ sessionId: "visit-2" }));
    expect(room.views.keptCount()).toBe(2);
    expect(room.told.filter(({ level }) => level === "warn")).toHaveLength(2);
    expect(JSON.stringify(room.told)).not.toMatch(/ada@|visitor-9|192\.0\.2/);
    room.clock.advance(RETRY_MS);
    await settle();
    expect(room.written).toEqual([]);
    room.fault = null;
    room.clock.advance(RETRY_MS);
    await settle();
    expect(room.written.map(({ entry, at }) => [entry.subject?.id, at])).toEqual([
      ["visit-1", NOON],
      ["visit-2", NOON + 500],
    ]);
    expect(room.views.keptCount()).toBe(0);
    await room.views.viewed(viewOf({ sessionId: "visit-3" }));
    expect(room.written).toHaveLength(3);
  });

  it("AUD-6 goes on after two seconds where the database does not answer, and is written once", async () => {
    const room = createRoom();
    let release: () => void = () => undefined;
    room.fault = () => new Promise((resolve) => (release = resolve));
    let isOn = false;
    const viewing = room.views.viewed(viewOf()).then(() => (isOn = true));
    await settle();
    expect(isOn).toBe(false);
    room.clock.advance(LIVE_WAIT_MS);
    await viewing;
    expect(room.written).toEqual([]);
    release();
    await settle();
    expect(room.written).toHaveLength(1);
    expect(room.views.keptCount()).toBe(0);
  });

  it("AUD-7 is refused past a thousand that wait", async () => {
    const room = createRoom();
    room.fault = away;
    for (let i = 0; i < MAX_KEPT_VIEWS; i++) await room.views.viewed(viewOf({ sessionId: `visit-${i}` }));
    await expect(room.views.viewed(viewOf({ sessionId: "one-more" }))).rejects.toMatchObject({ kind: "overload" });
    expect(room.views.keptCount()).toBe(MAX_KEPT_VIEWS);
  });

  it("AUD-7 that can never be written does not hold up the others", async () => {
    const room = createRoom();
    room.fault = away;
    await room.views.viewed(viewOf({ sessionId: "bad" }));
    await room.views.viewed(viewOf({ sessionId: "good" }));
    let calls = 0;
    room.fault = () => (++calls <= 10 ? Promise.reject(new Error("poison")) : Promise.resolve());
    for (let i = 0; i < 12; i++) {
      room.clock.advance(RETRY_MS);
      await settle();
    }
    expect(room.subjects()).toEqual(["session_watched good"]);
    expect(room.told.filter(({ level }) => level === "error")).toMatchObject([{ fields: { sessionId: "bad" } }]);
  });

  it("AUD-8 is written at the stop, or told to the log, one line each", async () => {
    const room = createRoom();
    room.fault = away;
    await room.views.viewed(viewOf({ sessionId: "visit-1" }));
    room.fault = null;
    await room.views.stop();
    expect(room.subjects()).toEqual(["session_watched visit-1"]);
    const other = createRoom();
    other.fault = away;
    await other.views.viewed(viewOf({ sessionId: "visit-2" }));
    await other.views.stop();
    expect(other.told.filter(({ level }) => level === "error")).toMatchObject([
      { message: "a live view was never written down", fields: { actor: "user 7", sessionId: "visit-2", at: NOON } },
    ]);
  });
});
