/** Who may open a socket: the key or the sign-in, the page that it comes from, and how many there are already. */

import { AppError } from "../app-error.ts";
import type { Auth, Identity } from "../auth/auth.ts";
import type { Logger } from "../log.ts";
import { isAllowedOrigin } from "../projects/projects.ts";
import type { Addresses } from "./addresses.ts";
import type { RequestHead } from "./http.ts";
import { placeOf } from "./place.ts";
import { RefusedSocket } from "./refused-socket.ts";
import type { SocketPeer } from "./socket.ts";
import type { KeyUse, TrackerKeys } from "./tracker-keys.ts";
import { TrackerSocket, type TrackerShared } from "./tracker-socket.ts";
import type { ViewerRights } from "./viewer-rights.ts";
import { ViewerSocket, type ViewerShared } from "./viewer-socket.ts";

/** When a peer that was one too many should come back. */
const FULL_WAIT_MS = 10_000;
/** Rights that change during so many look-ups in a row are looked at again once the socket is open. */
const MAX_ASKS = 5;

/** How many sockets there may be at once. A project's own bound for each of its keys comes besides. */
export interface SocketCounts {
  readonly maxTrackersPerAddress: number;
  readonly maxViewersPerAddress: number;
}

/** What it is built from. */
export interface AdmissionDeps {
  auth: Pick<Auth, "identify" | "isTrustedOrigin">;
  addresses: Addresses;
  keys: TrackerKeys;
  rights: ViewerRights;
  trackers: TrackerShared;
  viewers: ViewerShared;
  counts: SocketCounts;
  isDraining: () => boolean;
  trustProxy: boolean;
  logger: Logger;
}

/** Lets peers in. */
export interface Admission {
  /**
   * Answers within the call, from memory: for trackers whose key is known. Null for everybody else.
   * @throws AppError as `admit`
   */
  atOnce(head: RequestHead, query: URLSearchParams): SocketPeer | null;
  /**
   * A peer that was one too many is let in as well, to be told when to come back: a page cannot read the answer to a refused upgrade.
   * @throws AppError `auth`, `forbidden`, `protocol`, `store` or `overload`
   */
  admit(head: RequestHead, query: URLSearchParams): Promise<SocketPeer>;
}

/** Builds it. */
export function createAdmission(deps: AdmissionDeps): Admission {
  const { addresses, keys, counts } = deps;
  let nextId = 1;

  const admitTracker = (head: RequestHead, use: KeyUse): SocketPeer => {
    requireOrigin(use, head);
    const address = addresses.of(head.peer);
    if (address.trackers >= counts.maxTrackersPerAddress) return tooMany("from this address", "text");
    const most = use.project.settings.limits.maxSocketsPerKey;
    if (most !== null && use.holders.size >= most) return tooMany("with this project key", "text");
    return new TrackerSocket(nextId++, { address, place: placeOf(head.headers, deps.trustProxy) }, use, deps.trackers);
  };

  const admitViewer = async (head: RequestHead, query: URLSearchParams): Promise<SocketPeer> => {
    const { cookie, authorization, origin, host } = head.headers;
    const credentials = { cookie, authorization, token: query.get("token") ?? undefined };
    const identity = await identify(credentials);
    if (identity.kind === "nobody") throw new AppError("auth", "sign in, or send a bearer token");
    // Any page can open a socket here with its visitor's cookie; only the browser's word about that page tells them apart.
    const isOurs =
      origin !== undefined && origin !== "" && deps.auth.isTrustedOrigin(origin, host, head.headers["sec-fetch-site"]);
    if (identity.kind === "user" && !isOurs) {
      throw new AppError("forbidden", "viewers come from our own pages, or with a bearer token");
    }
    const address = addresses.of(head.peer);
    if (address.viewers >= counts.maxViewersPerAddress) return tooMany("from this address", "binary");
    return new ViewerSocket(nextId++, { address, peer: head.peer }, identity, credentials, deps.viewers);
  };

  /** Who it is when the socket opens, not who it was when the look-up began. */
  const identify = async (credentials: ViewerSocket["credentials"]): Promise<Identity> => {
    for (let ask = 1; ; ask++) {
      const changes = deps.rights.changes();
      const identity = await deps.auth.identify(credentials);
      if (changes === deps.rights.changes() || ask === MAX_ASKS) return identity;
    }
  };

  return {
    atOnce(head, query) {
      if (query.get("type") !== "tracker" || deps.isDraining()) return null;
      const key = query.get("key") ?? "";
      const use = keys.get(key);
      if (!use) return null;
      const socket = admitTracker(head, use);
      keys.find(key).then(
        (found) => {
          // The list of origins may have been another one when it was let in.
          if (found && socket instanceof TrackerSocket && !isFrom(found, head)) socket.close("forbidden", NOT_FROM_HERE);
        },
        (error: unknown) => deps.logger.debug("project key not checked again", { error }),
      );
      return socket;
    },
    async admit(head, query) {
      if (deps.isDraining()) throw new AppError("overload", "the server is stopping", { retryAfterMs: 1_000 });
      switch (query.get("type")) {
        case "tracker": {
          const use = await keys.find(query.get("key") ?? "");
          if (!use) throw new AppError("auth", "unknown project key");
          return admitTracker(head, use);
        }
        case "viewer":
          return admitViewer(head, query);
        default:
          throw new AppError("protocol", "type must be tracker or viewer");
      }
    },
  };
}

/** What a page hears whose origin the project's list does not have. */
export const NOT_FROM_HERE = "this project takes nothing from pages of this origin; its settings list those that it takes from";

function isFrom({ project }: Pick<KeyUse, "project">, { headers }: Pick<RequestHead, "headers">): boolean {
  return isAllowedOrigin(project.settings.allowedOrigins, headers["origin"]);
}

function requireOrigin(use: KeyUse, head: RequestHead): void {
  if (!isFrom(use, head)) throw new AppError("forbidden", NOT_FROM_HERE);
}

function tooMany(where: string, form: "text" | "binary"): RefusedSocket {
  return new RefusedSocket(new AppError("limit", `too many connections ${where}`, { retryAfterMs: FULL_WAIT_MS }), form);
}
