import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type AlertFacts, alertText, headline, signature, slackBody, webhookBody } from "./alert-text.ts";

const facts = (title: string, over: Partial<AlertFacts> = {}): AlertFacts => ({
  messageId: 17,
  kind: "new",
  at: 1_795_262_400_000,
  projectId: 3,
  project: title,
  issue: {
    issueId: 42,
    shortId: "SHOP-42",
    title,
    culprit: title,
    level: "error",
    occurrenceCount: 1,
    userCount: 2,
    sessionCount: 0,
  },
  release: title,
  environment: title,
  heldBack: 0,
  links: { issue: "https://w.example/issues/SHOP-42", clip: null, live: null },
  ...over,
});

const HOSTILE = [
  "a\r\nBcc: victim@example.com\r\n\r\nbody",
  "<!channel> <@U123> <https://evil.example|Issue>",
  "*bold* _it_ ~s~ `code` & &lt;",
  '<img src=x onerror="alert(1)">',
  "\u202Eevil\u2028\u0000\u200b",
  "\ud800 lone",
  "&".repeat(5_000),
  "<".repeat(5_000),
  "*".repeat(5_000),
];

const slackText = (body: string): string => /"text":"((?:[^"\\]|\\.)*)","verbatim":true/.exec(body)?.[1] ?? "";

describe("what an alert says", () => {
  it("ALR-11 a headline is one line without control signs, of a bounded length", () => {
    for (const title of HOSTILE) {
      for (const one of [facts(title), facts(title, { issue: null, kind: "test" })]) {
        expect(headline(one)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(headline(one).length).toBeLessThan(300);
      }
    }
  });

  it("ALR-11 a mail has the lines that we made, and no other", () => {
    for (const title of HOSTILE) {
      const lines = alertText(facts(title)).split("\n");
      expect(lines.length).toBeLessThanOrEqual(7);
      expect(lines.filter((line) => line.startsWith("Bcc") || line === "body")).toEqual([]);
      expect(lines.at(-1)).toBe("Issue: https://w.example/issues/SHOP-42");
    }
  });

  it("ALR-11 in Slack nothing of a stranger is a mention, a link or formatting, and it is never too long", () => {
    for (const title of HOSTILE) {
      const body = slackBody(
        facts(title, { links: { issue: "https://w.example/i", clip: "https://w.example/c", live: "https://w.example/l" } }),
      );
      expect(() => void JSON.parse(body)).not.toThrow();
      const text = slackText(body);
      expect(text.length).toBeGreaterThan(0);
      expect(text.length).toBeLessThan(3_000);
      expect(text.match(/<[^>]*>/g)).toEqual([
        "<https://w.example/l|Watch now>",
        "<https://w.example/c|What happened before>",
        "<https://w.example/i|Issue>",
      ]);
      expect(text.replace(/^\*|\*\\n/g, "").match(/(?<!\u200b)[*_~`]/g)).toBeNull();
    }
    expect(slackBody(facts("x"))).toContain('"link_names":false');
  });

  it("ALR-10 a webhook gets JSON in which texts are as they came", () => {
    const [title = ""] = HOSTILE;
    expect(JSON.parse(webhookBody(facts(title)))).toEqual({ version: 1, type: "alert", ...facts(title) });
  });

  it("ALR-10 the signature is the HMAC over time and body", () => {
    const expected = createHmac("sha256", "secret").update('1795262400.{"a":1}').digest("hex");
    expect(signature("secret", '{"a":1}', 1_795_262_400_999)).toBe(`t=1795262400,v1=${expected}`);
  });

  it("ALR-1 it says how many were held back", () => {
    expect(alertText(facts("x", { heldBack: 9_900 }))).toContain("9900 more since the last message");
  });
});
