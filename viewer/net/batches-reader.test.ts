import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBinary } from "../../protocol/codec.ts";
import { joinFrames } from "../../protocol/frames.ts";
import { sampleBatch, sampleCheckout, sampleScroll } from "../player/sample-batches.ts";
import { readBatchFrames } from "./batches-reader.ts";

const BATCHES = [
  sampleBatch("a", 0, sampleCheckout(1)),
  sampleBatch("a", 1, [sampleScroll(5)]),
  sampleBatch("b", 0, sampleCheckout(9)),
];
const STREAM = joinFrames(BATCHES.map((batch) => encodeBinary("events_batch", batch)));

async function* inPieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const ends = [...new Set(cuts.map((cut) => cut % bytes.length)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    yield await Promise.resolve(bytes.slice(from, end));
    from = end;
  }
}

async function read(pieces: AsyncIterable<Uint8Array>) {
  const batches = [];
  for await (const batch of readBatchFrames(pieces)) batches.push(batch);
  return batches;
}

describe("the stream of stored batches", () => {
  it("VIE-22 is read the same in whatever pieces it arrives", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(STREAM.length), { maxLength: 20 }), async (cuts) => {
        const batches = await read(inPieces(STREAM, cuts));
        expect(batches.map(({ tab, seq }) => [tab, seq])).toEqual([
          ["a", 0],
          ["a", 1],
          ["b", 0],
        ]);
        expect(batches.map((batch) => [...batch.payload])).toEqual(BATCHES.map((batch) => [...batch.payload]));
      }),
      { numRuns: 50 },
    );
  });

  it("VIE-22 gives what is whole, and says that it broke off", async () => {
    const batches: number[] = [];
    const reading = (async () => {
      for await (const batch of readBatchFrames(inPieces(STREAM.slice(0, -3), []))) batches.push(batch.seq);
    })();
    await expect(reading).rejects.toThrow("broke off");
    expect(batches).toEqual([0, 1]);
  });

  it("VIE-22 leaves out what is no batch, and refuses what is no message", async () => {
    const error = encodeBinary("error", { code: "internal", message: "no" });
    const mixed = joinFrames([error, encodeBinary("events_batch", BATCHES[0])]);
    expect(await read(inPieces(mixed, []))).toHaveLength(1);
    await expect(read(inPieces(joinFrames([new Uint8Array([0xc1])]), []))).rejects.toThrow();
  });
});
