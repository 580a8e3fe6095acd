import { describe, expect, it } from "vitest";
import { droppedWords, intakeKind } from "./intake-words.ts";
import { dsnOf, sdkSnippet, SDKS } from "./set-up-words.ts";

const KEY = "0123456789abcdef0123456789abcdef";

describe("what people paste", () => {
  it("VIE-63 is a DSN with key, host and project, whole in every snippet", () => {
    const dsn = dsnOf("https://watch.example:8443/", KEY, 7);
    expect(dsn).toBe(`https://${KEY}@watch.example:8443/7`);
    expect(new URL(dsn)).toMatchObject({ username: KEY, host: "watch.example:8443", pathname: "/7" });
    for (const { name } of SDKS) expect(sdkSnippet(name, dsn)).toContain(dsn);
    expect(sdkSnippet("link", dsn)).toContain("X-Watchback-Session");
  });

  it("VIE-63 what became of reports is said in words, known or not", () => {
    expect(droppedWords("client_dropped", "ratelimit_backoff")).toBe("dropped by the SDK itself (ratelimit backoff)");
    expect(droppedWords("brand_new", "")).toBe("brand new");
    expect([intakeKind("csp_report"), intakeKind("odd_one")]).toEqual(["Report of a content policy", "odd one"]);
  });
});
