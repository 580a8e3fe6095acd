/** A small shop that is built as people build, minified and with source maps, and breaks on request. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { build } from "esbuild";
import { build as viteBuild } from "vite";
import type { Frame } from "../../protocol/occurrence.ts";

/** Sources of the shop; what breaks is in several files, in a class, an arrow, a callback and something async. */
export const SHOP: Readonly<Record<string, string>> = {
  "src/cart.ts": `export interface Item { name: string; price: { cents: number } | null }

/** Adds up. */
export class Cart {
  items: Item[] = [];
  add(item: Item): this {
    this.items.push(item);
    return this;
  }
  total(): number {
    return this.items.reduce(function addPrice(sum, item) {
      const { cents } = item.price!;
      return sum + cents;
    }, 0);
  }
}
`,
  "src/money.ts": `import { pad } from "cents-lib";

export function format(cents: number): string {
  return pad((cents / 100).toFixed(2));
}
`,
  "src/checkout.ts": `import { Cart, type Item } from "./cart.ts";
import { format } from "./money.ts";

export const computeTotal = (items: Item[]): string => {
  const basket = new Cart();
  for (const item of items) basket.add(item);
  return format(basket.total());
};

export function checkoutNow(items: Item[]): string {
  if (items.length === 0) return "nothing";
  return computeTotal(items) + " to pay";
}
`,
  "src/main.ts": `import { checkoutNow } from "./checkout.ts";

async function submitOrder(button: string): Promise<string> {
  await Promise.resolve();
  return button + checkoutNow([{ name: "tea", price: { cents: 320 } }, { name: "cup", price: null }]);
}

function startShop(cents: unknown): string {
  return checkoutNow([{ name: "tea", price: cents === undefined ? null : ({ cents } as never) }]);
}

Object.assign(globalThis, { shop: { submitOrder, startShop } });
`,
  "node_modules/cents-lib/package.json": `{ "name": "cents-lib", "version": "1.0.0", "type": "module", "main": "index.js" }`,
  "node_modules/cents-lib/index.js": `export function pad(text) {
  if (text === "NaN") throw new RangeError("no money");
  return text.padStart(8);
}
`,
};

/** A place in the shop's sources. */
export interface ShopPlace {
  file: string;
  function: string;
  line: number;
}

/** The place of a piece of text in the sources. */
export function placeOf(file: string, text: string, name: string): ShopPlace {
  const lines = (SHOP[file] ?? "").split("\n");
  const at = lines.findIndex((line) => line.includes(text));
  if (at < 0) throw new Error(`${file} has no ${text}`);
  return { file, function: name, line: at + 1 };
}

const inCart = [
  placeOf("src/cart.ts", "const { cents }", "addPrice"),
  placeOf("src/cart.ts", "this.items.reduce", "Cart.total"),
  placeOf("src/checkout.ts", "basket.total()", "computeTotal"),
  placeOf("src/checkout.ts", "to pay", "checkoutNow"),
];

/** The ways in which it breaks, and where each is in the original source. */
export const BREAKS: readonly { name: string; run: (shop: Shop) => unknown; places: readonly ShopPlace[] }[] = [
  {
    name: "at once",
    run: (shop) => shop.startShop(undefined),
    places: [...inCart, placeOf("src/main.ts", "cents === undefined", "startShop")],
  },
  {
    name: "after an await",
    run: (shop) => shop.submitOrder("now: "),
    places: [...inCart, placeOf("src/main.ts", "return button", "submitOrder")],
  },
  {
    name: "in a library",
    run: (shop) => shop.startShop("x"),
    places: [
      placeOf("node_modules/cents-lib/index.js", "throw new", "pad"),
      placeOf("src/money.ts", "toFixed", "format"),
      placeOf("src/checkout.ts", "basket.total()", "computeTotal"),
      placeOf("src/checkout.ts", "to pay", "checkoutNow"),
      placeOf("src/main.ts", "cents === undefined", "startShop"),
    ],
  },
];

/** What the shop gives the page. */
export interface Shop {
  submitOrder(button: string): unknown;
  startShop(cents: unknown): unknown;
}

/** Writes the sources into a folder. */
export function writeShop(folder: string): void {
  for (const [name, text] of Object.entries(SHOP)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

/** Writes the sources into a folder, and builds them into its `dist/assets`. */
export async function buildShop(folder: string, tool: "vite" | "esbuild"): Promise<string> {
  writeShop(folder);
  const dist = path.join(folder, "dist");
  const entry = path.join(folder, "src/main.ts");
  if (tool === "esbuild") {
    const outdir = path.join(dist, "assets");
    const entryNames = "[name]-[hash]";
    await build({ entryPoints: [entry], bundle: true, minify: true, sourcemap: true, outdir, format: "iife", entryNames });
  } else {
    const output = { entryFileNames: "assets/[name]-[hash].js", format: "iife" } as const;
    await viteBuild({
      root: folder,
      configFile: false,
      logLevel: "error",
      build: { outDir: dist, sourcemap: true, minify: true, modulePreload: false, rolldownOptions: { input: entry, output } },
    });
  }
  return dist;
}

/** Name of the built script. */
export function scriptOf(dist: string): string {
  const name = readdirSync(path.join(dist, "assets")).find((file) => file.endsWith(".js"));
  if (name === undefined) throw new Error(`nothing was built in ${dist}`);
  return name;
}

/** Runs the built script as if it had come from `origin`, breaks it, and gives the frames that V8 tells, with debug ids where they are known. */
export async function breakShop(dist: string, origin: string, run: (shop: Shop) => unknown): Promise<Frame[]> {
  const name = scriptOf(dist);
  const url = `${origin}assets/${name}`;
  const globals: { shop?: Shop; _sentryDebugIds?: Record<string, string> } = {};
  const context = vm.createContext(globals);
  vm.runInContext(readFileSync(path.join(dist, "assets", name), "utf8"), context, { filename: url });
  const debugId = Object.entries(globals._sentryDebugIds ?? {}).find(([stack]) => stack.includes(url))?.[1];
  try {
    if (globals.shop) await run(globals.shop);
  } catch (error) {
    // An error of another context is no `Error` of ours.
    const stack = typeof error === "object" && error !== null && "stack" in error ? String(error.stack) : "";
    return framesOf(stack, url, debugId);
  }
  throw new Error("it did not break");
}

function framesOf(stack: string, url: string, debugId: string | undefined): Frame[] {
  return stack.split("\n").flatMap((line): Frame[] => {
    const found = /^\s+at (?:(.*?) \()?(\S+?):(\d+):(\d+)\)?$/.exec(line);
    if (found?.[2] !== url) return [];
    const place = { file: url, function: found[1] ?? "", line: Number(found[3]), column: Number(found[4]), inApp: true };
    return [debugId === undefined ? place : { ...place, debugId }];
  });
}
