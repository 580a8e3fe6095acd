/**
 * Films: the exported page played frame by frame in the machine's Chromium and encoded there. Not in real time: each frame is shown, looked at
 * and encoded before the next, so that none is dropped however slow the machine is; where nothing changes, nothing is done.
 *
 * One film at a time; a child process without a network, bounded in time and memory, and gone with whoever asked. Its folder holds the
 * recording: it goes with it, and that of a server that was killed goes before the next film.
 */

import { chown, mkdtemp, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../app-error.ts";
import type { Logger } from "../log.ts";
import { type Browser, type ChromiumSettings, findChromium, startChromium } from "./chromium.ts";
import { type EncoderPage, openEncoder, openStage, type StagePage } from "./film-pages.ts";
import { type FilmFrame, writeWebm } from "./webm.ts";

/** Longest film. */
export const MAX_FILM_MS = 10 * 60_000;
/** Longest time that one may take to be made. */
const MAX_RUN_MS = 20 * 60_000;
const FRAME_MS = 100;
/** Films longer than this get half as many frames. */
const LONG_MS = 2 * 60_000;
/** Players jump to key frames. */
const KEY_MS = 5_000;
const WAIT_MS = 10_000;
const FOLDER_PREFIX = "watchback-film-";
/** Folders that are older belong to nobody any more. */
const LEFT_BEHIND_MS = 2 * MAX_RUN_MS;

/** What films are made with. */
export interface FilmDeps {
  chromium: ChromiumSettings;
  log: Logger;
  /** Where the folder of each film is made. */
  scratch: string;
  /** Longest time that a film may take to be made. */
  maxRunMs?: number;
}

/** Makes films. */
export interface Films {
  /** Why none can be made on this machine, as a sentence; null where they can. */
  refusal(): Promise<string | null>;
  /**
   * The film of an exported page.
   * @throws AppError `not_started` where it cannot be made, `overload` while another is made
   */
  make(page: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Ends the one that is being made. */
  stop(): Promise<void>;
}

/** Builds the maker; a browser is looked for when somebody asks. */
export function createFilms({ chromium, log, scratch, maxRunMs = MAX_RUN_MS }: FilmDeps): Films {
  let running: { stopping: AbortController; browser: Browser | null } | null = null;

  async function* make(page: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const file = await findChromium(chromium);
    if (file === null) throw new AppError("not_started", NO_CHROMIUM);
    if (running) throw new AppError("overload", "another film is being made", { retryAfterMs: WAIT_MS });
    const stopping = new AbortController();
    const own: { stopping: AbortController; browser: Browser | null } = { stopping, browser: null };
    running = own;
    const startedAt = performance.now();
    const leave = (): void => stopping.abort(signal.reason);
    const timer = setTimeout(() => stopping.abort(new AppError("too_large", TOO_LONG)), maxRunMs);
    signal.addEventListener("abort", leave, { once: true });
    let folder = "";
    try {
      await removeLeftBehind(scratch);
      folder = await mkdtemp(join(scratch, FOLDER_PREFIX));
      const [stageFile, emptyFile] = [join(folder, "session.html"), join(folder, "empty.html")];
      await writeAll(stageFile, page);
      await writeFile(emptyFile, "<!doctype html><title>Encoder</title>");
      if (chromium.sandbox && process.getuid?.() === 0)
        for (const path of [folder, stageFile, emptyFile]) await chown(path, 65_534, 65_534);
      stopping.signal.throwIfAborted();
      own.browser = await startChromium(file, folder, chromium, stopping.signal);
      const stage = await openStage(own.browser.devTools, stageFile);
      const encoder = await openEncoder(own.browser.devTools, emptyFile, stage.facts);
      yield* writeWebm(stage.facts, shoot(stage, encoder));
      log.info("film made", { durationMs: stage.facts.durationMs, tookMs: Math.round(performance.now() - startedAt) });
    } catch (error) {
      if (stopping.signal.reason instanceof AppError) throw stopping.signal.reason;
      if (error instanceof AppError || stopping.signal.aborted) throw error;
      throw new AppError("not_started", "the film could not be made", { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      await own.browser?.stop();
      if (folder !== "")
        await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
          log.warn("what was left of a film was not removed", { error: error instanceof Error ? error.message : String(error) });
        });
      running = null;
    }
  }

  return {
    refusal: async () => ((await findChromium(chromium)) === null ? NO_CHROMIUM : null),
    make,
    async stop() {
      running?.stopping.abort(new AppError("overload", "the server is stopping"));
      await running?.browser?.stop();
    },
  };
}

const TOO_LONG = "the film took too long to be made; choose a shorter part";
const NO_CHROMIUM = "films need a Chromium on the server: install one, or name it by CHROMIUM_PATH";

/** The frames of a film: one whenever something has changed, and the last one at its end. */
async function* shoot(stage: StagePage, encoder: EncoderPage): AsyncGenerator<FilmFrame> {
  const { durationMs } = stage.facts;
  const stepMs = durationMs > LONG_MS ? 2 * FRAME_MS : FRAME_MS;
  let keyAt = -Infinity;
  let picture = "";
  for (let at = 0; at <= durationMs + stepMs; at += stepMs) {
    const now = Math.min(at, durationMs);
    const hasChanged = await stage.show(now);
    const isLast = at >= durationMs;
    if (!hasChanged && !isLast && picture !== "" && now - keyAt < KEY_MS) continue;
    if (hasChanged || picture === "") picture = await stage.look();
    const isKey = now - keyAt >= KEY_MS;
    if (isKey) keyAt = now;
    yield* await encoder.encode(picture, now, isKey);
    if (isLast) break;
  }
  yield* await encoder.finish();
}

async function writeAll(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of bytes) await file.write(piece);
  } finally {
    await file.close();
  }
}

/** Removes folders of films whose server was killed before it could. */
async function removeLeftBehind(scratch: string): Promise<void> {
  const names = await readdir(scratch).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(FOLDER_PREFIX))) {
    const path = join(scratch, name);
    const changedAt = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Infinity,
    );
    // What belongs to another account stays: that one removes its own.
    if (Date.now() - changedAt > LEFT_BEHIND_MS) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}
