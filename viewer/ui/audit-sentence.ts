/** An entry of the audit as a sentence that a person understands. */

import type { AuditEntry } from "../net/api-audit.ts";
import { formatCount, formatDuration, formatMoment } from "./format.ts";

/** A piece of a sentence; with `href` it is a link within the viewer. */
export interface Piece {
  text: string;
  href?: string;
  /** True for names, which stand out. */
  isName?: boolean;
}

/** What the filter offers, in groups: what a group is called, and its actions with their words. */
export const AUDIT_GROUPS: readonly { label: string; actions: Readonly<Record<string, string>> }[] = [
  {
    label: "Views",
    actions: {
      session_watched: "Watched live",
      session_replayed: "Replayed",
      session_exported: "Exported",
      session_imported: "Imported",
      share_link_opened: "Share link opened",
    },
  },
  {
    label: "Helping visitors",
    actions: {
      assist_asked: "Asked to help",
      assist_granted: "Let help by the visitor",
      assist_refused: "Refused by the visitor",
      assist_ended: "Help ended",
    },
  },
  {
    label: "Signing in",
    actions: {
      sign_in: "Sign-in",
      sign_in_failed: "Failed sign-in",
      sign_out: "Sign-out",
      sign_in_ended: "Sign-in ended",
      sign_out_everywhere: "Sign-out everywhere",
      password_changed: "Password changed",
      password_reset_link_made: "Password link made",
    },
  },
  {
    label: "People",
    actions: {
      invitation_made: "Invitation made",
      invitation_revoked: "Invitation taken back",
      invitation_accepted: "Invitation accepted",
      member_added: "Member added",
      member_role_changed: "Role changed",
      member_removed: "Member removed",
      user_disabled: "User disabled",
      user_enabled: "User enabled",
      administrator_made: "Administrator made",
      administrator_unmade: "Administrator taken back",
    },
  },
  {
    label: "Tokens, keys and projects",
    actions: {
      token_made: "Token made",
      token_revoked: "Token revoked",
      key_made: "Key made",
      key_renamed: "Key renamed",
      key_revoked: "Key revoked",
      project_made: "Project made",
      project_changed: "Project changed",
      project_removed: "Project removed",
      share_link_made: "Share link made",
      share_link_revoked: "Share link revoked",
      embed_token_made: "Embed token made",
      embedding_changed: "Embedding changed",
      embedding_ended: "Embedded views ended",
      source_maps_uploaded: "Source maps uploaded",
      source_maps_removed: "Source maps removed",
      alert_channel_made: "Alert channel made",
      alert_channel_changed: "Alert channel changed",
      alert_channel_removed: "Alert channel removed",
      alert_rule_made: "Alert rule made",
      alert_rule_changed: "Alert rule changed",
      alert_rule_removed: "Alert rule removed",
    },
  },
  {
    label: "Keeping and erasing",
    actions: {
      session_pinned: "Pinned",
      session_unpinned: "Unpinned",
      session_erased: "Session erased",
      sessions_erased: "Sessions erased",
      person_erased: "Person erased",
      retention_run: "Retention",
      leak_scan_run: "Leak scan",
      dead_letter_retried: "Dead letter tried again",
      dead_letter_dropped: "Dead letter thrown away",
    },
  },
];

const NAMES: ReadonlyMap<string, string> = new Map(AUDIT_GROUPS.flatMap(({ actions }) => Object.entries(actions)));

/** What an action is called; one that is newer than this page by its own name. */
export function actionName(action: string): string {
  return NAMES.get(action) ?? words(action);
}

/** Who did it. */
export function actorName({ actor }: AuditEntry): string {
  switch (actor.kind) {
    case "user":
      return actor.name || `User ${actor.userId ?? ""}`.trim();
    case "token":
      return actor.name ? `A token of ${actor.name}` : `Token ${actor.tokenId ?? ""}`.trim();
    case "system":
      return "The server";
    case "nobody":
      return actor.name || "Somebody";
    case "guest":
      return actor.name ? `A guest by ${actor.name}` : "A guest";
    default:
      return actor.kind satisfies never;
  }
}

/**
 * The sentence, in pieces, the actor first.
 * @param projectName name of a project by its id; null for one that the reader does not see
 */
export function auditSentence(entry: AuditEntry, projectName: (id: number) => string | null): Piece[] {
  const project = projectPiece(entry, projectName);
  const said = sayDeed(entry, project);
  const isOfProject = project !== null && !said.includes(project);
  return [name(actorName(entry)), text(" "), ...said, ...(isOfProject ? [text(" in "), project] : []), text(".")];
}

/** What was done, after the actor. */
function sayDeed(entry: AuditEntry, project: Piece | null): Piece[] {
  const { action, data } = entry;
  const given = (key: string): string =>
    typeof data[key] === "string" || typeof data[key] === "number" ? String(data[key]) : "";
  const email = name(given("email") || subjectId(entry) || "somebody");
  switch (action) {
    case "session_watched":
      return [text("watched "), ...session(entry), text(" live")];
    case "session_replayed":
      return [text("replayed "), ...session(entry)];
    case "session_exported":
      return [text("exported "), ...session(entry)];
    case "session_imported":
      return [text("imported "), ...session(entry)];
    case "session_pinned":
      return [text("pinned "), ...session(entry)];
    case "session_unpinned":
      return [text("unpinned "), ...session(entry)];
    case "session_erased":
      return [text("erased "), ...session(entry, false)];
    case "sessions_erased":
      return [text(`erased ${given("sessions") ? formatCount(Number(given("sessions")), "session") : "sessions"} at once`)];
    case "person_erased":
      return [text(`erased a person${given("sessions") ? ` with ${formatCount(Number(given("sessions")), "session")}` : ""}`)];
    case "assist_asked":
      return [text(`asked to help (${powers(data["powers"])}) in `), ...session(entry)];
    case "assist_granted":
      return [text(`was let help (${powers(data["powers"])}) by the visitor of `), ...session(entry)];
    case "assist_refused":
      return [text(`was told no (${powers(data["powers"])}) by the visitor of `), ...session(entry)];
    case "assist_ended":
      return [
        text(`helped for ${formatDuration(Number(given("seconds")) * 1_000)} in `),
        ...session(entry),
        text(` (ended by: ${given("by")})`),
      ];
    case "sign_in":
      return [text("signed in")];
    case "sign_in_failed":
      return [text("failed to sign in")];
    case "sign_out":
      return [text("signed out")];
    case "sign_in_ended":
      return [text("ended the sign-in of another browser")];
    case "sign_out_everywhere":
      return [text("signed out everywhere")];
    case "password_changed":
      return [text(given("by") === "himself" || given("by") === "" ? "changed the password" : "set a new password by a link")];
    case "password_reset_link_made":
      return [text("made a link for a new password of "), email];
    case "invitation_made":
      return [text("invited "), email, ...asRole(given("role"))];
    case "invitation_revoked":
      return [text("took back the invitation of "), email];
    case "invitation_accepted":
      return [text("accepted an invitation"), ...asRole(given("role"))];
    case "member_added":
      return given("email") === entry.actor.name
        ? [text("joined"), ...asRole(given("role"))]
        : [text("added "), email, ...asRole(given("role"))];
    case "member_role_changed":
      return [
        text("made "),
        email,
        text(` ${given("to") || "something else"}${given("from") ? ` instead of ${given("from")}` : ""}`),
      ];
    case "member_removed":
      return [text("removed "), email];
    case "user_disabled":
      return [text("disabled the account of "), email];
    case "user_enabled":
      return [text("enabled the account of "), email];
    case "administrator_made":
      return [text("made "), email, text(" administrator")];
    case "administrator_unmade":
      return [text("took the administration from "), email];
    case "token_made":
      return [text("made the token "), name(given("name") || subjectId(entry)), ...scopes(data["scopes"])];
    case "token_revoked":
      return [text("revoked the token "), name(given("name") || subjectId(entry))];
    case "key_made":
      return [text("made the key "), name(given("name") || `${subjectId(entry)}…`)];
    case "key_renamed":
      return [text(`named the key ${subjectId(entry)}… `), name(given("name") || "nothing")];
    case "key_revoked":
      return [text("revoked the key "), name(given("name") || `${subjectId(entry)}…`)];
    case "project_made":
      return [text("made the project "), project ?? name(given("name"))];
    case "project_changed":
      return [text("changed the settings of "), project ?? name(given("name"))];
    case "project_removed":
      return [text("removed the project "), project ?? name(given("name") || `${entry.projectId ?? ""}`)];
    case "retention_run":
      return [text("removed what was older than the retention")];
    case "leak_scan_run":
      return [text("scanned for leaks")];
    case "share_link_made":
      return [text("made a share link of "), ...session(entry)];
    case "share_link_revoked":
      return [text("revoked a share link of "), ...session(entry)];
    case "embed_token_made":
      return [text("made an embed token of "), ...session(entry)];
    case "embedding_changed":
      return [text("changed where sessions may be embedded")];
    case "embedding_ended":
      return [text("ended all embedded views")];
    case "share_link_opened":
      return [text("opened a share link of "), ...session(entry)];
    case "source_maps_uploaded":
      return [text(`uploaded source maps${given("release") ? ` of ${given("release")}` : ""}`)];
    case "source_maps_removed":
      return [text(`removed upload ${subjectId(entry)} of source maps`)];
    case "alert_channel_made":
      return [text("made the alert channel "), name(given("name"))];
    case "alert_channel_changed":
      return [text("changed the alert channel "), name(given("name"))];
    case "alert_channel_removed":
      return [text("removed the alert channel "), name(given("name"))];
    case "alert_rule_made":
      return [text("made the alert rule "), name(given("name"))];
    case "alert_rule_changed":
      return [text("changed the alert rule "), name(given("name"))];
    case "alert_rule_removed":
      return [text("removed the alert rule "), name(given("name"))];
    case "dead_letter_retried":
      return [text(`had dead letter ${entry.subject?.id ?? ""} digested again`)];
    case "dead_letter_dropped":
      return [text(`threw dead letter ${entry.subject?.id ?? ""} away`)];
    default:
      return [text(words(action)), ...(entry.subject ? [text(` (${entry.subject.kind} ${entry.subject.id})`)] : [])];
  }
}

/** Everything else that the entry holds, for those who want to know: `path: value` by line. */
export function auditDetails(entry: AuditEntry): { name: string; value: string }[] {
  const told = new Set(["email", "role", "from", "to", "by", "kind", "sessions", "name", "scopes"]);
  const shown = Object.entries(entry.data).filter(([key]) => entry.action === "project_changed" || !told.has(key));
  return shown.map(([key, value]) => ({ name: key, value: detail(key, value) }));
}

function detail(key: string, value: unknown): string {
  if (typeof value === "number" && key.endsWith("At")) return formatMoment(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function session(entry: AuditEntry, isThere = true): Piece[] {
  const id = subjectId(entry);
  const short = id.length > 14 ? `${id.slice(0, 12)}…` : id;
  const shown = id === "" ? "a session" : `session ${short}`;
  const piece: Piece = isThere && id !== "" ? { text: shown, href: `/sessions/${encodeURIComponent(id)}` } : text(shown);
  return entry.personId ? [piece, text(" of "), name(entry.personId)] : [piece];
}

function projectPiece(entry: AuditEntry, projectName: (id: number) => string | null): Piece | null {
  if (entry.projectId === null) return null;
  const known = projectName(entry.projectId);
  return known === null ? name(`project ${entry.projectId}`) : { text: known, href: `/projects/${entry.projectId}/general` };
}

function asRole(role: string): Piece[] {
  return role === "" ? [] : [text(` as ${role}`)];
}

function scopes(value: unknown): Piece[] {
  const list = Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
  return list.length === 0 ? [] : [text(` (${list.join(", ")})`)];
}

function powers(value: unknown): string {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string").join(", ") : "";
}

function subjectId(entry: AuditEntry): string {
  return entry.subject?.id ?? "";
}

function words(action: string): string {
  return action.replaceAll("_", " ");
}

function text(value: string): Piece {
  return { text: value };
}

function name(value: string): Piece {
  return { text: value, isName: true };
}
