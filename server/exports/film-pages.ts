/** The two pages of a browser that make a film: the exported page, which is told what to show, and one that encodes what is seen of it. */

import { pathToFileURL } from "node:url";
import { AppError } from "../app-error.ts";
import { type DevTools, toRecord } from "./devtools-pipe.ts";
import type { FilmFrame } from "./webm.ts";

const JPEG_QUALITY = 85;

/** What the exported page says of itself once it has read its recording. */
export interface StageFacts {
  width: number;
  height: number;
  durationMs: number;
}

/** The exported page. */
export interface StagePage {
  facts: StageFacts;
  /** Shows a moment, from the beginning; false where nothing has changed since the one before. */
  show(atMs: number): Promise<boolean>;
  /** What is seen now, as base64 of a JPEG. */
  look(): Promise<string>;
}

/** The encoder. */
export interface EncoderPage {
  /** Takes a picture; gives the frames that are ready. */
  encode(picture: string, atMs: number, isKey: boolean): Promise<FilmFrame[]>;
  /** The frames that are left. */
  finish(): Promise<FilmFrame[]>;
}

/** Opens a file of this machine in a page of its own. */
async function openPage(devTools: DevTools, file: string, hash = ""): Promise<string> {
  const { targetId } = await devTools.call("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await devTools.call("Target.attachToTarget", { targetId, flatten: true });
  if (typeof sessionId !== "string") throw new Error("the browser opened no page");
  await devTools.call("Page.enable", {}, sessionId);
  const loaded = devTools.next("Page.loadEventFired", sessionId);
  await devTools.call("Page.navigate", { url: `${pathToFileURL(file).href}${hash}` }, sessionId);
  await loaded;
  return sessionId;
}

async function evaluate(devTools: DevTools, page: string, expression: string): Promise<unknown> {
  const answer = await devTools.call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true }, page);
  const fault = toRecord(toRecord(answer["exceptionDetails"])["exception"]);
  if (answer["exceptionDetails"] !== undefined)
    throw new Error(JSON.stringify(fault["description"] ?? "the page failed").slice(0, 500));
  return toRecord(answer["result"])["value"];
}

/**
 * Opens the exported page as a stage without controls.
 * @throws AppError `not_started` where it has nothing to play
 */
export async function openStage(devTools: DevTools, file: string): Promise<StagePage> {
  const page = await openPage(devTools, file, "#film");
  const said = toRecord(await evaluate(devTools, page, "watchbackFilm.ready"));
  const { width, height, durationMs } = said;
  if (typeof width !== "number" || typeof height !== "number" || typeof durationMs !== "number")
    throw new AppError("not_started", "nothing in this part of the session can be played");
  const size = { width, height, deviceScaleFactor: 1, mobile: false };
  await devTools.call("Emulation.setDeviceMetricsOverride", size, page);
  return {
    facts: { width, height, durationMs },
    show: async (atMs) => (await evaluate(devTools, page, `watchbackFilm.show(${atMs})`)) === true,
    async look() {
      const wish = { format: "jpeg", quality: JPEG_QUALITY, optimizeForSpeed: true };
      const { data } = await devTools.call("Page.captureScreenshot", wish, page);
      if (typeof data !== "string") throw new Error("the browser took no picture");
      return data;
    },
  };
}

/**
 * Opens the encoder.
 * @param file an empty page: WebCodecs are there for pages of this machine only
 * @throws AppError `not_started` where this browser cannot encode
 */
export async function openEncoder(devTools: DevTools, file: string, { width, height }: StageFacts): Promise<EncoderPage> {
  const page = await openPage(devTools, file);
  const isReady = await evaluate(devTools, page, `(${startEncoder})(${width}, ${height})`);
  if (isReady !== true) throw new AppError("not_started", "this Chromium cannot encode films (no VP8 encoder)");
  const take = (value: unknown): FilmFrame[] => {
    if (!Array.isArray(value)) return [];
    return value.map((frame: unknown) => {
      const { at, isKey, data } = toRecord(frame);
      return { atMs: Number(at) / 1000, isKey: isKey === true, data: Buffer.from(String(data), "base64") };
    });
  };
  return {
    encode: async (picture, atMs, isKey) =>
      take(await evaluate(devTools, page, `wbEncode(${JSON.stringify(picture)}, ${Math.round(atMs * 1000)}, ${isKey})`)),
    finish: async () => take(await evaluate(devTools, page, "wbFinish()")),
  };
}

/** Runs in the encoder's page. */
const startEncoder = `async (width, height) => {
  if (typeof VideoEncoder === "undefined") return false;
  const config = { codec: "vp8", width, height, bitrate: Math.max(600000, width * height * 2), latencyMode: "realtime" };
  if (!(await VideoEncoder.isConfigSupported(config)).supported) return false;
  let frames = [];
  let fault = null;
  const encoder = new VideoEncoder({
    output: (chunk) => {
      const bytes = new Uint8Array(chunk.byteLength);
      chunk.copyTo(bytes);
      let text = "";
      for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
      frames.push({ at: chunk.timestamp, isKey: chunk.type === "key", data: btoa(text) });
    },
    error: (error) => { fault = error; },
  });
  encoder.configure(config);
  const taken = () => {
    if (fault) throw fault;
    const ready = frames;
    frames = [];
    return ready;
  };
  globalThis.wbEncode = async (picture, timestamp, keyFrame) => {
    const bytes = Uint8Array.from(atob(picture), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    const frame = new VideoFrame(bitmap, { timestamp });
    encoder.encode(frame, { keyFrame });
    frame.close();
    bitmap.close();
    while (encoder.encodeQueueSize > 4 && !fault) await new Promise((resolve) => setTimeout(resolve, 5));
    return taken();
  };
  globalThis.wbFinish = async () => {
    await encoder.flush();
    return taken();
  };
  return true;
}`;
