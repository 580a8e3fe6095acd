/** A payload back into rrweb events. What is inside comes from a page we do not know: bounded, and checked before anybody plays it. */

import type { ViewerBatch } from "../../protocol/batch.ts";
import { MAX_BATCH_EVENTS } from "../../protocol/limits.ts";
import { cleanEvent } from "./clean-events.ts";
import { checkShape } from "./json-shape.ts";
import { mayHoldEntries, readEntries, type LogEntry } from "./log-entries.ts";
import { MAX_EVENTS_BYTES, TooLarge } from "./limits.ts";
import { isRrwebEvent, type RrwebEvent } from "./rrweb-events.ts";

/** A payload that is not what its header says. */
export class BrokenPayload extends Error {
  override readonly name = "BrokenPayload";
}

/** What a batch holds, as far as it is shown. */
export interface ReadBatch {
  events: readonly RrwebEvent[];
  /** Origins of images, fonts and style sheets that these events name. */
  hosts: ReadonlySet<string>;
  /** What they say besides the page: console, requests, state. */
  entries: readonly LogEntry[];
  /** Why nothing or not all of it is here, as a sentence for a person; null where nothing is missing. */
  problem: string | null;
}

/**
 * Reads a batch for the player: inflated, parsed, cleaned, and with times inside what the header says. Never rejects.
 */
export async function readBatch(
  batch: Pick<ViewerBatch, "encoding" | "rawBytes" | "payload" | "firstAt" | "lastAt">,
): Promise<ReadBatch> {
  const hosts = new Set<string>();
  const events: RrwebEvent[] = [];
  const entries: LogEntry[] = [];
  let problem: string | null = null;
  try {
    for (const event of await readEvents(batch)) {
      try {
        const timestamp = Math.min(batch.lastAt, Math.max(batch.firstAt, event.timestamp));
        entries.push(...readEntries({ ...event, timestamp }));
        const clean = cleanEvent(event, hosts);
        if (clean) events.push({ ...clean, timestamp });
      } catch (error) {
        problem = toProblem(error);
      }
    }
  } catch (error) {
    problem = toProblem(error);
  }
  return { events, hosts, entries, problem };
}

/** Reads no more of a batch than what it says besides the page; cheap where it says nothing. Never rejects. */
export async function readBatchEntries(
  batch: Pick<ViewerBatch, "encoding" | "rawBytes" | "payload" | "firstAt" | "lastAt">,
): Promise<LogEntry[]> {
  try {
    const json = new TextDecoder().decode(await readBytes(batch));
    return mayHoldEntries(json)
      ? parseEvents(json).flatMap((event) =>
          readEntries({ ...event, timestamp: Math.min(batch.lastAt, Math.max(batch.firstAt, event.timestamp)) }),
        )
      : [];
  } catch {
    return [];
  }
}

function toProblem(error: unknown): string {
  if (error instanceof TooLarge) return error.message;
  return "A part of this recording cannot be read";
}

/**
 * Inflates and parses the events of a batch.
 *
 * Stops at the header's `rawBytes`: a payload that holds more is refused, so that a few kilobytes cannot become gigabytes.
 * Entries that are no rrweb event are left out, as are those beyond the most that a batch may have.
 * @throws BrokenPayload | TooLarge
 */
export async function readEvents(batch: Pick<ViewerBatch, "encoding" | "rawBytes" | "payload">): Promise<RrwebEvent[]> {
  return parseEvents(new TextDecoder().decode(await readBytes(batch)));
}

async function readBytes(batch: Pick<ViewerBatch, "encoding" | "rawBytes" | "payload">): Promise<Uint8Array> {
  if (Math.max(batch.rawBytes, batch.payload.length) > MAX_EVENTS_BYTES) throw new TooLarge("This page is too large to be shown");
  const bytes = batch.encoding === "json" ? batch.payload : await inflate(batch.payload, batch.rawBytes);
  checkShape(bytes);
  return bytes;
}

function parseEvents(json: string): RrwebEvent[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new BrokenPayload("the events are not JSON");
  }
  if (!Array.isArray(value)) throw new BrokenPayload("the events are not a list");
  return value.slice(0, MAX_BATCH_EVENTS).filter(isRrwebEvent);
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
