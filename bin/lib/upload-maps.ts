/** `watchback sourcemaps upload`: sends the source maps of a folder to a server. */

import { setTimeout as sleep } from "node:timers/promises";
import { findFiles, packFiles } from "./map-files.ts";

/** What is uploaded, where to, and as whose. */
export interface MapUpload {
  folder: string;
  /** Address of the server, without a closing slash. */
  server: string;
  token: string;
  project: string;
  release: string;
  dist: string;
  /** Path below which the folder is served; may be empty. */
  prefix: string;
  /** Folder out of which no source is read: the project's. */
  home: string;
  say: (line: string) => void;
}

/** What came of it. */
export interface UploadedMaps {
  scripts: number;
  maps: number;
  bytes: number;
}

const TRIES = 5;
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;

/**
 * Uploads it.
 * @throws Error with a line for people, where the folder holds no map or the server refuses
 */
export async function uploadMaps(upload: MapUpload): Promise<UploadedMaps> {
  const files = findFiles(upload.folder);
  if (files.length === 0) throw new Error(`there are no scripts and no source maps in ${upload.folder}`);
  const total: UploadedMaps = { scripts: 0, maps: 0, bytes: 0 };
  for (const { zip } of packFiles(upload.folder, files, upload.prefix, upload.home)) {
    const { scriptCount, mapCount, notes } = await send(upload, zip);
    total.scripts += scriptCount;
    total.maps += mapCount;
    total.bytes += zip.length;
    for (const note of notes) upload.say(`  ${note}`);
  }
  return total;
}

async function send(upload: MapUpload, zip: Uint8Array): Promise<{ scriptCount: number; mapCount: number; notes: string[] }> {
  const url = new URL(`${upload.server}/v1/projects/${encodeURIComponent(upload.project)}/source-maps`);
  if (upload.release !== "") url.searchParams.set("release", upload.release);
  if (upload.dist !== "") url.searchParams.set("dist", upload.dist);
  const headers = { Authorization: `Bearer ${upload.token}`, "Content-Type": "application/zip" };
  for (let waitMs = FIRST_WAIT_MS, left = TRIES - 1; ; waitMs *= 2, left--) {
    const answer = await fetch(url, { method: "POST", headers, body: Buffer.from(zip) }).catch((error: unknown) => {
      if (left === 0) throw new Error(`${upload.server} cannot be reached: ${reasonOf(error)}`);
      return null;
    });
    const isBusy = answer === null || answer.status === 429 || answer.status >= 500;
    if (!isBusy || left === 0) return readAnswer(answer);
    const told = Number(answer?.headers.get("retry-after")) * 1_000;
    await sleep(Math.min(told > 0 ? told : waitMs, MAX_WAIT_MS));
  }
}

async function readAnswer(answer: Response | null): Promise<{ scriptCount: number; mapCount: number; notes: string[] }> {
  const body: unknown = await answer?.json().catch(() => null);
  if (answer?.ok !== true) throw new Error(messageOf(body) ?? `the server answered with ${answer?.status ?? 0}`);
  const bundle = fieldOf(body, "bundle");
  const notes = fieldOf(bundle, "notes");
  return {
    scriptCount: Number(fieldOf(bundle, "scriptCount") ?? 0),
    mapCount: Number(fieldOf(bundle, "mapCount") ?? 0),
    notes: Array.isArray(notes) ? notes.map(String) : [],
  };
}

function messageOf(body: unknown): string | null {
  const message = fieldOf(fieldOf(body, "error"), "message");
  return typeof message === "string" ? message : null;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
