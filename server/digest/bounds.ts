/** How much of an error is kept. What is longer is cut, what is more is left out, and the occurrence says so. */

/** Characters of all texts of one occurrence together; what is read after them is empty. */
export const MAX_CHARS = 256 * 1024;
/** Deepest nesting of an item's JSON; deeper is refused before it is parsed. */
export const MAX_DEPTH = 100;

/** Longest texts. */
export const MAX_TEXT = {
  /** Types, names of functions, releases and the like. */
  name: 256,
  /** Messages and values of exceptions. */
  message: 8_192,
  /** Names of files, and addresses. */
  address: 2_048,
  /** A line of source. */
  line: 512,
  /** Values of tags. */
  tag: 256,
  /** Values of contexts and of breadcrumbs' data. */
  fact: 1_024,
  /** Values that people put beside an event by hand. */
  extra: 4_096,
  breadcrumb: 2_048,
  header: 1_024,
  body: 8_192,
} as const;

/** Most things of a kind. */
export const MAX_COUNT = {
  exceptions: 50,
  /** Of one stack: the innermost half and the outermost half. */
  frames: 100,
  breadcrumbs: 100,
  breadcrumbFacts: 24,
  tags: 100,
  contexts: 40,
  facts: 100,
  headers: 60,
  fingerprint: 20,
  images: 500,
  contextLines: 8,
  notes: 20,
} as const;
