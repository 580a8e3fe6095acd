import { describe, expect, test } from "vitest";
import { cpuMs } from "../test/harness/cpu-time.ts";
import { scrub, scrubCss, scrubUrl, stars } from "./scrub.ts";

describe("scrub", () => {
  test.each([
    ["mail ada.l+x@mail.example.co.uk!", "mail **************************!"],
    ["grüße@bücher.example", "********************"],
    ["4111 1111 1111 1111", "**** **** **** ****"],
    ["4111-1111-1111-1111.", "*******************."],
    ["call +49 30 1234", "call *** ** ****"],
    ["(555) 123-4567", "(**** ********"],
    ["ssn 123-45-6789", "ssn ***********"],
    ["DE89 3704 0044 0532 0130 00", "**** **** **** **** **** **"],
    ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "****************************************"],
    ["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.sig", "*".repeat(68)],
    ["ada (at) example.com", "*** **** ***********"],
    ["https://ada:geheim@host.example/", "https://***********host.example/"],
    ['{"password":"two words"}', '{"password":**** *****"}'],
    ["Authorization: Bearer abc.def~1", "Authorization: ****** *********"],
    ["4111\u20091111\u20091111\u20091111", "****\u2009****\u2009****\u2009****"],
    ["\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11", "**********"],
    ["key d41d8cd98f00b204e9800998ecf8427e", "key ********************************"],
  ])("TRK-1 %s", (text, masked) => {
    expect(scrub(text)).toBe(masked);
  });

  test.each([
    "2026-11-21 10:30",
    "12.50 EUR for 3 pieces of item 12345678",
    "how-to-build-a-replay-server-in-the-year-2026",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "@media screen and @ada",
    "01a1fd3b-a626-7049-a62d-347c1f347f0d",
    "version 1.2.3",
    "Basic information",
    "logo@2x.png",
    "https://cdn.example/vue@3.2.1/dist/vue.js",
  ])("TRK-1 leaves %s", (text) => {
    expect(scrub(text)).toBe(text);
  });

  test("TRK-1 takes time that grows with the length of the text, not with its square", () => {
    const texts = [
      "a".repeat(2_000_000),
      `${"a-".repeat(500_000)}@`,
      "1 ".repeat(500_000),
      "a@".repeat(200_000),
      "&key".repeat(200_000),
    ];
    for (const text of texts) expect(cpuMs(() => scrubUrl(text))).toBeLessThan(3_000);
  });

  test("TRK-1 addresses lose the values of secret parameters; data addresses stay", () => {
    expect(scrubUrl("https://x.example/a?access_token=abc&page=2#id_token=def")).toBe(
      "https://x.example/a?access_token=***&page=2#id_token=***",
    );
    expect(scrubUrl("/u?to=ada%40example.com")).toBe("/u?to=*****************");
    expect(scrubUrl("data:image/png;base64,aaaa1111bbbb2222cccc")).toBe("data:image/png;base64,aaaa1111bbbb2222cccc");
    expect(scrubUrl("/main.3f9a8b7c6d5e4f3a2b1c.js", true)).toBe("/main.3f9a8b7c6d5e4f3a2b1c.js");
  });

  test("TRK-1 of a file the path keeps hashes and numbers, but no card, no address and no known token", () => {
    expect(scrubUrl("/img/1234567890.png?sig=abc", true)).toBe("/img/1234567890.png?sig=***");
    expect(scrubUrl("/img/4111111111111111.png", true)).toBe("/img/****************.png");
  });

  test("TRK-1 style sheets keep their rules; strings, comments and addresses in them are read", () => {
    expect(scrubCss(`a[data-key="x"]::before { content: "ada@example.com"; } /* ada@example.com */`, false)).toBe(
      `a[data-key="x"]::before { content: "***************"; } `,
    );
    expect(scrubCss(`i::before { content: "\\e900" } b { font-family: "Open Sans"; --name: "Ada" }`, true)).toBe(
      `i::before { content: "\\e900" } b { font-family: "Open Sans"; --name: "***" }`,
    );
    const icon = `url("data:image/svg+xml,<path d='M4111 1111 1111 1111'/>")`;
    expect(scrubCss(`a { background: ${icon} }`, false)).toBe(`a { background: ${icon} }`);
  });

  test("TRK-3 stars keep spaces and line breaks", () => {
    expect(stars("two words\nand more")).toBe("*** *****\n*** ****");
  });
});
