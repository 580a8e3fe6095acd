/** Values and bytes that programs trip over, and ways to put them into something that was right before. */

import type { Random } from "../loss/random.ts";

/** JSON, or what only MessagePack can say: bytes, NaN, Infinity. */
export type Value = null | boolean | number | string | Uint8Array | readonly Value[] | { readonly [key: string]: Value };

const DEEP = 600;
const LONG = 70_000;

const NUMBERS = [0, -0, -1, 1, 1.5, 1e308, -1e308, 2 ** 31, 2 ** 32, 2 ** 53, 8.64e15 + 1, Number.NaN, Number.POSITIVE_INFINITY];
const TEXTS = [
  "",
  "\0",
  "a\0b",
  "\ud800",
  "x\udfffy",
  "\ufeff",
  "\u202eevil",
  "'; DROP TABLE sessions; --",
  "<script>alert(1)</script>",
  "../../../etc/passwd",
  "%00%ff%c0%af",
  "${jndi:ldap://127.0.0.1/}",
  "__proto__",
  "constructor",
  "1e999",
  "2026-02-30T25:61:61Z",
  "💥".repeat(500),
  "a".repeat(LONG),
];

/** One nasty value. */
export function nastyValue(random: Random): Value {
  switch (random.between(0, 9)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return random.pick(NUMBERS);
    case 4:
    case 5:
      return random.pick(TEXTS);
    case 6:
      return nest(random.between(1, DEEP));
    case 7:
      return random.pick<Value>([
        [],
        {},
        [[]],
        own("__proto__", { isAdmin: true, scopes: ["admin"] }),
        { constructor: { prototype: { isAdmin: true } } },
        { toString: null, valueOf: 1, then: "x", length: -1 },
      ]);
    case 8:
      return Array.from({ length: random.pick([1, 100, 5_000]) }, () => random.pick<Value>([null, 0, "", {}]));
    default:
      return new Uint8Array(random.pick([0, 1, 255, 65_536]));
  }
}

/** The same value with one thing in it changed: replaced, removed, doubled, or given a key it should not have. */
export function mutateValue(value: Value, random: Random, depth = 0): Value {
  const isInner = depth > 0 && random.chance(0.3);
  if (isInner || depth > 6) return nastyValue(random);
  if (Array.isArray(value)) {
    const list: Value[] = [...(value as readonly Value[])]; // Array.isArray does not see through a readonly union
    const at = random.between(0, Math.max(0, list.length - 1));
    const deed = list.length === 0 ? 0 : random.between(0, 5);
    if (deed === 0) list.push(nastyValue(random));
    else if (deed === 1) list.splice(at, 1);
    else if (deed === 2) list.push(...list);
    else list[at] = mutateValue(list[at] ?? null, random, depth + 1);
    return list;
  }
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    const entries = Object.entries(value);
    const at = random.between(0, Math.max(0, entries.length - 1));
    const [name = "x", inner = null] = entries[at] ?? [];
    const deed = random.between(0, 6);
    if (deed === 0) entries.splice(at, 1);
    else if (deed === 1) return own("__proto__", nastyValue(random), entries);
    else if (deed === 2) entries.push([random.pick(TEXTS).slice(0, 300), nastyValue(random)]);
    else entries[at] = [name, mutateValue(inner, random, depth + 1)];
    return Object.fromEntries(entries);
  }
  return nastyValue(random);
}

/** Bytes with something done to them: cut, flipped, doubled, shuffled, stuffed. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let out = Uint8Array.from(bytes);
  for (let round = random.between(1, 3); round > 0 && out.length > 0; round--) {
    const at = random.between(0, out.length - 1);
    switch (random.between(0, 5)) {
      case 0:
        out = out.slice(0, at);
        break;
      case 1:
        out[at] = (out[at] ?? 0) ^ (1 << random.between(0, 7));
        break;
      case 2:
        out[at] = random.pick([0, 0x7f, 0x80, 0xc1, 0xc7, 0xd9, 0xdb, 0xdd, 0xdf, 0xff]);
        break;
      case 3:
        out = concat(out.slice(0, at), out.slice(at, at + 64), out.slice(at));
        break;
      case 4:
        out = concat(out.slice(0, at), out.slice(at + random.between(1, 16)));
        break;
      default:
        out = concat(
          out.slice(0, at),
          Uint8Array.from({ length: random.between(1, 32) }, () => random.between(0, 255)),
          out.slice(at),
        );
    }
  }
  return out;
}

/** JSON text that no serialiser writes. */
export function nastyJson(random: Random): Uint8Array {
  const text = random.pick([
    "[".repeat(100_000),
    '{"a":'.repeat(20_000),
    `{"type":"events_batch","data":{"events":${"[".repeat(60_000)}${"]".repeat(60_000)}}}`,
    '{"type":"session_start","type":"session_end","data":{},"data":[]}',
    '{"type":"session_start","data":{"url":"\\ud800"}}',
    '{"type":"session_start","data":{"url":"\\u0000"}}',
    `{"type":"session_start","data":{"startTime":${"9".repeat(50_000)}}}`,
    '{"type":"session_start","data":{"startTime":1e999999}}',
    '{"type":"events_batch","data":{"__proto__":{"events":[]},"events":[]}}',
    "{'type':'x'}",
    "NaN",
    "null",
    '"text"',
    "\ufeff{}",
    "{}/**/",
    "{",
    "",
    " ".repeat(50_000),
  ]);
  const bytes = new TextEncoder().encode(text);
  return random.chance(0.2) ? concat(bytes, Uint8Array.of(0xc3, 0x28, 0xff, 0xfe)) : bytes;
}

/** Pieces one after the other. */
export function concat(...pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(pieces));
}

function nest(depth: number): Value {
  let value: Value = 0;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

/** An object with this very key, which a literal would take for something else. */
function own(name: string, value: Value, entries: readonly (readonly [string, Value])[] = []): Value {
  return Object.fromEntries([...entries, [name, value]]);
}
