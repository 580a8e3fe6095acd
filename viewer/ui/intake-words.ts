/** What became of reports, as words. */

const OUTCOMES: Readonly<Record<string, string>> = {
  not_kept: "counted, not kept",
  limited: "refused: over the limit",
  malformed: "refused: not readable",
  too_large: "refused: too large",
  unknown_key: "refused: unknown key",
  client_dropped: "dropped by the SDK itself",
};

/** What became of items that are not here, and why. */
export function droppedWords(outcome: string, reason: string): string {
  const words = OUTCOMES[outcome] ?? outcome.replaceAll("_", " ");
  return reason === "" ? words : `${words} (${reason.replaceAll("_", " ")})`;
}

const KINDS: Readonly<Record<string, string>> = {
  event: "Event of an SDK",
  feedback: "Feedback",
  csp_report: "Report of a content policy",
  tracker_error: "Error of our tracker",
  replay: "Segment of a Sentry replay",
};

/** What kind of thing it is. */
export function intakeKind(kind: string): string {
  return KINDS[kind] ?? kind.replaceAll("_", " ");
}
