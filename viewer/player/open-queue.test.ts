import { describe, expect, it } from "vitest";
import { OpenQueue } from "./open-queue.ts";

/** A queue whose openings end when the test says so. */
function setUp() {
  const opened: string[] = [];
  const failures: unknown[] = [];
  const ends = new Map<string, { done: () => void; fail: (error: Error) => void; signal: AbortSignal }>();
  const queue = new OpenQueue<string>(
    (target, signal) =>
      new Promise((resolve, reject) => {
        opened.push(target);
        ends.set(target, { done: resolve, fail: reject, signal });
      }),
    (error) => failures.push(error),
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { queue, opened, failures, ends, settle };
}

describe("the queue of what is to be opened", () => {
  it("VIE-20 opens one target at a time and leaves out those that nobody wants any more", async () => {
    const { queue, opened, ends, settle } = setUp();
    queue.want("a");
    queue.want("b");
    queue.want("c");
    expect(opened).toEqual(["a"]);
    ends.get("a")?.done();
    await settle();
    expect(opened).toEqual(["a", "c"]);
    expect(queue.busy).toBe(true);
    ends.get("c")?.done();
    await settle();
    expect(queue.busy).toBe(false);
  });

  it("VIE-20 aborts what still waits for data when something newer is wanted, without calling it a failure", async () => {
    const { queue, opened, failures, ends, settle } = setUp();
    queue.want("a");
    queue.want("b");
    expect(ends.get("a")?.signal.aborted).toBe(true);
    ends.get("a")?.fail(new Error("aborted"));
    await settle();
    expect([opened, failures]).toEqual([["a", "b"], []]);
  });

  it("VIE-20 tells of a failure and takes the next wish", async () => {
    const { queue, opened, failures, ends, settle } = setUp();
    queue.want("a");
    ends.get("a")?.fail(new Error("broken"));
    await settle();
    queue.want("b");
    expect([opened, failures.length]).toEqual([["a", "b"], 1]);
    queue.stop();
    queue.want("c");
    expect(opened).toEqual(["a", "b"]);
  });
});
