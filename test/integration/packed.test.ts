import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeBinary, encodeBinary } from "../../protocol/codec.ts";
import { FrameReader, joinFrames } from "../../protocol/frames.ts";
import { KEY, openClient, readObject, rrwebEvents, runApp, type RunningApp } from "./running-app.ts";

let app: RunningApp;
let viewerHeaders: Record<string, string>;

beforeAll(async () => {
  app = await runApp();
  viewerHeaders = { Cookie: await app.signIn(), Origin: app.base };
});
afterAll(() => app.stop());

/** A packed batch as the tracker makes it. */
function packed(tab: string, seq: number, startedAt: number) {
  const events = seq === 0 ? rrwebEvents(startedAt) : rrwebEvents(startedAt + seq * 100).slice(2);
  const json = Buffer.from(JSON.stringify(events));
  const times = events.map((event) => Number(event["timestamp"]));
  return {
    tab,
    seq,
    firstAt: Math.min(...times),
    lastAt: Math.max(...times),
    count: events.length,
    checkout: seq === 0,
    encoding: "deflate-raw",
    rawBytes: json.length,
    markers: [],
    payload: new Uint8Array(deflateRawSync(json)),
  };
}

const bytesOf = (value: unknown) => Buffer.from(value as Uint8Array);

describe("packed batches in MessagePack", () => {
  it("NET-33 reach a binary viewer and the batches route byte for byte, and are acknowledged in binary", async () => {
    const startedAt = Date.now();
    const tracker = await openClient(app.base, `type=tracker&key=${KEY}`);
    tracker.pack("session_start", {
      sessionId: "packed-session-1",
      tab: "tab-a",
      url: "https://shop.example/",
      startTime: startedAt,
    });
    await tracker.next("session_started");
    tracker.pack("events_batch", packed("tab-a", 0, startedAt));
    expect(await tracker.next("ack")).toEqual({ tab: "tab-a", upto: 0 });

    const viewer = await openClient(app.base, "type=viewer", { headers: viewerHeaders });
    viewer.pack("viewer_join_session", { sessionId: "packed-session-1" });
    await viewer.next("session_joined");
    for (let seq = 1; seq < 4; seq++) tracker.pack("events_batch", packed("tab-a", seq, startedAt));
    for (let seq = 0; seq < 4; seq++) {
      const batch = await viewer.next("events_batch");
      expect(batch).toMatchObject({ sessionId: "packed-session-1", tab: "tab-a", seq });
      expect(bytesOf(batch["payload"]).equals(bytesOf(packed("tab-a", seq, startedAt).payload))).toBe(true);
    }
    await tracker.next("ack", (data) => data["upto"] === 3);
    expect(tracker.heard.every((message) => message.isBinary)).toBe(true);

    const response = await fetch(`${app.base}/v1/sessions/packed-session-1/batches`, { headers: viewerHeaders });
    expect(response.headers.get("content-type")).toContain("application/x-watchback-batches");
    const frames = new FrameReader(64 * 1024 * 1024).push(new Uint8Array(await response.arrayBuffer()));
    const seqs = frames.map((frame) => (decodeBinary(frame).data as { seq: number }).seq);
    expect(seqs).toEqual([0, 1, 2, 3]);
    await Promise.all([tracker.close(), viewer.close()]);
  });

  it("NET-34 a batch that is sent twice is stored once, and acknowledged again", async () => {
    const startedAt = Date.now();
    const tracker = await openClient(app.base, `type=tracker&key=${KEY}`);
    tracker.pack("session_start", { sessionId: "packed-session-2", tab: "t", url: "https://shop.example/" });
    await tracker.next("session_started");
    tracker.pack("events_batch", packed("t", 0, startedAt));
    await tracker.next("ack");
    tracker.pack("events_batch", packed("t", 0, startedAt));
    expect(await tracker.next("ack")).toEqual({ tab: "t", upto: 0 });
    const answer = await readObject(await fetch(`${app.base}/sessions/packed-session-2/events`, { headers: viewerHeaders }));
    expect(answer["events"]).toHaveLength(3);
    await tracker.close();
  });

  it("NET-35 the HTTP way writes the same rows, and resumes what the socket began", async () => {
    const startedAt = Date.now();
    const hello = { sessionId: "packed-session-3", tab: "t", url: "https://shop.example/", resumeToken: "0123456789abcdefghij" };
    const tracker = await openClient(app.base, `type=tracker&key=${KEY}`);
    tracker.pack("session_start", hello);
    await tracker.next("session_started");
    tracker.pack("events_batch", packed("t", 0, startedAt));
    await tracker.next("ack");
    await tracker.close();

    const body = joinFrames([
      encodeBinary("session_start", hello),
      encodeBinary("events_batch", packed("t", 0, startedAt)),
      encodeBinary("events_batch", packed("t", 1, startedAt)),
      encodeBinary("tab_end", { tab: "t" }),
    ]);
    const response = await fetch(`${app.base}/v1/ingest?key=${KEY}`, { method: "POST", body });
    expect(response.status).toBe(200);
    const { messages } = await readObject(response);
    expect(messages).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          type: "session_started",
          data: expect.objectContaining({ upto: 0, sessionId: "packed-session-3" }) as object,
        }),
        { type: "ack", data: { tab: "t", upto: 1 } },
      ]),
    );
    const answer = await readObject(await fetch(`${app.base}/sessions/packed-session-3/events`, { headers: viewerHeaders }));
    expect(answer["events"]).toHaveLength(4);
  });
});
