import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpuMs } from "../test/harness/cpu-time.ts";
import { decodeBinary, decodeText, encodeBinary, encodeText, MalformedMessage, parseMessage, type Envelope } from "./codec.ts";
import { MAX_DEPTH } from "./limits.ts";
import { packMessage } from "./msgpack-encode.ts";
import { fromTracker } from "./tracker-messages.ts";
import { fromViewer } from "./viewer-messages.ts";

const batch = {
  tab: "Tab_-0000001",
  seq: 4,
  firstAt: 1_763_711_111_111,
  lastAt: 1_763_711_112_111.5,
  count: 20,
  checkout: true,
  encoding: "deflate-raw",
  rawBytes: 6_400,
  markers: [{ kind: "click", at: 1_763_711_111_112, name: "button", data: { x: 1, y: 2 } }],
  payload: new Uint8Array([0, 1, 254, 255]),
};

/** The reason with which `read` refuses. */
function reason(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof MalformedMessage) return error.message;
    throw error;
  }
  return "taken";
}

describe("codec", () => {
  it("PRO-1 reads both forms of a message alike", () => {
    const binary = parseMessage(fromTracker, decodeBinary(packMessage({ type: "events_batch", data: batch })));
    const text = parseMessage(fromTracker, decodeText(encodeText("events_batch", batch)));
    for (const message of [binary, text]) {
      expect(message.type).toBe("events_batch");
      expect(JSON.stringify(message)).toBe(JSON.stringify({ type: "events_batch", data: { ...message.data } }));
      expect(new Uint8Array("payload" in message.data ? message.data.payload : [])).toEqual(batch.payload);
      expect({ ...message.data, payload: null }).toEqual({ ...batch, payload: null });
    }
  });

  it("PRO-1 takes data for empty where there are none", () => {
    expect(decodeText('{"type":"session_end"}')).toEqual({ type: "session_end", data: undefined });
    expect(parseMessage(fromTracker, decodeText('{"type":"session_end"}'))).toEqual({ type: "session_end", data: {} });
  });

  it("PRO-3 reads back what it packs, without what is undefined", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.jsonValue(), (type, data) => {
        const envelope: Envelope = decodeBinary(encodeBinary(type, { data, none: undefined }));
        expect(JSON.stringify(envelope)).toBe(JSON.stringify({ type, data: withoutProto({ data }) }));
      }),
      { numRuns: 300 },
    );
  });

  it("PRO-3 hands out frames that later ones do not change", () => {
    const first = encodeBinary("a", { text: "first" });
    const copy = [...first];
    for (let i = 0; i < 2_000; i++) encodeBinary("b", { i, text: "x".repeat(i) });
    expect([...first]).toEqual(copy);
  });

  it("PRO-23 carries bytes through the JSON form, those of a Buffer as well", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), fc.boolean(), (payload, asBuffer) => {
        const text = encodeText("events_batch", { payload: asBuffer ? Buffer.from(payload) : payload });
        expect(decodeText(text)).toEqual({ type: "events_batch", data: { payload } });
      }),
      { numRuns: 100 },
    );
    expect(reason(() => decodeText('{"type":"events_batch","data":{"payload":"a*b"}}'))).toContain("base64");
  });
});

/** As an object literal would be after a trip through a reader that refuses to set prototypes. */
function withoutProto(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"__proto__":', '"__proto_":'));
}

describe("hostile frames", () => {
  const whole = packMessage({ type: "events_batch", data: batch });

  it("PRO-4 refuses a frame cut at any byte, and JSON as well", () => {
    for (let end = 0; end < whole.length; end++) {
      expect(reason(() => decodeBinary(whole.subarray(0, end)))).toContain("ends too early");
    }
    const text = encodeText("events_batch", batch);
    for (let end = 0; end < text.length; end++) expect(reason(() => decodeText(text.slice(0, end)))).toBe("not a JSON message");
  });

  it("PRO-5 refuses what is too deep, quickly", () => {
    const deep = 4_000_000;
    const took = cpuMs(() => {
      expect(reason(() => decodeText(`{"type":"x","data":${"[".repeat(deep)}`))).toBe(`nested deeper than ${MAX_DEPTH}`);
      expect(reason(() => decodeBinary(new Uint8Array(deep).fill(0x91)))).toContain(`nested deeper than ${MAX_DEPTH}`);
      expect(reason(() => decodeBinary(new Uint8Array(deep).fill(0x81)))).toContain("key");
    });
    expect(took).toBeLessThan(1_000);
  });

  it("PRO-5 takes what is just deep enough, and does not count brackets in text", () => {
    const inner = MAX_DEPTH - 1;
    expect(decodeText(`{"type":"x","data":${"[".repeat(inner)}${"]".repeat(inner)}}`).type).toBe("x");
    expect(reason(() => decodeText(`{"type":"x","data":${"[".repeat(inner + 1)}${"]".repeat(inner + 1)}}`))).toContain("deeper");
    expect(decodeText(JSON.stringify({ type: "x", data: '[{\\"'.repeat(1_000) })).type).toBe("x");
    const nested = [...new Array<number>(MAX_DEPTH - 1).fill(0x91), 0xc0];
    const head = [0x82, 0xa4, ...Buffer.from("type"), 0xa1, 0x78, 0xa4, ...Buffer.from("data")];
    expect(decodeBinary(new Uint8Array([...head, ...nested])).type).toBe("x");
    expect(reason(() => decodeBinary(new Uint8Array([...head, 0x91, ...nested])))).toContain("deeper");
  });

  it.each([
    ["array32", "ddffffffff"],
    ["array16", "dcffff"],
    ["map32", "dfffffffff"],
    ["map16", "deffff"],
    ["bin32", "c6ffffffff"],
    ["bin8", "c4ff00"],
    ["str32", "dbffffffff"],
    ["str8", "d9ff61"],
    ["fixstr", "bf61"],
    ["uint64", "cf00"],
    ["half a length", "ddff"],
  ])("PRO-6 refuses a %s that the frame does not hold", (_name, hex) => {
    expect(reason(() => decodeBinary(Buffer.from(hex, "hex")))).toContain("ends too early");
  });

  it.each([
    ["a record of msgpackr", "d4724091a161", "extension"],
    ["a record's use", "d57240010101", "extension"],
    ["a timestamp", "d6ff00000000", "extension"],
    ["fixext16", `d8${"00".repeat(17)}`, "extension"],
    ["ext8", "c70100ff", "extension"],
    ["ext16", "c8000100ff", "extension"],
    ["ext32", "c90000000100ff", "extension"],
    ["the unused byte", "c1", "never uses"],
    ["a number for a key", "8101c0", "key"],
    ["an array for a key", "8190c0", "key"],
    ["nil for a second key", "82a161c0c0c0", "key"],
    ["bytes after the end", "c0c0", "after the end"],
  ])("PRO-7 refuses %s", (_name, hex, why) => {
    expect(reason(() => decodeBinary(Buffer.from(hex, "hex")))).toContain(why);
  });

  it("PRO-7 takes undefined as usual packers write it", () => {
    const bytes = Buffer.from(`82a474797065a178a464617461d40000`, "hex");
    expect(decodeBinary(bytes)).toEqual({ type: "x", data: undefined });
  });

  it.each([
    ["a lone continuation", "a180"],
    ["an overlong slash", "a2c0af"],
    ["a surrogate", "a3eda080"],
    ["half a character", "a2e282"],
    ["beyond Unicode", "a4f4908080"],
    ["in a key", "81a1ffc0"],
    ["in a long text", `da0028${"61".repeat(39)}ff`],
  ])("PRO-8 refuses text that is not UTF-8: %s", (_name, hex) => {
    expect(reason(() => decodeBinary(Buffer.from(hex, "hex")))).toContain("not UTF-8");
  });

  it("PRO-8 cleans U+0000 and lone surrogates out of text fields", () => {
    const text = String.raw`{"type":"session_start","data":{"url":"a\u0000b\ud800c","title":"\udc00","traits":{"k\u0000":"v\ud800"}}}`;
    const { data } = parseMessage(fromTracker, decodeText(text));
    expect(data).toMatchObject({ url: "ab\ufffdc", title: "\ufffd", traits: { k: "v\ufffd" } });
  });

  it("PRO-9 keeps __proto__ away from every prototype, and out of what a schema gives", () => {
    const text =
      '{"type":"session_start","__proto__":{"a":1},"data":{"__proto__":{"url":"x"},"traits":{"__proto__":"y","constructor":"z"}}}';
    const plainText = '{"type":"events_batch","data":{"events":[{"type":3,"timestamp":1,"__proto__":{"polluted":1}}]}}';
    const started = parseMessage(fromTracker, decodeText(text));
    expect(started.data).toEqual({ url: "", title: "", userAgent: "", traits: {} });
    const message = JSON.stringify(parseMessage(fromTracker, decodeText(plainText)));
    expect(message).not.toContain("polluted");
    const binary = Buffer.concat([
      Buffer.from("82a474797065a178a464617461", "hex"),
      Buffer.from("81a95f5f70726f746f5f5f81a8706f6c6c7574656401", "hex"),
    ]);
    const data = decodeBinary(binary).data;
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("PRO-10 never throws anything but MalformedMessage", () => {
    const mutated = fc.tuple(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length - 1), fc.nat(255)).map(([i, a, j, b]) => {
      const bytes = whole.slice();
      bytes[i] = a;
      bytes[j] = b;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        reason(() => parseMessage(fromTracker, decodeBinary(bytes)));
      }),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string({ unit: "binary" })), (text) => {
        reason(() => parseMessage(fromViewer, decodeText(text)));
        reason(() => parseMessage(fromViewer, decodeText(`{"type":"get_session_events","data":${text}}`)));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(["null", "5", "[]", '"x"', "{}", '{"type":5}', '{"data":{}}'])("PRO-11 refuses %s, which is no message", (text) => {
    expect(reason(() => decodeText(text))).toBe("expected {type, data}");
  });

  it.each([
    ["an unknown type", "nonsense", {}, 'unknown message type "nonsense"'],
    ["a type of Object.prototype", "constructor", {}, 'unknown message type "constructor"'],
    ["a long type", "x".repeat(99), {}, `unknown message type "${"x".repeat(64)}"`],
    ["data of a wrong kind", "session_start", 5, "session_start: expected Object"],
    ["a wrong field", "gap", { fromSeq: 1, toSeq: "secret" }, "gap: toSeq: expected number"],
    ["fields in a wrong order", "gap", { fromSeq: 3, toSeq: 1 }, "gap: toSeq is before fromSeq"],
    [
      "a deep field",
      "events_batch",
      { ...batch, markers: [{ kind: "click", at: "secret" }] },
      "events_batch: markers.0.at: expected number",
    ],
    [
      "a plain batch's field",
      "events_batch",
      { events: [{ type: 3 }] },
      'events_batch: events.0.timestamp: expected "timestamp"',
    ],
    ["a packed batch's field", "events_batch", { ...batch, seq: -1 }, "events_batch: seq: expected >=0"],
    ["a bad tab", "events_batch", { ...batch, tab: "a b" }, "events_batch: tab: must be 1 to 32 characters of A-Z a-z 0-9 _ -"],
  ])("PRO-11 names what is wrong with %s, and not what was sent", (_name, type, data, why) => {
    const said = reason(() => parseMessage(fromTracker, { type, data }));
    expect(said).toBe(why);
    expect(said).not.toContain("secret");
  });
});
