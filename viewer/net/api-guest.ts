/** What guests ask: the session of their link, its batches, and what goes on in it. The secret goes in a header, never in an address. */

import * as v from "valibot";
import { decodeBinary, parseMessage } from "../../protocol/codec.ts";
import { FrameReader } from "../../protocol/frames.ts";
import { MAX_FRAME_BYTES } from "../../protocol/limits.ts";
import { toViewer, type ToViewerMessage, type ToViewerType } from "../../protocol/viewer-messages.ts";
import type { BatchSource } from "../player/history.ts";
import { request, send } from "./api.ts";
import { type SessionDetail, sessionDetailSchema } from "./api-sessions.ts";
import { piecesOf, readBatchFrames } from "./batches-reader.ts";

const sightSchema = v.object({
  by: v.picklist(["share", "embed"]),
  fromAt: v.nullable(v.number()),
  toAt: v.nullable(v.number()),
  showsPanels: v.boolean(),
  expiresAt: v.number(),
  /** Of an embed token: the project in whose pages alone it is shown. */
  projectId: v.nullable(v.number()),
});
/** What a link shows, and until when. */
export type Sight = v.InferOutput<typeof sightSchema>;

const guestSessionSchema = v.object({ ...sessionDetailSchema.entries, sight: sightSchema });

/** The session of a link. */
export function readGuestSession(secret: string, signal: AbortSignal): Promise<SessionDetail & { sight: Sight }> {
  return request("GET", "/v1/guest/session", guestSessionSchema, { signal, guest: secret });
}

/** Its stored batches. */
export function createGuestSource(secret: () => string): BatchSource {
  return {
    async *read({ tab, from, to }, signal) {
      const query = new URLSearchParams({ tab, from: String(from), to: String(to) });
      const response = await send("GET", `/v1/guest/batches?${query.toString()}`, { signal, guest: secret() });
      if (response.body) yield* readBatchFrames(piecesOf(response.body));
    },
  };
}

/** What goes on in it, until the connection ends. */
export async function* readGuestLive(secret: string, signal: AbortSignal): AsyncGenerator<ToViewerMessage> {
  const response = await send("GET", "/v1/guest/live", { signal, guest: secret });
  if (!response.body) return;
  const frames = new FrameReader(MAX_FRAME_BYTES);
  for await (const piece of piecesOf(response.body)) {
    for (const frame of frames.push(piece)) yield parseMessage<typeof toViewer, ToViewerType>(toViewer, decodeBinary(frame));
  }
}
