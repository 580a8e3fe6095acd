/** The worker thread: repairs one segment after the other. Its own entry of the build. */

import { parentPort } from "node:worker_threads";
import { repair, type RepairedRecording } from "./repair.ts";

/** What the thread is sent. */
export interface RepairTask {
  recording: Uint8Array;
  maxBytes: number;
}

/** What it answers; null for what cannot be played. */
export type RepairAnswer = RepairedRecording | null;

parentPort?.on("message", ({ recording, maxBytes }: RepairTask) => {
  const answer = perform(recording, maxBytes);
  parentPort?.postMessage(answer, answer === null ? [] : [answer.payload.buffer]);
});

function perform(recording: Uint8Array, maxBytes: number): RepairAnswer {
  try {
    return repair(recording, maxBytes);
  } catch {
    return null;
  }
}
