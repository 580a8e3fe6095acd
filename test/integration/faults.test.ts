import { describe, expect, it } from "vitest";
import { startCluster } from "../harness/postgres.ts";
import { KEY, openClient, readObject, rrwebEvents, runApp } from "./running-app.ts";

describe("when things go wrong", () => {
  it("NET-41 says 503 while Postgres is away, acknowledges nothing, keeps the live view, and heals by itself", async () => {
    const cluster = await startCluster();
    const app = await runApp({ DATABASE_URL: cluster.url });
    try {
      const cookie = await app.signIn();
      const tracker = await openClient(app.base, `type=tracker&key=${KEY}`);
      tracker.say("session_start", { sessionId: "fault-session", url: "https://shop.example/" });
      await tracker.next("session_started");
      tracker.say("events_batch", { events: rrwebEvents(Date.now()) });
      await tracker.next("ack");
      const viewer = await openClient(app.base, "type=viewer", { headers: { Cookie: cookie, Origin: app.base } });
      viewer.say("viewer_join_session", { sessionId: "fault-session" });
      await viewer.next("session_joined");
      await viewer.next("events_batch");

      await cluster.stop("immediate");
      await expect.poll(async () => (await fetch(`${app.base}/health`)).status, { timeout: 10_000 }).toBe(503);
      expect(await readObject(await fetch(`${app.base}/health`))).toMatchObject({ status: "down", database: "down" });
      const events = [{ type: 3, timestamp: Date.now(), data: { source: 1, positions: [] } }];
      tracker.say("events_batch", { events });
      expect((await viewer.next("events_batch"))["events"]).toEqual(events);
      expect(tracker.heard.filter((message) => message.type === "ack")).toEqual([]);

      await cluster.start();
      expect(await tracker.next("ack")).toMatchObject({ upto: 1 });
      await expect.poll(async () => (await fetch(`${app.base}/health`)).status, { timeout: 10_000 }).toBe(200);
      await Promise.all([tracker.close(), viewer.close()]);
    } finally {
      await app.stop();
      await cluster.remove();
    }
  });

  it("NET-42 a drain writes and acknowledges what was taken, then ends sockets with 1012", async () => {
    const app = await runApp();
    const tracker = await openClient(app.base, `type=tracker&key=${KEY}`);
    tracker.say("session_start", { sessionId: "drain-session", url: "https://shop.example/" });
    await tracker.next("session_started");
    for (let i = 0; i < 20; i++) tracker.say("events_batch", { events: rrwebEvents(Date.now() + i) });
    await tracker.next("ack");
    const stopping = app.app.stop();
    expect(await tracker.closed).toBe(1012);
    await stopping;
    const ack = tracker.heard.filter((message) => message.type === "ack").at(-1);
    expect(ack?.data["upto"]).toBe(19);
    await expect(fetch(`${app.base}/health`)).rejects.toThrow();
    await app.stop();
  });

  it("NET-43 a second start on the same port says so, and leaves nothing behind", async () => {
    const app = await runApp();
    const port = new URL(app.base).port;
    await expect(runApp({ PORT: port, DATABASE_URL: "postgres://127.0.0.1:1/none" })).rejects.toThrow(
      `Port ${port} on 127.0.0.1 cannot be opened`,
    );
    await app.stop();
  });
});
