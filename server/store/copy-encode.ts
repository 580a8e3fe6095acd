/**
 * Rows to the bytes of a binary COPY, in one buffer that is used again for the next COPY (PostgreSQL documentation, "COPY", "Binary
 * Format").
 */

import { cleanText } from "../../protocol/text.ts";
import type { Encoding } from "../../protocol/batch.ts";
import type { Marker } from "../../protocol/markers.ts";
import { errorId } from "./error-id.ts";
import { toJsonText } from "./json-text.ts";
import type { BatchRow } from "./store.ts";

/** Columns of one `session_events` row, in the order in which they are written. */
export const EVENT_COLUMNS =
  "session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding, raw_bytes, payload";
export const MARKER_COLUMNS = "session_id, tab, seq, ordinal, started_on, project_id, kind, at, name, text, data";
export const ERROR_COLUMNS =
  "error_id, session_id, tab, seq, ordinal, started_on, project_id, at, received_at, type, message, stack, url, data";

/** How `encoding` is stored. */
export const ENCODING_NUMBERS = { json: 0, "deflate-raw": 1 } as const satisfies Record<Encoding, number>;

/** A row with a value that no column takes; its message says which. */
export class UnstorableRow extends Error {
  override readonly name = "UnstorableRow";
}

const HEADER = Uint8Array.of(0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0);
/** A buffer that grew beyond this for one large row is not kept. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;
const FIRST_BYTES = 256 * 1024;
/** More than a row's fixed fields and their lengths take. */
const FIXED_BYTES = 256;
const MAX_INT32 = 0x7fff_ffff;
/** 2000-01-01, where Postgres counts days and microseconds from. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const DAY_MS = 86_400_000;

/** Writes one COPY after the other. What a method returns is valid until the next call. */
export class CopyEncoder {
  private bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  private view = viewOf(this.bytes);
  private at = 0;
  private dayText = "";
  private day = 0;

  /**
   * Rows of `session_events`.
   * @throws UnstorableRow
   */
  encodeEvents(rows: readonly BatchRow[]): Buffer {
    this.begin();
    for (const row of rows) {
      this.beginRow(12, row.payload.length + 3 * (row.sessionId.length + row.tab.length));
      this.writeKey(row);
      this.writeTimestamp(row.receivedAt);
      this.writeDouble(row.firstAt);
      this.writeDouble(row.lastAt);
      this.writeInt32(row.count, "count");
      this.writeByte(row.checkout ? 1 : 0);
      this.writeInt16(ENCODING_NUMBERS[row.encoding]);
      this.writeInt32(row.rawBytes, "rawBytes");
      this.writeBytes(row.payload);
    }
    return this.end();
  }

  /**
   * Rows of `session_markers`: every marker of every batch.
   * @throws UnstorableRow
   */
  encodeMarkers(rows: readonly BatchRow[]): Buffer {
    this.begin();
    for (const row of rows) {
      for (let ordinal = 0; ordinal < row.markers.length; ordinal++) {
        const marker = row.markers[ordinal];
        if (marker === undefined) continue;
        this.beginRow(11, 3 * (row.sessionId.length + row.tab.length + marker.kind.length));
        this.writeMarkerKey(row, ordinal);
        this.writeInt32(row.projectId, "projectId");
        this.writeAscii(marker.kind);
        this.writeDouble(marker.at);
        this.writeText(marker.name ?? "");
        this.writeText(marker.text ?? "");
        this.writeJson(marker.data ?? {});
      }
    }
    return this.end();
  }

  /**
   * Rows of `session_errors`: the markers of kind `error`.
   * @throws UnstorableRow
   */
  encodeErrors(rows: readonly BatchRow[]): Buffer {
    this.begin();
    for (const row of rows) {
      for (let ordinal = 0; ordinal < row.markers.length; ordinal++) {
        const marker = row.markers[ordinal];
        if (marker?.kind === "error") this.writeError(row, ordinal, marker);
      }
    }
    return this.end();
  }

  private writeError(row: BatchRow, ordinal: number, marker: Marker): void {
    this.beginRow(14, 3 * (row.sessionId.length + row.tab.length));
    this.writeBytes(errorId(row.sessionId, row.tab, row.seq, ordinal));
    this.writeMarkerKey(row, ordinal);
    this.writeInt32(row.projectId, "projectId");
    this.writeDouble(marker.at);
    this.writeTimestamp(row.receivedAt);
    this.writeText(marker.name ?? "");
    this.writeText(marker.text ?? "");
    this.writeText(marker.stack ?? "");
    this.writeText(row.url);
    this.writeJson(marker.causes ? { ...marker.data, causes: marker.causes } : (marker.data ?? {}));
  }

  private begin(): void {
    if (this.bytes.length > MAX_KEPT_BYTES) this.resize(FIRST_BYTES);
    this.at = 0;
    this.bytes.set(HEADER, this.at);
    this.at += HEADER.length;
  }

  private end(): Buffer {
    this.reserve(16);
    this.view.setInt16(this.at, -1);
    this.at += 2;
    return this.bytes.subarray(0, this.at);
  }

  private beginRow(fields: number, variableBytes: number): void {
    this.reserve(FIXED_BYTES + variableBytes);
    this.view.setInt16(this.at, fields);
    this.at += 2;
  }

  private writeKey(row: BatchRow): void {
    this.writeAscii(row.sessionId);
    this.writeAscii(row.tab);
    this.writeInt32(row.seq, "seq");
    this.writeDay(row.startedOn);
  }

  private writeMarkerKey(row: BatchRow, ordinal: number): void {
    this.writeAscii(row.sessionId);
    this.writeAscii(row.tab);
    this.writeInt32(row.seq, "seq");
    this.writeInt16(ordinal);
    this.writeDay(row.startedOn);
  }

  /** Ids and words of ours, which are ASCII; whatever is not goes the longer way. Room was reserved with the row. */
  private writeAscii(text: string): void {
    const { bytes } = this;
    const start = this.at + 4;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.writeText(text);
        return;
      }
      bytes[start + i] = code;
    }
    this.view.setInt32(this.at, text.length);
    this.at = start + text.length;
  }

  private writeText(text: string): void {
    const clean = cleanText(text);
    this.reserve(FIXED_BYTES + 3 * clean.length);
    const length = this.bytes.write(clean, this.at + 4, "utf8");
    this.view.setInt32(this.at, length);
    this.at += 4 + length;
  }

  private writeJson(value: unknown): void {
    const text = toJsonText(value);
    this.reserve(FIXED_BYTES + 3 * text.length);
    const length = this.bytes.write(text, this.at + 5, "utf8");
    this.view.setInt32(this.at, length + 1);
    // Version of the binary form of jsonb.
    this.bytes[this.at + 4] = 1;
    this.at += 5 + length;
  }

  private writeBytes(value: Uint8Array): void {
    this.view.setInt32(this.at, value.length);
    this.bytes.set(value, this.at + 4);
    this.at += 4 + value.length;
  }

  private writeByte(value: number): void {
    this.view.setInt32(this.at, 1);
    this.bytes[this.at + 4] = value;
    this.at += 5;
  }

  private writeInt16(value: number): void {
    this.view.setInt32(this.at, 2);
    this.view.setInt16(this.at + 4, value);
    this.at += 6;
  }

  private writeInt32(value: number, name: string): void {
    if (!(value >= 0 && value <= MAX_INT32)) throw new UnstorableRow(`${name} ${value} does not fit`);
    this.view.setInt32(this.at, 4);
    this.view.setInt32(this.at + 4, value);
    this.at += 8;
  }

  private writeDouble(value: number): void {
    this.view.setInt32(this.at, 8);
    this.view.setFloat64(this.at + 4, value);
    this.at += 12;
  }

  private writeDay(text: string): void {
    if (text !== this.dayText) {
      const days = (Date.parse(`${text}T00:00:00Z`) - POSTGRES_EPOCH_MS) / DAY_MS;
      if (!Number.isInteger(days)) throw new UnstorableRow("startedOn is not a day");
      this.dayText = text;
      this.day = days;
    }
    this.view.setInt32(this.at, 4);
    this.view.setInt32(this.at + 4, this.day);
    this.at += 8;
  }

  /** Microseconds since 2000 as an int64; below 2^53 for the next centuries, so that two halves of a double do. */
  private writeTimestamp(ms: number): void {
    const micros = Math.round((ms - POSTGRES_EPOCH_MS) * 1000);
    if (!Number.isSafeInteger(micros)) throw new UnstorableRow(`receivedAt ${ms} does not fit`);
    const high = Math.floor(micros / 0x1_0000_0000);
    this.view.setInt32(this.at, 8);
    this.view.setInt32(this.at + 4, high);
    this.view.setUint32(this.at + 8, micros - high * 0x1_0000_0000);
    this.at += 12;
  }

  private reserve(more: number): void {
    const needed = this.at + more + FIXED_BYTES;
    if (needed <= this.bytes.length) return;
    this.resize(Math.ceil(Math.max(needed * 1.25, Math.min(this.bytes.length * 2, MAX_KEPT_BYTES))));
  }

  private resize(size: number): void {
    const larger = Buffer.allocUnsafeSlow(size);
    this.bytes.copy(larger, 0, 0, Math.min(this.at, size));
    this.bytes = larger;
    this.view = viewOf(larger);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
