/**
 * The page that lets us in: everything of it that we touch goes through here, so that nothing of ours is thrown into it, and
 * so that all of it can be put back in one call.
 */

type Listener = (event: Event) => void;

/**
 * What we do about one call of a page's function: runs before it, and may return what runs after it, with the result; that may
 * give another result back, or undefined to leave it.
 */
export type Watch = (args: unknown[], self: unknown) => ((result: unknown) => unknown) | undefined;

export interface Host {
  /** The same function, except that what it throws goes to `onError` and `undefined` comes back. */
  guard: <A extends unknown[], R>(work: (...args: A) => R) => (...args: A) => R | undefined;
  /** A guarded listener in the capture phase. */
  listen: (target: EventTarget, type: string, listener: Listener) => void;
  /** Watches a function of the page. The page cannot tell: name, length, `this`, result and errors stay. */
  wrap: (owner: object, name: string, watch: Watch) => void;
  /** A guarded timer; the returned function cancels it, and so does {@link undo}. */
  after: (delayMs: number, task: () => void) => () => void;
  onUndo: (task: () => void) => void;
  /** Puts everything back, newest first. */
  undo: () => void;
  fail: (error: unknown) => void;
}

/** Makes the host side of one running tracker. */
export function createHost(onError: ((error: unknown) => void) | undefined): Host {
  const undos = new Set<() => void>();

  function fail(error: unknown): void {
    try {
      onError?.(error);
    } catch {
      // A site's handler that fails itself has nobody left to tell.
    }
  }

  const host: Host = {
    fail,
    guard:
      (work) =>
      (...args) => {
        try {
          return work(...args);
        } catch (error) {
          fail(error);
          return undefined;
        }
      },
    listen(target, type, listener) {
      const guarded = host.guard(listener);
      target.addEventListener(type, guarded, true);
      undos.add(() => {
        target.removeEventListener(type, guarded, true);
      });
    },
    wrap(owner, name, watch) {
      const original: unknown = Reflect.get(owner, name);
      if (typeof original !== "function") return;
      let isActive = true;
      // A Proxy keeps name, length, own properties, `new` and the native look.
      const wrapper = new Proxy(original, {
        apply(target, self: unknown, args: unknown[]) {
          const after = isActive ? host.guard(watch)(args, self) : undefined;
          const result: unknown = Reflect.apply(target, self, args);
          return after ? (host.guard(after)(result) ?? result) : result;
        },
      });
      Reflect.set(owner, name, wrapper);
      undos.add(() => {
        isActive = false;
        // Somebody who wrapped us later keeps his wrapper; ours inside it now does nothing.
        if (Reflect.get(owner, name) === wrapper) Reflect.set(owner, name, original);
      });
    },
    after(delayMs, task) {
      const cancel = (): void => {
        clearTimeout(timer);
        undos.delete(cancel);
      };
      const timer = setTimeout(() => {
        undos.delete(cancel);
        host.guard(task)();
      }, delayMs);
      undos.add(cancel);
      return cancel;
    },
    onUndo(task) {
      undos.add(task);
    },
    undo() {
      for (const task of [...undos].reverse()) host.guard(task)();
      undos.clear();
    },
  };
  return host;
}
