import { describe, expect, it } from "vitest";
import { AUDIT_ACTIONS } from "../../server/audit-trail.ts";
import type { AuditEntry } from "../net/api-audit.ts";
import { readAuditFilter, writeAuditFilter } from "../state/audit-filter.ts";
import { actionName, AUDIT_GROUPS, auditDetails, auditSentence } from "./audit-sentence.ts";

function entry(action: string, more: Partial<AuditEntry> = {}): AuditEntry {
  const actor = { kind: "user" as const, userId: 7, tokenId: null, name: "ada@example.com" };
  return { id: 1, at: 0, action, actor, peer: "127.0.0.1", projectId: null, subject: null, personId: null, data: {}, ...more };
}

const projectName = (id: number): string | null => (id === 3 ? "Shop" : null);
const read = (one: AuditEntry): string =>
  auditSentence(one, projectName)
    .map(({ text }) => text)
    .join("");

describe("the audit", () => {
  it("VIE-54 has a name, a place in the filter and a sentence for every action that is written down", () => {
    const offered = AUDIT_GROUPS.flatMap(({ actions }) => Object.keys(actions));
    expect(offered.toSorted()).toEqual([...AUDIT_ACTIONS].toSorted());
    for (const action of AUDIT_ACTIONS) {
      const sentence = read(entry(action, { subject: { kind: "session", id: "s1" }, projectId: 3 }));
      expect(sentence).toMatch(/^ada@example\.com \S.*\.$/);
      expect(sentence).not.toMatch(/_|undefined|null/);
      expect(actionName(action)).not.toContain("_");
    }
  });

  it("VIE-54 says who watched whom, with the way there", () => {
    const watched = entry("session_watched", { projectId: 3, subject: { kind: "session", id: "s1" }, personId: "eve" });
    expect(read(watched)).toBe("ada@example.com watched session s1 of eve live in Shop.");
    const links = auditSentence(watched, projectName).flatMap(({ href }) => href ?? []);
    expect(links).toEqual(["/sessions/s1", "/projects/3/general"]);
    expect(read({ ...watched, projectId: 9 })).toContain("in project 9.");
  });

  it("VIE-54 names people, programs, the server and those who gave no name", () => {
    const actor = { kind: "token" as const, userId: 7, tokenId: 4, name: "ada@example.com" };
    expect(read(entry("session_replayed", { actor, subject: { kind: "session", id: "s1" } }))).toBe(
      "A token of ada@example.com replayed session s1.",
    );
    expect(read(entry("retention_run", { actor: { ...actor, kind: "system", name: "" } }))).toMatch(/^The server removed/);
    const stranger = { kind: "nobody" as const, userId: null, tokenId: null, name: "" };
    expect(read(entry("sign_in_failed", { actor: stranger }))).toBe("Somebody failed to sign in.");
    expect(read(entry("sign_in_failed", { actor: { ...stranger, name: "eve@example.com" } }))).toBe(
      "eve@example.com failed to sign in.",
    );
  });

  it("VIE-54 makes no link of what was erased, and none that leads out", () => {
    const gone = entry("session_erased", { subject: { kind: "session", id: "s1" } });
    expect(auditSentence(gone, projectName).some(({ href }) => href)).toBe(false);
    const odd = entry("session_replayed", { subject: { kind: "session", id: "//evil.example/javascript:alert(1)" } });
    for (const { href } of auditSentence(odd, projectName)) if (href) expect(href).toMatch(/^\/sessions\/[^/:]+$/);
  });

  it("VIE-54 shows an action that is newer than the page, and every detail that no sentence tells", () => {
    expect(read(entry("moon_landed", { subject: { kind: "moon", id: "1" } }))).toBe("ada@example.com moon landed (moon 1).");
    const changed = entry("project_changed", { projectId: 3, data: { sampleRate: "1 -> 0.5", retentionDays: "null -> 3" } });
    expect(read(changed)).toBe("ada@example.com changed the settings of Shop.");
    expect(auditDetails(changed)).toEqual([
      { name: "sampleRate", value: "1 -> 0.5" },
      { name: "retentionDays", value: "null -> 3" },
    ]);
    expect(
      auditDetails(entry("member_role_changed", { data: { email: "b@example.com", from: "viewer", to: "admin", n: 2 } })),
    ).toEqual([{ name: "n", value: "2" }]);
  });

  it("VIE-55 is filtered by its address", () => {
    const filter = {
      project: "3",
      action: "session_watched",
      actor: "ada@example.com",
      subject: "s1",
      from: "2026-11-01",
      to: "",
    };
    expect(readAuditFilter(new URLSearchParams(writeAuditFilter(filter).split("?")[1]))).toEqual(filter);
    expect(writeAuditFilter(readAuditFilter(new URLSearchParams()))).toBe("/audit");
  });
});
