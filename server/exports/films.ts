/**
 * Films: the exported page played frame by frame in the machine's Chromium and encoded there. Not in real time: each frame is shown, looked at
 * and encoded before the next, so that none is dropped however slow the machine is; where nothing changes, nothing is done.
 *
 * One film at a time; a child process without a network, bounded in time, and gone with whoever asked.
 */

import { chown, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
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

/** What films are made with. */
export interface FilmDeps {
  chromium: ChromiumSettings;
  log: Logger;
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
export function createFilms({ chromium, log }: FilmDeps): Films {
  let running: { browser: Browser | null } | null = null;

  async function* make(page: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const file = await findChromium(chromium);
    if (file === null) throw new AppError("not_started", NO_CHROMIUM);
    if (running) throw new AppError("overload", "another film is being made", { retryAfterMs: WAIT_MS });
    const own: { browser: Browser | null } = { browser: null };
    running = own;
    const folder = await mkdtemp(join(tmpdir(), "watchback-film-"));
    const startedAt = performance.now();
    const stop = () => void own.browser?.stop();
    const timer = setTimeout(stop, MAX_RUN_MS);
    signal.addEventListener("abort", stop, { once: true });
    try {
      const [stageFile, emptyFile] = [join(folder, "session.html"), join(folder, "empty.html")];
      await writeAll(stageFile, page);
      await writeFile(emptyFile, "<!doctype html><title>Encoder</title>");
      if (chromium.sandbox && process.getuid?.() === 0)
        for (const path of [folder, stageFile, emptyFile]) await chown(path, 65_534, 65_534);
      signal.throwIfAborted();
      own.browser = await startChromium(file, folder, chromium);
      const stage = await openStage(own.browser.devTools, stageFile);
      const encoder = await openEncoder(own.browser.devTools, emptyFile, stage.facts);
      yield* writeWebm(stage.facts, shoot(stage, encoder));
      log.info("film made", { durationMs: stage.facts.durationMs, tookMs: Math.round(performance.now() - startedAt) });
    } catch (error) {
      if (error instanceof AppError || signal.aborted) throw error;
      throw new AppError("not_started", "the film could not be made", { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      await own.browser?.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
        log.warn("what was left of a film was not removed", { error: error instanceof Error ? error.message : String(error) });
      });
      running = null;
    }
  }

  return {
    refusal: async () => ((await findChromium(chromium)) === null ? NO_CHROMIUM : null),
    make,
    stop: async () => running?.browser?.stop(),
  };
}

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
