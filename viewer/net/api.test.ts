import { describe, expect, it } from "vitest";
import { ApiError, withQuery } from "./api.ts";
import { isAtLeast, ROLES, rolesToGive, whyNot } from "./roles.ts";
import { isViewerPath, isOpenPath, nextPath } from "../state/paths.ts";
import { describeProblem, isAbout } from "../state/fault.ts";

describe("what the server says is wrong", () => {
  it("VIE-51 belongs to the field that it names", () => {
    const error = new ApiError(400, "malformed", "settings.privacy.blockSelector: expected (length <= 1024)");
    expect([error.field, error.fault]).toEqual(["settings.privacy.blockSelector", "expected (length <= 1024)"]);
    expect(isAbout(error.field, "blockSelector")).toBe(true);
    expect(isAbout("settings.allowedOrigins.3", "allowedOrigins")).toBe(true);
    expect(isAbout("settings.allowedOrigins.3", "origins")).toBe(false);
  });

  it("VIE-51 is of the whole form where it names none, and is a sentence", () => {
    for (const [status, message] of [
      [400, "the body is not JSON"],
      [400, "something: else: odd"],
      [403, "slug: is not a field here"],
    ] as const) {
      expect(new ApiError(status, "malformed", message).message).toBe(message);
    }
    expect(new ApiError(403, "forbidden", "slug: no").field).toBe("");
    expect(new ApiError(400, "malformed", "the body is not JSON").field).toBe("");
    expect(describeProblem(new ApiError(403, "forbidden", "this takes an administrator"))).toBe("This takes an administrator.");
    expect([describeProblem("odd"), describeProblem(new Error(""))]).toEqual(["That did not work.", "That did not work."]);
  });
});

describe("roles", () => {
  it("VIE-52 may each more than the one before, and what is not allowed says why", () => {
    for (const [i, role] of ROLES.entries()) {
      for (const [j, least] of ROLES.entries()) {
        expect(isAtLeast(role, least)).toBe(i >= j);
        expect(whyNot(role, least) === "").toBe(i >= j);
      }
      expect(isAtLeast(null, role)).toBe(false);
    }
    expect(whyNot("viewer", "admin")).toBe("This takes the role admin in the project; yours is viewer.");
    expect(whyNot(null, "member")).toContain("member");
  });

  it("VIE-52 are given by admins up to their own", () => {
    expect(rolesToGive("owner")).toEqual(ROLES);
    expect(rolesToGive("admin")).toEqual(["viewer", "member", "admin"]);
    expect([rolesToGive("member"), rolesToGive("viewer"), rolesToGive(null)]).toEqual([[], [], []]);
  });
});

describe("addresses", () => {
  it("VIE-53 lead back to a page of ours after signing in, and to no other site", () => {
    expect(nextPath("/sessions/s1?t=4")).toBe("/sessions/s1?t=4");
    for (const odd of [
      "//evil.example",
      "/\\evil.example",
      "https://evil.example",
      "javascript:alert(1)",
      "",
      null,
      "/\t/evil.example",
    ]) {
      expect(nextPath(odd)).toBe("/");
    }
  });

  it("VIE-53 are ours or not, and open or not", () => {
    for (const path of ["/", "/sessions/a", "/projects/3/people", "/account/tokens", "/audit", "/invite", "/sign-in"]) {
      expect(isViewerPath(path)).toBe(true);
    }
    for (const path of ["/demo", "/tracker.js", "/v1/sessions", "/settingsx", "/auth/me"]) expect(isViewerPath(path)).toBe(false);
    expect(["/sign-in", "/setup", "/invite", "/", "/audit"].filter(isOpenPath)).toEqual(["/sign-in", "/setup", "/invite"]);
  });

  it("VIE-53 hold no empty parameters", () => {
    expect(withQuery("/v1/audit", { action: "", actor: " ada ", project: 3, cursor: null, pinned: false })).toBe(
      "/v1/audit?actor=ada&project=3",
    );
    expect(withQuery("/v1/audit", { actor: "" })).toBe("/v1/audit");
  });
});
