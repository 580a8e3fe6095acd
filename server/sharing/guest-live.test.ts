import { afterEach, beforeEach, expect, it } from "vitest";
import { decodeBinary } from "../../protocol/codec.ts";
import { FrameReader } from "../../protocol/frames.ts";
import { createLiveRoom, type LiveRoomForTests, settle } from "../../test/harness/live-room.ts";
import { AppError } from "../app-error.ts";
import { streamGuestLive } from "./guest-live.ts";
import type { Guest } from "./guests.ts";
import { SLICE_BYTES } from "./slices.ts";

const GUEST: Guest = {
  ...{ kind: "guest", by: "share", name: "share link 1", linkId: 1, projectId: 1, sessionId: "session-1" },
  ...{ fromAt: null, toAt: null, showsPanels: false, expiresAt: Infinity },
};
/** Page changes of 100 KB. */
const LARGE = Buffer.from(JSON.stringify([{ type: 3, timestamp: 1, data: { source: 0, adds: "x".repeat(100_000) } }]));
const large = { encoding: "json", rawBytes: LARGE.length, payload: LARGE } as const;

let room: LiveRoomForTests;
let isGood: boolean;
let asked: number;
let leave: AbortController;
let stream: AsyncGenerator<Uint8Array>;
let reader: FrameReader;

beforeEach(() => {
  room = createLiveRoom();
  room.openTab("main");
  [isGood, asked, leave, reader] = [true, 0, new AbortController(), new FrameReader(1e8)];
  const stillGood = (): Promise<void> => {
    asked++;
    return isGood ? Promise.resolve() : Promise.reject(new AppError("auth", "over"));
  };
  stream = streamGuestLive({ live: room.live, clock: room.clock, stillGood }, GUEST, "127.0.0.1", leave.signal);
});

afterEach(async () => {
  leave.abort();
  await stream.return(undefined);
  room.live.stop();
});

/** Reads until a message of this type, or with this seq, or to the end; returns what came. */
async function readUntil(last: string | number): Promise<{ types: string[]; seqs: number[] }> {
  const [types, seqs]: [string[], number[]] = [[], []];
  for (;;) {
    const result: IteratorResult<Uint8Array, unknown> = await stream.next();
    if (result.done === true) return { types, seqs };
    expect(result.value.length).toBeLessThanOrEqual(SLICE_BYTES);
    for (const frame of reader.push(result.value)) {
      const message = decodeBinary(frame);
      types.push(message.type);
      const { data } = message;
      if (typeof data === "object" && data !== null && "seq" in data && typeof data.seq === "number") seqs.push(data.seq);
    }
    if (types.some((type) => type === last) || seqs.some((seq) => seq === last)) return { types, seqs };
  }
}

it("SHA-14 a guest who reads slowly makes the server hold little, and goes on at a newer checkout", async () => {
  room.publish("main", 0, { checkout: true });
  expect((await readUntil("session_phase")).types).toContain("session_joined");
  // Nobody reads meanwhile: 30 MB are published.
  for (let seq = 1; seq <= 300; seq++) {
    room.publish("main", seq, large);
    if (seq % 20 === 0) await settle();
  }
  room.publish("main", 301, { checkout: true });
  await settle();
  const { seqs } = await readUntil(301);
  expect(seqs.at(-1)).toBe(301);
  expect(seqs.length).toBeLessThan(40);
});

it("SHA-14 when the link ends, one who reads slowly gets no more than a slice, and is not asked for again", async () => {
  room.publish("main", 0, { checkout: true });
  await readUntil("session_phase");
  for (let seq = 1; seq <= 8; seq++) room.publish("main", seq, large);
  await settle();
  expect((await stream.next()).value).toHaveLength(SLICE_BYTES);
  isGood = false;
  room.clock.advance(1_500);
  await settle();
  expect(await stream.next()).toMatchObject({ done: true });
  const before = asked;
  room.clock.advance(60_000);
  expect(asked).toBe(before);
});

it("SHA-5 when the link ends, one who has read everything is told why", async () => {
  room.publish("main", 0, { checkout: true });
  await readUntil("session_phase");
  isGood = false;
  const reading = readUntil("error");
  await settle();
  room.clock.advance(1_500);
  expect((await reading).types.at(-1)).toBe("error");
  expect(await stream.next()).toMatchObject({ done: true });
  expect(room.requests.watchers.at(-1)).toBe(0);
});
