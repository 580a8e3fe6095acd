/** One build at a time in a checkout, whoever started it. */

import { linkSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How often a holder shows that it is there, and how long one may be silent: its number may long be somebody else's. */
const BEAT_MS = 5_000;
const SILENT_MS = 60_000;

/**
 * Runs `work` while no other process holds the lock; a lock whose owner has died, or has long been silent, is taken over.
 * @param folder made where it is missing; holds `.build-lock`
 */
export async function withLock(folder, work) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, ".build-lock");
  for (let told = false; !take(file); await sleep(200)) {
    if (!told) console.log("Another build is running in this folder; waiting for it.");
    told = true;
  }
  const release = () => rmSync(file, { force: true });
  process.once("exit", release);
  const beat = setInterval(() => touch(file), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    process.off("exit", release);
    release();
  }
}

/** A link appears with its content, so nobody ever reads a lock without its owner's number. */
function take(file) {
  const claim = `${file}-${process.pid}`;
  writeFileSync(claim, String(process.pid));
  try {
    if (link(claim, file)) return true;
    return !isHeld(file) && takeOver(claim, file);
  } finally {
    rmSync(claim, { force: true });
  }
}

/** One after the other, and each looks again: a second one who has found the same dead owner would remove the lock of the first. */
function takeOver(claim, file) {
  const door = `${file}-door`;
  if (!link(claim, door)) {
    if (!isHeld(door)) rmSync(door, { force: true });
    return false;
  }
  try {
    if (isHeld(file)) return false;
    rmSync(file, { force: true });
    return link(claim, file);
  } finally {
    rmSync(door, { force: true });
  }
}

function link(claim, file) {
  try {
    linkSync(claim, file);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  }
}

/** Our own number in a lock is that of a process before us, as happens in containers. */
function isHeld(file) {
  const owner = Number(readOrNothing(file));
  const beatAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  const isThere = !(owner > 0) || (owner !== process.pid && isAlive(owner));
  return isThere && Date.now() - beatAt < SILENT_MS;
}

function touch(file) {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Taken away by somebody: the build goes on, and is swapped in as a whole.
  }
}

function readOrNothing(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
