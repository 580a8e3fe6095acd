import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { packedBatchSchema } from "../../protocol/batch.ts";
import { MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, MAX_RAW_BYTES } from "../../protocol/limits.ts";
import { parsePackedBatch } from "./packed-batch.ts";

/** Made once: fast-check prints and compares what it makes anew. */
const largest = new Uint8Array(MAX_PAYLOAD_BYTES);
const tooLarge = new Uint8Array(MAX_PAYLOAD_BYTES + 1);

const number = fc.oneof(
  fc.nat(),
  fc.double(),
  fc.constantFrom(-1, -0, 0.5, NaN, Infinity, 8.64e15, 8.64e15 + 2, 2 ** 53, 2 ** 53 - 1, MAX_BATCH_EVENTS, MAX_BATCH_EVENTS + 1),
  fc.constantFrom(MAX_RAW_BYTES, MAX_RAW_BYTES + 1, 1.7e12, 1.7e12 + 0.25),
);
const marker = fc.oneof(
  fc.record({ kind: fc.constantFrom("error", "click", "custom", "nonsense"), at: number }, { requiredKeys: ["kind"] }),
  fc.record({
    kind: fc.constant("error"),
    at: fc.constant(1.7e12),
    name: fc.string({ unit: "binary" }),
    text: fc.string(),
    stack: fc.string(),
    data: fc.dictionary(fc.string(), fc.oneof(fc.string(), number, fc.boolean(), fc.constant(null), fc.object())),
  }),
);
/** Mostly right, so that every check is reached. */
const almostBatch = fc.record(
  {
    tab: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("abcDEF123_-x", undefined) },
      fc.string({ maxLength: 40 }),
      fc.integer(),
    ),
    seq: fc.oneof({ weight: 6, arbitrary: fc.nat() }, number, fc.anything()),
    firstAt: fc.oneof({ weight: 6, arbitrary: fc.constant(1.7e12) }, number, fc.anything()),
    lastAt: fc.oneof({ weight: 6, arbitrary: fc.constant(1.7e12 + 5) }, number, fc.anything()),
    count: fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 100 }) }, number, fc.anything()),
    checkout: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(true, false, undefined) }, fc.anything()),
    encoding: fc.oneof({ weight: 6, arbitrary: fc.constantFrom("json", "deflate-raw") }, fc.anything()),
    rawBytes: fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 100_000 }) }, number, fc.anything()),
    markers: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(undefined, []) },
      { weight: 3, arbitrary: fc.array(marker, { maxLength: 4 }) },
      fc.constant(new Array(201).fill({ kind: "click", at: 1 })),
      fc.anything(),
    ),
    payload: fc.oneof(
      { weight: 6, arbitrary: fc.uint8Array({ maxLength: 20 }) },
      fc.constant(largest),
      fc.constant(tooLarge),
      fc.constant(Buffer.from("[]")),
      fc.anything(),
    ),
    stranger: fc.anything(),
  },
  { requiredKeys: [] },
);

describe("parsePackedBatch", () => {
  it("ING-1 says exactly what the schema says", () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof({ weight: 20, arbitrary: almostBatch }, fc.anything()), (data) => {
        const result = v.safeParse(packedBatchSchema, data);
        const parsed = parsePackedBatch(data);
        if (result.success) {
          taken++;
          const { payload, ...header } = result.output;
          expect({ ...parsed, payload: null }).toEqual({ ...header, payload: null });
          expect(parsed?.payload).toBe(payload);
        } else {
          expect(parsed).toBeNull();
        }
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(50);
  });

  it("ING-1 keeps the payload as the view that it is, and drops what nobody knows", () => {
    const payload = new Uint8Array([1, 2, 3]);
    const batch = { seq: 0, firstAt: 1, lastAt: 2, count: 1, encoding: "json", rawBytes: 3, payload, extra: "x" };
    const parsed = parsePackedBatch(batch);
    expect(parsed?.payload).toBe(payload);
    expect(parsed).not.toHaveProperty("extra");
    expect(parsed?.markers).toEqual([]);
    expect(parsed?.checkout).toBe(false);
  });
});
