import { describe, expect, it } from "vitest";
import { hashSync } from "@node-rs/argon2";
import { addressName } from "./attempts.ts";
import { type Identity, maySee, readableProjects } from "./auth.ts";
import { cookieStyle, createSecret, readCookie, writeCookie } from "./cookies.ts";
import { createPasswords } from "./passwords.ts";
import { isTrusted } from "./trusted-origin.ts";

describe("passwords", () => {
  it("AUT-1 makes Argon2id of the agreed parameters, and a new hash for one with lower ones", async () => {
    const passwords = createPasswords();
    const stored = await passwords.hash("correct horse");
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.check(stored, "correct horse")).toEqual({ isRight: true, rehash: null });
    expect(await passwords.check(stored, "wrong horse")).toEqual({ isRight: false });
    const weak = hashSync("correct horse", { memoryCost: 8_192, timeCost: 1 });
    const check = await passwords.check(weak, "correct horse");
    expect(check.isRight && check.rehash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it("AUT-2 checks a dummy where there is no hash, and never finds it right", async () => {
    const passwords = createPasswords();
    expect(await passwords.check(null, "anything")).toEqual({ isRight: false });
    expect(await passwords.check("not a hash", "anything")).toEqual({ isRight: false });
  });

  it("AUT-3 refuses what would wait too long", async () => {
    const passwords = createPasswords();
    const asked = await Promise.allSettled(Array.from({ length: 230 }, () => passwords.check("not a hash", "anything")));
    const refused = asked.filter((one) => one.status === "rejected");
    expect(refused.length).toBe(230 - 204);
    expect(await passwords.check("not a hash", "anything")).toEqual({ isRight: false });
  });
});

describe("addresses", () => {
  it.each([
    ["10.1.2.3", "10.1.2.3"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:0db8:0001:0002:aaaa:0:0:1", "2001:db8:1:2"],
    ["2001:DB8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["2001:db8:1:2::", "2001:db8:1:2"],
    ["fe80::1:2:3:4%eth0", "fe80:0:0:0"],
    ["?", "?"],
  ])("AUT-4 %s is limited as %s", (peer, name) => {
    expect(addressName(peer)).toBe(name);
  });
});

describe("the cookie", () => {
  it("AUT-6 is Secure with the __Host- prefix on https only", () => {
    const secret = createSecret();
    expect(writeCookie(cookieStyle("http://localhost:8080"), secret, 60)).toBe(
      `wb_sign_in=${secret}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax`,
    );
    expect(writeCookie(cookieStyle("https://watch.example.com"), secret, 60)).toBe(
      `__Host-wb_sign_in=${secret}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure`,
    );
  });

  it("AUT-5 is read among others, and only where it looks like one of ours", () => {
    const style = cookieStyle("http://localhost:8080");
    const secret = createSecret();
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(readCookie(style, `a=b; wb_sign_in=${secret}; c=d`)).toBe(secret);
    expect(readCookie(style, `a=b; xwb_sign_in=${secret}`)).toBeNull();
    expect(readCookie(style, "wb_sign_in=short")).toBeNull();
    expect(readCookie(style, undefined)).toBeNull();
  });
});

describe("origins", () => {
  const origins = { publicUrl: "https://watch.example.com/base", allowed: ["https://intra.example.com"] };

  it.each([
    ["our own origin", "https://watch.example.com", "watch.example.com", "same-origin", true],
    ["our own origin behind a proxy that renames the host", "https://watch.example.com", "10.0.0.5:8080", undefined, true],
    ["an allowed origin", "https://intra.example.com", "watch.example.com", "same-site", true],
    ["another name of this server, by the browser's word", "http://192.168.1.5:8080", "192.168.1.5:8080", "same-origin", true],
    ["another name of this server, by Origin and Host", "http://192.168.1.5:8080", "192.168.1.5:8080", undefined, true],
    ["an address that was typed", undefined, "watch.example.com", "none", true],
    ["no browser", undefined, "watch.example.com", undefined, true],
    ["a stranger", "https://evil.example", "watch.example.com", "cross-site", false],
    ["a stranger in an old browser", "https://evil.example", "watch.example.com", undefined, false],
    ["another port", "http://localhost:3000", "localhost:8080", "same-site", false],
    ["another scheme under our host", "http://watch.example.com", "watch.example.com", "cross-site", false],
    ["a sandboxed frame", "null", "watch.example.com", "cross-site", false],
    ["a sandboxed frame in an old browser", "null", "watch.example.com", undefined, false],
    ["a name that begins like ours", "https://watch.example.com.evil.example", "watch.example.com", undefined, false],
  ])("AUT-15 %s", (_what, origin, host, site, trusted) => {
    expect(isTrusted(origins, origin, host, site)).toBe(trusted);
  });
});

describe("what an identity may see", () => {
  const token = (scopes: string[]): Identity => ({
    kind: "token",
    tokenId: 1,
    userId: 1,
    isAdmin: false,
    scopes: new Set(scopes),
    roles: new Map([[7, "viewer"]]),
  });

  it("AUT-11 AUT-18 is its projects, with a token only under a reading scope", () => {
    expect(maySee({ kind: "nobody" }, 7)).toBe(false);
    expect(
      maySee({ kind: "user", userId: 1, email: "a@b", isAdmin: false, signInId: "", roles: new Map([[7, "viewer"]]) }, 7),
    ).toBe(true);
    expect(
      maySee({ kind: "user", userId: 1, email: "a@b", isAdmin: false, signInId: "", roles: new Map([[7, "viewer"]]) }, 8),
    ).toBe(false);
    expect(maySee(token(["read"]), 7)).toBe(true);
    expect(maySee(token(["admin"]), 7)).toBe(true);
    expect(maySee(token(["sourcemaps"]), 7)).toBe(false);
    expect([...readableProjects(token(["sourcemaps"]))]).toEqual([]);
  });
});
