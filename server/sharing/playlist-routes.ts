/** Routes of playlists: read by everybody who may watch, made and changed by members, removed by who made them or an admin. */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import { requireRole } from "../auth/auth.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { checkRange, rangeEntries } from "./link-routes.ts";
import {
  changePlaylist,
  findPlaylist,
  insertItem,
  insertPlaylist,
  listItems,
  listPlaylists,
  orderItems,
  type Playlist,
  removeItem,
  removePlaylist,
} from "./playlist-queries.ts";
import { findSession, line, optionalText, type SharingRoom, userOf } from "./room.ts";

const MAX_PLAYLISTS = 500;
const MAX_ITEMS = 500;

const newBody = v.strictObject({ name: line(120), description: optionalText(2_000) });
const changeBody = v.strictObject({
  name: v.optional(line(120)),
  description: v.optional(v.pipe(optionalText(2_000))),
  /** Item ids in their new order. */
  order: v.optional(
    v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2_147_483_647))), v.maxLength(MAX_ITEMS)),
  ),
});
const itemBody = v.strictObject({ sessionId: v.pipe(v.string(), v.maxLength(64)), ...rangeEntries, note: optionalText(500) });

/** The rows of the route table. */
export function createPlaylistRoutes(room: SharingRoom): readonly Route[] {
  const { db, clock } = room;

  async function find({ params, identity }: HttpRequest, least: "viewer" | "member") {
    const projectId = readId(params["id"]);
    requireRole(identity, projectId, least);
    const playlist = await findPlaylist(db, projectId, readId(params["playlistId"]));
    if (!playlist) throw notFound();
    return { projectId, playlist };
  }

  const whole = async (projectId: number, playlist: Playlist) => ({
    ...playlist,
    items: await listItems(db, playlist.playlistId, projectId),
  });

  return [
    {
      method: "GET",
      path: "/v1/projects/:id/playlists",
      access: "signed-in",
      role: "viewer",
      summary: "The playlists of a project, those that changed last first",
      handle: async ({ params, identity }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        return { json: { playlists: await listPlaylists(db, projectId) } };
      },
    },
    {
      method: "POST",
      path: "/v1/projects/:id/playlists",
      access: "signed-in",
      role: "member",
      summary: "Makes a playlist: {name, description?}",
      handle: async ({ params, identity, body }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "member");
        const facts = { projectId, ...readBody(newBody, body), userId: userOf(identity), now: clock.now() };
        const id = await insertPlaylist(db, facts, MAX_PLAYLISTS);
        const made = id === null ? null : await findPlaylist(db, projectId, id);
        if (!made) throw new AppError("limit", `a project has at most ${MAX_PLAYLISTS} playlists`);
        return { status: 201, json: made };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/playlists/:playlistId",
      access: "signed-in",
      role: "viewer",
      summary: "A playlist and the sessions in it, in its order",
      handle: async (request) => {
        const { projectId, playlist } = await find(request, "viewer");
        return { json: await whole(projectId, playlist) };
      },
    },
    {
      method: "PATCH",
      path: "/v1/projects/:id/playlists/:playlistId",
      access: "signed-in",
      role: "member",
      summary: "Changes a playlist: {name?, description?, order?}; order is a list of item ids",
      handle: async (request) => {
        const { projectId, playlist } = await find(request, "member");
        const { order, ...change } = readBody(changeBody, request.body);
        await db.transaction(async (tx) => {
          await changePlaylist(tx, playlist.playlistId, change, clock.now());
          if (order) await orderItems(tx, playlist.playlistId, order);
        });
        return { json: await whole(projectId, (await findPlaylist(db, projectId, playlist.playlistId)) ?? playlist) };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/playlists/:playlistId",
      access: "signed-in",
      role: "member",
      summary: "Removes a playlist of one's own; that of somebody else takes an admin. The sessions stay",
      handle: async (request) => {
        const { projectId, playlist } = await find(request, "member");
        if (playlist.userId !== userOf(request.identity)) requireRole(request.identity, projectId, "admin");
        await removePlaylist(db, playlist.playlistId);
        return { json: { removed: true } };
      },
    },
    {
      method: "POST",
      path: "/v1/projects/:id/playlists/:playlistId/items",
      access: "signed-in",
      role: "member",
      summary: "Puts a session, or a range of it, at the end: {sessionId, fromAt?, toAt?, note?}",
      handle: async (request) => {
        const { projectId, playlist } = await find(request, "member");
        const { sessionId, ...wish } = readBody(itemBody, request.body);
        checkRange(wish);
        const { session } = await findSession(room, sessionId, request.identity, "viewer");
        if (session.projectId !== projectId) throw notFound();
        const facts = { playlistId: playlist.playlistId, projectId, sessionId, ...wish, userId: userOf(request.identity) };
        const itemId = await insertItem(db, { ...facts, now: clock.now() }, MAX_ITEMS);
        if (itemId === null) throw new AppError("limit", `a playlist has at most ${MAX_ITEMS} sessions`);
        await changePlaylist(db, playlist.playlistId, {}, clock.now());
        return { status: 201, json: { itemId } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/playlists/:playlistId/items/:itemId",
      access: "signed-in",
      role: "member",
      summary: "Takes a session out of a playlist",
      handle: async (request) => {
        const { playlist } = await find(request, "member");
        if (!(await removeItem(db, playlist.playlistId, readId(request.params["itemId"])))) throw notFound();
        await changePlaylist(db, playlist.playlistId, {}, clock.now());
        return { json: { removed: true } };
      },
    },
  ];
}
