/** A payload back into rrweb events. What is inside comes from a page we do not know: bounded, and checked before anybody plays it. */

import type { ViewerBatch } from "../../protocol/batch.ts";
import { isRrwebEvent, type RrwebEvent } from "./rrweb-events.ts";

/** A payload that is not what its header says. */
export class BrokenPayload extends Error {
  override readonly name = "BrokenPayload";
}

/**
 * Inflates and parses the events of a batch.
 *
 * Stops at the header's `rawBytes`: a payload that holds more is refused, so that a few kilobytes cannot become gigabytes.
 * Entries that are no rrweb event are left out.
 * @throws BrokenPayload
 */
export async function readEvents(batch: Pick<ViewerBatch, "encoding" | "rawBytes" | "payload">): Promise<RrwebEvent[]> {
  const bytes = batch.encoding === "json" ? batch.payload : await inflate(batch.payload, batch.rawBytes);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new BrokenPayload("the events are not JSON");
  }
  if (!Array.isArray(value)) throw new BrokenPayload("the events are not a list");
  return value.filter(isRrwebEvent);
}

async function inflate(payload: Uint8Array, rawBytes: number): Promise<Uint8Array> {
  const out = new Uint8Array(rawBytes);
  let filled = 0;
  const source = new DecompressionStream("deflate-raw");
  const writer = source.writable.getWriter();
  const reader = source.readable.getReader();
  // The reader reports what goes wrong; the writer's promises would report it a second time.
  writer.write(Uint8Array.from(payload)).catch(() => undefined);
  writer.close().catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (filled + value.length > rawBytes) throw new BrokenPayload(`the events are larger than the ${rawBytes} bytes announced`);
      out.set(value, filled);
      filled += value.length;
    }
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    throw error instanceof BrokenPayload ? error : new BrokenPayload("the events cannot be inflated");
  }
  return out.subarray(0, filled);
}
