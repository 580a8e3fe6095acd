/**
 * Pours the spool into the intake, once: rows and the mark that says how far a file is poured are of one transaction, and the mark is
 * locked before it is read. Keys are looked up now, whatever was known of them when their rows were spooled.
 */

import { open } from "node:fs/promises";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Counter } from "../metrics.ts";
import type { AcceptedRow } from "./accepted.ts";
import { findStored, insertAccepted, lockMark, moveMark } from "./intake-queries.ts";
import { decodeRecord, PREFIX_BYTES, recordLength, type SpooledRow } from "./spool-record.ts";
import { isRefusal } from "./refusal.ts";
import type { Spool, SpoolFile } from "./spool.ts";

/** Bytes that are read at once; grown for a record that is longer. */
const READ_BYTES = 4 * 1024 * 1024;
/** A record that says it is longer than this is none. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;
const RETRY_MS = 1_000;
const NOTHING: ReadonlySet<AcceptedRow> = new Set();

export interface Pourer {
  /** There may be something to pour. */
  wake(): void;
  /** Resolves when nothing is being poured. */
  settled(): Promise<void>;
  /** Ends after the rows that are on their way. */
  stop(): Promise<void>;
}

/** How the reading of a file ended. */
type FileEnd = "poured" | "damaged" | "stopped";

export interface PourerDeps {
  db: Database;
  spool: Spool;
  clock: Clock;
  log: Logger;
  poured: Counter;
  /** True where the key is one of the project's now. Throws while nobody can tell. */
  isGood: (key: string, projectId: number) => Promise<boolean>;
  onStored: () => void;
  /** Rows whose key is not good. */
  onRefused: (row: AcceptedRow) => void;
}

/** A pourer that has not been woken. */
export function createPourer(deps: PourerDeps): Pourer {
  const { db, spool, clock, log } = deps;
  let work: Promise<void> | null = null;
  let isWanted = false;
  let isStopped = false;
  let cancelRetry: (() => void) | null = null;

  async function pourAll(): Promise<void> {
    while (isWanted && !stopped()) {
      isWanted = false;
      // Without a look at the folder first, an idle server would read it for every wake.
      for (const file of await spool.close()) {
        if (stopped()) return;
        await pourFile(file);
      }
    }
  }

  /** A look that the compiler does not carry over an `await`. */
  const stopped = () => isStopped;

  async function pourFile(file: SpoolFile): Promise<void> {
    const handle = await open(file.path, "r");
    let end: FileEnd;
    try {
      end = await pourRecords(file, async (from, length) => {
        const buffer = Buffer.allocUnsafe(length);
        const { bytesRead } = await handle.read(buffer, 0, length, from);
        return buffer.subarray(0, bytesRead);
      });
    } finally {
      await handle.close();
    }
    if (end === "poured") await spool.remove(file);
    if (end === "damaged") await spool.setAside(file);
  }

  async function pourRecords(file: SpoolFile, read: (from: number, length: number) => Promise<Buffer>): Promise<FileEnd> {
    let at = await db.transaction((tx) => lockMark(tx, file.id));
    let wanted = READ_BYTES;
    for (;;) {
      if (stopped()) return "stopped";
      const bytes = await read(at, wanted);
      const { rows, used, needs } = takeRecords(bytes);
      if (used === 0) {
        if (needs > wanted && needs <= MAX_RECORD_BYTES && bytes.length === wanted) {
          wanted = needs;
          continue;
        }
        if (needs === 0 && bytes.length > 0) {
          log.error("a spool file is damaged: what follows is not read, and the file is kept", { path: file.path, at });
          return "damaged";
        }
        if (bytes.length > 0) log.warn("a spool file ends in a record that was not finished", { bytes: bytes.length });
        return "poured";
      }
      wanted = READ_BYTES;
      at = await pourRows(file, at, at + used, rows);
    }
  }

  /** Returns from where to go on: another process may have poured some of it. */
  async function pourRows(file: SpoolFile, from: number, to: number, spooled: readonly SpooledRow[]): Promise<number> {
    const rows: AcceptedRow[] = [];
    const uncertain: AcceptedRow[] = [];
    for (const { key, row, isUncertain } of spooled) {
      if (!(await deps.isGood(key, row.projectId))) deps.onRefused(row);
      else if (isUncertain && row.kind !== "attachment") uncertain.push(row);
      else rows.push(row);
    }
    const pour = (refused: ReadonlySet<AcceptedRow>) =>
      db.transaction(async (tx) => {
        const mark = await lockMark(tx, file.id);
        if (mark !== from) return mark;
        const stored = uncertain.length > 0 ? await findStored(tx, uncertain) : NOTHING;
        const fresh = [...rows, ...uncertain.filter((row) => !stored.has(row))];
        await insertAccepted(
          tx,
          fresh.filter((row) => !refused.has(row)),
        );
        await moveMark(tx, file.id, to);
        return to;
      });
    const upto = await pour(NOTHING).catch(async (error: unknown) => {
      if (!isRefusal(error)) throw error;
      return pour(await findRefused([...rows, ...uncertain]));
    });
    if (upto === to) deps.poured.value += rows.length;
    deps.onStored();
    return upto;
  }

  /** Which of the rows the database does not take for what they are: each is tried, and taken back. */
  async function findRefused(rows: readonly AcceptedRow[]): Promise<ReadonlySet<AcceptedRow>> {
    const refused = new Set<AcceptedRow>();
    const tried = new Error("only tried");
    for (const row of rows) {
      const attempt = db.transaction(async (tx) => {
        await insertAccepted(tx, [row]);
        throw tried;
      });
      await attempt.catch((error: unknown) => {
        if (error === tried) return;
        if (!isRefusal(error)) throw error;
        refused.add(row);
        log.error("a spooled row was refused by the database, and is dropped", { error });
        deps.onRefused(row);
      });
    }
    return refused;
  }

  function wake(): void {
    isWanted = true;
    cancelRetry?.();
    cancelRetry = null;
    if (isStopped || work) return;
    work = pourAll()
      .catch((error: unknown) => {
        log.info("the spool cannot be poured yet", { error: error instanceof Error ? error.message : String(error) });
        if (!isStopped) cancelRetry = clock.after(RETRY_MS, wake);
      })
      .finally(() => {
        work = null;
        if (isWanted && !cancelRetry) wake();
      });
  }

  return {
    wake,
    async settled() {
      while (work) await work;
    },
    async stop() {
      isStopped = true;
      cancelRetry?.();
      await work;
    },
  };
}

/** The whole records at the beginning of `bytes`; `needs` is the length of one that is not whole. */
function takeRecords(bytes: Buffer): { rows: SpooledRow[]; used: number; needs: number } {
  const rows: SpooledRow[] = [];
  let used = 0;
  for (;;) {
    const length = recordLength(bytes, used);
    if (length === null || used + length > bytes.length) return { rows, used, needs: length ?? PREFIX_BYTES };
    const record = decodeRecord(bytes.subarray(used, used + length));
    if (!record) return { rows, used, needs: 0 };
    rows.push(record);
    used += length;
  }
}
