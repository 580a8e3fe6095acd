/** Failures in words for a person, and with which field of a form they belong. */

/** True where the path that the server named (`settings.privacy.blockSelector`, `emails.0`) is of this field. */
export function isAbout(path: string, field: string): boolean {
  return path.split(".").includes(field);
}

/** Any failure in words for a person. */
export function describeProblem(error: unknown): string {
  return error instanceof Error && error.message !== "" ? toSentence(error.message) : "That did not work.";
}

/** With a capital letter and a full stop, as a person writes. */
export function toSentence(text: string): string {
  const trimmed = text.trim();
  return `${trimmed.slice(0, 1).toUpperCase()}${trimmed.slice(1)}${/[.!?]$/.test(trimmed) ? "" : "."}`;
}
