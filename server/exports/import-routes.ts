/** The route by which a file becomes a session of a project. */

import { AppError } from "../app-error.ts";
import { actorOf, type AuditTrail } from "../audit-trail.ts";
import { requireRole } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { notFound, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { holdProject } from "./import-statements.ts";
import { openUpload } from "./open-upload.ts";
import type { ImportRedaction } from "./redact-import.ts";
import { takeIn } from "./take-in.ts";

const MIB = 1024 * 1024;
/** Largest file; JSON may come behind gzip. What one address may have under way is no more. */
export const MAX_UPLOAD_BYTES = 16 * MIB;
/** Largest recording inside, as JSON. */
const MAX_JSON_BYTES = 512 * MIB;
const WAIT_MS = 2_000;

/** What the routes are built from. */
export interface ImportRoutesDeps {
  db: Database;
  clock: Clock;
  audit: AuditTrail;
  redaction: ImportRedaction;
  maxEvents: number;
  waitMs(): number | null;
}

/** The row of the route table about imports. */
export function createImportRoutes(deps: ImportRoutesDeps): readonly Route[] {
  const { db, clock, audit, redaction, maxEvents } = deps;
  let isBusy = false;

  async function take({ identity, peer, body }: HttpRequest, projectId: number) {
    const { form, json } = await openUpload(body, MAX_JSON_BYTES);
    return db.transaction(async (tx) => {
      const startedOn = await holdProject(tx, projectId);
      if (startedOn === null) throw notFound();
      const target = { projectId, startedOn, now: clock.now(), maxEvents };
      const { sessionId, originalId, userId, count } = await takeIn(tx, json, target, redaction);
      const data = { form, originalId, batches: count.batches, bytes: count.bytes };
      const subject = { kind: "session", id: sessionId };
      await audit.record(
        { action: "session_imported", actor: actorOf(identity), peer, projectId, subject, personId: userId, data },
        tx,
      );
      return { sessionId, eventCount: count.events, batchCount: count.batches, byteCount: count.bytes };
    });
  }

  return [
    {
      method: "POST",
      path: "/v1/projects/:id/imports",
      access: "signed-in",
      role: "member",
      anyBody: true,
      maxBodyBytes: MAX_UPLOAD_BYTES,
      summary:
        "Makes a session of an exported file: its JSON, the same behind gzip, or its page; with an id of its own, marked as imported",
      handle: async (request) => {
        const projectId = readId(request.params["id"]);
        requireRole(request.identity, projectId, "member");
        const fullMs = deps.waitMs();
        if (fullMs !== null)
          throw new AppError("overload", "the disk of the server is nearly full: nothing is imported until there is room again", {
            retryAfterMs: fullMs,
          });
        if (isBusy)
          throw new AppError("overload", "another file is being imported just now: try again when it is done", {
            retryAfterMs: WAIT_MS,
          });
        isBusy = true;
        try {
          return { status: 201, json: await take(request, projectId) };
        } finally {
          isBusy = false;
        }
      },
    },
  ];
}
