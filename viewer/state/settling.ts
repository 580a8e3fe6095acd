/** Changes of a filter, gathered until typing settles. */

/** How long typing is let settle before the server is asked. */
export const SETTLE_MS = 250;

/**
 * Makes `change(part, settleMs)`: `apply` is called once with all parts that came until `settleMs` went by without another.
 * @param read the filter as it is at that moment
 */
export function createSettling<Filter extends object>(
  read: () => Filter,
  apply: (next: Filter) => void,
): (part: Partial<Filter>, settleMs?: number) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pending: Partial<Filter> = {};
  return (part, settleMs = 0) => {
    clearTimeout(timer);
    pending = { ...pending, ...part };
    timer = setTimeout(() => {
      const next = { ...read(), ...pending };
      pending = {};
      apply(next);
    }, settleMs);
  };
}
