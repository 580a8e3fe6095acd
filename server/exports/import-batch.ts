/** A batch of a file, checked and packed as a tracker's would be. Nothing that the file says of it is believed: all is counted anew. */

import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import * as v from "valibot";
import { describeIssue } from "../../protocol/codec.ts";
import { MAX_PAYLOAD_BYTES } from "../../protocol/limits.ts";
import type { Marker } from "../../protocol/markers.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { sessionFileBatchSchema } from "../../protocol/session-file.ts";
import { AppError } from "../app-error.ts";

const deflate = promisify(deflateRaw);
const MAX_AT = 8.64e15;

/** What is stored of a batch, besides whose it is. */
export interface ImportedBatch {
  tab: string;
  seq: number;
  firstAt: number;
  lastAt: number;
  count: number;
  checkout: boolean;
  encoding: "json" | "deflate-raw";
  rawBytes: number;
  payload: Uint8Array;
  markers: Marker[];
}

/**
 * Reads one.
 * @param json one item of the file's list
 * @throws AppError `protocol` for what is no batch, `too_large` for one that no page could have sent
 */
export async function readImportedBatch(json: Uint8Array): Promise<ImportedBatch> {
  const { tab, seq, events, markers } = parse(json);
  const times = events.map(({ timestamp }) => timestamp);
  const firstAt = times.reduce((one, other) => Math.min(one, other), Infinity);
  const lastAt = times.reduce((one, other) => Math.max(one, other), -Infinity);
  if (firstAt < 0 || lastAt > MAX_AT) throw new AppError("protocol", "an event of the file has no possible time");
  const raw = Buffer.from(JSON.stringify(events));
  const payload = await deflate(raw, { level: 6 });
  if (payload.length > MAX_PAYLOAD_BYTES) throw new AppError("too_large", "one of the batches is too large");
  const checkout = events[0]?.type === RRWEB.meta && events[1]?.type === RRWEB.fullSnapshot;
  return {
    ...{ tab, seq, firstAt, lastAt, count: events.length, checkout },
    ...{ encoding: "deflate-raw", rawBytes: raw.length, payload, markers },
  };
}

function parse(json: Uint8Array): { tab: string; seq: number; events: RrwebEvent[]; markers: Marker[] } {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch {
    throw new AppError("protocol", "a batch of the file is not JSON");
  }
  const result = v.safeParse(sessionFileBatchSchema, value);
  if (!result.success) throw new AppError("protocol", `a batch of the file: ${describeIssue(result.issues[0])}`);
  return result.output;
}
