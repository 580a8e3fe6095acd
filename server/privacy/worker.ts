/** The worker thread: takes one task after the other. Its own entry of the build. */

import { parentPort } from "node:worker_threads";
import { cutEvents } from "./cut-events.ts";
import { createLeakFinder } from "./find-leaks.ts";
import { type LooseEvent, packEvents, unpackEvents } from "./payload-bytes.ts";
import { createRedactor, type Redactor, type RedactionSettings } from "./redactor.ts";
import type { Task, TaskResult } from "./worker-tasks.ts";

/** Most projects whose rules are kept ready. */
const MAX_REDACTORS = 200;
const redactors = new Map<string, Redactor>();

parentPort?.on("message", (task: Task) => {
  const result = perform(task);
  const moved = "packed" in result && result.packed ? [result.packed.payload.buffer] : [];
  parentPort?.postMessage(
    result,
    moved.filter((buffer): buffer is ArrayBuffer => buffer instanceof ArrayBuffer),
  );
});

function perform(task: Task): TaskResult {
  const unpacked = unpackEvents(task.packed);
  if (unpacked === null) return { kind: "unreadable" };
  const { events, isPure } = unpacked;
  if (task.kind === "scan") {
    const finder = createLeakFinder(task.patterns, task.salt);
    finder.events(events);
    return { kind: "scanned", leaks: [...finder.leaks] };
  }
  if (task.kind === "cut") {
    const left = cutEvents(events, task.cut);
    const packed = left.length === 0 ? null : packEvents(left, task.packed.encoding);
    if (packed === null) return left.length === 0 ? { kind: "cut", packed: null } : { kind: "unreadable" };
    return { kind: "cut", packed: { ...packed, ...headerOf(left) } };
  }
  const changes = redactorOf(task.settings).events(events) ?? 0;
  // What was no event was not looked at, and does not stay.
  if (changes === 0 && isPure) return { kind: "redacted", packed: task.packed, changes };
  const packed = packEvents(events, task.packed.encoding);
  return packed === null ? { kind: "unreadable" } : { kind: "redacted", packed, changes };
}

function headerOf(events: readonly LooseEvent[]): { count: number; firstAt: number; lastAt: number; checkout: boolean } {
  let [firstAt, lastAt] = [Infinity, -Infinity];
  for (const { timestamp } of events) {
    firstAt = Math.min(firstAt, timestamp);
    lastAt = Math.max(lastAt, timestamp);
  }
  return { count: events.length, firstAt, lastAt, checkout: events[0]?.type === 4 && events[1]?.type === 2 };
}

function redactorOf(settings: RedactionSettings): Redactor {
  const key = JSON.stringify(settings);
  const known = redactors.get(key);
  if (known) return known;
  if (redactors.size >= MAX_REDACTORS) redactors.clear();
  const made = createRedactor(settings);
  redactors.set(key, made);
  return made;
}
