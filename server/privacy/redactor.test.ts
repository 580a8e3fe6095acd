import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FILTERED, REDACTION_PATTERNS } from "../../protocol/redaction.ts";
import type { SessionStart } from "../../protocol/tracker-messages.ts";
import { findSecrets } from "./find-secrets.ts";
import { redactMarkers, redactStart, redactUpdate } from "./redact-facts.ts";
import { compileRules, createRedactor, readSettings, STANDARD_SETTINGS, type RedactionSettings } from "./redactor.ts";

const CARD = "4111 1111 1111 1111";
const everything = { ...STANDARD_SETTINGS, patterns: REDACTION_PATTERNS };
const redactorOf = (more: Partial<RedactionSettings> = {}) => createRedactor({ ...everything, ...more });
const event = (type: number, data: unknown) => ({ type, timestamp: 1, data });

describe("rules", () => {
  it("PRV-2 names are compared in whole words, those of the project included", () => {
    const redactor = redactorOf({ keys: ["customer number", "loyalty_card"] });
    const input = {
      auth_token: "a",
      author: "b",
      tokenizer: "c",
      customerNumber: "d",
      "x-customer-number-2": "e",
      customer: "f",
      loyaltyCardId: "g",
    };
    expect(redactor.value(input)).toEqual({
      ...input,
      auth_token: FILTERED,
      customerNumber: FILTERED,
      "x-customer-number-2": FILTERED,
      loyaltyCardId: FILTERED,
    });
  });

  it("PRV-2 the allow-list wins over names and values", () => {
    const redactor = redactorOf({ allow: ["session_id", "order-number", "4111111111111111", "help@shop.example"] });
    const input = {
      sessionId: "s1",
      orderNumber: "5555555555554444",
      note: "test card 4111111111111111, write to HELP@shop.example",
    };
    expect(redactor.value({ ...input })).toEqual(input);
    expect(redactor.text("?session_id=s1&order_number=5555555555554444&token=x1")).toBe(
      `?session_id=s1&order_number=5555555555554444&token=${FILTERED}`,
    );
    expect(redactor.text("5555555555554444 ada@shop.example")).toBe(`${FILTERED} ${FILTERED}`);
  });

  it("PRV-2 e-mail addresses, phone numbers and IBANs are looked for where the project says so", () => {
    const text = "ada@example.com +49 30 1234567 DE89370400440532013000";
    expect(createRedactor(STANDARD_SETTINGS).text(text)).toBe(text);
    expect(redactorOf({ patterns: ["email"] }).text(text)).toBe(`${FILTERED} +49 30 1234567 DE89370400440532013000`);
    expect(redactorOf().text(text)).toBe(`${FILTERED} ${FILTERED} ${FILTERED}`);
  });

  it("PRV-2 settings that make no sense are standard", () => {
    expect(readSettings({ enabled: "no", patterns: ["nonsense"], keys: [1, "a"], allow: null })).toEqual({
      ...STANDARD_SETTINGS,
      keys: ["a"],
    });
    expect(readSettings(null)).toEqual(STANDARD_SETTINGS);
    expect(readSettings({ enabled: false, payloads: true, patterns: ["email", "card"] })).toMatchObject({
      enabled: false,
      payloads: true,
      patterns: ["card", "email"],
    });
  });
});

describe("hostile input", () => {
  it("PRV-3 sets no prototype, and keeps none that came as a key", () => {
    const value: unknown = JSON.parse(
      '{"__proto__":{"isAdmin":true},"a":{"__proto__":{"b":1},"constructor":"c"},"password":"p"}',
    );
    const clean = redactorOf().value(value);
    expect(JSON.stringify(clean)).toBe(`{"a":{"constructor":"c"},"password":"${FILTERED}"}`);
    expect((clean as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it("PRV-3 cuts off what is nested too deep, without a stack", () => {
    let deep: unknown = { password: "hunter2" };
    for (let i = 0; i < 100_000; i++) deep = { a: deep };
    expect(JSON.stringify(redactorOf().value(deep))).not.toContain("hunter2");
    expect(redactorOf().text(`${"[".repeat(100_000)}"${CARD}"`)).not.toContain(CARD);
  });

  it("PRV-3 never throws, and grows by no more than its marks", () => {
    const redactor = redactorOf();
    const pieces = fc.constantFrom(
      "password",
      "=",
      ":",
      " ",
      CARD,
      "ada@example.com",
      "&",
      "?",
      "%20",
      "%",
      '"',
      "\\",
      "{",
      "}",
      "[",
      "]",
      "Bearer ",
      "eyJ",
      "://",
      "@",
      "\n",
      "token",
      FILTERED,
      "\ud800",
      "-----BEGIN PRIVATE KEY-----",
      "x9".repeat(20),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ unit: "binary" })), { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        expect(redactor.text(text).length).toBeLessThanOrEqual(3 * text.length + FILTERED.length);
      }),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: false }), (value) => {
        redactor.value(value);
        redactor.events([event(2, value), event(3, value), event(5, value)]);
      }),
      { numRuns: 1_000 },
    );
  });

  it("PRV-3 finds whole parts in order, without overlaps", () => {
    const rules = compileRules(everything);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(CARD, "?token=", "a@b.io", "Bearer abcdef123456", "&", " ", "4111", "%40", "://u:p@h"), {
          maxLength: 20,
        }),
        (parts) => {
          const text = parts.join("");
          let last = 0;
          for (const { start, end } of findSecrets(text, rules)) {
            expect(start).toBeGreaterThanOrEqual(last);
            expect(end).toBeGreaterThan(start);
            expect(end).toBeLessThanOrEqual(text.length);
            last = end;
          }
        },
      ),
    );
  });

  it("PRV-4 time grows with the length and with nothing else", () => {
    const redactor = redactorOf();
    const pieces =
      '@|a@|a@b.|a|1 |4111 |4111-1111-1111-1111-|1|eyJ|eyJ.|a=|?a=|a=b&|://|x://a@|x://|-----BEGIN PRIVATE KEY-----|-----BEGIN PRIVATE KEY-----!|-----BEGIN |%41|%4|%|AIza|sk-|sk_live_|ghp_|SG.|DE89 |DE89|AB12|+1 |+1|(415) |415-|Bearer |basic aGVsbG86d29ybGQ= |[[|{"a":|"|password=|password: "|password:\\"|\\"|\\|a.|é|A1|A1 |xoxb-|a:|\'a\':\'| |key:   |Authorization: |Cookie: a\n|x=1;|123456789:AA|hooks.slack.com/services/|AccountKey=|a.b@|a%40|?code=a1|=:=:|[a]=';
    const time = (piece: string, size: number) => {
      const text = piece.repeat(Math.ceil(size / piece.length));
      const from = process.cpuUsage();
      redactor.text(text);
      const { user, system } = process.cpuUsage(from);
      return (user + system) / 1_000;
    };
    // Eight times the text: 8 where it is linear, 64 where it is quadratic; what is over at once is neither. Other work on the machine
    // may disturb one measurement, not three.
    const isQuadratic = (piece: string) => {
      const large = time(piece, 1024 * 1024);
      return large > 600 && large > 32 * time(piece, 128 * 1024);
    };
    const slow = pieces.split("|").filter((piece) => isQuadratic(piece) && isQuadratic(piece) && isQuadratic(piece));
    expect(slow).toEqual([]);
  }, 120_000);
});

describe("what rides beside payloads", () => {
  const redactor = createRedactor(STANDARD_SETTINGS);
  const redactors = { all: redactor, ids: redactor };

  it("PRV-5 markers and errors", () => {
    const clean = redactMarkers(redactors, [
      {
        kind: "error",
        at: 1,
        name: "TypeError",
        text: `pay ${CARD} failed`,
        stack: "at https://u:p@x.example/a.js?token=abc:1:2",
        data: { password: "x", handled: false },
      },
      { kind: "console_error", at: 2, name: "error", text: 'sent {"api_key":"k-123","a":1}' },
      {
        kind: "failed_request",
        at: 3,
        name: "https://x.example/a?access_token=abc&b=1",
        data: { method: "POST", status: 500, url: "https://x.example/a?access_token=abc&b=1" },
      },
    ]);
    const text = JSON.stringify(clean);
    for (const secret of [CARD, "u:p@", "token=abc", '"x"', "k-123"]) expect(text).not.toContain(secret);
    expect(clean[2]).toEqual({
      kind: "failed_request",
      at: 3,
      name: `https://x.example/a?access_token=${FILTERED}&b=1`,
      data: { method: "POST", status: 500, url: `https://x.example/a?access_token=${FILTERED}&b=1` },
    });
    expect(clean[0]?.data).toEqual({ password: FILTERED, handled: false });
  });

  it("PRV-5 what a page says of its session; the id of a person stays unless it is a card or a token", () => {
    const all = createRedactor(everything);
    const ids = createRedactor(STANDARD_SETTINGS);
    const start: SessionStart = {
      url: "https://x.example/?sid=1a",
      title: `Hi ada@example.com`,
      userAgent: "UA",
      referrer: "https://y.example/#id_token=abc",
      userId: "ada@example.com",
      traits: { plan: "pro", apiKey: "k1", mail: "ada@example.com", age: 7 },
    };
    expect(redactStart({ all, ids }, start)).toEqual({
      ...start,
      url: `https://x.example/?sid=${FILTERED}`,
      title: `Hi ${FILTERED}`,
      referrer: `https://y.example/#id_token=${FILTERED}`,
      traits: { plan: "pro", apiKey: FILTERED, mail: FILTERED, age: 7 },
    });
    expect(redactUpdate({ all, ids }, { userId: CARD, url: "/a?token=b", traits: { a: CARD } })).toEqual({
      userId: FILTERED,
      url: `/a?token=${FILTERED}`,
      traits: { a: FILTERED },
    });
    expect(redactUpdate({ all, ids }, { userId: null, title: "Shop" })).toEqual({ userId: null, title: "Shop" });
  });

  it("PRV-3 what was redacted is no longer than the wire allows", () => {
    const [marker] = redactMarkers(redactors, [
      { kind: "custom", at: 1, name: "?sid=1".repeat(42), text: "?sid=1".repeat(341), data: { a: "?sid=1".repeat(170) } },
    ]);
    expect(marker?.name?.length).toBeLessThanOrEqual(256);
    expect(marker?.text?.length).toBeLessThanOrEqual(2_048);
    expect(String(marker?.data?.["a"]).length).toBeLessThanOrEqual(1_024);
  });
});

describe("events", () => {
  it("PRV-7 every place of an event is read", () => {
    const events = [
      event(4, { href: "https://x.example/?token=s3cret", width: 1, height: 1 }),
      event(2, {
        node: {
          type: 0,
          childNodes: [
            {
              type: 2,
              tagName: "a",
              attributes: { href: "/a?token=s3cret", title: `is ${CARD}`, class: "token:x" },
              childNodes: [{ type: 3, textContent: `card ${CARD}`, id: 2 }],
              id: 1,
            },
          ],
        },
      }),
      event(2, {
        node: { type: 2, tagName: "input", attributes: { name: "csrf_token", value: "s3cret" }, childNodes: [], id: 3 },
      }),
      event(3, {
        source: 0,
        texts: [{ id: 1, value: CARD }],
        attributes: [{ id: 1, attributes: { placeholder: CARD } }],
        adds: [{ parentId: 1, node: { type: 3, textContent: CARD, id: 9 } }],
      }),
      event(3, { source: 5, id: 3, text: CARD, isChecked: false }),
      event(5, { tag: "cart", payload: { password: "s3cret", body: JSON.stringify({ token: "s3cret" }) } }),
      event(6, {
        plugin: "rrweb/console@1",
        payload: { level: "log", payload: [JSON.stringify(`password=s3cret`), JSON.stringify({ a: CARD })] },
      }),
      event(6, {
        plugin: "rrweb/network@1",
        payload: {
          requests: [
            { name: "/x?api_key=s3cret", requestHeaders: { Cookie: "a=s3cret" }, responseBody: '{"id_token":"s3cret"}' },
          ],
        },
      }),
    ];
    expect(redactorOf().events(events)).toBeGreaterThanOrEqual(14);
    const text = JSON.stringify(events);
    expect(text).not.toContain("s3cret");
    expect(text).not.toContain(CARD);
    expect(text).toContain("token:x");
  });

  it("PRV-7 styles, paths, pictures and figures stay as they are", () => {
    const events = [
      event(2, {
        node: {
          type: 2,
          tagName: "style",
          attributes: { _cssText: ".auth:hover{color:red} .token:focus{margin:0}" },
          childNodes: [{ type: 3, textContent: ".password:after{content:none}", id: 4 }],
          id: 1,
        },
      }),
      event(2, {
        node: {
          type: 2,
          tagName: "svg",
          attributes: { d: "M4111 1111 1111 1111 z", style: "--token: 1px", class: "auth:ok" },
          childNodes: [],
          id: 5,
        },
      }),
      event(2, {
        node: {
          type: 2,
          tagName: "img",
          attributes: { src: "data:image/png;base64,4111111111111111AAAA+4111111111111111/=", rr_dataURL: CARD },
          childNodes: [],
          id: 6,
        },
      }),
      event(3, { source: 8, adds: [{ rule: ".auth:hover { color: red }" }] }),
      event(3, { source: 1, positions: [{ x: 4.111111111111111, y: 0.4111111111111111, id: 1, timeOffset: -20 }] }),
    ];
    const before = structuredClone(events);
    expect(redactorOf().events(events)).toBe(0);
    expect(events).toEqual(before);
  });

  it("PRV-6 says when there is more to read than may be read at once", () => {
    expect(redactorOf().events([event(5, { tag: "a", payload: "x".repeat(2_000) })], 1_000)).toBeNull();
    expect(redactorOf().events([event(5, { tag: "a", payload: "x".repeat(2_000) })], 4_000)).toBe(0);
  });
});
