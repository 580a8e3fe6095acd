/** Alerts of a project: where word goes, when, and what was sent. */

import * as v from "valibot";
import {
  ALERT_KINDS,
  CHANNEL_KINDS,
  type AlertChannel,
  type AlertMessage,
  type AlertRule,
  type ChannelKind,
} from "../../protocol/alert.ts";
import { request, withQuery } from "./api.ts";

const channelEntries = {
  channelId: v.number(),
  kind: v.picklist(CHANNEL_KINDS),
  name: v.string(),
  to: v.array(v.string()),
  host: v.string(),
  createdAt: v.number(),
};
const channelSchema = v.object(channelEntries) satisfies v.GenericSchema<unknown, AlertChannel>;
const newChannelSchema = v.object({ ...channelEntries, secret: v.nullish(v.string(), null) });
const channelsSchema = v.object({ channels: v.array(channelSchema), canMail: v.optional(v.boolean(), true) });
/** The channels of a project, and whether the installation can send mail. */
export type Channels = v.InferOutput<typeof channelsSchema>;

/** A channel just made; its secret is shown this once. */
export type NewChannel = v.InferOutput<typeof newChannelSchema>;

const ruleSchema = v.object({
  ruleId: v.number(),
  name: v.string(),
  isEnabled: v.boolean(),
  onNew: v.boolean(),
  onRegression: v.boolean(),
  onPromoted: v.boolean(),
  onSpike: v.boolean(),
  spikeCount: v.number(),
  spikeFactor: v.number(),
  levels: v.array(v.string()),
  environments: v.array(v.string()),
  cooldownMinutes: v.number(),
  channelIds: v.array(v.number()),
}) satisfies v.GenericSchema<unknown, AlertRule>;

const messageSchema = v.object({
  messageId: v.number(),
  kind: v.picklist(ALERT_KINDS),
  channelId: v.nullable(v.number()),
  channelName: v.string(),
  issueId: v.nullable(v.number()),
  shortId: v.string(),
  title: v.string(),
  state: v.picklist(["waiting", "sent", "failed", "dead"]),
  attempts: v.number(),
  fault: v.string(),
  createdAt: v.number(),
  sentAt: v.nullable(v.number()),
}) satisfies v.GenericSchema<unknown, AlertMessage>;

const messagePageSchema = v.object({ messages: v.array(messageSchema), nextCursor: v.nullish(v.string(), null) });
/** One page of what was sent, the newest first. */
export type MessagePage = v.InferOutput<typeof messagePageSchema>;

/** What a new channel is made of: addresses for e-mail, an address of a server for the others. */
export interface ChannelWish {
  kind: ChannelKind;
  name: string;
  to?: readonly string[];
  url?: string;
}

/** A rule as it is wished for. */
export type RuleWish = Omit<AlertRule, "ruleId">;

const channels = (projectId: number): string => `/v1/projects/${projectId}/alert-channels`;
const rules = (projectId: number): string => `/v1/projects/${projectId}/alert-rules`;

/** Where word of a project can go. */
export function readChannels(projectId: number, signal?: AbortSignal): Promise<Channels> {
  return request("GET", channels(projectId), channelsSchema, { signal });
}

/** Makes a channel. */
export function createChannel(projectId: number, wish: ChannelWish): Promise<NewChannel> {
  return request("POST", channels(projectId), newChannelSchema, { body: wish });
}

/** Changes what is named of a channel; its kind stays, and the secret of a webhook as well. */
export async function changeChannel(
  projectId: number,
  channelId: number,
  change: Partial<Omit<ChannelWish, "kind">>,
): Promise<void> {
  await request("PATCH", `${channels(projectId)}/${channelId}`, v.unknown(), { body: change });
}

/** Removes a channel; rules that name it go on without it. */
export async function removeChannel(projectId: number, channelId: number): Promise<void> {
  await request("DELETE", `${channels(projectId)}/${channelId}`, v.unknown());
}

/** Sends a word by a channel, to see whether it arrives. */
export async function testChannel(projectId: number, channelId: number): Promise<void> {
  await request("POST", `${channels(projectId)}/${channelId}/test`, v.unknown());
}

/** When word goes where. */
export async function readRules(projectId: number, signal?: AbortSignal): Promise<AlertRule[]> {
  return (await request("GET", rules(projectId), v.object({ rules: v.array(ruleSchema) }), { signal })).rules;
}

/** Makes a rule. */
export async function createRule(projectId: number, wish: RuleWish): Promise<void> {
  await request("POST", rules(projectId), v.unknown(), { body: wish });
}

/** Changes what is named of a rule. */
export async function changeRule(projectId: number, ruleId: number, change: Partial<RuleWish>): Promise<void> {
  await request("PATCH", `${rules(projectId)}/${ruleId}`, v.unknown(), { body: change });
}

/** Removes a rule. */
export async function removeRule(projectId: number, ruleId: number): Promise<void> {
  await request("DELETE", `${rules(projectId)}/${ruleId}`, v.unknown());
}

/** What was sent, and what became of it. */
export function readMessages(projectId: number, cursor: string | null, signal?: AbortSignal): Promise<MessagePage> {
  return request("GET", withQuery(`/v1/projects/${projectId}/alert-messages`, { cursor }), messagePageSchema, { signal });
}
