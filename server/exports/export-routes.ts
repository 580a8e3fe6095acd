/** Routes that give a session away as a file. What leaves is what is stored: masked and redacted as it was then. */

import { isTabId } from "../../protocol/ids.ts";
import { AppError } from "../app-error.ts";
import { actorOf, type ViewTrail } from "../audit-trail.ts";
import { maySee, readableProjects } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import { notFound, readNumber } from "../http-input.ts";
import type { HttpRequest, HttpResponse, Route } from "../net/route.ts";
import type { SessionRange, OpenedSessions, StoredSession, StoredSize } from "../replay/replay.ts";
import { type Films, MAX_FILM_MS } from "./films.ts";
import { readPageFiles, writeHtmlFile } from "./html-file.ts";
import { writeSessionFile, type ExportWish } from "./json-file.ts";

const MAX_AT = 8.64e15;
const MIB = 1024 * 1024;
/** Inflated bytes of a page or film: a browser holds all of it, about five times over. */
const MAX_PAGE_RAW_BYTES = 256 * MIB;
const MAX_PAGE_EVENTS = 500_000;
/** Files that are written at once; each holds a few megabytes. */
const MAX_AT_ONCE = 8;
const WAIT_MS = 2_000;

const FORMATS = ["html", "json", "webm"] as const;
type Format = (typeof FORMATS)[number];

const RANGE_QUERY = {
  from: "page time where it begins to play, epoch ms; default: the session's beginning",
  to: "page time of its end; default: the session's end",
  tab: "only this page context",
};

/** What the routes are built from. */
export interface ExportRoutesDeps {
  clock: Clock;
  audit: ViewTrail;
  sessions: OpenedSessions;
  films: Films;
  root: string;
}

/** The rows of the route table about exports. */
export function createExportRoutes({ clock, audit, sessions, films, root }: ExportRoutesDeps): readonly Route[] {
  let running = 0;

  async function find({ params, query, identity }: HttpRequest): Promise<Pick<ExportWish, "stored" | "range">> {
    const range = readRange(query);
    const stored = await sessions.find(params["id"] ?? "", [...readableProjects(identity)]);
    if (!stored) throw notFound();
    return { stored, range };
  }

  /** Why this cannot be exported in that form, as a sentence; null where it can. */
  async function refusal(format: Format, stored: StoredSession, range: SessionRange, size: StoredSize): Promise<string | null> {
    if (size.batchCount === 0) return "there is nothing recorded in this part of the session";
    if (format === "json") return null;
    if (size.rawBytes > MAX_PAGE_RAW_BYTES || size.eventCount > MAX_PAGE_EVENTS)
      return "that is more than a browser can hold at once; choose a shorter part";
    if (format === "html") return null;
    const { session } = stored;
    if (Math.min(range.to, session.lastAt) - Math.max(range.from, session.startedAt) > MAX_FILM_MS)
      return `a film may be ${MAX_FILM_MS / 60_000} minutes long; choose a shorter part`;
    return films.refusal();
  }

  async function* counted(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    running++;
    try {
      yield* stream;
    } finally {
      running--;
    }
  }

  async function write(format: Format, wish: ExportWish): Promise<AsyncIterable<Uint8Array>> {
    if (format === "json") return writeSessionFile(sessions, wish);
    const files = await readPageFiles(root);
    const page = writeHtmlFile(files, titleOf(wish.stored), writeSessionFile(sessions, wish));
    return format === "html" ? page : films.make(page, wish.signal);
  }

  async function answer(request: HttpRequest): Promise<HttpResponse> {
    const format = readFormat(request.query);
    const { stored, range } = await find(request);
    const fault = await refusal(format, stored, range, await sessions.size(stored, range));
    if (fault !== null) throw new AppError(format === "webm" ? "not_started" : "too_large", fault);
    if (running >= MAX_AT_ONCE) throw new AppError("overload", "too many exports at once", { retryAfterMs: WAIT_MS });
    const { identity, peer, signal } = request;
    const { session } = stored;
    await audit.viewed({ kind: "export", by: format, actor: actorOf(identity), peer, session });
    const stream = await write(format, { stored, range, exportedAt: clock.now(), signal });
    return {
      stream: counted(stream),
      contentType: CONTENT_TYPES[format],
      headers: {
        "Content-Disposition": `attachment; filename="${fileName(stored, format)}"`,
        // A browser that shows it all the same runs nothing of it in our origin.
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
      },
      mayGoOn: (now) => maySee(now, session.projectId),
    };
  }

  return [
    {
      method: "GET",
      path: "/v1/sessions/:id/export",
      access: "signed-in",
      summary: "The session, or a part of it, as a file: a page that plays by itself, JSON, or a film; streamed",
      query: { format: `one of ${FORMATS.join(", ")}`, ...RANGE_QUERY },
      handle: answer,
    },
    {
      method: "GET",
      path: "/v1/sessions/:id/export-options",
      access: "signed-in",
      summary: "How much would be exported, and for each format why it cannot be, or null",
      query: RANGE_QUERY,
      handle: async (request) => {
        const { stored, range } = await find(request);
        const size = await sessions.size(stored, range);
        const refusals = await Promise.all(FORMATS.map((format) => refusal(format, stored, range, size)));
        const formats = Object.fromEntries(FORMATS.map((format, index) => [format, { refusal: refusals[index] ?? null }]));
        return { json: { sessionId: stored.session.sessionId, ...size, formats } };
      },
    },
  ];
}

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  html: "text/html; charset=utf-8",
  json: "application/json; charset=utf-8",
  webm: "video/webm",
};

function readFormat(query: URLSearchParams): Format {
  const asked = query.get("format") ?? "html";
  const format = FORMATS.find((known) => known === asked);
  if (format === undefined) throw new AppError("protocol", `format: expected one of ${FORMATS.join(", ")}`);
  return format;
}

function readRange(query: URLSearchParams): SessionRange {
  const tab = query.get("tab");
  if (tab !== null && !isTabId(tab)) throw new AppError("protocol", "tab: expected a tab id");
  const from = readNumber(query, "from", { min: 0, max: MAX_AT }) ?? 0;
  const to = readNumber(query, "to", { min: 0, max: MAX_AT }) ?? Infinity;
  if (to < from) throw new AppError("protocol", "to: expected a time after from");
  return { from, to, tab };
}

function titleOf({ session }: StoredSession): string {
  return `${session.title === "" ? session.url : session.title} · Watchback`.slice(0, 300);
}

/** Says which session and when, in characters that every system takes. */
function fileName({ session }: StoredSession, format: Format): string {
  const day = new Date(session.startedAt).toISOString().slice(0, 10);
  return `watchback-${day}-${session.sessionId.replace(/[^\w-]/g, "").slice(-12)}.${format}`;
}
