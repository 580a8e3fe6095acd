/**
 * Cases after RFC 6455, by section: what a client sends, and what must become of the connection. `deviation` says where the library
 * does otherwise, and what it does; those cases hold it to that, so that a change is noticed.
 */

import { concat } from "./nasty.ts";
import { frame } from "./wire.ts";

/**
 * - `pong`: the connection lives, and a ping is answered with its own payload
 * - `answer`: a text frame comes back
 * - `close`: a close frame with this code comes back, and then the end
 * - `end`: the server ends the connection, with or without a close frame
 */
export type Outcome = "pong" | "answer" | "end" | { close: number };

export interface Case {
  section: string;
  what: string;
  /** What is written, in pieces of their own. */
  pieces: readonly Uint8Array[];
  outcome: Outcome;
  deviation?: string;
}

const text = (value: string) => new TextEncoder().encode(value);
const HELLO = text('{"type":"session_start","data":{"url":"https://shop.example/"}}');
const NOT_UTF8 = Uint8Array.of(0x7b, 0xc3, 0x28, 0x7d);
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const oneByOne = (bytes: Uint8Array) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
const closeWith = (code: number, reason: Uint8Array = new Uint8Array(0)) => concat(Uint8Array.of(code >> 8, code & 0xff), reason);

const framing: Case[] = [
  { section: "5.2", what: "a text message in one frame", pieces: [frame(TEXT, HELLO)], outcome: "answer" },
  { section: "5.2", what: "a frame that arrives byte by byte", pieces: oneByOne(frame(TEXT, HELLO)), outcome: "answer" },
  { section: "5.2", what: "two frames in one segment", pieces: [concat(frame(PING), frame(TEXT, HELLO))], outcome: "answer" },
  { section: "5.2", what: "an empty text message", pieces: [frame(TEXT)], outcome: "answer" },
  { section: "5.2", what: "an empty binary message", pieces: [frame(BINARY)], outcome: "answer" },
  { section: "5.2", what: "125 bytes, the last short length", pieces: [frame(TEXT, pad(HELLO, 125))], outcome: "answer" },
  { section: "5.2", what: "126 bytes, the first 16-bit length", pieces: [frame(TEXT, pad(HELLO, 126))], outcome: "answer" },
  { section: "5.2", what: "65,535 bytes, the last 16-bit length", pieces: [frame(TEXT, pad(HELLO, 65_535))], outcome: "answer" },
  { section: "5.2", what: "65,536 bytes, the first 64-bit length", pieces: [frame(TEXT, pad(HELLO, 65_536))], outcome: "answer" },
  {
    section: "5.2",
    what: "a 16-bit length where 7 bits would do",
    pieces: [frame(TEXT, HELLO, { lengthBytes: 2 })],
    outcome: "answer",
    deviation: "the minimal form is not asked for: the frame is taken",
  },
  {
    section: "5.2",
    what: "a 64-bit length where 7 bits would do",
    pieces: [frame(TEXT, HELLO, { lengthBytes: 8 })],
    outcome: "answer",
    deviation: "the minimal form is not asked for: the frame is taken",
  },
  {
    section: "5.2",
    what: "a 64-bit length with its highest bit set",
    pieces: [frame(TEXT, HELLO, { claimed: 2n ** 63n })],
    outcome: "end",
  },
  {
    section: "5.2",
    what: "a length beyond the largest frame",
    pieces: [frame(TEXT, HELLO, { claimed: 9_000_000n })],
    outcome: "end",
  },
  ...[1, 2, 4, 7].map((reserved): Case => {
    return {
      section: "5.2",
      what: `reserved bits ${reserved} without an extension`,
      pieces: [frame(TEXT, HELLO, { reserved })],
      outcome: "end",
    };
  }),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): Case => {
    return { section: "5.2", what: `reserved opcode ${opcode}`, pieces: [frame(opcode, HELLO)], outcome: "end" };
  }),
  {
    section: "5.1",
    what: "a frame that is not masked",
    pieces: [concat(frame(TEXT, HELLO, { isMasked: false }), new Uint8Array(4096))],
    outcome: "end",
    deviation: "not refused as such: it is read on as if it were masked, and fails at what follows",
  },
];

const fragmentation: Case[] = [
  { section: "5.4", what: "a text message in two fragments", pieces: split(TEXT, HELLO, 2), outcome: "answer" },
  { section: "5.4", what: "a text message in twelve fragments", pieces: split(TEXT, HELLO, 12), outcome: "answer" },
  {
    section: "5.4",
    what: "empty fragments around a message",
    pieces: [frame(TEXT, text(""), { fin: false }), frame(0, HELLO, { fin: false }), frame(0)],
    outcome: "answer",
  },
  {
    section: "5.4",
    what: "a ping between two fragments",
    pieces: [frame(TEXT, HELLO.subarray(0, 9), { fin: false }), frame(PING), frame(0, HELLO.subarray(9))],
    outcome: "answer",
  },
  { section: "5.4", what: "a continuation of nothing", pieces: [frame(0, HELLO)], outcome: "end" },
  { section: "5.4", what: "a continuation after a whole message", pieces: [frame(TEXT, HELLO), frame(0, HELLO)], outcome: "end" },
  {
    section: "5.4",
    what: "a new message inside of a fragmented one",
    pieces: [frame(TEXT, HELLO.subarray(0, 9), { fin: false }), frame(TEXT, HELLO)],
    outcome: "end",
  },
  {
    section: "5.4",
    what: "fragments that together are beyond the largest message",
    pieces: [frame(BINARY, new Uint8Array(6_000_000), { fin: false }), frame(0, new Uint8Array(6_000_000))],
    outcome: "end",
  },
];

const control: Case[] = [
  { section: "5.5.2", what: "a ping without a payload", pieces: [frame(PING)], outcome: "pong" },
  { section: "5.5.2", what: "a ping of 125 bytes", pieces: [frame(PING, new Uint8Array(125).fill(7))], outcome: "pong" },
  {
    section: "5.5.2",
    what: "ten pings at once",
    pieces: [concat(...Array.from({ length: 10 }, () => frame(PING)))],
    outcome: "pong",
  },
  { section: "5.5.3", what: "a pong that nobody asked for", pieces: [frame(PONG, text("hi"))], outcome: "pong" },
  { section: "5.5", what: "a ping of 126 bytes", pieces: [frame(PING, new Uint8Array(126))], outcome: "end" },
  { section: "5.5", what: "a fragmented ping", pieces: [frame(PING, text("a"), { fin: false })], outcome: "end" },
  { section: "5.5", what: "a fragmented close", pieces: [frame(CLOSE, closeWith(1000), { fin: false })], outcome: "end" },
  { section: "5.5", what: "a close of 126 bytes", pieces: [frame(CLOSE, closeWith(1000, new Uint8Array(124)))], outcome: "end" },
];

const closing: Case[] = [
  { section: "5.5.1", what: "a close without a code", pieces: [frame(CLOSE)], outcome: "end" },
  { section: "5.5.1", what: "a close with 1000", pieces: [frame(CLOSE, closeWith(1000))], outcome: { close: 1000 } },
  {
    section: "5.5.1",
    what: "a close with 1001 and a reason",
    pieces: [frame(CLOSE, closeWith(1001, text("bye")))],
    outcome: { close: 1001 },
  },
  {
    section: "7.4.2",
    what: "a close with a code of ours, 4000",
    pieces: [frame(CLOSE, closeWith(4000))],
    outcome: { close: 4000 },
  },
  {
    section: "7.4.2",
    what: "a close with a registered code, 3000",
    pieces: [frame(CLOSE, closeWith(3000))],
    outcome: "end",
    deviation: "codes from 3000 to 3999 are not sent back: the close that answers has none",
  },
  { section: "5.5.1", what: "a close of one byte", pieces: [frame(CLOSE, text("x"))], outcome: "end" },
  ...[0, 999, 1004, 1005, 1006, 1015, 1100, 2000, 2999, 5000, 65_535].map((code): Case => {
    return {
      section: "7.4",
      what: `a close with the forbidden code ${code}`,
      pieces: [frame(CLOSE, closeWith(code))],
      outcome: "end",
    };
  }),
  {
    section: "5.5.1",
    what: "a close whose reason is not UTF-8",
    pieces: [frame(CLOSE, closeWith(1000, NOT_UTF8))],
    outcome: "end",
  },
  {
    section: "5.5.1",
    what: "a message after a close",
    pieces: [concat(frame(CLOSE, closeWith(1000)), frame(TEXT, HELLO))],
    outcome: { close: 1000 },
  },
];

const utf8: Case[] = [
  {
    section: "8.1",
    what: "text that is UTF-8 of every length",
    pieces: [frame(TEXT, text('{"type":"aé€😀","data":{}}'))],
    outcome: "answer",
  },
  {
    section: "8.1",
    what: "a character split over two fragments",
    pieces: splitAt(text('{"type":"😀","data":{}}'), 10),
    outcome: "answer",
  },
  { section: "8.1", what: "text that is not UTF-8", pieces: [frame(TEXT, NOT_UTF8)], outcome: "end" },
  {
    section: "8.1",
    what: "text that ends inside of a character",
    pieces: [frame(TEXT, text("😀").subarray(0, 3))],
    outcome: "end",
  },
  {
    section: "8.1",
    what: "a surrogate written as UTF-8",
    pieces: [frame(TEXT, Uint8Array.of(0xed, 0xa0, 0x80))],
    outcome: "end",
  },
  { section: "8.1", what: "an overlong form", pieces: [frame(TEXT, Uint8Array.of(0xc0, 0xaf))], outcome: "end" },
  {
    section: "8.1",
    what: "a character beyond U+10FFFF",
    pieces: [frame(TEXT, Uint8Array.of(0xf4, 0x90, 0x80, 0x80))],
    outcome: "end",
  },
];

/** All of them, in the order of the document. */
export const CASES: readonly Case[] = [...framing, ...fragmentation, ...control, ...closing, ...utf8];

/** JSON with spaces behind it, to a length. */
function pad(bytes: Uint8Array, length: number): Uint8Array {
  return concat(bytes, new Uint8Array(length - bytes.length).fill(0x20));
}

function split(opcode: number, bytes: Uint8Array, count: number): Uint8Array[] {
  const size = Math.ceil(bytes.length / count);
  const last = Math.ceil(bytes.length / size) - 1;
  return Array.from({ length: last + 1 }, (_, i) =>
    frame(i === 0 ? opcode : 0, bytes.subarray(i * size, (i + 1) * size), { fin: i === last }),
  );
}

function splitAt(bytes: Uint8Array, at: number): Uint8Array[] {
  return [frame(TEXT, bytes.subarray(0, at), { fin: false }), frame(0, bytes.subarray(at))];
}
