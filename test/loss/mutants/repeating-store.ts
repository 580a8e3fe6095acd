/**
 * Hands some batches to the store twice, as two owners of a session do for a moment. With the unique key that changes nothing; the
 * mutant drops the key as well, and the loss test must find it out.
 */

import { createStore as createRealStore, type BatchRow, type Store, type StoreDeps } from "../../../server/store/store.ts";

const EVERY = 7;

/** Stands in for the real one in the mutant's build of `server/app.ts`. */
export function createStore(deps: StoreDeps): Store {
  const told = new WeakSet<BatchRow>();
  const store = createRealStore({
    ...deps,
    events: {
      ...deps.events,
      onDurable(batches) {
        const fresh = batches.filter((batch) => !told.has(batch));
        for (const batch of fresh) told.add(batch);
        deps.events.onDurable([...new Set(fresh)]);
      },
    },
  });
  return {
    ...store,
    append(batch) {
      const isTaken = store.append(batch);
      if (isTaken && batch.seq % EVERY === 3) store.append(batch);
      return isTaken;
    },
  };
}
