/** The door of sharing: what people say about sessions, and how they show them to others: comments, playlists, share links, embedding. */

import type { AuditTrail, ViewTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Live } from "../live/live.ts";
import type { Route } from "../net/route.ts";
import type { Privacy } from "../privacy/privacy.ts";
import type { ShownSessions } from "../replay/replay.ts";
import { createCommentRoutes } from "./comment-routes.ts";
import { createEmbedRoutes } from "./embed-routes.ts";
import { createGuestRoutes } from "./guest-routes.ts";
import { createGuests } from "./guests.ts";
import { readEmbedding } from "./link-queries.ts";
import { createLinkRoutes } from "./link-routes.ts";
import { createPlaylistRoutes } from "./playlist-routes.ts";
import type { SharingRoom } from "./room.ts";

/** What the other rooms ask of sharing. */
export interface Sharing {
  routes: readonly Route[];
  /** Origins (`https://crm.example.com`, `https://*.example.com`) whose pages may show sessions of this project in a frame; none by default. */
  embedOrigins(projectId: number): Promise<readonly string[]>;
  /** Ends what guests are being sent. */
  stop(): void;
}

/** What the room is built from. */
export interface SharingDeps {
  db: Database;
  clock: Clock;
  audit: AuditTrail & ViewTrail;
  shown: ShownSessions;
  live: Pick<Live, "connect">;
  privacy: Pick<Privacy, "cutPayload">;
  /** Signs embed tokens. */
  secret: string;
  publicUrl: string;
}

/** Builds the room. */
export function createSharing(deps: SharingDeps): Sharing {
  const { db, clock, audit, shown, live, privacy, secret } = deps;
  const stopping = new AbortController();
  const room: SharingRoom = { db, clock, audit, shown, secret, publicUrl: deps.publicUrl.replace(/\/+$/, "") };
  const guests = createGuests({ db, clock, secret });
  return {
    routes: [
      ...createCommentRoutes(room),
      ...createPlaylistRoutes(room),
      ...createLinkRoutes(room),
      ...createEmbedRoutes(room),
      ...createGuestRoutes({ db, clock, audit, views: audit, guests, shown, live, privacy, stopping: stopping.signal }),
    ],
    embedOrigins: async (projectId) => (await readEmbedding(db, projectId)).origins,
    stop: () => stopping.abort(),
  };
}
