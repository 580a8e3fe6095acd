/** What is kept of an envelope: rows of the intake and attachments, made without looking into payloads. */

import { randomBytes } from "node:crypto";
import { cleanText } from "../../protocol/text.ts";
import type { IntakeHead } from "../intake-head.ts";
import { packReplay } from "../replay-intake.ts";
import type { Envelope, Header, Item } from "./envelope.ts";
import { DROPPED_ATTACHMENTS, itemType, type ItemType } from "./item-table.ts";
import { topLevelText } from "./json-scan.ts";

const MAX_TEXT = 200;
const MAX_USER_AGENT = 512;
const UUID_LENGTH = 36;
const EVENT_ID = /^[0-9a-f]{32}$|^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What is said of an attachment beside its bytes. */
export interface AttachmentHead {
  event_id: string;
  ordinal: number;
  name: string;
  content_type: string;
  /** `event.attachment`, `event.view_hierarchy`... */
  type: string;
}

/** One thing to be kept. Bodies are views of the request's bytes. */
export type AcceptedRow = { projectId: number; receivedAt: number; body: Uint8Array } & (
  { kind: "event" | "feedback" | "csp_report" | "replay"; head: IntakeHead } | { kind: "attachment"; head: AttachmentHead }
);

/** What the request says, beside the envelope. */
export interface Circumstances {
  projectId: number;
  receivedAt: number;
  userAgent: string;
  /** Of the SDK, where its envelope does not say. */
  client: { name: string; version: string } | null;
}

/** An item that was looked at no further than its type. */
export interface Sorted {
  item: Item;
  type: ItemType;
}

/** The items of an envelope by what becomes of them. */
export interface SortedItems {
  rows: AcceptedRow[];
  /** Sessions and client reports, to be counted. */
  counted: Sorted[];
  /** Category of each that is not kept, and of each that is too large. */
  notKept: string[];
  tooLarge: string[];
  /** Of the envelope, else of its first event; empty where neither says. */
  eventId: string;
}

/** Sorts the items of an envelope. Attachments are kept where something is kept that they belong to. */
export function sortItems({ header, items }: Envelope, circumstances: Circumstances): SortedItems {
  const sorted: SortedItems = { rows: [], counted: [], notKept: [], tooLarge: [], eventId: toEventId(header["event_id"]) };
  const attachments: Item[] = [];
  let replayEvent: Uint8Array | null = null;
  const recordings: Item[] = [];
  for (const item of items) {
    const type = itemType(item.type);
    if (item.payload.length > type.maxBytes) {
      sorted.tooLarge.push(type.category);
      continue;
    }
    switch (type.fate) {
      case "event":
      case "feedback":
      case "csp_report":
        sorted.rows.push(toRow(type.fate, item, sorted, header, circumstances));
        break;
      case "replay_event":
        replayEvent ??= item.payload;
        break;
      case "replay_recording":
        recordings.push(item);
        break;
      case "attachment":
        attachments.push(item);
        break;
      case "session":
      case "client_report":
        sorted.counted.push({ item, type });
        break;
      case "not_kept":
        sorted.notKept.push(type.category);
        break;
      default:
        type.fate satisfies never;
    }
  }
  addReplays(sorted, recordings, replayEvent, header, circumstances);
  addAttachments(sorted, attachments, circumstances);
  return sorted;
}

/** Rows of security reports, which come without an envelope. */
export function toSecurityRow(
  payload: Uint8Array,
  named: { release: string; environment: string },
  circumstances: Circumstances,
): AcceptedRow {
  const head = { ...headOf("raw_security", createEventId(), Object.create(null) as Header, circumstances), ...named };
  return { kind: "csp_report", projectId: circumstances.projectId, receivedAt: circumstances.receivedAt, head, body: payload };
}

function toRow(
  kind: "event" | "feedback" | "csp_report",
  item: Item,
  sorted: SortedItems,
  header: Header,
  circumstances: Circumstances,
): AcceptedRow {
  // The envelope's id is that of its first event; a user report's own `event_id` is that of the error that it is about.
  const isFirst = !sorted.rows.some((row) => row.kind === kind);
  const own = () => toEventId(topLevelText(item.payload, "event_id", UUID_LENGTH));
  const eventId = (isFirst ? sorted.eventId : "") || own() || createEventId();
  if (isFirst && kind !== "csp_report") sorted.eventId ||= eventId;
  const { projectId, receivedAt } = circumstances;
  return { kind, projectId, receivedAt, head: headOf(item.type, eventId, header, circumstances), body: item.payload };
}

function addReplays(
  sorted: SortedItems,
  recordings: readonly Item[],
  event: Uint8Array | null,
  header: Header,
  circumstances: Circumstances,
): void {
  // A segment is one event and one recording; a recording alone can be shown, an event alone cannot.
  if (recordings.length === 0 && event) sorted.notKept.push("replay");
  for (const [i, item] of recordings.entries()) {
    const head = headOf(item.type, sorted.eventId || createEventId(), header, circumstances);
    const body = packReplay({ event: i === 0 && event ? event : new Uint8Array(0), recording: item.payload });
    sorted.rows.push({ kind: "replay", projectId: circumstances.projectId, receivedAt: circumstances.receivedAt, head, body });
  }
}

function addAttachments(sorted: SortedItems, attachments: readonly Item[], { projectId, receivedAt }: Circumstances): void {
  const owner = sorted.rows.find((row) => row.kind === "event" || row.kind === "feedback");
  let ordinal = 0;
  for (const { header, payload } of attachments) {
    const type = shortText(header["attachment_type"]) || "event.attachment";
    if (!owner || payload.length === 0 || DROPPED_ATTACHMENTS.has(type)) {
      sorted.notKept.push("attachment");
      continue;
    }
    const head: AttachmentHead = {
      event_id: owner.head.event_id,
      ordinal: ordinal++,
      name: shortText(header["filename"]),
      content_type: shortText(header["content_type"]),
      type,
    };
    sorted.rows.push({ kind: "attachment", projectId, receivedAt, head, body: payload });
  }
  if (owner && owner.kind !== "attachment") owner.head.attachments = ordinal;
}

function headOf(item: string, eventId: string, header: Header, { userAgent, client }: Circumstances): IntakeHead {
  const trace = toHeader(header["trace"]);
  const sdk = toHeader(header["sdk"]);
  const sdkName = shortText(sdk["name"]);
  return {
    event_id: eventId,
    item,
    sent_at: toMoment(header["sent_at"]),
    sdk: sdkName === "" ? client : { name: sdkName, version: shortText(sdk["version"]) },
    trace_id: shortText(trace["trace_id"]),
    replay_id: shortText(trace["replay_id"]),
    user_agent: cleanText(userAgent.slice(0, MAX_USER_AGENT)),
    release: "",
    environment: "",
    attachments: 0,
  };
}

/** 32 hex digits in lower case, out of either form; empty for anything else. */
export function toEventId(value: unknown): string {
  return typeof value === "string" && EVENT_ID.test(value) ? value.replaceAll("-", "").toLowerCase() : "";
}

function createEventId(): string {
  return randomBytes(16).toString("hex");
}

/** Epoch milliseconds of ISO text or of seconds. */
function toMoment(value: unknown): number | null {
  const ms =
    typeof value === "string" && value.length <= 64 ? Date.parse(value) : typeof value === "number" ? value * 1_000 : Number.NaN;
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? ms : null;
}

/** A clean text of an outsider, cut; empty for what is no text. */
export function shortText(value: unknown, max = MAX_TEXT): string {
  return typeof value === "string" ? cleanText(value.slice(0, max)) : "";
}

/** The fields of an object; none of anything else. */
function toHeader(value: unknown): Header {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return new Map(isObject ? Object.entries(value) : []).size === 0 ? NONE : Object.fromEntries(Object.entries(value as object));
}

const NONE: Header = Object.freeze(Object.create(null) as Record<string, unknown>);
