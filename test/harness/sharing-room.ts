/** Sharing over a real database, as its routes: who asks is handed in, guests come with what they hold. */

import { decodeBinary } from "../../protocol/codec.ts";
import { FrameReader } from "../../protocol/frames.ts";
import { createAudit } from "../../server/audit/audit.ts";
import type { Identity, Role } from "../../server/auth/auth.ts";
import { systemClock } from "../../server/clock.ts";
import { createPrivacy } from "../../server/privacy/privacy.ts";
import { unpackEvents } from "../../server/privacy/payload-bytes.ts";
import { createShownSessions } from "../../server/replay/shown-session.ts";
import { createSharing, type Sharing } from "../../server/sharing/sharing.ts";
import type { TestClock } from "./clock.ts";
import { createLiveRoom } from "./live-room.ts";
import { quietLog, type TestDatabase } from "./postgres.ts";
import { createCaller, type RouteAnswer } from "./route-caller.ts";

/** Signs embed tokens. */
export const SECRET = "a secret of the installation";

export interface SharingRoom extends Sharing {
  /** Calls a route as somebody. */
  as(who: Identity, method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<RouteAnswer>;
  /** Calls a route as a guest who holds this. */
  asGuest(secret: unknown, path: string): Promise<RouteAnswer>;
  end(): Promise<void>;
}

/** Builds the room; nothing is live in it. */
export function createSharingRoom({ database }: Pick<TestDatabase, "database">, clock: TestClock): SharingRoom {
  const audit = createAudit({ db: database, clock, log: quietLog });
  const privacy = createPrivacy({ db: database, clock: systemClock, log: quietLog, audit });
  const { live } = createLiveRoom();
  const shown = createShownSessions(database, { activeSessions: () => [] });
  const publicUrl = "https://watch.example";
  const sharing = createSharing({ db: database, clock, audit, shown, live, privacy, secret: SECRET, publicUrl });
  const call = createCaller(sharing.routes);
  return {
    ...sharing,
    as: (identity, method, path, body) => call(method, path, { identity, ...(body === undefined ? {} : { body }) }),
    asGuest: (secret, path) => call("GET", path, { headers: { authorization: `Guest ${String(secret)}` } }),
    async end() {
      sharing.stop();
      live.stop();
      await privacy.stop();
    },
  };
}

/** Somebody who is signed in, with one role in one project. */
export function somebody(userId: number, projectId: number, role: Role): Identity {
  return {
    kind: "user",
    userId,
    email: `user-${userId}@example.com`,
    signInId: "",
    isAdmin: false,
    roles: new Map([[projectId, role]]),
  };
}

/** Everything that an answer says, as one text: its JSON, and its frames with what is in them. */
export function textOf({ json, pieces }: RouteAnswer): string {
  const reader = new FrameReader(1e8);
  const frames = pieces.flatMap((piece) => reader.push(piece)).map((frame) => decodeBinary(frame).data);
  return [JSON.stringify(json), ...frames.map(frameText)].join("\n");
}

function frameText(data: unknown): string {
  if (typeof data !== "object" || data === null || !("payload" in data) || !(data.payload instanceof Uint8Array))
    return JSON.stringify(data);
  const { payload, ...header } = data;
  const encoding = "encoding" in header && header.encoding === "deflate-raw" ? "deflate-raw" : "json";
  return JSON.stringify(header) + JSON.stringify(unpackEvents({ encoding, rawBytes: 1e8, payload })?.events);
}
