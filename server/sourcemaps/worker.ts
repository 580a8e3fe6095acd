/** The thread: reads uploads, and keeps the maps that were asked for last. Its own entry of the build. */

import { parentPort, workerData } from "node:worker_threads";
import { openMap, type OpenedMap } from "./opened-map.ts";
import { readUpload } from "./read-upload.ts";
import type { MapTask, ReadTask, Task, TaskResult } from "./worker-tasks.ts";
import { ZipFault } from "./zip.ts";

const MIB = 1024 * 1024;
/** Most bytes of opened maps, about; the one asked for last stays, however large. */
const maxBytes = typeof workerData === "number" ? workerData : 256 * MIB;
/** In the order in which they were asked for last. */
const opened = new Map<number, OpenedMap>();
let heldBytes = 0;

parentPort?.on("message", (task: Task) => {
  parentPort?.postMessage(perform(task));
});

function perform(task: Task): TaskResult {
  return task.kind === "map" ? mapPlaces(task) : read(task);
}

function mapPlaces({ artifactId, places, bodies }: MapTask): TaskResult {
  try {
    const map = opened.get(artifactId) ?? (bodies && openMap(bodies.map, bodies.source));
    if (!map) return { kind: "absent" };
    keep(artifactId, map);
    return { kind: "mapped", places: places.map((place) => map.find(place)) };
  } catch {
    return { kind: "bad_map" };
  }
}

function keep(artifactId: number, map: OpenedMap): void {
  if (!opened.delete(artifactId)) heldBytes += map.bytes;
  opened.set(artifactId, map);
  for (const [oldest, { bytes }] of opened) {
    if (heldBytes <= maxBytes || oldest === artifactId) return;
    opened.delete(oldest);
    heldBytes -= bytes;
  }
}

function read({ bytes, facts }: ReadTask): TaskResult {
  try {
    return { kind: "read", upload: readUpload(bytes, facts) };
  } catch (error) {
    if (error instanceof ZipFault) return { kind: "refused", reason: error.message };
    throw error;
  }
}
