/** The three routes of guests. Each asks who the guest is by itself: to all other routes he is nobody. */

import { isTabId } from "../../protocol/ids.ts";
import { AppError } from "../app-error.ts";
import type { AuditTrail, ViewTrail } from "../audit-trail.ts";
import { addressName } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import { readNumber } from "../http-input.ts";
import type { Live } from "../live/live.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import type { Privacy } from "../privacy/privacy.ts";
import { BATCHES_TYPE, type ShownSessions, type StoredSession } from "../replay/replay.ts";
import { streamGuestBatches } from "./guest-batches.ts";
import { streamGuestLive } from "./guest-live.ts";
import { isRange, sightOfDescription } from "./guest-view.ts";
import { type Guest, guestActor, type Guests } from "./guests.ts";
import { noteOpened } from "./link-queries.ts";

const MAX_AT = 8.64e15;
/** Answers to guests that are on their way at a time, over all links, and from one address. */
const MAX_STREAMS = 400;
const MAX_STREAMS_OF_PEER = 40;
/** While a guest reads he is looked up again this often. */
const LOOK_MS = 1_000;
const NOT_GOOD = "this link is no longer good: it has expired, was revoked, or is not whole";

/** What the routes are built from. */
export interface GuestRoutesDeps {
  db: Queryable;
  clock: Clock;
  audit: AuditTrail;
  views: ViewTrail;
  guests: Guests;
  shown: ShownSessions;
  live: Pick<Live, "connect">;
  privacy: Pick<Privacy, "cutPayload">;
  /** Aborts when the server stops. */
  stopping: AbortSignal;
}

/** The rows of the route table that guests may call. */
export function createGuestRoutes(deps: GuestRoutesDeps): readonly Route[] {
  const { db, clock, audit, views, guests, shown } = deps;
  const streams = new Map<string, number>();
  let streamCount = 0;

  async function find({ headers }: HttpRequest): Promise<{ guest: Guest; found: StoredSession }> {
    const guest = await guests.identify(headers["authorization"]);
    const found = guest && (await shown.find(guest.sessionId));
    if (!guest || found?.session.projectId !== guest.projectId) throw new AppError("auth", NOT_GOOD);
    return { guest, found };
  }

  /** Whether a guest may have more, asked again after a while; where the database is away, by what was known. */
  function stillGoodFor(authorization: string | undefined): (guest: Guest) => Promise<void> {
    let lookedAt = clock.now();
    return async (guest) => {
      const now = clock.now();
      if (guest.expiresAt <= now) throw new AppError("auth", NOT_GOOD);
      if (now - lookedAt < LOOK_MS) return;
      lookedAt = now;
      const again = await guests.identify(authorization).catch(() => guest);
      if (again?.sessionId !== guest.sessionId) throw new AppError("auth", NOT_GOOD);
    };
  }

  async function* bounded(address: string, stream: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    const peer = addressName(address);
    const ofPeer = streams.get(peer) ?? 0;
    if (streamCount >= MAX_STREAMS || ofPeer >= MAX_STREAMS_OF_PEER)
      throw new AppError("limit", "too many guests are served at once", { retryAfterMs: 5_000 });
    streamCount++;
    streams.set(peer, ofPeer + 1);
    try {
      yield* stream;
    } finally {
      streamCount--;
      const left = (streams.get(peer) ?? 1) - 1;
      if (left > 0) streams.set(peer, left);
      else streams.delete(peer);
    }
  }

  return [
    {
      method: "GET",
      path: "/v1/guest/session",
      access: "open",
      summary: "For guests (Authorization: Guest and the secret of a share link, or an embed token): the session that it shows",
      handle: async (request) => {
        const { guest, found } = await find(request);
        const description = await shown.describe(found);
        const key = { sessionId: guest.sessionId, startedOn: found.startedOn };
        const upto = guest.toAt === null ? null : await shown.uptoAt(key, guest.toAt);
        if (guest.linkId !== null) await noteOpened(db, guest.linkId, clock.now());
        await audit.record({
          action: "share_link_opened",
          actor: guestActor(guest),
          peer: request.peer,
          projectId: guest.projectId,
          subject: { kind: "session", id: guest.sessionId },
          personId: found.session.userId,
          data: { by: guest.by, link: guest.linkId },
        });
        const { by, projectId, fromAt, toAt, showsPanels, expiresAt } = guest;
        const sight = { by, fromAt, toAt, showsPanels, expiresAt, projectId: by === "embed" ? projectId : null };
        return { json: { ...sightOfDescription(description, guest, upto), sight } };
      },
    },
    {
      method: "GET",
      path: "/v1/guest/batches",
      access: "open",
      summary: "For guests: stored batches of what their link shows, as framed bytes; streamed",
      query: {
        from: "page time, epoch ms; default: where the link begins",
        to: "page time of the last batch's beginning; default: where the link ends",
        tab: "only this tab",
      },
      handle: async (request) => {
        const { query, peer, signal, headers } = request;
        const tab = query.get("tab");
        if (tab !== null && !isTabId(tab)) throw new AppError("protocol", "tab: expected a tab id");
        const range = {
          from: readNumber(query, "from", { min: 0, max: MAX_AT }) ?? 0,
          to: readNumber(query, "to", { min: 0, max: MAX_AT }) ?? Infinity,
          tab,
        };
        const { guest, found } = await find(request);
        await views.viewed({ kind: "replay", by: guest.by, actor: guestActor(guest), peer, session: found.session });
        const stillGood = stillGoodFor(headers["authorization"]);
        const end = AbortSignal.any([signal, deps.stopping]);
        const batches = streamGuestBatches({ ...deps, stillGood }, guest, found, range, end);
        return { stream: bounded(peer, batches), contentType: BATCHES_TYPE };
      },
    },
    {
      method: "GET",
      path: "/v1/guest/live",
      access: "open",
      summary: "For guests: what happens in the session that their link shows, as framed bytes, until it ends",
      handle: async (request) => {
        const { peer, signal, headers } = request;
        const { guest } = await find(request);
        // A range is of the past.
        if (isRange(guest)) throw new AppError("forbidden", "this link shows a range, and not what happens now");
        const stillGood = stillGoodFor(headers["authorization"]);
        const end = AbortSignal.any([signal, deps.stopping]);
        return { stream: bounded(peer, streamGuestLive({ ...deps, stillGood }, guest, peer, end)), contentType: BATCHES_TYPE };
      },
    },
  ];
}
