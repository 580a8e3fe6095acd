/** Errors as the digest hands them to issues; what is left out is made up. */

import { createHash } from "node:crypto";
import type { ChainedException, Frame, OccurrenceDetail } from "../../protocol/occurrence.ts";
import type { Digested } from "../../server/digested.ts";

/** What a test says of an error. */
export interface DigestedFacts extends Partial<Omit<Digested, "detail">> {
  detail?: Partial<OccurrenceDetail>;
}

const EMPTY: OccurrenceDetail = {
  exceptions: [],
  frames: [],
  template: "",
  fingerprint: [],
  breadcrumbs: [],
  request: null,
  user: null,
  contexts: {},
  sdk: null,
  serverName: "",
  dist: "",
  traceId: "",
  replayId: "",
  notes: [],
};

let made = 0;

/** One error. With `type`, `detail.exceptions` holds it unless they are given. */
export function digestedOf({ detail, ...over }: DigestedFacts = {}): Digested {
  made++;
  const eventId = over.eventId ?? createHash("md5").update(`event ${made}`).digest("hex");
  const projectId = over.projectId ?? 1;
  const type = over.type ?? "Error";
  const message = over.message ?? "it broke";
  const exceptions: ChainedException[] = type === "" ? [] : [{ type, value: message, frames: detail?.frames ?? [] }];
  return {
    errorId: uuidOf(`${projectId} ${eventId}`),
    projectId,
    eventId,
    source: "sdk",
    receivedAt: Date.UTC(2026, 10, 21, 12) + made,
    at: Date.UTC(2026, 10, 21, 12) + made - 50,
    sessionId: null,
    tab: null,
    userId: null,
    level: "error",
    type,
    message,
    culprit: "",
    transaction: "",
    release: "",
    environment: "",
    platform: "javascript",
    url: "",
    tags: {},
    ...over,
    detail: { ...EMPTY, exceptions, ...detail },
  };
}

/** A frame of the project's own code with its source. */
export function frameOf(file: string, line: string, over: Partial<Frame> & { before?: string } = {}): Frame {
  const { before = "", ...rest } = over;
  return { file, function: "", line: 1, column: 1, inApp: true, context: { before: [before], line, after: [] }, ...rest };
}

/** A UUID that stands for a text. */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
