import { describe, expect, it } from "vitest";
import { cpuMs } from "../../test/harness/cpu-time.ts";
import { createReader } from "./reader.ts";
import { readStackText } from "./stack-text.ts";

const short = (stack: string) =>
  readStackText(createReader(), stack).map(({ file, function: name, line, column, inApp }) => [name, file, line, column, inApp]);

describe("stacks as text", () => {
  it("DIG-8 of Chromium are read: names, async, new, aliases, eval, natives", () => {
    const stack = `TypeError: Cannot read properties of undefined (reading 'x')
    at addToCart (https://shop.example/assets/app.js:1:2345)
    at https://shop.example/assets/app.js:2:10
    at async Checkout.pay (https://shop.example/assets/app.js?v=1:3:4)
    at new Cart (https://shop.example/a.js:5:6)
    at Object.run [as go] (https://shop.example/a.js:7:8)
    at Array.map (<anonymous>)
    at eval (eval at build (https://shop.example/t.js:9:10), <anonymous>:1:1)
    at <anonymous>
    at node:internal/timers:573:17
    at lib (https://shop.example/node_modules/lib/i.js:1:1)
    at ext (chrome-extension://abc/x.js:1:1)`;
    expect(short(stack)).toEqual([
      ["addToCart", "https://shop.example/assets/app.js", 1, 2345, true],
      ["", "https://shop.example/assets/app.js", 2, 10, true],
      ["Checkout.pay", "https://shop.example/assets/app.js?v=1", 3, 4, true],
      ["Cart", "https://shop.example/a.js", 5, 6, true],
      ["Object.run", "https://shop.example/a.js", 7, 8, true],
      ["Array.map", "", null, null, false],
      ["eval", "https://shop.example/t.js", 9, 10, true],
      ["", "node:internal/timers", 573, 17, false],
      ["lib", "https://shop.example/node_modules/lib/i.js", 1, 1, false],
      ["ext", "chrome-extension://abc/x.js", 1, 1, false],
    ]);
  });

  it("DIG-8 of Firefox and Safari are read: nested functions, code that was evaluated, global code", () => {
    const firefox = `addToCart@https://shop.example/app.js:1:23
run/go/<@https://shop.example/app.js:4:5
@https://shop.example/app.js:6:7
async*later@https://shop.example/app.js:8:9
made@https://shop.example/app.js line 12 > eval:1:1
mail@https://shop.example/@team/app.js:1:2`;
    expect(short(firefox)).toEqual([
      ["addToCart", "https://shop.example/app.js", 1, 23, true],
      ["run/go", "https://shop.example/app.js", 4, 5, true],
      ["", "https://shop.example/app.js", 6, 7, true],
      ["later", "https://shop.example/app.js", 8, 9, true],
      ["made", "https://shop.example/app.js", 12, null, true],
      ["mail", "https://shop.example/@team/app.js", 1, 2, true],
    ]);
    const safari = `addToCart@https://shop.example/app.js:1:23
map@[native code]
global code@https://shop.example/app.js:2:3
https://shop.example/app.js:4:5
eval code@`;
    expect(short(safari)).toEqual([
      ["addToCart", "https://shop.example/app.js", 1, 23, true],
      ["map", "", null, null, false],
      ["", "https://shop.example/app.js", 2, 3, true],
      ["", "https://shop.example/app.js", 4, 5, true],
    ]);
  });

  it("DIG-8 take no time over hostile lines, and hold no more frames than a stack may", () => {
    const lines = ["at (".repeat(5_000), "@".repeat(20_000), `at a (${"eval at ".repeat(3_000)})`, ":1".repeat(10_000)];
    const took = cpuMs(() => {
      for (const line of lines) short(`${line}\n`.repeat(500));
    });
    expect(took).toBeLessThan(3_000);
    expect(short("at f (https://a/b.js:1:1)\n".repeat(1_000))).toHaveLength(100);
  });
});
