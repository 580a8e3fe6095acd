/**
 * An event that makes rrweb throw while it is applied ends the Replayer's clock: nothing after it is shown. These faults are caught where
 * they happen, so that a hostile event costs itself and nothing else.
 */

/** The Replayer's own steps that apply one event, or one place of a pointer's way. */
const STEPS = ["applyIncremental", "moveAndHover"];

/** Puts a net under each step; where rrweb has changed inside, a scene that stands still is built anew instead. */
export function catchFaults(replayer: object): void {
  for (const name of STEPS) {
    const step: unknown = Reflect.get(replayer, name);
    if (typeof step !== "function") continue;
    Reflect.set(replayer, name, (...given: unknown[]) => {
      try {
        Reflect.apply(step, replayer, given);
      } catch {
        // What can be told of it was told by the Replayer; the next event may well work.
      }
    });
  }
}
