/** Batches into payloads: deflated by the browser in pieces, in order, and never so that a page going away could lose one. */

import { MIN_DEFLATE_BYTES } from "../protocol/limits.ts";
import type { Encoding } from "../protocol/batch.ts";
import type { Draft } from "./batcher.ts";

export interface Packed {
  draft: Draft;
  encoding: Encoding;
  rawBytes: number;
  payload: Uint8Array;
}

/** Takes drafts in order and hands on payloads in the same order. */
export interface Packer {
  push: (draft: Draft) => void;
  /** Hands over everything that is still inside, uncompressed, before it returns. */
  flushNow: () => void;
}

/** CompressionStream works on the main thread: more than this at once would be felt (measured: 4 ms a piece). */
const PIECE_BYTES = 64 * 1024;
const utf8 = new TextEncoder();

/**
 * @param onPacked gets the batches in the order of `push`
 */
export function createPacker(onPacked: (packed: Packed) => void): Packer {
  const waiting: Draft[] = [];
  let isRunning = false;

  async function run(): Promise<void> {
    isRunning = true;
    for (let draft = waiting[0]; draft; draft = waiting[0]) {
      const packed = await pack(draft);
      // `flushNow` may have taken it meanwhile.
      if (waiting[0] !== draft) continue;
      waiting.shift();
      onPacked(packed);
    }
    isRunning = false;
  }

  return {
    push(draft) {
      waiting.push(draft);
      if (!isRunning) void run();
    },
    flushNow() {
      for (const draft of waiting.splice(0)) onPacked(packRaw(draft));
    },
  };
}

function packRaw(draft: Draft): Packed & { payload: Uint8Array<ArrayBuffer> } {
  const payload = utf8.encode(draft.json);
  return { draft, encoding: "json", rawBytes: payload.length, payload };
}

async function pack(draft: Draft): Promise<Packed> {
  const raw = packRaw(draft);
  if (raw.rawBytes < MIN_DEFLATE_BYTES) return raw;
  try {
    return { ...raw, encoding: "deflate-raw", payload: await deflate(raw.payload) };
  } catch {
    // No CompressionStream, or one without `deflate-raw` (Chromium before 103, Safari before 16.4).
    return raw;
  }
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new CompressionStream("deflate-raw");
  const writer = stream.writable.getWriter();
  const feed = async (): Promise<void> => {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      // A hidden page has nobody to annoy, and its timers are slow.
      if (at && !document.hidden) await new Promise((resolve) => setTimeout(resolve));
      await writer.write(bytes.subarray(at, at + PIECE_BYTES));
    }
    await writer.close();
  };
  // Both at once: nothing is read before something is written, and a failure of either is caught here.
  const [result] = await Promise.all([new Response(stream.readable).arrayBuffer(), feed()]);
  return new Uint8Array(result);
}
