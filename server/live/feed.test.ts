import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLiveRoom, settle, type LiveRoomForTests, type TestViewer } from "../../test/harness/live-room.ts";

const KIB = 1024;
const LARGE = new Uint8Array(200 * KIB);

/** Publishes seqs `from` to `to`, the first as a checkout, and commits them. */
function record(room: LiveRoomForTests, tab: string, from: number, to: number, isCommitted = true): void {
  for (let seq = from; seq <= to; seq++) room.publish(tab, seq, { checkout: seq === from });
  if (isCommitted) room.commit(tab, to);
}

const seqs = (tab: string, from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${tab}:${from + i}`);

describe("joining", () => {
  it("LIV-1 begins at the newest checkout of every open tab, and goes live without a hole or a repeat", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    room.openTab("b");
    record(room, "a", 0, 4);
    record(room, "a", 5, 8, false);
    record(room, "b", 0, 2);
    const viewer = await room.join();
    room.publish("a", 9);
    room.publish("b", 3);
    expect(viewer.batches()).toEqual([...seqs("a", 5, 8), ...seqs("b", 0, 2), "a:9", "b:3"]);
    expect(viewer.log.map(({ type }) => type).slice(0, 1)).toEqual(["session_joined"]);
    expect(viewer.heard("session_joined")).toMatchObject([
      { phase: "catching-up", session: { watchers: 1 }, tabs: [{ tab: "a" }, { tab: "b" }] },
    ]);
    expect(viewer.heard("session_phase")).toEqual([{ sessionId: "session-1", phase: "live" }]);
    expect(room.history.reads).toBe(0);
  });

  it("LIV-2 sends the same bytes to all, with the tracker's payload untouched", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    record(room, "a", 0, 0);
    const one = await room.join();
    const two = await room.join();
    room.publish("a", 1, { markers: [{ kind: "error", at: 5, name: "TypeError" }] });
    const [last] = one.heard("events_batch").slice(-1);
    expect(last).toMatchObject({
      sessionId: "session-1",
      tab: "a",
      seq: 1,
      encoding: "deflate-raw",
      markers: [{ name: "TypeError" }],
    });
    expect(two.heard("events_batch").slice(-1)).toEqual([last]);
    expect(last).not.toHaveProperty("projectId");
    expect(last).not.toHaveProperty("url");
  });

  it("LIV-3 takes from the database what the tail does not hold", async () => {
    const room = createLiveRoom(10_000);
    room.openTab("a");
    record(room, "a", 0, 60);
    record(room, "a", 61, 140, false);
    room.commit("a", 120);
    expect(room.live.status().tailBytes).toBeLessThan(12_000);
    const viewer = await room.join();
    expect(room.history.reads).toBeGreaterThan(0);
    await settle(200);
    room.publish("a", 141);
    expect(viewer.batches()).toEqual(seqs("a", 61, 141));
  });

  it("LIV-4 begins at the checkout at or before `from`, in the tabs that overlap it", async () => {
    const room = createLiveRoom();
    room.openTab("old", -1);
    record(room, "old", 0, 3);
    Object.assign(room.tabs[0] ?? {}, { endedAt: 1, lastAt: room.clock.now() + 3_000 });
    room.openTab("a");
    record(room, "a", 0, 4);
    record(room, "a", 5, 9);
    record(room, "a", 10, 12);
    const viewer = await room.join({ from: room.clock.now() + 7_500 });
    await settle(60);
    expect(viewer.batches()).toEqual(seqs("a", 5, 12));
    const earlier = await room.join({ from: room.clock.now() + 2_500 });
    await settle(60);
    expect(earlier.batches().sort()).toEqual([...seqs("a", 0, 12), ...seqs("old", 0, 3)].sort());
  });

  it("LIV-5 goes on after a cursor, in each tab that it names", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    room.openTab("b");
    record(room, "a", 0, 6);
    record(room, "b", 0, 2);
    const viewer = await room.join({ cursor: { a: 3 } });
    expect(viewer.batches()).toEqual([...seqs("a", 4, 6), ...seqs("b", 0, 2)]);
    const ahead = await room.join({ cursor: { a: 8, b: 2 } });
    for (const seq of [7, 8, 9]) room.publish("a", seq);
    await settle();
    expect(ahead.batches()).toEqual(["a:9"]);
  });

  it("LIV-6 sends a tab without any checkout from its first batch, and asks for one", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    for (const seq of [0, 1, 2]) room.publish("a", seq);
    const viewer = await room.join();
    expect(viewer.batches()).toEqual(seqs("a", 0, 2));
    expect(room.requests.checkouts).toEqual(["a"]);
  });

  it("LIV-7 asks for a checkout where the newest is too long ago, in time or in bytes, and only there", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    record(room, "a", 0, 10);
    await room.join();
    expect(room.requests.checkouts).toEqual([]);
    room.publish("a", 11, { receivedAt: room.clock.now() + 61_000 });
    await room.join();
    expect(room.requests.checkouts).toEqual(["a"]);
    room.openTab("b");
    room.publish("b", 0, { checkout: true });
    for (let seq = 1; seq < 13; seq++) room.publish("b", seq, { payload: LARGE });
    room.requests.checkouts.length = 0;
    await room.join();
    expect(room.requests.checkouts.sort()).toEqual(["a", "b"]);
  });

  it("LIV-8 sends a tab that opens during the feed from its first batch", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    record(room, "a", 0, 2);
    const viewer = await room.join();
    room.openTab("b");
    record(room, "b", 0, 2);
    expect(viewer.batches()).toEqual([...seqs("a", 0, 2), ...seqs("b", 0, 2)]);
  });

  it("LIV-9 says so, and tries again, while the database cannot be read; what is live goes on afterwards", async () => {
    const room = createLiveRoom(5_000);
    room.openTab("a");
    record(room, "a", 0, 60);
    room.history.isDown = true;
    const viewer = await room.join();
    expect(viewer.heard("error")).toMatchObject([{ code: "overload" }]);
    room.publish("a", 61);
    room.history.isDown = false;
    room.clock.advance(2_000);
    await settle(120);
    room.publish("a", 62);
    expect(viewer.batches()).toEqual(seqs("a", 0, 62));
    expect(viewer.heard("error")).toHaveLength(1);
  });
});

describe("slow viewers", () => {
  it("LIV-10 are taken off before anything is skipped, and go on at the newest checkout, told before", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    record(room, "a", 0, 0);
    const slow = await room.join();
    const quick = await room.join();
    slow.isQuick = false;
    for (let seq = 1; seq <= 9; seq++) room.publish("a", seq, { payload: LARGE });
    expect(slow.topics.size).toBe(0);
    room.publish("a", 10, { checkout: true });
    room.publish("a", 11);
    slow.isQuick = true;
    slow.read();
    await settle();
    room.publish("a", 12);
    expect(quick.batches()).toEqual(seqs("a", 0, 12));
    const told = slow.log.map(({ type, data }) => (type === "events_batch" ? data["seq"] : data["phase"]));
    const skippedFrom = told.indexOf("resyncing");
    expect(told.slice(skippedFrom)).toEqual(["resyncing", 10, 11, "live", 12]);
    const before = slow.batches().slice(0, skippedFrom - 2);
    expect(before).toEqual(seqs("a", 0, before.length - 1));
    expect(room.live.status().resyncs).toBe(1);
  });

  it("LIV-11 lose nothing where no newer checkout lies ahead", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    record(room, "a", 0, 0);
    const slow = await room.join();
    slow.isQuick = false;
    for (let seq = 1; seq <= 12; seq++) room.publish("a", seq, { payload: LARGE });
    for (let round = 0; round < 20; round++) {
      slow.read(1);
      await settle(2);
    }
    slow.isQuick = true;
    slow.read();
    await settle();
    room.publish("a", 13);
    expect(slow.batches()).toEqual(seqs("a", 0, 13));
    expect(slow.heard("session_phase")).toEqual([{ sessionId: "session-1", phase: "live" }]);
    expect(room.requests.checkouts).toContain("a");
  });

  it("LIV-12 for whom a frame was skipped unseen go on with the next checkout only, told before", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    record(room, "a", 0, 2);
    const viewer = await room.join();
    viewer.isJammed = true;
    room.publish("a", 3);
    await settle();
    expect(viewer.heard("session_phase").at(-1)).toMatchObject({ phase: "resyncing" });
    viewer.read();
    room.publish("a", 4);
    room.publish("a", 5, { checkout: true });
    await settle();
    room.publish("a", 6);
    expect(viewer.batches()).toEqual([...seqs("a", 0, 2), "a:5", "a:6"]);
    expect(room.requests.checkouts).toContain("a");
  });
});

describe("gaps", () => {
  it("LIV-13 are told before the batch that follows, to live viewers and to those who catch up", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    record(room, "a", 0, 1);
    const viewer = await room.join();
    room.live.gap("session-1", "a", 2, 3);
    room.publish("a", 4);
    room.publish("a", 7);
    const late = await room.join();
    const expected = [
      "a:0",
      "a:1",
      { sessionId: "session-1", tab: "a", fromSeq: 2, toSeq: 3 },
      "a:4",
      { sessionId: "session-1", tab: "a", fromSeq: 5, toSeq: 6 },
      "a:7",
    ];
    for (const { log } of [viewer, late]) {
      const seen = log.flatMap(({ type, data }): unknown[] => {
        if (type === "events_batch") return [`${String(data["tab"])}:${String(data["seq"])}`];
        return type === "gap" ? [data] : [];
      });
      expect(seen).toEqual(expected);
    }
  });
});

describe("whatever happens", () => {
  /** Holds the promise of the feed against what a viewer has read. */
  function check(viewer: TestViewer, published: ReadonlySet<string>): void {
    const last = new Map<string, number>();
    const gapTo = new Map<string, number>();
    let mayJump = new Set<string>();
    for (const { type, data } of viewer.log) {
      const tab = String(data["tab"]);
      if (type === "session_phase" && data["phase"] === "resyncing") mayJump = new Set(["a", "b"]);
      else if (type === "gap") {
        const held = gapTo.get(tab) ?? last.get(tab);
        if (held !== undefined) expect(data["fromSeq"]).toBe(held + 1);
        gapTo.set(tab, Number(data["toSeq"]));
        for (let seq = Number(data["fromSeq"]); seq <= Number(data["toSeq"]); seq++)
          expect(published).not.toContain(`${tab}:${seq}`);
      } else if (type === "events_batch") {
        const seq = Number(data["seq"]);
        const held = gapTo.get(tab) ?? last.get(tab);
        if (held !== undefined && seq !== held + 1) {
          expect(seq).toBeGreaterThan(held);
          expect(mayJump.has(tab)).toBe(true);
          expect(data["checkout"]).toBe(true);
        }
        mayJump.delete(tab);
        gapTo.delete(tab);
        last.set(tab, seq);
      }
    }
  }

  const action = fc.record({
    kind: fc.constantFrom(
      ...(["publish", "publish", "checkout", "gap", "commit", "join", "slow", "quick", "read", "jam", "turn", "turn"] as const),
    ),
    tab: fc.constantFrom("a", "b"),
    n: fc.nat({ max: 7 }),
  });

  it("LIV-14 a viewer sees each tab in stored order, or is told of what is left out, and in the end has all of it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 90 }),
        fc.constantFrom(600_000, 8_000_000),
        async (actions, maxTailBytes) => {
          const room = createLiveRoom(maxTailBytes);
          room.openTab("a");
          room.openTab("b");
          const next = new Map([
            ["a", 0],
            ["b", 0],
          ]);
          const published = new Set<string>();
          const publish = (tab: string, seq: number, isCheckout: boolean) => {
            published.add(`${tab}:${seq}`);
            room.publish(tab, seq, { checkout: isCheckout, payload: LARGE });
          };
          await room.join();
          const nextOf = (tab: string) => next.get(tab) ?? 0;
          const pick = (n: number) => room.viewers[n % Math.max(1, room.viewers.length)];
          for (const { kind, tab, n } of actions) {
            if (kind === "publish" || kind === "checkout") {
              publish(tab, nextOf(tab), kind === "checkout" || nextOf(tab) === 0);
              next.set(tab, nextOf(tab) + 1);
            } else if (kind === "gap") {
              if (n % 2 === 0) room.live.gap("session-1", tab, nextOf(tab), nextOf(tab) + n);
              next.set(tab, nextOf(tab) + n + 1);
            } else if (kind === "commit") room.commit(tab, nextOf(tab) - 1 - n);
            else if (kind === "join" && room.viewers.length < 5) {
              const options =
                [{}, { from: room.clock.now() + n * 1_000 }, { cursor: { a: Math.min(n, nextOf("a") - 1), b: -1 } }][n % 3] ?? {};
              room.connect().say("viewer_join_session", { sessionId: "session-1", ...options });
            } else if (kind === "slow") Object.assign(pick(n) ?? {}, { isQuick: false });
            else if (kind === "quick") {
              const viewer = pick(n);
              await settle(1);
              viewer?.read();
              if (viewer) viewer.isQuick = true;
            } else if (kind === "read") {
              await settle(1);
              pick(n)?.read(n);
            } else if (kind === "jam" && n < 4) Object.assign(pick(n) ?? {}, { isJammed: true });
            else await settle(n);
          }
          await settle();
          for (const viewer of room.viewers) {
            viewer.read();
            viewer.isQuick = true;
          }
          // Whoever waits for a checkout gets one.
          for (const tab of ["a", "b"]) publish(tab, nextOf(tab), true);
          await settle(120);
          for (const tab of ["a", "b"]) publish(tab, nextOf(tab) + 1, false);
          await settle();
          for (const viewer of room.viewers) {
            check(viewer, published);
            for (const tab of ["a", "b"]) expect(viewer.batches()).toContain(`${tab}:${nextOf(tab) + 1}`);
            expect(viewer.heard("error")).toEqual([]);
          }
        },
      ),
      { numRuns: 200 },
    );
  }, 120_000);
});
