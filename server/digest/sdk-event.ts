/** From the JSON of an `event` item to what is known of the error: every shape that SDKs have sent since the first ones. */

import type { OccurrenceDetail } from "../../protocol/occurrence.ts";
import type { Digested } from "../digested.ts";
import type { IntakeHead } from "../intake-head.ts";
import { MAX_COUNT, MAX_TEXT } from "./bounds.ts";
import { errorIdOf, eventIdOf } from "./ids.ts";
import { createReader, fieldsOf, get, type Fields, type Reader } from "./reader.ts";
import { mentionedSession } from "./session-mention.ts";
import { readContexts, readTags } from "./sdk-contexts.ts";
import { readExceptions, readThread } from "./sdk-exceptions.ts";
import { readDebugIds } from "./sdk-frames.ts";
import { readMessage } from "./sdk-message.ts";
import { readBreadcrumbs, readLevel, readRequest, readUser } from "./sdk-request.ts";
import { createTimeFrame } from "./times.ts";

const HEX_ID = /^[0-9a-f-]{16,40}$/i;

/** What is known of an accepted item besides its bytes. */
export interface Received {
  intakeId: number;
  projectId: number;
  /** Epoch milliseconds. */
  receivedAt: number;
  head: IntakeHead;
}

/** The occurrence that an event describes; its title and culprit are made later, when it is redacted and its stack is mapped. */
export function readSdkEvent(event: Fields, received: Received): Digested {
  const { head, projectId, receivedAt } = received;
  const reader = createReader();
  const eventId = eventIdOf(received, get(event, "event_id"));
  const times = createTimeFrame(receivedAt, head.sent_at);
  if (times.shiftMs !== 0) reader.note("the sender's clock was wrong: times are corrected by what it said when it sent");
  const platform = reader.text(get(event, "platform"), 64);
  const debugIds = readDebugIds(event);
  const exceptions = readExceptions(reader, event, platform, debugIds);
  const message = readMessage(reader, event);
  const request = readRequest(reader, event);
  const tags = readTags(reader, event);
  const transaction = readTransaction(reader, event);
  const user = readUser(reader, event);
  const frames = exceptions.length > 0 ? [] : readThread(reader, event, platform, debugIds);
  const culprit = reader.text(get(event, "culprit"), MAX_TEXT.name);
  const fingerprint = readFingerprint(reader, event);
  const at = times.ofEvent(get(event, "timestamp"));
  const release = or(reader.text(get(event, "release"), MAX_TEXT.name), head.release);
  const environment = or(reader.text(get(event, "environment"), MAX_TEXT.name), head.environment);
  const detail: OccurrenceDetail = {
    exceptions,
    frames,
    template: message.template,
    fingerprint,
    request,
    user,
    sdk: readSdk(reader, event, head),
    serverName: reader.text(get(event, "server_name"), MAX_TEXT.name),
    dist: reader.text(get(event, "dist"), MAX_TEXT.name),
    traceId: or(hexId(get(fieldsOf(fieldsOf(event, "contexts"), "trace"), "trace_id")), hexId(head.trace_id)),
    replayId: replayIdOf(event, tags, head),
    contexts: readContexts(reader, event),
    breadcrumbs: readBreadcrumbs(reader, event, times),
    notes: reader.notes(),
  };
  return {
    errorId: errorIdOf(projectId, eventId),
    projectId,
    eventId,
    source: "sdk",
    receivedAt,
    at,
    ...mentionedSession(tags, detail),
    userId: user === null ? null : or(user.id, or(user.email, user.name)) || null,
    level: readLevel(get(event, "level"), "error"),
    type: "",
    message: message.text,
    culprit,
    transaction,
    release,
    environment,
    platform,
    url: request?.url ?? "",
    tags,
    detail,
  };
}

function readTransaction(reader: Reader, event: Fields): string {
  return reader.text(get(event, "transaction"), MAX_TEXT.name);
}

/** As the SDK gave it; a list with nothing in it is the same as none. Parts are made text as Sentry does. */
function readFingerprint(reader: Reader, event: Fields): string[] {
  const given = get(event, "fingerprint");
  const list: unknown[] = Array.isArray(given) ? given : typeof given === "string" ? [given] : [];
  return list.slice(0, MAX_COUNT.fingerprint).flatMap((part) => {
    if (typeof part === "string") return [reader.text(part, MAX_TEXT.name)];
    if (typeof part === "boolean") return [part ? "True" : "False"];
    return typeof part === "number" && Number.isFinite(part) ? [String(Math.trunc(part))] : [];
  });
}

function readSdk(reader: Reader, event: Fields, head: IntakeHead): OccurrenceDetail["sdk"] {
  const sdk = fieldsOf(event, "sdk");
  const name = reader.text(get(sdk, "name"), MAX_TEXT.name);
  return name === "" ? head.sdk : { name, version: reader.text(get(sdk, "version"), 64) };
}

function replayIdOf(event: Fields, tags: Readonly<Record<string, string>>, head: IntakeHead): string {
  const said = [tags["replayId"], get(fieldsOf(fieldsOf(event, "contexts"), "replay"), "replay_id"), head.replay_id];
  return said.map(hexId).find((id) => id !== "") ?? "";
}

function hexId(value: unknown): string {
  return typeof value === "string" && HEX_ID.test(value) ? value.replaceAll("-", "").toLowerCase() : "";
}

function or(first: string, second: string): string {
  return first === "" ? second : first;
}
