/**
 * How each route is asked about the objects of a tenant. A route of the running app without a row here fails the test, and so does a row
 * without a route.
 */

import { encodeBinary } from "../../protocol/codec.ts";
import { joinFrames } from "../../protocol/frames.ts";
import type { Role } from "../../server/auth/auth.ts";
import type { IdKind, Ids } from "./ids.ts";
import { PASSWORD } from "./tenant.ts";
import type { ListedRoute } from "./world.ts";

export interface RouteRow {
  /** What the `:name` parts of the path are. */
  params?: Readonly<Record<string, IdKind>>;
  /** Further ids, that the query or the body names. */
  names?: readonly IdKind[];
  query?: (ids: Ids) => Record<string, string>;
  body?: (ids: Ids) => unknown;
  /** A body that is no JSON. */
  bytes?: (ids: Ids) => Uint8Array<ArrayBuffer>;
  /** True where everybody who is signed in does this to himself: strangers succeed, and are not asked. */
  isOwnDoing?: boolean;
  /** Whose right it is, where neither the role nor the access of the route says so; `newcomer` is somebody whom nobody needs afterwards, `program` a token that sends batches. */
  as?: Role | "nobody" | "newcomer" | "program";
  /** What the right one uses up: made anew for him. */
  fresh?: readonly IdKind[];
  /** How the right one asks, where that is another question. */
  right?: Pick<RouteRow, "query" | "body">;
  /** What the right one gets, where it is not a success. */
  status?: number;
  /** Tables to which everybody who asks adds a row. */
  changes?: readonly string[];
  /** Ids that are only names: in one's own project anybody may ask for any of them, and the answer may repeat it. */
  free?: readonly IdKind[];
  /** Further ways to ask the same route. */
  and?: readonly RouteRow[];
  /** True where this way takes somebody who is known, though the route is open to all. */
  isKnown?: boolean;
  /** Strangers, by name, who may do just this. */
  except?: readonly string[];
  /** True where the answer to its own people has no word of the tenant. */
  isBare?: boolean;
}

const project = { params: { id: "project" } } as const;
const session = { params: { id: "session" } } as const;
const issue = { params: { id: "issue" } } as const;
const channel = { params: { id: "project", channelId: "channel" } } as const;
const comment = { params: { id: "session", commentId: "comment" } } as const;
const playlist = { params: { id: "project", playlistId: "playlist" } } as const;
const list: RouteRow = {};
const settings = { name: "Renamed", settings: { sampleRate: 0.5 } };

/** By a key, as any page does. A line of JSON is an envelope, an event, and a report. */
const fromSdk: RouteRow = {
  ...project,
  as: "nobody",
  names: ["revokedKey"],
  query: (ids) => ({ sentry_key: ids.revokedKey }),
  bytes: () => new Uint8Array(new TextEncoder().encode("{}\n")),
  right: { query: (ids) => ({ sentry_key: ids.key }) },
};

/** The smallest file that can be imported. */
function sessionFile(): Uint8Array<ArrayBuffer> {
  const head = { format: "watchback-session", version: 1, exportedAt: 1, session: {}, tabs: [{ tab: "t" }] };
  const events = [{ type: 4, timestamp: 1, data: { href: "https://a.example/", width: 1, height: 1 } }];
  return new TextEncoder().encode(JSON.stringify({ ...head, batches: [{ tab: "t", seq: 0, events }] }));
}

function visitFrames(): Uint8Array<ArrayBuffer> {
  const start = encodeBinary("session_start", { sessionId: "tenants-http-visit", url: "https://a.example/" });
  return new Uint8Array(joinFrames([start]));
}

/** Every way to ask a route; none for a route without a row. */
export function waysToAsk(route: ListedRoute): { route: ListedRoute; row: RouteRow }[] {
  const row = ROUTE_ROWS[route.name];
  const rows = row ? [row, ...(row.and ?? [])] : [];
  return rows.map((way) => ({ route: way.isKnown === true ? { ...route, access: "signed-in" as const } : route, row: way }));
}

/** Every route of ours. */
export const ROUTE_ROWS: Readonly<Record<string, RouteRow>> = {
  // Of the installation, without a word of any tenant.
  "GET /": { as: "nobody" },
  "GET /health": { as: "nobody" },
  "GET /stats": list,
  "GET /metrics": list,
  "GET /v1/openapi.json": { as: "nobody" },
  "POST /v1/setup/look": { as: "nobody", names: ["spentLink"], free: ["spentLink"], body: (ids) => ({ token: ids.spentLink }) },
  "POST /v1/setup": {
    as: "nobody",
    names: ["spentLink"],
    body: (ids) => ({ token: ids.spentLink, email: "new@nowhere.example", password: PASSWORD }),
    status: 403,
  },

  // Signing in and out.
  "POST /auth/login": {
    as: "nobody",
    names: ["email"],
    body: (ids) => ({ email: ids.email, password: "wrong, and long enough" }),
    right: { body: (ids) => ({ email: ids.email, password: PASSWORD }) },
    changes: ["audit_log"],
  },
  "POST /auth/logout": { isOwnDoing: true, as: "newcomer", body: () => ({}) },
  "GET /auth/me": list,
  "POST /auth/password": {
    isOwnDoing: true,
    as: "newcomer",
    body: () => ({ current: PASSWORD, next: `${PASSWORD}, and another` }),
  },
  "GET /auth/sign-ins": list,
  "DELETE /auth/sign-ins/:id": { params: { id: "signIn" }, fresh: ["signIn"] },
  "POST /auth/logout-everywhere": { isOwnDoing: true, as: "newcomer", body: () => ({}) },
  "POST /auth/invitation/look": {
    as: "nobody",
    names: ["spentLink"],
    body: (ids) => ({ token: ids.spentLink }),
    right: { body: (ids) => ({ token: ids.openLink }) },
  },
  "POST /auth/invitation": {
    as: "nobody",
    names: ["spentLink"],
    body: (ids) => ({ token: ids.spentLink, password: PASSWORD }),
    right: { body: (ids) => ({ token: ids.openLink, password: PASSWORD }) },
  },

  // Projects and their keys.
  "GET /v1/projects": list,
  "POST /v1/projects": { body: () => ({ name: "A new one" }) },
  "PATCH /v1/projects/:id": { ...project, body: () => settings },
  "DELETE /v1/projects/:id": { ...project, fresh: ["project"] },
  "GET /v1/projects/:id/keys": project,
  "POST /v1/projects/:id/keys": { ...project, body: () => ({ name: "another" }) },
  "PATCH /v1/projects/:id/keys/:key": { params: { id: "project", key: "key" }, body: () => ({ name: "renamed" }) },
  "DELETE /v1/projects/:id/keys/:key": { params: { id: "project", key: "key" }, fresh: ["key"] },

  // People.
  "GET /v1/projects/:id/members": project,
  "PATCH /v1/projects/:id/members/:userId": { params: { id: "project", userId: "user" }, body: () => ({ role: "member" }) },
  "DELETE /v1/projects/:id/members/:userId": { params: { id: "project", userId: "user" }, fresh: ["user"] },
  "GET /v1/projects/:id/invitations": project,
  "POST /v1/projects/:id/invitations": { ...project, body: () => ({ email: "guest@nowhere.example", role: "viewer" }) },
  "DELETE /v1/projects/:id/invitations/:invitationId": {
    params: { id: "project", invitationId: "invitation" },
    fresh: ["invitation"],
  },
  "GET /v1/projects/:id/tokens": project,
  "GET /v1/users": list,
  "PATCH /v1/users/:id": { params: { id: "user" }, body: () => ({ disabled: true }), fresh: ["user"] },
  "POST /v1/users/:id/reset-link": { params: { id: "user" }, body: () => ({}), fresh: ["user"] },
  "GET /v1/tokens": list,
  "POST /v1/tokens": {
    names: ["project"],
    body: (ids) => ({ name: "mine", scopes: ["read"], projectId: Number(ids.project) }),
  },
  "DELETE /v1/tokens/:id": { params: { id: "token" }, fresh: ["token"] },

  // What is stored, and of whom.
  "GET /v1/storage": list,
  "GET /v1/projects/:id/storage": { ...project, isBare: true },
  "GET /v1/projects/:id/people/:userId": { params: { id: "project", userId: "person" }, free: ["person"] },
  "DELETE /v1/projects/:id/people/:userId": {
    params: { id: "project", userId: "person" },
    free: ["person"],
    fresh: ["person"],
    changes: ["audit_log"],
  },
  "GET /v1/projects/:id/leak-scans": { ...project, isBare: true },
  "POST /v1/projects/:id/leak-scans": { ...project, body: () => ({}) },
  "GET /v1/projects/:id/leak-scans/:scanId": { params: { id: "project", scanId: "scan" } },
  "DELETE /v1/projects/:id/leak-scans/:scanId": { params: { id: "project", scanId: "scan" }, fresh: ["scan"] },

  // Source maps. The organization in the path is a word that means nothing.
  "POST /v1/projects/:id/source-maps": {
    ...project,
    query: () => ({ release: "1.0" }),
    bytes: () => new TextEncoder().encode('{"version":3,"sources":["a.ts"],"names":[],"mappings":"AAAA"}'),
    except: ["their owner's sourcemaps token"],
  },
  "GET /v1/projects/:id/source-maps": project,
  "GET /v1/projects/:id/source-maps/:bundle": { params: { id: "project", bundle: "upload" } },
  "DELETE /v1/projects/:id/source-maps/:bundle": { params: { id: "project", bundle: "upload" }, fresh: ["upload"] },
  "GET /api/0/organizations/:org/chunk-upload/": { params: { org: "email" }, free: ["email"], isBare: true },
  "POST /api/0/organizations/:org/chunk-upload/": {
    params: { org: "email" },
    free: ["email"],
    bytes: () => new Uint8Array([1]),
    as: "member",
    status: 400,
  },
  "POST /api/0/organizations/:org/artifactbundle/assemble/": {
    params: { org: "email" },
    names: ["project"],
    free: ["email"],
    body: (ids) => ({ checksum: "0".repeat(40), chunks: ["1".repeat(40)], projects: [ids.project] }),
    except: ["their owner's sourcemaps token"],
  },

  // Alerts.
  "GET /v1/projects/:id/alert-channels": project,
  "POST /v1/projects/:id/alert-channels": {
    ...project,
    body: () => ({ kind: "webhook", name: "A hook", url: "https://hooks.nowhere.example/" }),
  },
  "PATCH /v1/projects/:id/alert-channels/:channelId": { ...channel, body: () => ({ to: ["others@tenants.example"] }) },
  "DELETE /v1/projects/:id/alert-channels/:channelId": { ...channel, fresh: ["channel"] },
  "POST /v1/projects/:id/alert-channels/:channelId/test": { ...channel, body: () => ({}) },
  "GET /v1/projects/:id/alert-rules": project,
  "POST /v1/projects/:id/alert-rules": {
    ...project,
    names: ["channel"],
    body: (ids) => ({ name: "A rule", channelIds: [Number(ids.channel)] }),
  },
  "PATCH /v1/projects/:id/alert-rules/:ruleId": {
    params: { id: "project", ruleId: "rule" },
    names: ["channel"],
    body: (ids) => ({ channelIds: [Number(ids.channel)] }),
  },
  "DELETE /v1/projects/:id/alert-rules/:ruleId": { params: { id: "project", ruleId: "rule" }, fresh: ["rule"] },
  "GET /v1/projects/:id/alert-messages": project,

  // Sessions and errors.
  "GET /v1/sessions": {
    names: ["project", "person", "session"],
    query: (ids) => ({ project: ids.project, user: ids.person, q: ids.session }),
    right: { query: (ids) => ({ project: ids.project }) },
  },
  "GET /v1/sessions/facets": {
    names: ["project", "person", "session"],
    query: (ids) => ({ project: ids.project, user: ids.person, q: ids.session }),
    isBare: true,
  },
  "GET /v1/friction/pages": { names: ["project"], query: (ids) => ({ project: ids.project }), isBare: true },
  "GET /v1/friction/heat-map": {
    names: ["project"],
    query: (ids) => ({ project: ids.project, address: "https://shop.example/" }),
    isBare: true,
  },
  "POST /v1/sessions/erase": {
    names: ["project", "session"],
    body: (ids) => ({ project: Number(ids.project), sessionIds: [ids.session] }),
    right: { body: (ids) => ({ project: Number(ids.project), sessionIds: [ids.session], count: 1 }) },
    fresh: ["session"],
    isBare: true,
  },
  "GET /v1/projects/:id/searches": project,
  "POST /v1/projects/:id/searches": { ...project, body: () => ({ name: "Trouble", query: "hasErrors=true" }), isBare: true },
  "PATCH /v1/projects/:id/searches/:searchId": {
    params: { id: "project", searchId: "search" },
    body: () => ({ name: "Renamed" }),
    isBare: true,
  },
  "DELETE /v1/projects/:id/searches/:searchId": {
    params: { id: "project", searchId: "search" },
    fresh: ["search"],
    isBare: true,
  },
  "GET /v1/sessions/:id": session,
  "GET /v1/sessions/:id/batches": session,
  "GET /v1/sessions/:id/export": { ...session, query: () => ({ format: "json" }) },
  "GET /v1/sessions/:id/export-options": session,
  "POST /v1/projects/:id/imports": { ...project, bytes: sessionFile },
  "DELETE /v1/sessions/:id": { ...session, fresh: ["session"] },
  "PUT /v1/sessions/:id/pin": session,
  "DELETE /v1/sessions/:id/pin": session,
  "GET /sessions/active": list,
  "GET /sessions/:sessionId/events": { params: { sessionId: "session" } },
  "DELETE /sessions/cleanup": list,
  "GET /v1/errors/:id": { params: { id: "error" } },
  "GET /v1/errors/:id/clip": { params: { id: "error" } },
  "GET /v1/errors/:id/attachments": { params: { id: "filedError" } },
  "GET /v1/errors/:id/attachments/:ordinal": {
    params: { id: "filedError", ordinal: "ordinal" },
    free: ["ordinal"],
    isBare: true,
  },
  "GET /v1/projects/:id/intake": { ...project, isBare: true },
  "GET /v1/projects/:id/feedback": project,

  "GET /v1/errors/:id/grouping": { params: { id: "grouped" } },

  // Issues.
  "GET /v1/issues": {
    names: ["project", "person"],
    query: (ids) => ({ project: ids.project, q: ids.person }),
    right: { query: (ids) => ({ project: ids.project }) },
  },
  "GET /v1/issues/stats": { names: ["project"], query: (ids) => ({ project: ids.project }) },
  "PATCH /v1/issues": { names: ["issue"], body: (ids) => ({ ids: [Number(ids.issue)], priority: "high" }) },
  "GET /v1/issues/:id": issue,
  "PATCH /v1/issues/:id": {
    ...issue,
    names: ["user"],
    body: (ids) => ({ assigneeId: Number(ids.user) }),
  },
  "GET /v1/issues/:id/occurrences": issue,
  "GET /v1/issues/:id/sessions": issue,
  "GET /v1/issues/:id/keys": issue,
  "POST /v1/issues/:id/comments": { ...issue, body: () => ({ text: "seen" }) },
  "POST /v1/issues/:id/merge": {
    params: { id: "issue" },
    names: ["otherIssue"],
    body: (ids) => ({ ids: [Number(ids.otherIssue)] }),
    fresh: ["otherIssue"],
  },
  "POST /v1/issues/:id/split": {
    params: { id: "issue" },
    names: ["mergedIssue"],
    body: (ids) => ({ issueId: Number(ids.mergedIssue) }),
    fresh: ["mergedIssue"],
  },
  "GET /v1/dead-letters": { names: ["project"], query: (ids) => ({ project: ids.project }) },
  "POST /v1/dead-letters/:id/retry": { params: { id: "deadLetter" }, fresh: ["deadLetter"] },
  "DELETE /v1/dead-letters/:id": { params: { id: "deadLetter" }, fresh: ["deadLetter"] },
  "POST /v1/projects/:id/grouping/dry-run": { ...project, body: () => ({ routeSplits: false }) },

  // Sharing. Guests are nobody here: what they may is in test/integration/guests.test.ts.
  "GET /v1/guest/session": { as: "nobody", status: 401 },
  "GET /v1/guest/batches": { as: "nobody", status: 401 },
  "GET /v1/guest/live": { as: "nobody", status: 401 },
  "GET /v1/sessions/:id/comments": { ...session, isBare: true },
  "POST /v1/sessions/:id/comments": { ...session, body: () => ({ at: 1, text: "seen" }) },
  "PATCH /v1/sessions/:id/comments/:commentId": { ...comment, as: "owner", body: () => ({ text: "seen again" }) },
  "DELETE /v1/sessions/:id/comments/:commentId": { ...comment, as: "owner", fresh: ["comment"] },
  "GET /v1/sessions/:id/share-links": { ...session, isBare: true },
  "POST /v1/sessions/:id/share-links": { ...session, body: () => ({}) },
  "POST /v1/sessions/:id/embed-tokens": { ...session, body: () => ({}), except: ["their owner's embed token"] },
  "GET /v1/projects/:id/share-links": project,
  "DELETE /v1/projects/:id/share-links/:linkId": {
    params: { id: "project", linkId: "shareLink" },
    as: "owner",
    fresh: ["shareLink"],
  },
  "GET /v1/projects/:id/embedding": { ...project, isBare: true },
  "PUT /v1/projects/:id/embedding": { ...project, body: () => ({ origins: ["https://crm.nowhere.example"] }) },
  "DELETE /v1/projects/:id/embed-tokens": project,
  "GET /v1/projects/:id/playlists": project,
  "POST /v1/projects/:id/playlists": { ...project, body: () => ({ name: "A list" }) },
  "GET /v1/projects/:id/playlists/:playlistId": playlist,
  "PATCH /v1/projects/:id/playlists/:playlistId": { ...playlist, body: () => ({ description: "seen" }) },
  "DELETE /v1/projects/:id/playlists/:playlistId": { ...playlist, as: "owner", fresh: ["playlist"] },
  "POST /v1/projects/:id/playlists/:playlistId/items": {
    ...playlist,
    names: ["session"],
    body: (ids) => ({ sessionId: ids.session }),
  },
  "DELETE /v1/projects/:id/playlists/:playlistId/items/:itemId": {
    params: { id: "project", playlistId: "playlist", itemId: "playlistItem" },
    fresh: ["playlistItem"],
  },

  // What SDKs send.
  "POST /api/:id/envelope": fromSdk,
  "POST /api/:id/envelope/": fromSdk,
  "POST /api/:id/store": fromSdk,
  "POST /api/:id/store/": fromSdk,
  "POST /api/:id/security": fromSdk,
  "POST /api/:id/security/": fromSdk,

  "GET /v1/audit": {
    names: ["project", "session", "person", "user"],
    query: (ids) => ({ project: ids.project, subject: ids.session, person: ids.person, actor: ids.user }),
  },

  "POST /v1/ingest": {
    as: "nobody",
    names: ["revokedKey"],
    query: (ids) => ({ key: ids.revokedKey }),
    bytes: visitFrames,
    right: { query: (ids) => ({ key: ids.key }) },
    and: [
      {
        isKnown: true,
        as: "program",
        names: ["project"],
        query: (ids) => ({ project: ids.project }),
        bytes: visitFrames,
        except: ["their owner's ingest token"],
      },
    ],
  },
};
