/** Puts the frames of a group of occurrences where they are in the original source; equal stacks are mapped once. */

import type { Frame } from "../../protocol/occurrence.ts";
import type { Digested } from "../digested.ts";
import type { SourceMaps } from "../sourcemaps/sourcemaps.ts";

/** The same occurrences in order, with mapped frames. */
export async function symbolicate(sourcemaps: Pick<SourceMaps, "map">, group: readonly Digested[]): Promise<Digested[]> {
  const known = new Map<string, Promise<readonly Frame[]>>();
  const map = (one: Digested, frames: readonly Frame[]) => {
    if (frames.length === 0) return Promise.resolve(frames);
    const build = { release: one.release, dist: one.detail.dist };
    const key = JSON.stringify([one.projectId, build, frames.map(placeOf)]);
    let mapping = known.get(key);
    if (!mapping) known.set(key, (mapping = sourcemaps.map(one.projectId, build, frames)));
    return mapping;
  };
  return Promise.all(
    group.map(async (one): Promise<Digested> => {
      const [frames, ...chain] = await Promise.all([
        map(one, one.detail.frames),
        ...one.detail.exceptions.map((exception) => map(one, exception.frames)),
      ]);
      const exceptions = one.detail.exceptions.map((exception, index) => ({
        ...exception,
        frames: chain[index] ?? exception.frames,
      }));
      return { ...one, detail: { ...one.detail, exceptions, frames } };
    }),
  );
}

function placeOf({ file, function: name, module, line, column, inApp, debugId, context }: Frame) {
  return [file, name, module, line, column, inApp, debugId, context];
}
