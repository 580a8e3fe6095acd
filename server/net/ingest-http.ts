/** `POST /v1/ingest`: the tracker's way where WebSockets are blocked, and while its page goes away. */

import type { CloseName } from "../../protocol/close-codes.ts";
import { decodeBinary, MalformedMessage, type Envelope } from "../../protocol/codec.ts";
import { FrameReader } from "../../protocol/frames.ts";
import { MAX_FRAME_BYTES } from "../../protocol/limits.ts";
import type { ToTrackerMessage } from "../../protocol/tracker-messages.ts";
import { AppError, type AppErrorKind } from "../app-error.ts";
import { type Auth, mayIngest } from "../auth/auth.ts";
import { notFound, readId } from "../http-input.ts";
import type { Ingest, TrackerPort } from "../ingest/ingest.ts";
import { withinTime } from "../lifecycle.ts";
import type { Metrics } from "../metrics.ts";
import { isAllowedOrigin, type Project, type Projects } from "../projects/projects.ts";
import { NOT_FROM_HERE } from "./admission.ts";
import { placeOf } from "./place.ts";
import type { HttpRequest, Route } from "./route.ts";

/** A request that is not settled by then is answered with what is known; the tracker sends the rest again. */
const SETTLE_TIMEOUT_MS = 15_000;
/** Most messages in one body. */
const MAX_MESSAGES = 10_000;

const KIND_OF_CLOSE: Record<CloseName, AppErrorKind> = {
  restart: "overload",
  protocol: "protocol",
  unauthorized: "auth",
  forbidden: "forbidden",
  gone: "gone",
  timeout: "overload",
  limit: "limit",
  overload: "overload",
};

export interface IngestHttpDeps {
  ingest: Pick<Ingest, "connect">;
  projects: Pick<Projects, "findByKey" | "findById" | "noteUse">;
  auth: Pick<Auth, "identify">;
  isDraining: () => boolean;
  trustProxy: boolean;
  metrics: Metrics;
}

/** Builds the route. Ids of these ports are negative, so that they never meet those of sockets. */
export function createIngestRoute(deps: IngestHttpDeps): Route {
  const bodies = deps.metrics.counter("ingest_bodies_total", "Bodies taken over HTTP.");
  let nextId = -1;

  return {
    method: "POST",
    path: "/v1/ingest",
    access: "open",
    cors: true,
    anyBody: true,
    maxBodyBytes: MAX_FRAME_BYTES,
    summary: "Takes a tracker's messages, MessagePack behind lengths, the first a session_start; answers when they are durable",
    query: {
      key: "project key",
      project: "id, where a bearer token of scope ingest that is not bound to a project comes without a key",
    },
    async handle(request) {
      const { body } = request;
      if (deps.isDraining()) throw new AppError("overload", "the server is stopping", { retryAfterMs: 1_000 });
      const project = request.query.has("key") ? await byKey(deps, request) : await byToken(deps, request);
      const envelopes = readEnvelopes(body);
      bodies.value++;

      const messages: ToTrackerMessage[] = [];
      const closing: { code: CloseName; reason: string }[] = [];
      const port: TrackerPort = {
        id: nextId--,
        project,
        place: placeOf(request.headers, deps.trustProxy),
        isBrief: true,
        send: (message) => messages.push(message),
        close: (code, reason) => closing.push({ code, reason }),
      };
      const connection = deps.ingest.connect(port);
      try {
        for (const envelope of envelopes) connection.receive(envelope);
        await withinTime(connection.settled(), SETTLE_TIMEOUT_MS).catch((error: unknown) => {
          if (messages.length === 0) throw new AppError("overload", "not durable in time", { cause: error, retryAfterMs: 5_000 });
        });
      } finally {
        connection.closed();
      }
      const [closed] = closing;
      if (closed && messages.length === 0) throw new AppError(KIND_OF_CLOSE[closed.code], closed.reason);
      return { json: { messages } };
    },
  };
}

/** The project of a page's key, where the page may send. */
async function byKey({ projects }: IngestHttpDeps, { query, headers }: HttpRequest): Promise<Project> {
  const key = query.get("key") ?? "";
  const project = await projects.findByKey(key);
  if (!project) throw new AppError("auth", "unknown project key");
  if (!isAllowedOrigin(project.settings.allowedOrigins, headers["origin"])) throw new AppError("forbidden", NOT_FROM_HERE);
  projects.noteUse(key);
  return project;
}

/** The project that a program may send to with its token. Only programs come so: no page may send `Authorization` here from elsewhere. */
async function byToken({ auth, projects }: IngestHttpDeps, { query, headers }: HttpRequest): Promise<Project> {
  const identity = await auth.identify({ authorization: headers["authorization"] });
  if (identity.kind !== "token") throw new AppError("auth", "unknown project key");
  const [only] = identity.roles.size === 1 ? identity.roles.keys() : [];
  const id = query.has("project") ? readId(query.get("project") ?? undefined) : only;
  if (id === undefined) throw new AppError("protocol", "project: expected an id, because this token is for several");
  const project = mayIngest(identity, id) ? await projects.findById(id) : null;
  if (!project) throw notFound();
  return project;
}

/** @throws AppError `protocol` for a body that is not whole messages, or does not begin with `session_start` */
function readEnvelopes(body: Uint8Array): Envelope[] {
  try {
    const reader = new FrameReader(MAX_FRAME_BYTES);
    const frames = reader.push(body);
    if (!reader.isWhole) throw new MalformedMessage("the body ends inside of a message");
    if (frames.length > MAX_MESSAGES) throw new MalformedMessage(`more than ${MAX_MESSAGES} messages`);
    const envelopes = frames.map((frame) => decodeBinary(frame));
    if (envelopes[0]?.type !== "session_start") throw new MalformedMessage("the first message must be session_start");
    return envelopes;
  } catch (error) {
    if (error instanceof MalformedMessage || error instanceof RangeError) throw new AppError("protocol", error.message);
    throw error;
  }
}
