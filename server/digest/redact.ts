/** Takes secrets out of an occurrence before anything of it is stored, by the rules of its project. */

import type { CodePlace, Frame, OccurrenceDetail } from "../../protocol/occurrence.ts";
import type { Digested } from "../digested.ts";
import type { Redaction } from "../privacy/privacy.ts";

/** What of privacy the digest asks for. */
export type DigestRedaction = Pick<Redaction, "text" | "personId" | "sourceLine" | "fields">;

/** The occurrence without its secrets. */
export function redactDigested(redaction: DigestRedaction, given: Digested): Digested {
  const { projectId } = given;
  const text = (value: string) => (value === "" ? value : redaction.text(projectId, value));
  return {
    ...given,
    userId: given.userId === null ? null : redaction.personId(projectId, given.userId),
    message: text(given.message),
    culprit: text(given.culprit),
    transaction: text(given.transaction),
    url: text(given.url),
    tags: cleaned(redaction, projectId, given.tags),
    detail: redactDetail(redaction, projectId, given.detail),
  };
}

function redactDetail(redaction: DigestRedaction, projectId: number, detail: OccurrenceDetail): OccurrenceDetail {
  const text = (value: string) => (value === "" ? value : redaction.text(projectId, value));
  const frames = (list: readonly Frame[]) => list.map((frame) => redactFrame(redaction, projectId, frame));
  const { request, user } = detail;
  const contexts = Object.fromEntries(Object.entries(detail.contexts).map(([name, facts]) => [name, { ...facts }]));
  redaction.fields(projectId, contexts);
  return {
    ...detail,
    exceptions: detail.exceptions.map((one) => ({ ...one, value: text(one.value), frames: frames(one.frames) })),
    frames: frames(detail.frames),
    template: text(detail.template),
    fingerprint: detail.fingerprint.map(text),
    breadcrumbs: detail.breadcrumbs.map((crumb) => ({
      ...crumb,
      message: text(crumb.message),
      data: cleaned(redaction, projectId, crumb.data),
    })),
    request: request && {
      ...request,
      url: text(request.url),
      query: text(request.query),
      headers: Object.entries(cleaned(redaction, projectId, Object.fromEntries(request.headers))),
      body: text(request.body),
    },
    user: user && {
      id: redaction.personId(projectId, user.id),
      email: text(user.email),
      name: text(user.name),
      address: text(user.address),
    },
    // Groups of facts that were secret as a whole are no groups any more.
    contexts: Object.fromEntries(Object.entries(contexts).filter(([, facts]) => typeof facts === "object")),
  };
}

function cleaned<T>(redaction: DigestRedaction, projectId: number, facts: Readonly<Record<string, T>>): Record<string, T> {
  const copy = { ...facts };
  redaction.fields(projectId, copy);
  return copy;
}

function redactFrame<F extends CodePlace>(redaction: DigestRedaction, projectId: number, frame: F): F {
  const line = (value: string) => redaction.sourceLine(projectId, value);
  const { context } = frame;
  const hasQuery = /[?#@]/.test(frame.file);
  if (!context && !hasQuery) return frame;
  return {
    ...frame,
    ...(hasQuery ? { file: redaction.text(projectId, frame.file) } : {}),
    ...(context
      ? { context: { before: context.before.map(line), line: line(context.line), after: context.after.map(line) } }
      : {}),
  };
}
