/** Routes of leak scans: an administrator of a project asks for one, watches it, reads what it found, and ends it. */

import * as v from "valibot";
import { REDACTION_PATTERNS } from "../../protocol/redaction.ts";
import { AppError } from "../app-error.ts";
import type { AuditTrail } from "../audit-trail.ts";
import { requireRole } from "../auth/auth.ts";
import type { Database } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { SCANNED_PATTERNS } from "./find-leaks.ts";
import { cancelScan, insertScan, listFindings, listScans, readScan } from "./scan-queries.ts";

/** Scans of one project that wait or run at the same time. */
const MAX_OPEN = 3;

const moment = v.nullish(v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(8.64e15)), null);
const newScan = v.object({
  from: moment,
  to: moment,
  patterns: v.optional(v.pipe(v.array(v.picklist(REDACTION_PATTERNS)), v.minLength(1), v.maxLength(REDACTION_PATTERNS.length))),
});

/** What the routes are built from. */
export interface ScanRoutesDeps {
  db: Database;
  audit: AuditTrail;
  /** A scan was asked for. */
  onChange: () => void;
}

/** The rows of the route table that belong to this room. */
export function createScanRoutes({ db, audit, onChange }: ScanRoutesDeps): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/projects/:id/leak-scans",
      access: "signed-in",
      role: "admin",
      summary: "Begins a search of the stored sessions for what should have been masked: {from?, to?, patterns?}",
      handle: async (request) => {
        const projectId = projectOf(request);
        const wanted = readBody(newScan, request.body);
        const { identity, peer } = request;
        const id = await db.transaction(async (tx) => {
          const requestedBy = identity.kind === "nobody" ? null : identity.userId;
          const patterns = wanted.patterns ?? SCANNED_PATTERNS;
          const made = await insertScan(tx, { projectId, requestedBy, patterns, from: wanted.from, to: wanted.to }, MAX_OPEN);
          if (made === null) throw new AppError("limit", `at most ${MAX_OPEN} leak scans of a project wait or run at a time`);
          const subject = { kind: "leak_scan", id: String(made) };
          await audit.record({ action: "leak_scan_run", actor: identity, peer, projectId, subject, data: { patterns } }, tx);
          return made;
        });
        onChange();
        return { status: 201, json: { id } };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/leak-scans",
      access: "signed-in",
      role: "admin",
      summary: "The leak scans of a project, newest first",
      handle: async (request) => ({ json: { scans: await listScans(db, projectOf(request)) } }),
    },
    {
      method: "GET",
      path: "/v1/projects/:id/leak-scans/:scanId",
      access: "signed-in",
      role: "admin",
      summary: "One leak scan, how far it is, and what it found; samples are masked",
      handle: async (request) => {
        const projectId = projectOf(request);
        const scan = await readScan(db, projectId, readId(request.params["scanId"]));
        if (!scan) throw notFound();
        return { json: { ...scan, findings: await listFindings(db, scan.id) } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/leak-scans/:scanId",
      access: "signed-in",
      role: "admin",
      summary: "Ends a leak scan that waits or runs; removes one that is over, with its findings",
      handle: async (request) => {
        const projectId = projectOf(request);
        const id = readId(request.params["scanId"]);
        const done = await db.transaction(async (tx) => {
          const ended = await cancelScan(tx, projectId, id);
          if (ended === null) throw notFound();
          const subject = { kind: "leak_scan", id: String(id) };
          const { identity: actor, peer } = request;
          await audit.record({ action: "leak_scan_run", actor, peer, projectId, subject, data: { deed: ended } }, tx);
          return ended;
        });
        return { json: { [done]: true } };
      },
    },
  ];
}

function projectOf({ params, identity }: HttpRequest): number {
  const id = readId(params["id"]);
  requireRole(identity, id, "admin");
  return id;
}
