import { expect, it } from "vitest";
import { cpuMs } from "../../test/harness/cpu-time.ts";
import { Random } from "../../test/loss/random.ts";
import { AppError } from "../app-error.ts";
import { MAX_HEADER_BYTES, MAX_ITEMS, readEnvelope } from "./envelope.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => {
  const { header, items, malformed } = readEnvelope(bytes(text));
  return { header, malformed, items: items.map(({ type, payload }) => [type, new TextDecoder().decode(payload)]) };
};

it("ERR-6 takes payloads by their length, with newlines in them, or to the end of the line", () => {
  const text = [
    '{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","dsn":"x","later":"unknown"}',
    '{"type":"attachment","length":10,"filename":"a"}',
    "hello\nyou\n",
    '{"type":"event"}',
    '{"message":"x"}',
    '{"type":"attachment","length":0}',
    "",
    '{"type":"session","more":1}',
    '{"sid":"1"}',
  ].join("\n");
  const expected = [
    ["attachment", "hello\nyou\n"],
    ["event", '{"message":"x"}'],
    ["attachment", ""],
    ["session", '{"sid":"1"}'],
  ];
  expect(read(text)).toMatchObject({ malformed: 0, items: expected });
  expect(read(`${text}\n`)).toMatchObject({ malformed: 0, items: expected });
});

it("ERR-6 takes an envelope without id, time or items, line ends of Windows, and an item that ends with the bytes", () => {
  expect(read("{}")).toEqual({ header: {}, malformed: 0, items: [] });
  expect(read("{}\n")).toMatchObject({ items: [] });
  expect(read('{}\r\n{"type":"event"}\r\n{"a":1}\r\n')).toMatchObject({ malformed: 0, items: [["event", '{"a":1}']] });
  expect(read('{}\n{"type":"attachment","length":0}')).toMatchObject({ malformed: 0, items: [["attachment", ""]] });
  expect(read('{}\n{"type":"event"}')).toMatchObject({ malformed: 0, items: [["event", ""]] });
});

it("ERR-6 refuses what does not begin with a line of JSON", () => {
  for (const text of ["", "\n", "hello", "[]", "null", "{", `{"a":"${"x".repeat(MAX_HEADER_BYTES)}"}`, "[".repeat(5_000)]) {
    expect(() => read(text)).toThrow(AppError);
  }
});

it("ERR-6 no name in a header means anything to the language", () => {
  const { header, items } = readEnvelope(
    bytes('{"__proto__":{"event_id":"x"}}\n{"type":"event","__proto__":{"length":3}}\n{"a":1}'),
  );
  expect(header["event_id"]).toBeUndefined();
  expect(items[0]?.header["length"]).toBeUndefined();
  expect(items).toHaveLength(1);
});

it("ERR-7 leaves out an item whose line or length is wrong, and keeps its siblings", () => {
  const good = '{"type":"event"}\n{"a":1}';
  const bad = [
    "no json\npayload",
    '{"type":"attachment","length":3}\nlonger than three',
    '{"type":"attachment","length":1e9}\nshort',
    '{"type":"attachment","length":-1}\nshort',
    '{"type":"attachment","length":"7"}\npayload',
    '{"type":"attachment","length":1.5}\npayload',
    "[]\npayload",
    `{"type":"${"x".repeat(MAX_HEADER_BYTES)}"}\npayload`,
  ];
  for (const one of bad) {
    expect(read(`{}\n${good}\n${one}\n${good}`), one).toMatchObject({
      malformed: 1,
      items: [
        ["event", '{"a":1}'],
        ["event", '{"a":1}'],
      ],
    });
  }
});

it("ERR-7 whatever is damaged, nothing is thrown and the items before it are whole", () => {
  const seed = Date.now();
  process.stdout.write(`seed ${seed}\n`);
  const drawn = new Random(seed);
  const random = () => drawn.next();
  for (let round = 0; round < 2_000; round++) {
    const items = Array.from({ length: 1 + Math.floor(random() * 6) }, () => randomItem(random));
    const whole = Buffer.concat([
      Buffer.from("{}\n"),
      ...items.map(({ line, payload }) => Buffer.concat([line, payload, NEWLINE])),
    ]);
    const lengths = items.map(({ line, payload }) => line.length + payload.length + 1);
    const from = 3 + Math.floor(random() * (whole.length - 3));
    const damaged = Buffer.from(whole);
    for (let at = from; at < Math.min(damaged.length, from + 1 + Math.floor(random() * 8)); at++)
      damaged[at] = Math.floor(random() * 256);
    const cut = random() < 0.3 ? damaged.subarray(0, from) : damaged;
    const { items: found } = readEnvelope(cut);
    let end = 3;
    const before = lengths.filter((length) => (end += length) <= from).length;
    expect(found.length).toBeGreaterThanOrEqual(before);
    for (let i = 0; i < before; i++)
      expect(Buffer.compare(Buffer.from(found[i]?.payload ?? []), items[i]?.payload ?? NEWLINE)).toBe(0);
  }
});

it("ERR-8 reads no more than a hundred items", () => {
  const items = Array.from({ length: MAX_ITEMS + 50 }, () => '{"type":"event"}\n{}').join("\n");
  const envelope = readEnvelope(bytes(`{}\n${items}`));
  expect(envelope.items).toHaveLength(MAX_ITEMS);
  expect(envelope.malformed).toBe(1);
});

it("ERR-8 reads no further than a kilobyte of blank lines", () => {
  const item = '{"type":"event"}\n{}\n';
  expect(readEnvelope(bytes(`{}\n${item}${"\n".repeat(1_000)}${item}`))).toMatchObject({ malformed: 0, items: [{}, {}] });
  expect(readEnvelope(bytes(`{}\n${item}${"\r\n".repeat(600)}${item}`))).toMatchObject({ malformed: 1, items: [{}] });
  const many = Buffer.alloc(50 * 1024 * 1024, 10);
  many.write("{}");
  expect(cpuMs(() => expect(readEnvelope(many)).toMatchObject({ malformed: 1, items: [] }))).toBeLessThan(50);
});

const NEWLINE = Buffer.from("\n");

function randomItem(random: () => number): { line: Buffer; payload: Buffer } {
  if (random() < 0.5) {
    const payload = Buffer.from(JSON.stringify({ text: "x".repeat(Math.floor(random() * 50)) }));
    return { line: Buffer.from('{"type":"event"}\n'), payload };
  }
  const payload = Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
  return { line: Buffer.from(`{"type":"attachment","length":${payload.length}}\n`), payload };
}
