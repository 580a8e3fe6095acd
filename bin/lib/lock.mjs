/** One build at a time in a checkout, whoever started it. */

import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Runs `work` while no other process holds the lock; a lock whose owner has died is taken over.
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
  try {
    return await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

/** A link appears with its content, so nobody ever reads a lock without its owner's number. */
function take(file) {
  const claim = `${file}-${process.pid}`;
  writeFileSync(claim, String(process.pid));
  try {
    linkSync(claim, file);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    const owner = Number(readOrNothing(file));
    if (owner > 0 && !isAlive(owner)) rmSync(file, { force: true });
    return false;
  } finally {
    rmSync(claim, { force: true });
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
