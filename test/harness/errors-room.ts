/** The room of errors over a real database and a real port, without a digest: what is accepted stays in the intake, where a test can look. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock, type Clock } from "../../server/clock.ts";
import { createDatabase } from "../../server/db/pool.ts";
import type { ConnectionOptions } from "../../server/db/connection.ts";
import type { Database } from "../../server/db/db.ts";
import { createErrors, type Errors, type ErrorsDeps } from "../../server/errors/errors.ts";
import { AppError } from "../../server/app-error.ts";
import { createMetrics } from "../../server/metrics.ts";
import { DEFAULT_PROJECT_SETTINGS, type Project } from "../../server/projects/projects.ts";
import { startBareNet, type BareNet } from "./bare-net.ts";
import { quietLog } from "./postgres.ts";
import { makeScratch } from "./scratch.ts";

export const ERRORS_KEY = "0123456789abcdef0123456789abcdef";
/** A key of project 2. */
export const OTHER_KEY = "fedcba9876543210fedcba9876543210";

const any = { perMinute: null, perDay: null };

/** The room, and the ways to it. */
export interface ErrorsRoom {
  errors: Errors;
  db: Database;
  base: string;
  /** Project 1, whose settings a test may change. */
  project: Project;
  /** Whether keys can be looked up, which they cannot while the database is away and they were never seen. */
  keys: { areKnown: boolean };
  spoolFolder: string;
  /** Times that rows came into the intake. */
  stored(): number;
  /** Posts to an endpoint of project 1, by its key unless the address names another. */
  send(path: string, body: string | Uint8Array<ArrayBuffer>, headers?: Record<string, string>): Promise<Response>;
  /** Posts an envelope of items, each with its payload. */
  envelope(header: object, ...items: readonly [header: object, payload: string][]): Promise<Response>;
  /** Rows of the intake, oldest first. */
  intake(): Promise<{ kind: string; head: Record<string, unknown>; body: Buffer; received_at: Date }[]>;
  /** Stops it, and starts another over the same database and folder. */
  restart(): Promise<ErrorsRoom>;
  stop(): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

/** Starts it. */
export async function startErrorsRoom(
  connection: ConnectionOptions,
  options: Partial<ErrorsDeps> & { clock?: Clock } = {},
): Promise<ErrorsRoom> {
  const db = createDatabase({ connection, log: quietLog, connectTimeoutMs: 10_000 });
  const spoolFolder = options.spoolFolder ?? join(makeScratch("wb-errors-"), "spool");
  const settings = structuredClone(DEFAULT_PROJECT_SETTINGS);
  const project: Project = { id: 1, name: "p", slug: "p", keys: [ERRORS_KEY], createdAt: 0, settings };
  const other: Project = { ...project, id: 2, keys: [OTHER_KEY] };
  const keys = { areKnown: true };
  let stored = 0;
  const errors = await createErrors({
    db,
    clock: systemClock,
    log: quietLog,
    metrics: createMetrics(),
    projects: {
      findByKey: (key) => {
        if (!keys.areKnown) return Promise.reject(new AppError("store", "keys cannot be looked up now"));
        return Promise.resolve([project, other].find((one) => one.keys.includes(key)) ?? null);
      },
      noteUse: () => undefined,
    },
    spoolFolder,
    maxSpoolBytes: 64 * 1024 * 1024,
    quotas: { errors: any, replays: any, feedback: any, attachments: any },
    onStored: () => {
      stored++;
    },
    ...options,
  });
  errors.start();
  const net: BareNet = await startBareNet(errors.routes);
  const send: ErrorsRoom["send"] = (path, body, headers = {}) => {
    const address = path.includes("?") ? path : `${path}?sentry_key=${ERRORS_KEY}`;
    return fetch(net.base + address, { method: "POST", body, headers });
  };
  let stopping: Promise<void> | null = null;
  const stop = async () => {
    net.stop();
    await errors.stop();
    await db.stop();
  };
  const room: ErrorsRoom = {
    errors,
    db,
    base: net.base,
    project,
    keys,
    spoolFolder,
    stored: () => stored,
    send,
    envelope: (header, ...items) => send("/api/1/envelope/", envelopeText(header, ...items)),
    intake: () => db.query("SELECT kind, head, body, received_at FROM intake ORDER BY intake_id"),
    async restart() {
      await room.stop();
      return startErrorsRoom(connection, { ...options, spoolFolder });
    },
    stop: () => (stopping ??= stop()),
    async remove() {
      await room.stop();
      rmSync(join(spoolFolder, ".."), { recursive: true, force: true });
    },
  };
  return room;
}

/** An envelope as SDKs write it. */
export function envelopeText(header: object, ...items: readonly [header: object, payload: string][]): string {
  return [JSON.stringify(header), ...items.flatMap(([one, payload]) => [JSON.stringify(one), payload])].join("\n");
}
