/** What we know of the events that the recorder makes (rrweb 2.1, `@rrweb/types`): the fields that masking and the checkout policy touch. */

/** A serialised node: an element where it has `attributes`, text where `type` is 3, otherwise a document, doctype, CDATA or comment. */
export interface RecordedNode {
  type: number;
  id: number;
  attributes?: Record<string, unknown>;
  textContent?: string;
  childNodes?: RecordedNode[];
}

/** A style, property by property: its value, the value and its priority, or false where it is taken out. */
export type Styles = Record<string, string | [string, string] | false>;

/** `data` of any event, seen as all the fields that one of its kinds may have. */
export interface RecordedData {
  /** Meta. */
  href?: string;
  /** Full snapshot. */
  node?: RecordedNode;
  /** Incremental events: which kind (rrweb's `IncrementalSource`). */
  source?: number;
  /** Mutation; in changes of a style sheet `adds` are rules. */
  adds?: { parentId?: number; node?: RecordedNode; rule?: string }[];
  texts?: { id: number; value: string | null }[];
  attributes?: { id: number; attributes: Record<string, unknown> }[];
  isAttachIframe?: boolean;
  /** Input. */
  id?: number;
  text?: string;
  /** Interaction with the mouse: which (rrweb's `MouseInteractions`); moves: where, and how long before the event. */
  type?: number;
  positions?: { x: number; y: number; id: number; timeOffset: number }[];
  /** Style sheets: a whole one, the rules of constructed ones, one property. */
  replace?: string;
  replaceSync?: string;
  styles?: { rules: { rule?: string }[] }[];
  set?: { property: string; value: string };
  /** Plugin, and custom events. */
  plugin?: string;
  tag?: string;
  payload?: unknown;
}

export interface RecordedEvent {
  /** rrweb's `EventType`; see `RRWEB` in `protocol/rrweb-event.ts`. */
  type: number;
  timestamp: number;
  data: RecordedData;
}

/** Types of events, and sources of incremental ones, that are looked for. */
export const EVENT = { fullSnapshot: 2, incremental: 3, meta: 4, mouseMove: 1, interaction: 2, scroll: 3 } as const;

/** Sources of incremental events that change nothing of the page: moves, clicks, drags, selections. */
export const CHANGES_NOTHING: ReadonlySet<number | undefined> = new Set([1, 2, 6, 12, 14]);
