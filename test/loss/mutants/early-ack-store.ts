/** Mutant: acknowledges a batch when it is taken, not when its transaction has committed. The loss test must find it out. */

import { createStore as createRealStore, type Store, type StoreDeps } from "../../../server/store/store.ts";

/** Stands in for the real one in the mutant's build of `server/app.ts`. */
export function createStore(deps: StoreDeps): Store {
  const store = createRealStore({ ...deps, events: { ...deps.events, onDurable: () => undefined } });
  return {
    ...store,
    append(batch) {
      const isTaken = store.append(batch);
      if (isTaken) queueMicrotask(() => deps.events.onDurable([batch]));
      return isTaken;
    },
  };
}
