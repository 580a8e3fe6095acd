/**
 * A WebM file of one VP8 track (RFC 8794, RFC 9559), as its frames come: header, clusters that each begin with a key frame, and an index behind
 * them. The length is known before, so that players show it from the beginning.
 */

/** Ids of elements, with their length marker, as the specification writes them. */
const ID = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  info: 0x1549a966,
  tracks: 0x1654ae6b,
  cluster: 0x1f43b675,
  cues: 0x1c53bb6b,
} as const;

const UNKNOWN_SIZE = Buffer.from([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
const TRACK = 1;
/** A time of a block is 16 bits relative to its cluster. */
const MAX_RELATIVE_MS = 32_767;

/** One encoded frame. */
export interface FilmFrame {
  /** From the beginning of the film. */
  atMs: number;
  isKey: boolean;
  data: Uint8Array;
}

/** What the film is. */
export interface FilmFacts {
  width: number;
  height: number;
  durationMs: number;
}

/** Bytes of the file around the frames, which come in the order of their times; the first is a key frame. */
export async function* writeWebm(facts: FilmFacts, frames: AsyncIterable<FilmFrame>): AsyncGenerator<Uint8Array> {
  const header = Buffer.concat([element(ID.ebml, EBML_HEADER), idOf(ID.segment), UNKNOWN_SIZE]);
  const intro = Buffer.concat([describeFilm(facts), describeTrack(facts)]);
  yield Buffer.concat([header, intro]);
  /** Offsets count from the first byte inside the segment. */
  let offset = intro.length;
  const cues: Buffer[] = [];
  let open: { atMs: number; blocks: Buffer[] } | null = null;

  const close = ({ atMs, blocks }: { atMs: number; blocks: Buffer[] }): Buffer => {
    const cluster = element(ID.cluster, Buffer.concat([element(0xe7, unsigned(atMs)), ...blocks]));
    const positions = Buffer.concat([element(0xf7, unsigned(TRACK)), element(0xf1, unsigned(offset))]);
    cues.push(element(0xbb, Buffer.concat([element(0xb3, unsigned(atMs)), element(0xb7, positions)])));
    offset += cluster.length;
    return cluster;
  };

  for await (const { atMs, isKey, data } of frames) {
    const at = Math.round(atMs);
    if (open === null || isKey) {
      if (open) yield close(open);
      open = { atMs: at, blocks: [] };
    }
    open.blocks.push(simpleBlock(Math.min(MAX_RELATIVE_MS, at - open.atMs), isKey, data));
  }
  if (open) yield close(open);
  yield element(ID.cues, Buffer.concat(cues));
}

const EBML_HEADER = Buffer.concat([
  element(0x4286, unsigned(1)),
  element(0x42f7, unsigned(1)),
  element(0x42f2, unsigned(4)),
  element(0x42f3, unsigned(8)),
  element(0x4282, Buffer.from("webm")),
  element(0x4287, unsigned(4)),
  element(0x4285, unsigned(2)),
]);

function describeFilm({ durationMs }: FilmFacts): Buffer {
  const duration = Buffer.alloc(8);
  duration.writeDoubleBE(durationMs);
  const program = Buffer.from("Watchback");
  return element(
    ID.info,
    // A tick of the file's times is a million nanoseconds.
    Buffer.concat([
      element(0x2ad7b1, unsigned(1_000_000)),
      element(0x4489, duration),
      element(0x4d80, program),
      element(0x5741, program),
    ]),
  );
}

function describeTrack({ width, height }: FilmFacts): Buffer {
  const picture = Buffer.concat([element(0xb0, unsigned(width)), element(0xba, unsigned(height))]);
  return element(
    ID.tracks,
    element(
      0xae,
      Buffer.concat([
        element(0xd7, unsigned(TRACK)),
        element(0x73c5, unsigned(TRACK)),
        element(0x9c, unsigned(0)),
        element(0x83, unsigned(1)),
        element(0x86, Buffer.from("V_VP8")),
        element(0xe0, picture),
      ]),
    ),
  );
}

function simpleBlock(relativeMs: number, isKey: boolean, data: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(0x80 | TRACK, 0);
  head.writeInt16BE(relativeMs, 1);
  head.writeUInt8(isKey ? 0x80 : 0, 3);
  return element(0xa3, Buffer.concat([head, data]));
}

function element(id: number, content: Uint8Array): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(content.length) | (1n << 56n));
  return Buffer.concat([idOf(id), size, content]);
}

function idOf(id: number): Buffer {
  return unsigned(id);
}

/** A whole number in as few bytes as it takes. */
function unsigned(value: number): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}
