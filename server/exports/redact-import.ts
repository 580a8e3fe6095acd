/** What is imported goes through the redaction of its project, as everything does that is stored. */

import type { Marker } from "../../protocol/markers.ts";
import type { SessionFileHead } from "../../protocol/session-file.ts";
import { AppError } from "../app-error.ts";

const BUSY_MS = 2_000;

/** A payload as privacy takes it. */
export interface PackedImport {
  encoding: "json" | "deflate-raw";
  rawBytes: number;
  payload: Uint8Array;
}

/** What this room asks of privacy; `server/app.ts` ties the knot. */
export interface ImportRedaction {
  readsPayloads(projectId: number): boolean;
  /** An object that came as JSON, changed in place. */
  fields(projectId: number, fields: object): void;
  /** The site's own id of a person. */
  personId(projectId: number, text: string): string;
  markers(projectId: number, markers: Marker[]): Marker[];
  /** Null for a payload that cannot be read; instead of a promise where there is too much to do. */
  payload(projectId: number, packed: PackedImport): Promise<PackedImport | null> | null;
}

/** The head without what the project does not keep. */
export function redactHead(redaction: ImportRedaction, projectId: number, head: SessionFileHead): SessionFileHead {
  const { userId } = head.session;
  const redacted = structuredClone({ ...head.session, userId: null });
  const tabs = structuredClone(head.tabs);
  redaction.fields(projectId, redacted);
  redaction.fields(projectId, tabs);
  return {
    ...head,
    tabs,
    session: { ...redacted, userId: userId === null || userId === undefined ? null : redaction.personId(projectId, userId) },
  };
}

/**
 * The payload without what the project does not keep; null for one that cannot be read.
 * @throws AppError `overload` where there is too much to do
 */
export async function redactPayload(
  redaction: ImportRedaction,
  projectId: number,
  packed: PackedImport,
): Promise<PackedImport | null> {
  if (!redaction.readsPayloads(projectId)) return packed;
  const performed = redaction.payload(projectId, packed);
  if (performed === null) throw new AppError("overload", "too much is being read at once", { retryAfterMs: BUSY_MS });
  return performed;
}
