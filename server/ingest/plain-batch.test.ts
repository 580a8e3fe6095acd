import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { AppError } from "../app-error.ts";
import { endsWithMeta, packEvents } from "./plain-batch.ts";

const event = (type: number, timestamp: number, data: unknown = null): RrwebEvent => ({ type, timestamp, data });
const read = (payload: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(payload));

describe("packEvents", () => {
  it("ING-13 begins a batch at each Meta that a full snapshot follows", () => {
    const events = [
      event(RRWEB.load, 1),
      event(RRWEB.meta, 2),
      event(RRWEB.fullSnapshot, 3),
      event(RRWEB.incremental, 4),
      event(RRWEB.meta, 5),
      event(RRWEB.incremental, 6),
      event(RRWEB.meta, 7),
      event(RRWEB.fullSnapshot, 8),
    ];
    const pieces = packEvents(events);
    expect(pieces.map(({ count, checkout, firstAt, lastAt }) => ({ count, checkout, firstAt, lastAt }))).toEqual([
      { count: 1, checkout: false, firstAt: 1, lastAt: 1 },
      { count: 5, checkout: true, firstAt: 2, lastAt: 6 },
      { count: 2, checkout: true, firstAt: 7, lastAt: 8 },
    ]);
    expect(pieces.flatMap(({ payload }) => read(payload))).toEqual(events);
  });

  it("ING-13 keeps every event, in order, whatever the types, times and limits", () => {
    const events = fc.array(
      fc.record({
        type: fc.constantFrom(0, 2, 3, 4, 5),
        timestamp: fc.double({ noNaN: true, noDefaultInfinity: true }),
        n: fc.nat(),
      }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(events, fc.integer({ min: 300, max: 2_000 }), (list, maxBytes) => {
        const pieces = packEvents(list, maxBytes);
        expect(pieces.flatMap(({ payload }) => read(payload))).toEqual(JSON.parse(JSON.stringify(list)));
        for (const piece of pieces) {
          expect(piece.payload.length).toBeLessThanOrEqual(maxBytes);
          expect(piece.lastAt).toBeGreaterThanOrEqual(piece.firstAt);
          expect(piece.firstAt).toBeGreaterThanOrEqual(0);
          const [first, second] = read(piece.payload) as RrwebEvent[];
          expect(piece.checkout).toBe(first?.type === RRWEB.meta && second?.type === RRWEB.fullSnapshot);
        }
      }),
    );
  });

  it("ING-13 refuses an event that no batch can hold", () => {
    expect(() => packEvents([event(RRWEB.incremental, 1, "x".repeat(500))], 400)).toThrow(AppError);
    expect(() => packEvents([event(RRWEB.meta, 1), event(RRWEB.fullSnapshot, 1, "x".repeat(500))], 400)).toThrow(/larger/);
  });

  it("ING-13 sees a checkout that may be cut in two", () => {
    expect(endsWithMeta([event(RRWEB.load, 1), event(RRWEB.meta, 2)])).toBe(true);
    expect(endsWithMeta([event(RRWEB.meta, 1), event(RRWEB.fullSnapshot, 2)])).toBe(false);
    expect(endsWithMeta([])).toBe(false);
  });
});
