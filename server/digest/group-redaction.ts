/**
 * Redaction for one group of occurrences. Errors come in crowds that say the same: what was looked at once in a group is known for the rest
 * of it, and forgotten with it, so that a change of rules holds for the next.
 */

import type { DigestRedaction } from "./redact.ts";

/** Texts and facts that are remembered; longer ones seldom come twice. */
const MAX_KNOWN = 10_000;
const MAX_LENGTH = 1_024;

/** The same redaction, with a memory. */
export function createGroupRedaction(redaction: DigestRedaction): DigestRedaction {
  const texts = new Map<string, string>();
  /** Facts that hold no secret, as JSON. */
  const clean = new Set<string>();
  return {
    personId: (projectId, text) => redaction.personId(projectId, text),
    sourceLine: (projectId, text) => redaction.sourceLine(projectId, text),
    text(projectId, text) {
      if (text.length > MAX_LENGTH) return redaction.text(projectId, text);
      const key = `${projectId} ${text}`;
      const known = texts.get(key);
      if (known !== undefined) return known;
      const redacted = redaction.text(projectId, text);
      if (texts.size < MAX_KNOWN) texts.set(key, redacted);
      return redacted;
    },
    fields(projectId, fields) {
      const json = JSON.stringify(fields);
      const key = `${projectId} ${json}`;
      if (clean.has(key)) return;
      redaction.fields(projectId, fields);
      if (json.length <= MAX_LENGTH && clean.size < MAX_KNOWN && JSON.stringify(fields) === json) clean.add(key);
    },
  };
}
