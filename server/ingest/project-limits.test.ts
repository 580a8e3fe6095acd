import { describe, expect, it } from "vitest";
import {
  createIngestRoom,
  packedBatch,
  projectOf,
  TestTracker,
  type IngestRoomForTests,
} from "../../test/harness/ingest-room.ts";
import { DEFAULT_PROJECT_SETTINGS, type Project, type ProjectLimits } from "../projects/projects.ts";

/** A project with these limits, whose settings a test may change. */
function limitedProject(limits: Partial<ProjectLimits>, id = 1): Project {
  const settings = structuredClone(DEFAULT_PROJECT_SETTINGS);
  Object.assign(settings.limits, limits);
  return { ...projectOf(id), settings };
}

async function open(room: IngestRoomForTests, project: Project, sessionId: string): Promise<TestTracker> {
  const tracker = new TestTracker(room.ingest, Number(sessionId.slice(1)), project);
  tracker.say("session_start", { sessionId, tab: "tab1", resumeToken: "0123456789abcdef", url: "", answersResend: true });
  while (tracker.told.length === 0) await new Promise(setImmediate);
  return tracker;
}

describe("settings of a project", () => {
  it("ING-41 are told with session_started, as they are at that moment", async () => {
    const room = createIngestRoom({ maxEventsPerSession: 100 });
    const project = limitedProject({ maxEventsPerSession: 10 });
    const first = await open(room, project, "s001");
    const { privacy, sampleRate } = DEFAULT_PROJECT_SETTINGS;
    expect(first.heard("session_started")).toMatchObject([
      { settings: { sampleRate, ...privacy }, limits: { maxEventsPerSession: 10 } },
    ]);
    project.settings.sampleRate = 0.5;
    project.settings.privacy.maskText = "all";
    project.settings.limits.maxEventsPerSession = 1_000;
    const second = await open(room, project, "s002");
    expect(second.heard("session_started")).toMatchObject([
      { settings: { sampleRate: 0.5, maskText: "all" }, limits: { maxEventsPerSession: 100 } },
    ]);
  });

  it("ING-42 hold a session to the lesser of its project's and the installation's number of events", async () => {
    const room = createIngestRoom({ maxEventsPerSession: 100 });
    const tracker = await open(room, limitedProject({ maxEventsPerSession: 3 }), "s001");
    const free = await open(room, limitedProject({}, 2), "s002");
    for (let seq = 0; seq < 5; seq++) {
      tracker.batch(seq);
      free.batch(seq);
    }
    expect(tracker.heard("error")).toEqual([{ code: "limit", message: "a session holds at most 3 events" }]);
    expect(free.heard("error")).toEqual([]);
    expect(room.store.pending.map(({ sessionId }) => sessionId).sort()).toEqual(["s001", ...Array<string>(5).fill("s002")]);
  });

  it("ING-43 hold all sessions of a project to its batches a second: what is over waits, and nothing is lost", async () => {
    const room = createIngestRoom();
    const project = limitedProject({ batchesPerSecond: 2 });
    const [a, b] = [await open(room, project, "s001"), await open(room, project, "s002")];
    const other = await open(room, limitedProject({}, 2), "s003");
    // A burst of ten seconds' worth is let through.
    for (let seq = 0; seq < 10; seq++) for (const tracker of [a, b, other]) tracker.batch(seq);
    expect(room.store.pending).toHaveLength(30);
    a.batch(10);
    a.batch(11);
    other.batch(10);
    expect(room.store.pending).toHaveLength(31);
    const [resend] = a.heard("resend");
    expect(resend).toMatchObject({ tab: "tab1", fromSeq: 10 });
    const { afterMs } = resend as { afterMs: number };
    expect(afterMs).toBeGreaterThanOrEqual(500);
    expect(afterMs).toBeLessThanOrEqual(2_000);
    expect(room.notes.filter((note) => note.kind === "batch")).toHaveLength(31);
    room.clock.advance(afterMs + 500);
    a.batch(10);
    a.batch(11);
    expect(room.store.pending.filter(({ sessionId }) => sessionId === "s001").map(({ seq }) => seq)).toEqual([
      ...Array(12).keys(),
    ]);
  });

  it("ING-43 hold all sessions of a project to its bytes a second as well", async () => {
    const room = createIngestRoom();
    const { payload } = packedBatch(0);
    const project = limitedProject({ bytesPerSecond: payload.length });
    const tracker = await open(room, project, "s001");
    for (let seq = 0; seq < 12; seq++) tracker.batch(seq);
    expect(room.store.pending).toHaveLength(10);
    expect(tracker.heard("resend")).toMatchObject([{ fromSeq: 10 }]);
    room.clock.advance(3_000);
    tracker.batch(10);
    expect(room.store.pending).toHaveLength(11);
  });

  it("ING-43 answer plain batches over that pace with overload and the time to wait", async () => {
    const room = createIngestRoom();
    const tracker = await open(room, limitedProject({ batchesPerSecond: 1 }), "s001");
    const events = [{ type: 3, timestamp: 1 }];
    for (let i = 0; i < 11; i++) tracker.say("events_batch", { events });
    expect(tracker.heard("error")).toMatchObject([{ code: "overload", message: "this project takes no more a second" }]);
    expect(room.store.pending).toHaveLength(10);
  });

  it("ING-43 follow a limit that was changed or taken away with the next session_start", async () => {
    const room = createIngestRoom();
    const project = limitedProject({ batchesPerSecond: 1 });
    const tracker = await open(room, project, "s001");
    for (let seq = 0; seq < 10; seq++) tracker.batch(seq);
    tracker.say("events_batch", { ...packedBatch(10), tab: "tab1" });
    expect(tracker.heard("resend")).toHaveLength(1);
    project.settings.limits.batchesPerSecond = null;
    const again = await open(room, project, "s001");
    again.batch(10);
    expect(room.store.pending).toHaveLength(11);
  });
});
