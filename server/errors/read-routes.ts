/** Routes that show what was accepted: how much and from whom, feedback, attachments. */

import { readableProjects, requireRole } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import { notFound, readId, readWhole } from "../http-input.ts";
import type { HttpRequest, HttpResponse, Route } from "../net/route.ts";
import { listAttachments, listFeedback, readAttachment } from "./feedback-queries.ts";
import { readIntakeReport } from "./tally-queries.ts";

const HOUR_MS = 3_600_000;
const MAX_HOURS = 24 * 90;
const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;
const MAX_ORDINAL = 1_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface ReadRoutesDeps {
  db: Queryable;
  clock: Clock;
  /** Writes the counts that are in memory, so that somebody who waits for his first event sees it. */
  saveCounts: () => Promise<void>;
}

/** The rows of the route table. */
export function createReadRoutes({ db, clock, saveCounts }: ReadRoutesDeps): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/projects/:id/intake",
      access: "signed-in",
      role: "viewer",
      summary: "What SDKs sent: first and last event, items by category, what was dropped and why, their sessions by release",
      query: { hours: `how far back the counts go, at most ${MAX_HOURS} (default 24)` },
      handle: async ({ params, query, identity }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        const hours = readWhole(query, "hours", { min: 1, max: MAX_HOURS }) ?? 24;
        await saveCounts();
        return { json: await readIntakeReport(db, projectId, clock.now() - hours * HOUR_MS) };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/feedback",
      access: "signed-in",
      role: "viewer",
      summary: "What people wrote by an SDK's feedback form, newest first",
      query: { cursor: "where the last page ended", limit: `at most ${MAX_PAGE} (default ${DEFAULT_PAGE})` },
      handle: async ({ params, query, identity }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        const limit = readWhole(query, "limit", { min: 1, max: MAX_PAGE }) ?? DEFAULT_PAGE;
        const beforeId = readWhole(query, "cursor", { min: 1, max: Number.MAX_SAFE_INTEGER }) ?? null;
        const feedback = await listFeedback(db, projectId, { beforeId, limit });
        const last = feedback.length === limit ? feedback.at(-1) : undefined;
        return { json: { feedback, nextCursor: last ? String(last.feedbackId) : null } };
      },
    },
    {
      method: "GET",
      path: "/v1/errors/:id/attachments",
      access: "signed-in",
      summary: "The files that came with an error",
      handle: async ({ params, identity }) => {
        const attachments = await listAttachments(db, readErrorId(params["id"]), [...readableProjects(identity)]);
        if (!attachments) throw notFound();
        return { json: { attachments } };
      },
    },
    {
      method: "GET",
      path: "/v1/errors/:id/attachments/:ordinal",
      access: "signed-in",
      summary: "One of them, to be saved; never to be shown, for its bytes are a stranger's",
      handle: (request) => sendAttachment(db, request),
    },
  ];
}

async function sendAttachment(db: Queryable, { params, identity }: HttpRequest): Promise<HttpResponse> {
  const text = params["ordinal"] ?? "";
  const ordinal = /^\d{1,4}$/.test(text) ? Number(text) : MAX_ORDINAL;
  if (ordinal >= MAX_ORDINAL) throw notFound();
  const found = await readAttachment(db, readErrorId(params["id"]), ordinal, [...readableProjects(identity)]);
  if (!found) throw notFound();
  const plain = found.name.replace(/[^\w.-]/g, "_").slice(0, 100);
  return {
    bytes: found.bytes,
    contentType: "application/octet-stream",
    headers: { "Content-Disposition": `attachment; filename="${plain === "" ? "attachment" : plain}"` },
  };
}

function readErrorId(text: string | undefined): string {
  if (text === undefined || !UUID.test(text)) throw notFound();
  return text;
}
