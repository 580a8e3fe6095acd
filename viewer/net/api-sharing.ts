/** Comments, playlists, share links and embedding. */

import * as v from "valibot";
import { request } from "./api.ts";

const commentSchema = v.object({
  commentId: v.number(),
  at: v.number(),
  text: v.string(),
  userId: v.number(),
  author: v.string(),
  createdAt: v.number(),
  editedAt: v.nullable(v.number()),
});
/** What somebody wrote at a moment; `at` is page time. */
export type Comment = v.InferOutput<typeof commentSchema>;

const linkSchema = v.object({
  linkId: v.number(),
  sessionId: v.string(),
  name: v.string(),
  fromAt: v.nullable(v.number()),
  toAt: v.nullable(v.number()),
  showsPanels: v.boolean(),
  userId: v.number(),
  expiresAt: v.number(),
  madeBy: v.optional(v.string(), ""),
  openedCount: v.optional(v.number(), 0),
  openedAt: v.optional(v.nullable(v.number()), null),
});
/** A share link, without its secret. */
export type ShareLink = v.InferOutput<typeof linkSchema>;

const playlistSchema = v.object({
  playlistId: v.number(),
  name: v.string(),
  description: v.string(),
  userId: v.number(),
  madeBy: v.string(),
  changedAt: v.number(),
  itemCount: v.number(),
});
/** A playlist in the list. */
export type Playlist = v.InferOutput<typeof playlistSchema>;

const itemSchema = v.object({
  itemId: v.number(),
  sessionId: v.string(),
  fromAt: v.nullable(v.number()),
  toAt: v.nullable(v.number()),
  note: v.string(),
  session: v.object({
    userId: v.nullable(v.string()),
    url: v.string(),
    title: v.string(),
    startedAt: v.number(),
    lastAt: v.number(),
    errorCount: v.number(),
  }),
});
/** A session in a playlist, or a range of it. */
export type PlaylistItem = v.InferOutput<typeof itemSchema>;

const wholePlaylistSchema = v.object({ ...playlistSchema.entries, items: v.array(itemSchema) });
/** A playlist and what is in it. */
export type WholePlaylist = v.InferOutput<typeof wholePlaylistSchema>;

/** A range of page time, or the whole session. */
export interface Range {
  fromAt: number | null;
  toAt: number | null;
}

/** The comments of a session, in the order of their moments. */
export async function readComments(sessionId: string, signal?: AbortSignal): Promise<Comment[]> {
  return (await request("GET", `${pathOf(sessionId)}/comments`, v.object({ comments: v.array(commentSchema) }), { signal }))
    .comments;
}

/** Writes a comment at a moment. */
export function writeComment(sessionId: string, at: number, text: string): Promise<Comment> {
  return request("POST", `${pathOf(sessionId)}/comments`, commentSchema, { body: { at, text } });
}

/** Writes one's own comment anew. */
export function changeComment(sessionId: string, commentId: number, text: string): Promise<Comment> {
  return request("PATCH", `${pathOf(sessionId)}/comments/${commentId}`, commentSchema, { body: { text } });
}

/** Removes a comment. */
export async function removeComment(sessionId: string, commentId: number): Promise<void> {
  await request("DELETE", `${pathOf(sessionId)}/comments/${commentId}`, v.unknown());
}

const linksSchema = v.object({ links: v.array(linkSchema) });

/** The links of a session that are good. */
export async function readLinks(sessionId: string, signal?: AbortSignal): Promise<ShareLink[]> {
  return (await request("GET", `${pathOf(sessionId)}/share-links`, linksSchema, { signal })).links;
}

/** Those of a project. */
export async function readProjectLinks(projectId: number, signal?: AbortSignal): Promise<ShareLink[]> {
  return (await request("GET", `/v1/projects/${projectId}/share-links`, linksSchema, { signal })).links;
}

/** Makes a link; its address is told this once. */
export async function makeLink(
  sessionId: string,
  wish: Range & { name: string; showsPanels: boolean; expiresAt: number },
): Promise<string> {
  return (await request("POST", `${pathOf(sessionId)}/share-links`, v.object({ url: v.string() }), { body: wish })).url;
}

/** Ends a link. */
export async function revokeLink(projectId: number, linkId: number): Promise<void> {
  await request("DELETE", `/v1/projects/${projectId}/share-links/${linkId}`, v.unknown());
}

const originsSchema = v.object({ origins: v.array(v.string()) });

/** Whose pages may embed. */
export async function readEmbedOrigins(projectId: number, signal?: AbortSignal): Promise<string[]> {
  return (await request("GET", `/v1/projects/${projectId}/embedding`, originsSchema, { signal })).origins;
}

/** Says whose pages may. */
export async function saveEmbedOrigins(projectId: number, origins: readonly string[]): Promise<string[]> {
  return (await request("PUT", `/v1/projects/${projectId}/embedding`, originsSchema, { body: { origins } })).origins;
}

/** Ends every embedded view of a project. */
export async function endEmbedTokens(projectId: number): Promise<void> {
  await request("DELETE", `/v1/projects/${projectId}/embed-tokens`, v.unknown());
}

/** The playlists of a project. */
export async function readPlaylists(projectId: number, signal?: AbortSignal): Promise<Playlist[]> {
  const schema = v.object({ playlists: v.array(playlistSchema) });
  return (await request("GET", playlistsOf(projectId), schema, { signal })).playlists;
}

/** One of them, with what is in it. */
export function readPlaylist(projectId: number, playlistId: number, signal?: AbortSignal): Promise<WholePlaylist> {
  return request("GET", `${playlistsOf(projectId)}/${playlistId}`, wholePlaylistSchema, { signal });
}

/** Makes one. */
export function makePlaylist(projectId: number, name: string): Promise<Playlist> {
  return request("POST", playlistsOf(projectId), playlistSchema, { body: { name } });
}

/** Changes its name, or the order of what is in it. */
export function changePlaylist(
  projectId: number,
  playlistId: number,
  change: { name?: string; order?: readonly number[] },
): Promise<WholePlaylist> {
  return request("PATCH", `${playlistsOf(projectId)}/${playlistId}`, wholePlaylistSchema, { body: change });
}

/** Removes one; the sessions stay. */
export async function removePlaylist(projectId: number, playlistId: number): Promise<void> {
  await request("DELETE", `${playlistsOf(projectId)}/${playlistId}`, v.unknown());
}

/** Puts a session, or a range of it, at the end. */
export async function addToPlaylist(
  projectId: number,
  playlistId: number,
  item: Range & { sessionId: string; note?: string },
): Promise<void> {
  await request("POST", `${playlistsOf(projectId)}/${playlistId}/items`, v.unknown(), { body: item });
}

/** Takes one out. */
export async function removeFromPlaylist(projectId: number, playlistId: number, itemId: number): Promise<void> {
  await request("DELETE", `${playlistsOf(projectId)}/${playlistId}/items/${itemId}`, v.unknown());
}

function pathOf(sessionId: string): string {
  return `/v1/sessions/${encodeURIComponent(sessionId)}`;
}

function playlistsOf(projectId: number): string {
  return `/v1/projects/${projectId}/playlists`;
}
