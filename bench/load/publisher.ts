/** One tracker whose batches are sent by hand. */

import { randomBytes } from "node:crypto";
import { createSessionId, createTabId } from "../../protocol/ids.ts";
import { packedFrame, type PatchableFrame } from "./batches.ts";
import { openRawSocket, type RawSocket } from "./raw-socket.ts";
import { clientFrame, OPCODE } from "./ws-frames.ts";

export interface Publisher {
  readonly sessionId: string;
  readonly socket: RawSocket;
  frame: PatchableFrame;
  nextSeq: number;
}

/** Opens a session and resolves when the server has answered. */
export async function openPublisher(url: URL): Promise<Publisher> {
  const sessionId = createSessionId(Date.now(), randomBytes(10));
  const tab = createTabId(randomBytes(12));
  const answers: string[] = [];
  const socket = await openRawSocket({
    url,
    onFrame: (opcode, payload) => {
      if (opcode === OPCODE.text && answers.length === 0) answers.push(payload.toString());
    },
  });
  const start = { type: "session_start", data: { sessionId, tab, url: "https://shop.example/", startTime: Date.now() } };
  socket.send(clientFrame(OPCODE.text, Buffer.from(JSON.stringify(start))));
  while (answers.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  return { sessionId, socket, frame: packedFrame(tab), nextSeq: 0 };
}

/** Sends the next batch; the first one is a checkout. */
export function publishNext(publisher: Publisher, at: number = Date.now()): void {
  publisher.frame.patch(publisher.nextSeq++, at);
  // Memory that the kernel has not taken yet must not be patched: go on with another copy.
  if (!publisher.socket.send(publisher.frame.bytes)) publisher.frame = publisher.frame.clone();
}
