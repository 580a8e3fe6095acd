import { expect, it } from "vitest";
import { AppError } from "../app-error.ts";
import { createBodies, type HeldRoom, SMALL_BODY_BYTES } from "./bodies.ts";

const MB = 1024 * 1024;

/** What holding came to. */
function tryHold(hold: () => HeldRoom): string {
  try {
    hold();
    return "held";
  } catch (error) {
    return error instanceof AppError ? error.kind : "?";
  }
}

it("NET-60 one address holds a share of the memory for bodies, and what trackers send takes nothing from the rest", () => {
  const bodies = createBodies();
  const large = (address: string) => () => bodies.hold(address, 8 * MB, "large");
  const small = (address: string) => () => bodies.hold(address, SMALL_BODY_BYTES, "small");
  expect([tryHold(large("a")), tryHold(large("a")), tryHold(large("a"))]).toEqual(["held", "held", "limit"]);
  for (const address of ["b", "c", "d"]) expect([tryHold(large(address)), tryHold(large(address))]).toEqual(["held", "held"]);
  expect(tryHold(large("e"))).toBe("overload");
  expect([tryHold(small("a")), tryHold(small("e"))]).toEqual(["held", "held"]);
});

it("NET-60 what a body had is there for others when it is over", () => {
  const bodies = createBodies();
  for (let i = 0; i < 1_000; i++) bodies.hold("a", 8 * MB, "large").release();
  expect(tryHold(() => bodies.hold("a", 8 * MB, "large"))).toBe("held");
});
