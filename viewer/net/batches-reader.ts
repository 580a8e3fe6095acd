/** Reads stored batches from `GET /v1/sessions/:id/batches`: a stream of frames, each a MessagePack message. */

import { decodeBinary, parseMessage } from "../../protocol/codec.ts";
import type { ViewerBatch } from "../../protocol/batch.ts";
import { FrameReader } from "../../protocol/frames.ts";
import { MAX_FRAME_BYTES } from "../../protocol/limits.ts";
import { toViewer } from "../../protocol/viewer-messages.ts";
import type { BatchSource } from "../player/history.ts";
import { send } from "./api.ts";

/** Cuts a stream of bytes into batches; what is no packed batch is left out. Throws where the stream ends within a frame. */
export async function* readBatchFrames(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ViewerBatch> {
  const frames = new FrameReader(MAX_FRAME_BYTES);
  for await (const piece of pieces) {
    for (const frame of frames.push(piece)) {
      const message = parseMessage(toViewer, decodeBinary(frame));
      if (message.type === "events_batch" && "payload" in message.data) yield message.data;
    }
  }
  if (!frames.isWhole) throw new Error("the stream of batches broke off");
}

/** The stored batches of one session, over HTTP. */
export function createBatchSource(sessionId: string): BatchSource {
  return {
    async *read({ tab, from, to }, signal) {
      const query = new URLSearchParams({ tab, from: String(from), to: String(to) });
      const response = await send("GET", `/v1/sessions/${encodeURIComponent(sessionId)}/batches?${query.toString()}`, { signal });
      if (response.body) yield* readBatchFrames(piecesOf(response.body));
    },
  };
}

/** A stream as an iterable; leaving early cancels it. Safari cannot iterate a ReadableStream by itself. */
export async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
