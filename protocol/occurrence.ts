/** What is known of one error, whoever reported it: what the digest writes, the API gives and the viewer shows. All texts are outsiders' words. */

export const LEVELS = ["fatal", "error", "warning", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];

/** Lines of the original source around a place. */
export interface SourceContext {
  before: readonly string[];
  line: string;
  after: readonly string[];
}

/** A place in code, as reported or as a source map says. */
export interface CodePlace {
  file: string;
  /** Name of the function, or empty where nobody knows it. */
  function: string;
  module?: string;
  /** From 1; null where it is not known. */
  line: number | null;
  /** From 1, as in stacks; null where it is not known. */
  column: number | null;
  context?: SourceContext;
}

/** One frame of a stack. */
export interface Frame extends CodePlace {
  /** Code of the project itself, not of a library. */
  inApp: boolean;
  /** Debug id of the file, in lower case with dashes, where the SDK told it. */
  debugId?: string;
  /** Where it was before a source map moved it; absent where none did. */
  raw?: CodePlace;
  /** Why a map was looked for and not used, in a few words. */
  mapFault?: string;
}

/** One error of a chain. */
export interface ChainedException {
  type: string;
  value: string;
  module?: string;
  mechanism?: { type: string; handled: boolean | null; synthetic: boolean };
  /** Place in an exception group, as SDKs number them. */
  id?: number;
  parentId?: number;
  isGroup?: boolean;
  /** How the one before leads to this one, e.g. `cause` or `errors[0]`. */
  source?: string;
  /** Innermost (where it was thrown) first. */
  frames: readonly Frame[];
}

/** What happened before. */
export interface Breadcrumb {
  /** Epoch milliseconds; null where the SDK does not say. */
  at: number | null;
  category: string;
  type: string;
  level: Level;
  message: string;
  data: Readonly<Record<string, string | number | boolean | null>>;
}

/** What came with it, besides the columns of its row. */
export interface OccurrenceDetail {
  /** The error that was reported first, then its causes. */
  exceptions: readonly ChainedException[];
  /** Frames of the thread, where there is no exception. */
  frames: readonly Frame[];
  /** The text before its parameters were put in, where the SDK tells it. */
  template: string;
  /** As the SDK gave it; empty for the default. */
  fingerprint: readonly string[];
  /** Oldest first. */
  breadcrumbs: readonly Breadcrumb[];
  request: { url: string; method: string; query: string; headers: readonly (readonly [string, string])[]; body: string } | null;
  user: { id: string; email: string; name: string; address: string } | null;
  /** Groups of facts by name: browser, os, device, runtime, state, extra... Texts are cut. */
  contexts: Readonly<Record<string, Readonly<Record<string, string | number | boolean | null>>>>;
  sdk: { name: string; version: string } | null;
  serverName: string;
  dist: string;
  /** Sentry's ids, where the SDK tells them. */
  traceId: string;
  replayId: string;
  /** What was cut, dropped or wrong, in words for people. */
  notes: readonly string[];
}

/** An occurrence without its detail, as lists give it. */
export interface OccurrenceSummary {
  errorId: string;
  issueId: number;
  projectId: number;
  eventId: string;
  source: "tracker" | "sdk";
  /** Epoch milliseconds. */
  receivedAt: number;
  at: number;
  sessionId: string | null;
  tab: string | null;
  userId: string | null;
  level: Level;
  type: string;
  message: string;
  culprit: string;
  transaction: string;
  release: string;
  environment: string;
  platform: string;
  url: string;
  tags: Readonly<Record<string, string>>;
}

/** One occurrence, whole. */
export interface Occurrence extends OccurrenceSummary {
  detail: OccurrenceDetail;
}
