import { describe, expect, it } from "vitest";
import { cpuMs } from "../../test/harness/cpu-time.ts";
import { Random } from "../../test/loss/random.ts";
import { firstLine, parameterise } from "./parameterise.ts";

const words = (text: string) => parameterise(text).words;

describe("parameterise", () => {
  it.each([
    ["User 42 has 3 items", "User <number> has <number> items"],
    ["took 12.5s, -7 left, 1e6 done, 40% of 2,048", "took <number>s, <number> left, <number> done, <number>% of <number>"],
    ["order item-42", "order item-<number>"],
    ["at 0xDEADbeef", "at <hex>"],
    ["commit 3f2a1b9c0d is bad", "commit <hex> is bad"],
    ["id 3F2504E0-4F89-11D3-9A0C-0305E82C3301 gone", "id <uuid> gone"],
    ["since 2026-11-21T12:00:00.123Z", "since <date>"],
    ["since 2026-11-21 12:00:00 +0100, not 2026-11-20", "since <date>, not <date>"],
    ["Sat Nov 21 2026 12:00:00 GMT+0100 (Central European Standard Time)", "<date>"],
    ["until 21.11.2026, 12:00 or 11/21/2026 at 12:00:01", "until <date> or <date> at <date>"],
    ["mail to jane.doe+shop@mail.example.co.uk failed", "mail to <email> failed"],
    ["from 192.168.0.1:8080 and 2001:db8::ff00:42:8329", "from <ip> and <ip>"],
    ["GET https://shop.example/a/1?b=2#c failed", "GET <url> failed"],
    ['"blob:https://shop.example/3f2a" and data:text/html;base64,AAAA', '"<url>" and <url>'],
    ["Loading chunk 42 failed: main.3f2a1b9c.js", "Loading chunk <number> failed: main.<hash>.js"],
    [
      "assets/index-BqK3x9Zd.js and vendor~app.0a1b2c3d4e5f.chunk.css.map",
      "assets/index-<hash>.js and vendor~app.<hash>.chunk.css.map",
    ],
    ["record 5f8aXk29QwLmZ71p is locked", "record <id> is locked"],
    ["push -NqXbRtkZVwAsdPlMnTy", "push <id>"],
    ["cart cjld2cjxh0000qzrmn831i7rn", "cart <id>"],
  ])("ISS-9 %s", (text, expected) => {
    expect(words(text)).toBe(expected);
    expect(words(expected)).toBe(expected);
  });

  it("ISS-9 what was taken out is told, with how often", () => {
    expect(parameterise("1 of 2 at 10.0.0.1").replaced).toEqual([
      { what: "ip", count: 1 },
      { what: "number", count: 2 },
    ]);
  });

  it.each([
    "utf8 and base64ToUtf8Converter, int32 or user1",
    "getElementsByClassNameNS is not a function, nor is dangerouslySetInnerHTML",
    "EC2MetadataV2Error: md5 of x86Sha256Digest",
    "Minified React error #418; visit the page",
    "Request failed with status code 404",
    "HTTP 502 from upstream, status: 503",
    "deadbeef, facade, decade and defaced are words",
    "jquery.validate.min.js, main.js and my-component.css stay",
    "app.settings is not a function (near 'a.b')",
    "v1.2.3 of the library",
    "naïve façade Überraschung 注文 が 見つかりません",
  ])("ISS-10 unharmed: %s", (text) => {
    expect(words(text)).toBe(text);
  });

  it("ISS-10 words in random order stay, and random values between them leave the same words", () => {
    const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
    const random = new Random(seed);
    const plain = "cannot read the property of a deleted order because feed added dead cafe bad face cabbage accede".split(" ");
    const hex = (length: number) => Array.from({ length }, () => random.between(0, 15).toString(16)).join("");
    const values: readonly [string, () => string][] = [
      ["<number>", () => String(random.between(0, 1e9))],
      ["<uuid>", () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`],
      ["<hex>", () => `0x${hex(random.between(1, 16))}`],
      ["<hex>", () => `a1${hex(random.between(6, 38))}f2`],
      ["<ip>", () => Array.from({ length: 4 }, () => random.between(0, 255)).join(".")],
      ["<email>", () => `u${hex(4)}.x@${hex(5)}.example.com`],
      ["<url>", () => `https://example.com/${hex(6)}?q=${hex(3)}`],
      ["<date>", () => new Date(random.between(0, 2e12)).toISOString()],
      ["app.<hash>.js", () => `app.1a${hex(6)}.js`],
    ];
    for (let round = 0; round < 3_000; round++) {
      const parts = Array.from({ length: random.between(1, 8) }, (): [string, string] => {
        if (random.chance(0.6)) {
          const word = random.pick(plain);
          return [word, word];
        }
        const [name, make] = random.pick(values);
        return [make(), name];
      });
      const text = parts.map(([said]) => said).join(" ");
      expect(words(text), `seed ${seed}: ${text}`).toBe(parts.map(([, left]) => left).join(" "));
    }
  });

  it("ISS-10 no text takes long, whatever is in it", () => {
    const pieces = [
      "a",
      "1",
      "a1",
      "@",
      ".",
      "-",
      ":",
      "http://",
      "0x",
      "1:",
      "f.",
      "<",
      "2026-",
      "a@a.",
      "Mon ",
      "x-",
      "//",
      "\u0000",
      "é",
    ];
    for (const piece of pieces) {
      for (const tail of ["", "!", "@", ".js"]) {
        const text = piece.repeat(Math.ceil(100_000 / piece.length)) + tail;
        expect(
          cpuMs(() => parameterise(firstLine(text))),
          JSON.stringify(piece),
        ).toBeLessThan(250);
      }
    }
  });

  it("ISS-7 the first line that says something", () => {
    expect(firstLine("\n  \r\n\t it broke \nand more")).toBe("it broke");
    expect(firstLine(" \n ")).toBe("");
  });
});
