/** Routes of channels, of their test messages, and of what was sent. */

import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { CHANNEL_KINDS } from "../../protocol/alert.ts";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import type { AuditAction, AuditTrail } from "../audit-trail.ts";
import { requireRole, type Role } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Database, Queryable } from "../db/db.ts";
import { notFound, readBody, readId, readWhole } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import {
  countTests,
  deleteChannel,
  insertChannel,
  insertTest,
  listChannels,
  listMessages,
  readChannel,
  type StoredChannel,
  updateChannel,
  withoutSecrets,
} from "./alert-queries.ts";
import type { SendWish } from "./sender.ts";

const MAX_CHANNELS = 50;
const MAX_PAGE = 100;
/** Test messages of a project in a minute: nobody's mailbox is filled by a button. */
const MAX_TESTS = 10;
const TEST_WINDOW_MS = 60_000;

const name = v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(100));
const to = v.pipe(v.array(v.pipe(v.string(), v.trim(), v.email(), v.maxLength(254))), v.minLength(1), v.maxLength(20));
const url = v.pipe(
  v.string(),
  v.trim(),
  v.maxLength(2_048),
  v.check((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password } = new URL(text);
    return (protocol === "https:" || protocol === "http:") && username === "" && password === "";
  }, "expected an address that begins with https:// or http://, without a user or password"),
);
const newChannel = v.object({ kind: v.picklist(CHANNEL_KINDS), name, to: v.optional(to), url: v.optional(url) });
const channelChange = v.object({ name: v.optional(name), to: v.optional(to), url: v.optional(url) });

export interface ChannelRoutesDeps {
  db: Database;
  clock: Clock;
  audit: AuditTrail;
  /** Whether a mail server is configured. */
  canMail: boolean;
  sendLater: (tx: Queryable, wish: SendWish) => Promise<void>;
}

/** The rows of the route table. */
export function createChannelRoutes({ db, clock, audit, canMail, sendLater }: ChannelRoutesDeps): readonly Route[] {
  const record = (
    tx: Queryable,
    action: AuditAction,
    { identity, peer }: HttpRequest,
    projectId: number,
    id: number,
    as: string,
  ) =>
    audit.record(
      { action, actor: identity, peer, projectId, subject: { kind: "alert_channel", id: String(id) }, data: { name: as } },
      tx,
    );
  return [
    {
      method: "GET",
      path: "/v1/projects/:id/alert-channels",
      access: "signed-in",
      role: "admin",
      summary: "Where word of issues goes; addresses of webhooks by their host only",
      handle: async (request) => ({
        json: { channels: (await listChannels(db, projectOf(request))).map(withoutSecrets), canMail },
      }),
    },
    {
      method: "POST",
      path: "/v1/projects/:id/alert-channels",
      access: "signed-in",
      role: "admin",
      summary: "Makes a channel: {kind, name, to?, url?}; the secret of a webhook is shown once",
      handle: async (request) => {
        const projectId = projectOf(request);
        const wanted = readBody(newChannel, request.body);
        requireWay(wanted.kind, wanted);
        const made = await db.transaction(async (tx) => {
          if ((await listChannels(tx, projectId)).length >= MAX_CHANNELS)
            throw new AppError("limit", `a project has at most ${MAX_CHANNELS} channels`);
          const secret = wanted.kind === "webhook" ? randomBytes(32).toString("hex") : "";
          const isMail = wanted.kind === "email";
          const channel = await insertChannel(tx, projectId, {
            kind: wanted.kind,
            name: wanted.name,
            to: isMail ? (wanted.to ?? []) : [],
            url: isMail ? "" : (wanted.url ?? ""),
            secret,
          });
          await record(tx, "alert_channel_made", request, projectId, channel.channelId, channel.name);
          return channel;
        });
        return { status: 201, json: { ...withoutSecrets(made), secret: made.secret === "" ? null : made.secret } };
      },
    },
    {
      method: "PATCH",
      path: "/v1/projects/:id/alert-channels/:channelId",
      access: "signed-in",
      role: "admin",
      summary: "Changes a channel: {name?, to?, url?}",
      handle: async (request) => {
        const projectId = projectOf(request);
        const change = readBody(channelChange, request.body);
        const json = await db.transaction(async (tx) => {
          const channel = await findChannel(tx, request, projectId);
          const isMail = channel.kind === "email";
          const values = {
            ...channel,
            name: change.name ?? channel.name,
            to: isMail ? (change.to ?? channel.to) : [],
            url: isMail ? "" : (change.url ?? channel.url),
          };
          await updateChannel(tx, channel.channelId, values);
          await record(tx, "alert_channel_changed", request, projectId, channel.channelId, values.name);
          return withoutSecrets((await readChannel(tx, projectId, channel.channelId)) ?? channel);
        });
        return { json };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/alert-channels/:channelId",
      access: "signed-in",
      role: "admin",
      summary: "Removes a channel, its messages, and its place in rules",
      handle: async (request) => {
        const projectId = projectOf(request);
        await db.transaction(async (tx) => {
          const channel = await findChannel(tx, request, projectId);
          await deleteChannel(tx, projectId, channel.channelId);
          await record(tx, "alert_channel_removed", request, projectId, channel.channelId, channel.name);
        });
        return { json: { removed: true } };
      },
    },
    {
      method: "POST",
      path: "/v1/projects/:id/alert-channels/:channelId/test",
      access: "signed-in",
      role: "admin",
      summary: "Sends a test message by a channel; what becomes of it is in the list of messages",
      handle: async (request) => {
        const projectId = projectOf(request);
        const messageId = await db.transaction(async (tx) => {
          const { channelId } = await findChannel(tx, request, projectId);
          const now = clock.now();
          if ((await countTests(tx, projectId, now - TEST_WINDOW_MS)) >= MAX_TESTS)
            throw new AppError("limit", "that were many test messages; wait a minute");
          const id = await insertTest(tx, projectId, channelId, now);
          await sendLater(tx, { messageId: id, channelId });
          return id;
        });
        return { status: 202, json: { messageId } };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/alert-messages",
      access: "signed-in",
      role: "admin",
      summary: "Messages, newest first, with what became of them",
      query: { cursor: "where the last page ended", limit: `at most ${MAX_PAGE} (default 50)` },
      handle: async (request) => {
        const projectId = projectOf(request);
        const limit = readWhole(request.query, "limit", { min: 1, max: MAX_PAGE }) ?? 50;
        const before = readWhole(request.query, "cursor", { min: 1, max: Number.MAX_SAFE_INTEGER }) ?? null;
        const messages = await listMessages(db, projectId, { before, limit });
        const last = messages.length === limit ? messages.at(-1) : undefined;
        return { json: { messages, nextCursor: last ? String(last.messageId) : null } };
      },
    },
  ];
}

function projectOf({ params, identity }: HttpRequest, least: Role = "admin"): number {
  const id = readId(params["id"]);
  requireRole(identity, id, least);
  return id;
}

async function findChannel(tx: Queryable, { params }: HttpRequest, projectId: number): Promise<StoredChannel> {
  const channel = await readChannel(tx, projectId, readId(params["channelId"]));
  if (!channel) throw notFound();
  return channel;
}

function requireWay(
  kind: string,
  { to: people, url: address }: { to?: readonly string[] | undefined; url?: string | undefined },
): void {
  if (kind === "email" && !people) throw new AppError("protocol", "to: expected at least one e-mail address");
  if (kind !== "email" && address === undefined) throw new AppError("protocol", "url: expected an address");
}
