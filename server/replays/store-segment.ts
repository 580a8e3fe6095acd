/** One accepted segment of a replay: read, repaired for its index, redacted where the project wants it, and written with its row removed. */

import type { Marker } from "../../protocol/markers.ts";
import type { Database } from "../db/db.ts";
import { readIntakeHead } from "../intake-head.ts";
import { AS_RECEIVED, readJson, repairRecording, type RepairedRecording } from "../recordings/recordings.ts";
import { unpackReplay } from "../replay-intake.ts";
import { cleanReplayId, replaySessionId } from "../replay-session.ts";
import { removeRow, type ReplayRow } from "./intake-rows.ts";
import { readReplayFacts, toSeq } from "./replay-facts.ts";
import { type Segment, writeSegment, type Written } from "./segment-statements.ts";

/** What this room asks of privacy; `server/app.ts` ties the knot. */
export interface ReplayRedaction {
  readsPayloads(projectId: number): boolean;
  /** An object that came as JSON, changed in place. */
  fields(projectId: number, fields: object): void;
  markers(projectId: number, markers: Marker[]): Marker[];
  /** Null for a payload that cannot be read; instead of a promise where there is too much to do. */
  payload(
    projectId: number,
    packed: { encoding: "json" | "deflate-raw"; rawBytes: number; payload: Uint8Array },
  ): Promise<{ rawBytes: number; payload: Uint8Array } | null> | null;
}

/** Thrown for a segment that will never be stored: the message is for people. */
export class UnusableSegment extends Error {
  override readonly name = "UnusableSegment";
}

/** Thrown where the redaction has no room: try again soon. */
export class TooBusy extends Error {
  override readonly name = "TooBusy";
}

/** `session_events.encoding` of JSON behind deflate-raw. */
const DEFLATE_RAW = 1;
const MAX_EVENT_BYTES = 1024 * 1024;

/** Rolls back what a segment has written that may not be. */
class Refused extends Error {
  readonly written: "erased" | "foreign";

  constructor(written: "erased" | "foreign") {
    super(written);
    this.written = written;
  }
}

/**
 * Stores a segment and removes its row, in one transaction; safe to be called twice.
 * @returns null where somebody else has stored it meanwhile
 * @throws UnusableSegment, TooBusy
 */
export async function storeSegment(db: Database, redaction: ReplayRedaction, row: ReplayRow): Promise<Written | null> {
  const segment = await prepare(redaction, row);
  try {
    return await db.transaction(async (tx) => {
      if (!(await removeRow(tx, row.intake_id))) return null;
      const written = await writeSegment(tx, segment);
      if (written === "foreign" || written === "erased") throw new Refused(written);
      return written;
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.written === "foreign") throw new UnusableSegment("a session of another kind has its id");
    await removeRow(db, row.intake_id);
    return error.written;
  }
}

async function prepare(redaction: ReplayRedaction, row: ReplayRow): Promise<Segment> {
  const items = row.body && unpackReplay(row.body);
  if (!items) throw new UnusableSegment("the row holds no recording");
  const head = readIntakeHead(row.head);
  const repaired = await repairRecording(items.recording);
  if (repaired === null) throw new UnusableSegment("the recording is damaged, empty or too large to be played");
  const parsed = items.event.length > MAX_EVENT_BYTES ? null : readJson(items.event);
  const event = redactEvent(redaction, row.project_id, parsed, items.event);
  const said = readReplayFacts(parsed);
  const facts = { ...said, userAgent: said.userAgent || head.user_agent };
  const replayId = facts.replayId ?? cleanReplayId(head.replay_id) ?? cleanReplayId(head.event_id);
  if (replayId === null) throw new UnusableSegment("it does not say which replay it belongs to");
  const projectId = row.project_id;
  const stored = await redactPayload(redaction, projectId, repaired, items.recording);
  return {
    projectId,
    replayId,
    sessionId: replaySessionId(projectId, replayId),
    seq: toSeq(repaired.segmentId) ?? facts.segmentId ?? 0,
    facts,
    event,
    receivedAt: row.received_at,
    ...stored,
    count: repaired.count,
    firstAt: repaired.firstAt,
    lastAt: repaired.lastAt,
    checkout: repaired.checkout,
    viewport: repaired.page && { width: repaired.page.width, height: repaired.page.height },
    markers: redaction.markers(projectId, repaired.markers),
  };
}

/** As it came, or without its secrets where it had some. What is no JSON object is not kept. */
function redactEvent(redaction: ReplayRedaction, projectId: number, parsed: unknown, received: Uint8Array): Uint8Array {
  if (typeof parsed !== "object" || parsed === null) return new Uint8Array();
  const before = JSON.stringify(parsed);
  redaction.fields(projectId, parsed);
  const after = JSON.stringify(parsed);
  return before === after ? received : Buffer.from(after);
}

/** The recording as received; repaired and redacted in a project that wants payloads to be read. */
async function redactPayload(
  redaction: ReplayRedaction,
  projectId: number,
  { rawBytes, payload }: RepairedRecording,
  recording: Uint8Array,
): Promise<Pick<Segment, "encoding" | "rawBytes" | "payload">> {
  if (!redaction.readsPayloads(projectId)) return { encoding: AS_RECEIVED, rawBytes, payload: recording };
  const performed = redaction.payload(projectId, { encoding: "deflate-raw", rawBytes, payload });
  if (performed === null) throw new TooBusy();
  const redacted = await performed;
  if (redacted === null) throw new UnusableSegment("the recording could not be redacted");
  return { encoding: DEFLATE_RAW, rawBytes: redacted.rawBytes, payload: redacted.payload };
}
