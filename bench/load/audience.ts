/** Viewers by the thousand, who only count what they are sent; and one publisher who keeps them busy. */

import { packMessage } from "../../protocol/msgpack-encode.ts";
import { publishNext, type Publisher } from "./publisher.ts";
import { openRawSocket, type RawSocket } from "./raw-socket.ts";
import { clientFrame, OPCODE } from "./ws-frames.ts";

/** Batches that may be on their way to the average viewer; far below what makes a viewer count as slow. */
const WINDOW = 64;
const OPEN_AT_A_TIME = 100;
/** A frame at least this long is a batch, not a control message. */
const BATCH_BYTES = 1_000;

export interface Audience {
  readonly size: number;
  /** Resolves when each viewer has had one batch; the length of its frame is then known. */
  ready(): Promise<void>;
  /** Batches delivered to all viewers together since the count began. */
  delivered(): number;
  close(): void;
}

/**
 * Opens viewers and has them join.
 * @param sessionId null where the server subscribes everybody by itself
 */
export async function openAudience(url: URL, size: number, sessionId: string | null): Promise<Audience> {
  const sockets: RawSocket[] = [];
  let bytes = 0;
  let frameBytes = 0;
  let seated = 0;
  let faults = 0;
  const join =
    sessionId === null ? null : clientFrame(OPCODE.binary, packMessage({ type: "viewer_join_session", data: { sessionId } }));
  const open = async (): Promise<void> => {
    let isSeated = false;
    const socket = await openRawSocket({
      url,
      onFrame: (_opcode, payload) => {
        if (isSeated || payload.length < BATCH_BYTES) return;
        isSeated = true;
        seated++;
        frameBytes = payload.length + 4;
        socket.countBytes((count) => (bytes += count));
      },
      onClose: () => faults++,
    });
    sockets.push(socket);
    if (join) socket.send(join);
  };
  for (let i = 0; i < size; i += OPEN_AT_A_TIME) {
    await Promise.all(Array.from({ length: Math.min(OPEN_AT_A_TIME, size - i) }, open));
  }
  return {
    size,
    async ready() {
      const deadline = Date.now() + 20_000;
      while (seated < size) {
        if (Date.now() > deadline || faults > 0)
          throw new Error(`${seated} of ${size} viewers had a batch, ${faults} were closed`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    delivered: () => bytes / frameBytes,
    close: () => {
      for (const socket of sockets) socket.close();
    },
  };
}

/** Sends batches as fast as the audience takes them, for a while; resolves with the batches delivered a second. */
export async function playTo(audience: Audience, publisher: Publisher, durationMs: number): Promise<number> {
  const before = audience.delivered();
  const startAt = performance.now();
  let sent = 0;
  for (let now = startAt; now - startAt < durationMs; now = performance.now()) {
    const arrived = (audience.delivered() - before) / audience.size;
    for (; sent - arrived < WINDOW; sent++) publishNext(publisher);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return ((audience.delivered() - before) * 1000) / (performance.now() - startAt);
}
