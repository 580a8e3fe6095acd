import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KEY, openClient, readObject, rrwebEvents, runApp, type RunningApp } from "./running-app.ts";

let app: RunningApp;
let viewerHeaders: Record<string, string>;

beforeAll(async () => {
  app = await runApp();
  viewerHeaders = { Cookie: await app.signIn(), Origin: app.base };
});
afterAll(() => app.stop());

describe("the plain JSON dialect, from a console", () => {
  it("NET-31 a tracker's events reach a viewer, live and by index, and Postgres", async () => {
    const tracker = await openClient(app.base, `type=tracker&key=${KEY}`);
    const startTime = Date.now();
    tracker.say("session_start", {
      sessionId: "plain-session-1",
      userId: "u1",
      url: "https://shop.example/",
      userAgent: "console",
      viewport: { width: 800, height: 600, devicePixelRatio: 1 },
      startTime,
      referrer: "",
      timeZone: "Europe/Berlin",
    });
    const started = await tracker.next("session_started");
    expect(started).toMatchObject({ sessionId: "plain-session-1", upto: -1, watchers: 0 });
    expect(started["limits"]).toMatchObject({ maxFrameBytes: expect.any(Number) as number });

    const events = rrwebEvents(startTime);
    tracker.say("events_batch", { events });
    expect((await tracker.next("ack"))["upto"]).toBeGreaterThanOrEqual(0);

    const viewer = await openClient(app.base, "type=viewer", { headers: viewerHeaders });
    viewer.say("viewer_join_session", { sessionId: "plain-session-1" });
    const joined = await viewer.next("session_joined");
    expect(joined).toMatchObject({ session: { sessionId: "plain-session-1", userId: "u1", live: true } });
    const first = await viewer.next("events_batch");
    expect(first).toMatchObject({ sessionId: "plain-session-1", checkout: true });
    expect(await tracker.next("watchers", (data) => data["count"] === 1)).toBeTruthy();

    const later = [
      { type: 3, timestamp: startTime + 500, data: { source: 1, positions: [{ x: 1, y: 2, id: 1, timeOffset: 0 }] } },
    ];
    tracker.say("events_batch", { events: later });
    const live = await viewer.next("events_batch", (data) => JSON.stringify(data["events"]) === JSON.stringify(later));
    expect(live["sessionId"]).toBe("plain-session-1");
    await tracker.next("ack");

    viewer.say("get_session_events", { sessionId: "plain-session-1", fromIndex: 1 });
    const byIndex = await viewer.next("session_events");
    expect(byIndex).toMatchObject({ fromIndex: 1, nextIndex: 4, events: [events[1], events[2], later[0]] });

    const response = await fetch(`${app.base}/sessions/plain-session-1/events?fromIndex=0&limit=10`, { headers: viewerHeaders });
    expect(await readObject(response)).toMatchObject({
      sessionId: "plain-session-1",
      nextIndex: 4,
      events: [...events, ...later],
    });
    const active = await readObject(await fetch(`${app.base}/sessions/active`, { headers: viewerHeaders }));
    expect(JSON.stringify(active)).toContain("plain-session-1");

    tracker.say("session_end", { sessionId: "plain-session-1" });
    expect(await viewer.next("session_ended")).toMatchObject({ sessionId: "plain-session-1" });
    await Promise.all([tracker.close(), viewer.close()]);
  });

  it("NET-32 a bad message is answered with an error, and harms nobody else", async () => {
    const good = await openClient(app.base, `type=tracker&key=${KEY}`);
    good.say("session_start", { sessionId: "plain-session-2", url: "https://shop.example/" });
    await good.next("session_started");
    const bad = await openClient(app.base, `type=tracker&key=${KEY}`);
    for (const text of ["{", "[]", '{"type":1}', '{"type":"nonsense"}', '{"type":"events_batch","data":{"events":[]}}'])
      bad.socket.send(text);
    for (let i = 0; i < 5; i++) await bad.next("error");
    bad.say("session_start", { sessionId: 5 });
    expect(await bad.next("error")).toMatchObject({ code: "malformed" });
    const viewer = await openClient(app.base, "type=viewer", { headers: viewerHeaders });
    viewer.socket.send("{");
    expect(await viewer.next("error")).toMatchObject({ code: "malformed" });
    viewer.say("viewer_join_session", { sessionId: "no-such-session" });
    expect(await viewer.next("error")).toMatchObject({ code: "not_found" });

    // One frame too large: the library ends that connection, and only that.
    bad.socket.send(Buffer.alloc(9 * 1024 * 1024));
    expect(await bad.closed).toBe(1006);
    good.say("events_batch", { events: rrwebEvents(Date.now()) });
    await good.next("ack");
    expect((await fetch(`${app.base}/health`)).status).toBe(200);
    await Promise.all([good.close(), viewer.close()]);
  });
});
