/**
 * Where accepted rows go while Postgres is away: files in one folder, written and fsynced in groups. A row is durable when `append`
 * resolves. A file is closed before it is poured, and removed when all of it is in the database.
 */

import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, stat, truncate, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../app-error.ts";
import type { Logger } from "../log.ts";
import { encodeRecord, type SpooledRow } from "./spool-record.ts";

const MIB = 1024 * 1024;
/** A file is not written on past this size. */
const MAX_FILE_BYTES = 64 * MIB;
/** Most bytes of one write. */
const MAX_GROUP_BYTES = 16 * MIB;
/** How full those may make it whose key could not be looked up. */
const UNVERIFIED_SHARE = 0.5;
/** A file that nobody wrote to for this long is nobody's. */
const ABANDONED_MS = 10 * 60_000;
const NAME = /^(\d{15})-(\d{1,10})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.spool$/;

/** A file of the spool. */
export interface SpoolFile {
  path: string;
  /** By which its mark is found. */
  id: string;
  bytes: number;
}

export interface Spool {
  /**
   * Resolves when the rows are on the disk.
   * @param isUnverified true for rows of somebody who may be anybody: they leave room for the others
   * @throws AppError `overload` where the spool is full or the disk does not take it
   */
  append(rows: readonly SpooledRow[], isUnverified?: boolean): Promise<void>;
  /** Files that nobody writes to any more, oldest first; the one that is being written is closed for it. */
  close(): Promise<SpoolFile[]>;
  /** A file is in the database. */
  remove(file: SpoolFile): Promise<void>;
  /** A file has something in it that nobody can read: it is kept under another name, for whoever looks after the disk. */
  setAside(file: SpoolFile): Promise<void>;
  /** Bytes that lie there. */
  bytes(): number;
  /** Closes the file that is being written. */
  stop(): Promise<void>;
}

export interface SpoolOptions {
  folder: string;
  maxBytes: number;
  log: Logger;
}

interface Waiting {
  bytes: Uint8Array[];
  size: number;
  resolve(): void;
  reject(error: AppError): void;
}

interface Current {
  handle: FileHandle;
  file: SpoolFile;
}

/** Opens the folder; what earlier processes left there counts. */
export async function openSpool({ folder, maxBytes, log }: SpoolOptions): Promise<Spool> {
  // Lies beside the database's own files, with the same rights.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let current: Current | null = null;
  let work = Promise.resolve();
  let isScheduled = false;
  const files = new Map<string, SpoolFile>();
  for (const file of await findFiles(folder)) files.set(file.path, file);
  const totalBytes = () => [...files.values()].reduce((sum, file) => sum + file.bytes, 0);

  /** One thing after the other: writing, closing. */
  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = work.then(task);
    work = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  async function begin(): Promise<Current> {
    const id = randomUUID();
    const path = join(folder, `${String(Date.now()).padStart(15, "0")}-${process.pid}-${id}.spool`);
    const handle = await open(path, "wx", 0o600);
    const made = { handle, file: { path, id, bytes: 0 } };
    files.set(path, made.file);
    current = made;
    await syncFolder(folder);
    return made;
  }

  async function end(): Promise<void> {
    const ending = current;
    current = null;
    await ending?.handle.close().catch(() => undefined);
  }

  /** Best effort: what cannot be cut off is passed over when the file is read. */
  async function cutOff(file: SpoolFile): Promise<void> {
    try {
      if (file.bytes > 0) await truncate(file.path, file.bytes);
      else {
        await unlink(file.path);
        files.delete(file.path);
      }
    } catch (error) {
      log.warn("a spool file cannot be put right", { error: error instanceof Error ? error.message : String(error) });
    }
  }

  async function writeGroup(): Promise<void> {
    isScheduled = false;
    while (waiting.length > 0) {
      const group = takeGroup();
      try {
        if (current && current.file.bytes >= MAX_FILE_BYTES) await end();
        const { handle, file } = current ?? (await begin());
        const bytes = Buffer.concat(group.flatMap((one) => one.bytes));
        await writeAll(handle, bytes, file.bytes);
        await handle.datasync();
        file.bytes += bytes.length;
        for (const one of group) one.resolve();
      } catch (cause) {
        // Nothing behind a torn record would be read. What was written of it goes: a full disk is to get no fuller.
        const torn = current?.file;
        await end();
        if (torn) await cutOff(torn);
        log.error("the spool cannot be written", { error: cause instanceof Error ? cause.message : String(cause) });
        for (const one of group) one.reject(new AppError("overload", "nothing can be kept now", { cause }));
      }
    }
  }

  function takeGroup(): Waiting[] {
    let size = 0;
    let count = 0;
    for (const one of waiting) {
      if (count > 0 && size + one.size > MAX_GROUP_BYTES) break;
      size += one.size;
      count++;
    }
    const group = waiting.slice(0, count);
    waiting = waiting.slice(count);
    waitingBytes -= size;
    return group;
  }

  return {
    append(rows, isUnverified = false) {
      const bytes = rows.map(encodeRecord);
      const size = bytes.reduce((sum, one) => sum + one.length, 0);
      if (totalBytes() + waitingBytes + size > maxBytes * (isUnverified ? UNVERIFIED_SHARE : 1)) {
        return Promise.reject(new AppError("overload", "the spool is full"));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ bytes, size, resolve, reject });
        waitingBytes += size;
        if (isScheduled) return;
        isScheduled = true;
        void inTurn(writeGroup);
      });
    },
    close: () =>
      inTurn(async () => {
        await end();
        for (const file of await findFiles(folder)) if (!files.has(file.path)) files.set(file.path, file);
        return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
      }),
    async remove(file) {
      await unlink(file.path).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
      files.delete(file.path);
    },
    async setAside(file) {
      await rename(file.path, `${file.path}.damaged`);
      files.delete(file.path);
    },
    bytes: totalBytes,
    stop: () => inTurn(end),
  };
}

/**
 * Files of processes that are gone, and of this one from before. Another living process pours its own within seconds after Postgres is
 * back, so that a file which rests for long was left by a process whose number somebody else has now.
 */
async function findFiles(folder: string): Promise<SpoolFile[]> {
  const found: SpoolFile[] = [];
  for (const name of await readdir(folder)) {
    const [, , pid, id] = NAME.exec(name) ?? [];
    const path = join(folder, name);
    const facts = id === undefined ? null : await stat(path).catch(() => null);
    if (id === undefined || !facts) continue;
    const isResting = Date.now() - facts.mtimeMs > ABANDONED_MS;
    if (isResting || !isOthers(Number(pid))) found.push({ path, id, bytes: facts.size });
  }
  return found;
}

function isOthers(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and not ours to signal.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** A disk that is nearly full takes a part, and says that something is wrong only when it is asked for the rest. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}

/** A new name is in its folder for good once the folder is synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
