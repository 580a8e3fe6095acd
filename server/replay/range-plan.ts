/**
 * Where to start reading so that a page time can be shown. Pure.
 *
 * The page contexts of a tab group play one after the other. What the group shows at `from` begins at the newest checkout at or before
 * `from` in any of its contexts; contexts that were over by then are not needed.
 */

/** What is known of one page context before its batches are read. */
export interface TabSpan {
  tab: string;
  tabGroup: string;
  /** Page times of its first and last stored event. */
  firstAt: number;
  lastAt: number;
  firstSeq: number;
  /** Its newest checkout at or before the time asked for. */
  checkout: { seq: number; at: number } | null;
}

/** From where on to read a page context. */
export interface Start {
  tab: string;
  fromSeq: number;
}

/**
 * The starts that are needed to show `from` and what follows up to `to`, group by group, each in time order. Where a group has no
 * checkout at or before `from`, it starts at its beginning.
 */
export function planStarts(spans: readonly TabSpan[], to: number = Infinity): Start[] {
  const starts: Start[] = [];
  for (const group of groupsOf(spans)) {
    let first: TabSpan | null = null;
    for (const span of group) if (span.checkout && span.checkout.at >= (first?.checkout?.at ?? -Infinity)) first = span;
    for (const span of group) {
      if (span === first) starts.push({ tab: span.tab, fromSeq: first.checkout?.seq ?? span.firstSeq });
      else if (span.firstAt <= to && (!first?.checkout || span.firstAt > first.checkout.at)) {
        starts.push({ tab: span.tab, fromSeq: span.firstSeq });
      }
    }
  }
  return starts;
}

/** A stretch of one page context within a clip. */
export interface Stretch extends Start {
  /** Page time of the first event of the page context. */
  firstAt: number;
  /** Events at or after this page time belong to the next page context. */
  beforeAt: number;
}

/**
 * The page contexts that make a clip around something that happened in `tab` at page time `at`, in the order in which they play: the
 * tab, what its group showed before it, and what it showed after. A context that opened while `tab` was still going on (a duplicated
 * browser tab shares its group) is left out.
 */
export function planClip(spans: readonly TabSpan[], tab: string, at: number, to: number): Stretch[] {
  const own = spans.find((span) => span.tab === tab);
  if (!own) return [];
  const row = spans.filter(
    (span) => span === own || (span.tabGroup === own.tabGroup && (span.firstAt < own.firstAt || span.firstAt > at)),
  );
  const starts = planStarts(row, to);
  return starts.map((start, index) => {
    const next = starts[index + 1];
    const firstAtOf = (of: Start | undefined) => row.find((span) => span.tab === of?.tab)?.firstAt ?? Infinity;
    return { ...start, firstAt: firstAtOf(start), beforeAt: firstAtOf(next) };
  });
}

function groupsOf(spans: readonly TabSpan[]): TabSpan[][] {
  const groups = new Map<string, TabSpan[]>();
  for (const span of spans) {
    const group = groups.get(span.tabGroup);
    if (group) group.push(span);
    else groups.set(span.tabGroup, [span]);
  }
  for (const group of groups.values()) group.sort((a, b) => a.firstAt - b.firstAt);
  return [...groups.values()];
}
