/**
 * A file becomes a session, in one transaction: all of it or nothing. It is read piece by piece, with one batch in memory; what its head says
 * may stand before or behind the recording.
 */

import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { describeIssue } from "../../protocol/codec.ts";
import { createSessionId } from "../../protocol/ids.ts";
import { ListSplitter, SplitFault } from "../../protocol/list-splitter.ts";
import {
  MAX_FILE_BATCH_BYTES,
  MAX_FILE_DEPTH,
  SESSION_FILE_FORMAT,
  SESSION_FILE_LIST,
  SESSION_FILE_VERSION,
  type SessionFileHead,
  sessionFileHeadSchema,
} from "../../protocol/session-file.ts";
import { AppError } from "../app-error.ts";
import type { Queryable } from "../db/db.ts";
import { type ImportedBatch, readImportedBatch } from "./import-batch.ts";
import {
  type ImportCount,
  type ImportedTab,
  type ImportPlace,
  insertImportedBatch,
  insertImportedSession,
} from "./import-statements.ts";
import { type ImportRedaction, redactHead, redactPayload } from "./redact-import.ts";

const MAX_HEAD_BYTES = 8 * 1024 * 1024;
const MAX_BATCHES = 200_000;
const MAX_TABS = 5_000;
const MAX_SEQ = 2_147_483_647;

/** What came of it. */
export interface Imported {
  sessionId: string;
  /** As the file says; empty where it does not. */
  originalId: string;
  userId: string | null;
  count: ImportCount;
}

/** What is known of a page context while its batches come. */
interface OpenTab {
  /** The first seq of the file: numbers begin with 0 again. */
  base: number;
  upto: number;
  firstAt: number;
  lastAt: number;
}

/**
 * Reads the file and writes the session.
 * @param tx a transaction of the caller's, which ends with what this throws
 * @throws AppError `protocol` for what is no session file, `too_large` past the bounds
 */
export async function takeIn(
  tx: Queryable,
  json: AsyncIterable<Uint8Array>,
  target: { projectId: number; startedOn: string; now: number; maxEvents: number },
  redaction: ImportRedaction,
): Promise<Imported> {
  const sessionId = createSessionId(target.now, randomBytes(10));
  const place: ImportPlace = { projectId: target.projectId, startedOn: target.startedOn, sessionId };
  const splitter = new ListSplitter({
    list: SESSION_FILE_LIST,
    maxItemBytes: MAX_FILE_BATCH_BYTES,
    maxHeadBytes: MAX_HEAD_BYTES,
    maxDepth: MAX_FILE_DEPTH,
  });
  const tabs = new Map<string, OpenTab>();
  const count: ImportCount = { events: 0, batches: 0, bytes: 0, errors: 0 };

  async function take(item: Uint8Array): Promise<void> {
    const read = await readImportedBatch(item);
    const batch = await redact({ ...read, seq: nextSeq(tabs, read) });
    if (batch === null) return;
    count.events += batch.count;
    count.batches++;
    count.bytes += batch.payload.length;
    count.errors += batch.markers.filter(({ kind }) => kind === "error").length;
    if (count.events > target.maxEvents || count.batches > MAX_BATCHES)
      throw new AppError("too_large", "the session is too long");
    await insertImportedBatch(tx, place, batch);
  }

  async function redact(batch: ImportedBatch): Promise<ImportedBatch | null> {
    const packed = await redactPayload(redaction, target.projectId, batch);
    return packed && { ...batch, ...packed, markers: redaction.markers(target.projectId, batch.markers) };
  }

  try {
    for await (const piece of json) for (const item of splitter.push(piece)) await take(item);
    const head = redactHead(redaction, target.projectId, readHead(splitter.end()));
    if (count.batches === 0) throw new AppError("protocol", "there is nothing recorded in the file");
    await insertImportedSession(tx, place, head, listTabs(head, tabs), count);
    return { sessionId, originalId: head.session.sessionId, userId: head.session.userId ?? null, count };
  } catch (error) {
    throw error instanceof SplitFault ? new AppError("protocol", `the file cannot be read: ${error.message}`) : error;
  }
}

/** The number of a batch here: as in the file, from 0. */
function nextSeq(tabs: Map<string, OpenTab>, { tab, seq, firstAt, lastAt }: ImportedBatch): number {
  const known = tabs.get(tab);
  if (!known) {
    if (tabs.size >= MAX_TABS) throw new AppError("too_large", "the session has too many tabs");
    tabs.set(tab, { base: seq, upto: seq, firstAt, lastAt });
    return 0;
  }
  if (seq <= known.upto) throw new AppError("protocol", "the batches of a tab are not in order");
  if (seq - known.base > MAX_SEQ) throw new AppError("protocol", "a batch of the file has no possible number");
  known.upto = seq;
  known.firstAt = Math.min(known.firstAt, firstAt);
  known.lastAt = Math.max(known.lastAt, lastAt);
  return seq - known.base;
}

function readHead(json: Uint8Array): SessionFileHead {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch {
    throw new AppError("protocol", "the file is not JSON");
  }
  const result = v.safeParse(sessionFileHeadSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const name = issue.path?.[0]?.key;
  if (name === "format") throw new AppError("protocol", `the file is none of the format ${SESSION_FILE_FORMAT}`);
  if (name === "version")
    throw new AppError("protocol", `the file is not of version ${SESSION_FILE_VERSION}, which this server reads`);
  throw new AppError("protocol", `the file: ${describeIssue(issue)}`);
}

/** The tabs that have batches, with what the file says of them. */
function listTabs({ tabs: described }: SessionFileHead, tabs: ReadonlyMap<string, OpenTab>): ImportedTab[] {
  const byId = new Map(described.map((tab) => [tab.tab, tab]));
  return [...tabs].map(([tab, { firstAt, lastAt }]) => {
    const said = byId.get(tab);
    if (!said) throw new AppError("protocol", "a batch of the file is of a tab that the file does not describe");
    const { tabGroup, url, title, viewport } = said;
    return { tab, tabGroup, url, title, viewport, firstAt, lastAt };
  });
}
