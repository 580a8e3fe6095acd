/** What people wrote about an error: a `feedback` item, or the `user_report` that older SDKs send. */

import type { Feedback } from "../errors/errors.ts";
import { MAX_TEXT } from "./bounds.ts";
import { eventIdOf } from "./ids.ts";
import { createReader, fieldsOf, get, type Fields } from "./reader.ts";
import type { DigestRedaction } from "./redact.ts";
import { readTags } from "./sdk-contexts.ts";
import type { Received } from "./sdk-event.ts";
import { readRequest, readUser } from "./sdk-request.ts";
import { mentionedSession } from "./session-mention.ts";

const HEX_ID = /^[0-9a-f-]{32,36}$/i;

/** The feedback that an item holds, without its secrets. */
export function readFeedback(item: Fields, received: Received, redaction: DigestRedaction): Feedback {
  const { projectId, receivedAt, head } = received;
  const reader = createReader();
  const said = fieldsOf(fieldsOf(item, "contexts"), "feedback");
  const isReport = head.item === "user_report";
  const text = (value: unknown, max: number) => {
    const read = reader.text(value, max);
    return read === "" ? read : redaction.text(projectId, read);
  };
  const user = readUser(reader, item);
  const request = readRequest(reader, item);
  const person = user === null ? "" : user.id !== "" ? user.id : user.email;
  return {
    projectId,
    eventId: eventIdOf(received, isReport ? undefined : get(item, "event_id")),
    errorEventId: hexId(isReport ? get(item, "event_id") : get(said, "associated_event_id")),
    receivedAt,
    sessionId: mentionedSession(readTags(reader, item), { request, contexts: {} }).sessionId,
    replayId: hexId(get(said, "replay_id")) ?? hexId(head.replay_id),
    userId: person === "" ? null : redaction.personId(projectId, person),
    name: text(get(isReport ? item : said, "name"), MAX_TEXT.name),
    email: text(get(isReport ? item : said, isReport ? "email" : "contact_email"), MAX_TEXT.name),
    message: text(isReport ? get(item, "comments") : get(said, "message"), MAX_TEXT.message),
    url: text(get(said, "url") ?? request?.url, MAX_TEXT.address),
  };
}

function hexId(value: unknown): string | null {
  return typeof value === "string" && HEX_ID.test(value) ? value.replaceAll("-", "").toLowerCase() : null;
}
