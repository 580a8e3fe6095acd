import { describe, expect, it } from "vitest";
import { type EmbedClaims, MAX_EMBED_MS, readEmbedToken, signEmbedToken } from "./embed-token.ts";

const NOW = 1_800_000_000_000;
const claims: EmbedClaims = {
  project: 1,
  session: "visit-1",
  user: 2,
  from: null,
  to: null,
  panels: false,
  generation: 1,
  expires: NOW + 60_000,
};

describe("embed tokens", () => {
  it("SHA-7 say what they were made for", () => {
    expect(readEmbedToken("secret", signEmbedToken("secret", claims), NOW)).toEqual(claims);
  });

  it("SHA-7 of another secret, changed in any character, or over are none", () => {
    const token = signEmbedToken("secret", claims);
    expect(readEmbedToken("other", token, NOW)).toBeNull();
    expect(readEmbedToken("secret", token, claims.expires)).toBeNull();
    for (let i = 0; i < token.length - 1; i++) {
      const changed = `${token.slice(0, i)}${token[i] === "A" ? "B" : "A"}${token.slice(i + 1)}`;
      expect(readEmbedToken("secret", changed, NOW), String(i)).toBeNull();
    }
  });

  it("SHA-7 good for longer than an hour are not taken, even signed", () => {
    const long = signEmbedToken("secret", { ...claims, expires: NOW + MAX_EMBED_MS + 1 });
    expect(readEmbedToken("secret", long, NOW)).toBeNull();
  });

  it.each(["", "wbe1..", "wbe1.e30.", "x".repeat(5_000), "wbe1.\u0000.a"])("SHA-7 %j is none", (text) => {
    expect(readEmbedToken("secret", text, NOW)).toBeNull();
  });
});
