import { describe, expect, it } from "vitest";
import { createLiveRoom, liveSummary, rowOf, settle, tabOf } from "../../test/harness/live-room.ts";
import { NOON } from "../../test/harness/ingest-room.ts";
import { AppError } from "../app-error.ts";
import { MAX_TEXT_RAW_BYTES } from "./viewer-frames.ts";

describe("sessions that are over, or not here", () => {
  it("LIV-15 joining a session that is over gives all of it from the database, then its end", async () => {
    const room = createLiveRoom();
    const session = liveSummary({ sessionId: "session-1", status: "ended", live: false, endedAt: NOON + 9 });
    room.history.sessions.set("session-1", { session, tabs: [tabOf("a", 3), tabOf("b", 1)], startedOn: "2026-11-21" });
    for (const seq of [0, 1, 3]) room.history.rows.push(rowOf("a", seq, { checkout: seq === 0 }));
    for (const seq of [0, 1]) room.history.rows.push(rowOf("b", seq));
    const viewer = await room.join();
    await settle(40);
    expect(viewer.heard("session_joined")).toMatchObject([{ phase: "closed" }]);
    expect(viewer.batches()).toEqual(["a:0", "a:1", "a:3", "b:0", "b:1"]);
    expect(viewer.heard("gap")).toEqual([{ sessionId: "session-1", tab: "a", fromSeq: 2, toSeq: 2 }]);
    expect(viewer.log.at(-1)).toEqual({
      type: "session_ended",
      data: { sessionId: "session-1", endedAt: NOON + 9, reason: "ended" },
    });
    expect(room.live.status()).toMatchObject({ feeds: 0, sessions: 0 });
  });

  it("LIV-16 a feed on a session whose tracker has not come back yet waits for it, without a hole", async () => {
    const room = createLiveRoom();
    room.history.sessions.set("session-1", { session: liveSummary(), tabs: [tabOf("a", 2)], startedOn: "2026-11-21" });
    for (const seq of [0, 1, 2]) room.history.rows.push(rowOf("a", seq, { checkout: seq === 0 }));
    const viewer = await room.join();
    await settle(20);
    expect(viewer.batches()).toEqual(["a:0", "a:1", "a:2"]);
    expect(room.live.activeSessions()).toMatchObject([{ sessionId: "session-1" }]);
    // The last transaction of the old process committed after the viewer had looked.
    room.history.rows.push(rowOf("a", 3));
    room.openTab("a", 3);
    room.publish("a", 4);
    await settle(20);
    room.publish("a", 5);
    expect(viewer.batches()).toEqual(["a:0", "a:1", "a:2", "a:3", "a:4", "a:5"]);
    room.live.end({ sessionId: "session-1", endedAt: null }, "idle");
    expect(viewer.log.at(-1)).toMatchObject({ type: "session_ended", data: { reason: "idle" } });
  });

  it("LIV-17 the end comes after everything that was published, also for a viewer who is behind", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    for (const seq of [0, 1, 2]) room.publish("a", seq, { checkout: seq === 0 });
    const quick = await room.join();
    const behind = await room.join();
    behind.isQuick = false;
    for (let seq = 3; seq < 12; seq++) room.publish("a", seq, { payload: new Uint8Array(300_000) });
    room.commit("a", 11);
    room.live.end({ sessionId: "session-1", endedAt: NOON + 12_000 }, "ended");
    for (let i = 0; i < 20; i++) {
      behind.read(1);
      await settle(2);
    }
    for (const viewer of [quick, behind]) {
      expect(viewer.batches()).toEqual(Array.from({ length: 12 }, (_, seq) => `a:${seq}`));
      expect(viewer.log.at(-1)?.type).toBe("session_ended");
    }
    expect(room.live.status()).toMatchObject({ feeds: 0, tailBytes: 0 });
  });

  it("LIV-18 an erased session ends at once, and nothing of it is kept", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    room.publish("a", 0, { checkout: true });
    const viewer = await room.join();
    room.live.end({ sessionId: "session-1", endedAt: null }, "erased");
    expect(viewer.log.at(-1)).toMatchObject({ type: "session_ended", data: { reason: "erased" } });
    expect(room.live.status()).toMatchObject({ feeds: 0, sessions: 0, tailBytes: 0 });
    expect(viewer.topics.size).toBe(0);
  });
});

describe("who may see what", () => {
  it("LIV-19 somebody else's session and one that is not there get the same answer", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    const viewer = room.connect();
    viewer.projects = new Set([2]);
    viewer.say("viewer_join_session", { sessionId: "session-1" });
    viewer.say("viewer_join_session", { sessionId: "session-9" });
    viewer.say("get_session_events", { sessionId: "session-1" });
    viewer.say("watch_live_sessions", { projectId: 1 });
    await settle();
    const errors = viewer.heard("error");
    expect(errors).toHaveLength(4);
    expect(new Set(errors.map((error) => JSON.stringify(error))).size).toBe(1);
    expect(errors[0]).toMatchObject({ code: "not_found" });
    expect(room.live.watcherCount("session-1")).toBe(0);
  });

  it("LIV-32 a right that is withdrawn ends its feeds and lists at once, with the answer of an unknown id, and no others", async () => {
    for (const form of ["binary", "text"] as const) {
      const room = createLiveRoom();
      room.openTab("a");
      room.publish("a", 0, { checkout: true });
      const viewer = await room.join({}, form);
      viewer.projects.add(2);
      viewer.say("watch_live_sessions", { projectId: 1 });
      viewer.say("watch_live_sessions", { projectId: 2 });
      await settle();
      expect(viewer.connection.followedProjects()).toEqual(new Set([1, 2]));
      viewer.connection.rightsChanged();
      expect(viewer.heard("error")).toEqual([]);
      viewer.projects.delete(1);
      viewer.connection.rightsChanged();
      viewer.connection.rightsChanged();
      const seen = viewer.log.length;
      room.publish("a", 1);
      room.clock.advance(10_000);
      await settle();
      expect(viewer.heard("error")).toEqual([
        { code: "not_found", message: "there is nothing here under this id", sessionId: "session-1" },
        { code: "not_found", message: "there is nothing here under this id", projectId: 1 },
      ]);
      expect(viewer.log.length).toBe(seen);
      expect(viewer.topics.size).toBe(0);
      expect(room.live.watcherCount("session-1")).toBe(0);
      expect(viewer.connection.followedProjects()).toEqual(new Set([2]));
      // It is asked for again as if for the first time.
      viewer.say("viewer_join_session", { sessionId: "session-1" });
      await settle();
      expect(viewer.heard("session_joined")).toHaveLength(1);
      expect(viewer.heard("error").at(-1)).toEqual({ code: "not_found", message: "there is nothing here under this id" });
    }
  });

  it("LIV-32 a right that is withdrawn while a join or a reading is under way counts", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    room.publish("a", 0, { checkout: true });
    const viewer = room.connect();
    viewer.say("viewer_join_session", { sessionId: "session-1" });
    viewer.say("get_session_events", { sessionId: "session-1" });
    viewer.projects.delete(1);
    viewer.connection.rightsChanged();
    await settle();
    expect(viewer.log.map(({ type }) => type)).toEqual(["error", "error"]);
    expect(viewer.connection.followedProjects().size).toBe(0);
  });

  it("LIV-33 sessions that are over do not count against what one connection follows", async () => {
    const room = createLiveRoom();
    const viewer = room.connect();
    for (let n = 0; n < 100; n++) {
      const sessionId = `session-${n + 100}`;
      const session = liveSummary({ sessionId, status: "ended", live: false, endedAt: NOON });
      room.history.sessions.set(sessionId, { session, tabs: [], startedOn: "2026-11-21" });
      viewer.say("viewer_join_session", { sessionId });
      await settle(20);
    }
    expect(viewer.heard("error")).toEqual([]);
    expect(viewer.heard("session_ended")).toHaveLength(100);
  });

  it("LIV-30 a view is written down before anything of the session is sent, and what cannot be is not shown", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    room.publish("a", 0, { checkout: true });
    let release: () => void = () => undefined;
    room.viewed = () => new Promise((resolve) => (release = resolve));
    const viewer = await room.join();
    expect(viewer.log).toEqual([]);
    const session = room.summary;
    const actor = { kind: "user", userId: 1, email: "viewer-1@example.com" };
    expect(room.views).toEqual([{ kind: "live", by: "feed", actor, peer: "127.0.0.1", session }]);
    release();
    await settle();
    expect(viewer.log.map(({ type }) => type)).toEqual(["session_joined", "events_batch", "session_phase"]);
    room.viewed = () => Promise.reject(new AppError("overload", "later"));
    const other = await room.join();
    expect(other.log).toMatchObject([{ type: "error", data: { code: "overload" } }]);
    other.say("get_session_events", { sessionId: "session-1" });
    await settle();
    expect(other.log).toHaveLength(2);
    expect(room.views.map(({ kind, by }) => `${kind} ${by}`)).toEqual(["live feed", "live feed", "replay events"]);
    expect(room.live.watcherCount("session-1")).toBe(1);
  });

  it("LIV-30 what happened while a view was written down counts: a right withdrawn, an erasure", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    const releases: (() => void)[] = [];
    room.viewed = () => new Promise((resolve) => releases.push(resolve));
    const demoted = await room.join();
    const late = await room.join();
    demoted.projects.clear();
    room.live.end({ sessionId: "session-1", endedAt: null }, "erased");
    for (const release of releases) release();
    await settle();
    for (const viewer of [demoted, late]) {
      expect(viewer.log.map(({ data }) => data)).toMatchObject([{ code: "not_found" }]);
    }
    expect(room.live.status()).toMatchObject({ feeds: 0, sessions: 0 });
  });

  it("LIV-31 sessions that are only asked for are not kept in memory", async () => {
    const room = createLiveRoom();
    room.history.sessions.set("session-1", { session: liveSummary(), tabs: [tabOf("a")], startedOn: "2026-11-21" });
    const stranger = room.connect();
    stranger.projects.clear();
    stranger.say("viewer_join_session", { sessionId: "session-1" });
    room.connect().say("get_session_events", { sessionId: "session-1" });
    await settle(20);
    expect(room.live.status().sessions).toBe(0);
    const viewer = await room.join();
    expect(room.live.status().sessions).toBe(1);
    viewer.say("viewer_leave_session", { sessionId: "session-1" });
    expect(room.live.status().sessions).toBe(0);
  });

  it("LIV-20 what makes no sense is answered with an error, and the connection goes on", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    const viewer = room.connect();
    viewer.say("viewer_join_session", { sessionId: 5 });
    viewer.say("nonsense", {});
    expect(viewer.heard("error")).toMatchObject([{ code: "malformed" }, { code: "malformed" }]);
    viewer.say("viewer_join_session", { sessionId: "session-1" });
    await settle();
    expect(viewer.heard("session_joined")).toHaveLength(1);
  });
});

describe("watching", () => {
  it("LIV-21 trackers are told how many watch, as viewers come, come twice, leave and vanish", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    const one = await room.join();
    const two = await room.join();
    two.say("viewer_join_session", { sessionId: "session-1" });
    await settle();
    expect(room.live.watcherCount("session-1")).toBe(2);
    expect(room.requests.watchers.at(-1)).toBe(2);
    one.say("viewer_leave_session", { sessionId: "session-1" });
    two.connection.closed();
    expect(room.requests.watchers.at(-1)).toBe(0);
    expect(room.live.status()).toMatchObject({ viewers: 1, feeds: 0 });
    room.publish("a", 0, { checkout: true });
    expect(one.batches()).toEqual([]);
  });

  it("LIV-21 a leave that overtakes its join wins", async () => {
    const room = createLiveRoom();
    room.history.sessions.set("session-1", { session: liveSummary(), tabs: [], startedOn: "2026-11-21" });
    const viewer = room.connect();
    viewer.say("viewer_join_session", { sessionId: "session-1" });
    viewer.say("viewer_leave_session", { sessionId: "session-1" });
    await settle();
    expect(viewer.log).toEqual([]);
    expect(room.live.status()).toMatchObject({ feeds: 0 });
  });

  it("LIV-22 changed facts are told at most once a second", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    const viewer = await room.join();
    room.clock.advance(1_000);
    viewer.log.length = 0;
    for (const url of ["/one", "/two", "/three"]) {
      room.summary.url = url;
      room.live.update(room.summary, room.tabs);
    }
    room.clock.advance(1_000);
    room.clock.advance(5_000);
    expect(viewer.heard("session_updated")).toMatchObject([{ session: { url: "/three" }, tabs: [{ tab: "a" }] }]);
    for (let seq = 0; seq < 50; seq++) {
      room.publish("a", seq);
      room.clock.advance(200);
    }
    expect(viewer.heard("session_updated")).toHaveLength(3);
  });

  it("LIV-23 the list of a project: all that are live, newest first, then what changes, an end included", () => {
    const room = createLiveRoom();
    room.openTab("a");
    const later = liveSummary({ sessionId: "session-2", startedAt: NOON + 1 });
    room.live.openTab(later, [tabOf("x")], "2026-11-21", "x");
    room.live.openTab(liveSummary({ sessionId: "session-3", projectId: 2 }), [tabOf("y")], "2026-11-21", "y");
    for (const form of ["binary", "text"] as const) {
      const viewer = room.connect(form);
      viewer.say("watch_live_sessions", { projectId: 1 });
      expect(viewer.heard("live_sessions")).toMatchObject([
        { sessions: [{ sessionId: "session-2" }, { sessionId: "session-1" }] },
      ]);
    }
    room.summary.url = "/next";
    room.live.update(room.summary, room.tabs);
    room.clock.advance(1_000);
    room.publish("a", 0);
    room.summary.eventCount = 1;
    room.clock.advance(1_000);
    later.status = "ended";
    later.live = false;
    room.live.end({ sessionId: "session-2", endedAt: NOON + 2 }, "ended");
    room.clock.advance(5_000);
    for (const viewer of room.viewers) {
      const changes = viewer.heard("live_sessions_changed").flatMap(({ changed }) => changed);
      expect(changes).toMatchObject([
        { sessionId: "session-1", url: "/next" },
        { sessionId: "session-2", status: "ended", live: false, endedAt: NOON + 2 },
        { sessionId: "session-1", eventCount: 1 },
      ]);
    }
    room.viewers[0]?.say("unwatch_live_sessions", { projectId: 1 });
    room.viewers[1]?.connection.closed();
    room.live.update(room.summary, room.tabs);
    room.clock.advance(1_000);
    expect(room.viewers.flatMap((viewer) => viewer.heard("live_sessions_changed"))).toHaveLength(6);
    expect(room.live.activeSessions(new Set([1]))).toMatchObject([{ sessionId: "session-1" }]);
  });

  it("LIV-24 a viewer may ask for events by index", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    const viewer = room.connect("text");
    viewer.say("get_session_events", { sessionId: "session-1", fromIndex: 7 });
    await settle();
    expect(viewer.log).toEqual([
      {
        type: "session_events",
        data: { sessionId: "session-1", fromIndex: 7, nextIndex: 8, events: [{ type: 3, timestamp: NOON }] },
      },
    ]);
  });
});

describe("text viewers", () => {
  it("LIV-25 get plain events, each batch once and in order, whatever is inflated first", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    room.publish("a", 0, { checkout: true });
    const viewer = await room.join({}, "text");
    for (let seq = 1; seq < 30; seq++) {
      const events = [{ type: 3, timestamp: NOON + seq, data: { n: seq, text: "x".repeat(((seq * 7) % 5) * 10_000) } }];
      const json = new TextEncoder().encode(JSON.stringify(events));
      if (seq % 3 === 0) room.publish("a", seq, { encoding: "json", payload: json, rawBytes: json.length });
      else room.publish("a", seq);
    }
    while (viewer.batches().length < 30) await settle(1);
    expect(viewer.batches()).toEqual(Array.from({ length: 30 }, (_, seq) => `a:${seq}`));
    const numbers = viewer.heard("events_batch").map(({ events }) => (events as { data: { n: number } }[])[0]?.data.n);
    expect(numbers).toEqual(Array.from({ length: 30 }, (_, seq) => seq));
    expect(viewer.heard("session_phase")).toMatchObject([{ phase: "live" }]);
    expect(viewer.heard("events_batch")[0]).not.toHaveProperty("payload");
  });

  it("LIV-26 are told of a gap where a payload is damaged, no JSON array, or too large to open for them", async () => {
    const room = createLiveRoom();
    room.openTab("a");
    room.publish("a", 0);
    room.publish("a", 1, { payload: new Uint8Array([1, 2, 3]) });
    room.publish("a", 2, { rawBytes: 5 });
    room.publish("a", 3, { encoding: "json", payload: new TextEncoder().encode('{"a":1}]},{') });
    room.publish("a", 4, { rawBytes: MAX_TEXT_RAW_BYTES + 1 });
    room.publish("a", 5);
    const viewer = await room.join({}, "text");
    while (viewer.batches().length < 2) await settle(1);
    expect(viewer.batches()).toEqual(["a:0", "a:5"]);
    expect(viewer.heard("gap").map(({ fromSeq, toSeq }) => [fromSeq, toSeq])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
  });
});

describe("memory", () => {
  it("LIV-27 tails keep to their budget, and keep everything that the database does not have", async () => {
    const room = createLiveRoom(1_000_000);
    room.openTab("a");
    room.openTab("b");
    for (let seq = 0; seq < 50; seq++) {
      room.publish("a", seq, { checkout: seq % 40 === 0, payload: new Uint8Array(50_000) });
      room.publish("b", seq, { checkout: seq % 40 === 0, payload: new Uint8Array(50_000) });
    }
    expect(room.live.status().tailBytes).toBeGreaterThan(5_000_000);
    const viewer = await room.join({ from: 0 });
    await settle(200);
    expect(viewer.batches()).toHaveLength(100);
    room.commit("a", 49);
    room.commit("b", 49);
    room.publish("a", 50);
    expect(room.live.status().tailBytes).toBeLessThan(1_100_000);
  });
});
