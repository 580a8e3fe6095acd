/** What a site may choose, what the handle offers, and which values hold where nothing was chosen. */

import type { TrackerSettings } from "../protocol/tracker-messages.ts";

/** Scalars beside a mark or a user; anything else is left out. */
export type Facts = Record<string, string | number | boolean | null>;

/** Options of `init`; the script tag takes the simple ones as `data-` attributes (`data-max-…` style: `data-mask-text="all"`). */
export interface TrackerOptions {
  /** The project's ingest key. */
  key: string;
  /** Origin of the server, e.g. `https://watch.example.com`. Default: where the script was loaded from, else the page's own origin. */
  endpoint?: string | undefined;
  userId?: string | undefined;
  release?: string | undefined;
  environment?: string | undefined;
  /** Share of sessions that is recorded, 0 to 1, drawn once a session. Default 1. */
  sampleRate?: number | undefined;
  /** `session` (default) sends all the time; `error` keeps the last moments in memory and sends from the first error on. */
  mode?: "session" | "error" | undefined;
  /** How much `error` mode keeps from before the error, at least. Default 10. */
  beforeErrorSec?: number | undefined;
  /** Stars for what is typed or chosen. Default true; passwords and card fields are starred whatever is said here. */
  maskAllInputs?: boolean | undefined;
  /** `sensitive` (default) stars e-mail addresses, long numbers and tokens; `all` every text; `none` nothing. */
  maskText?: "sensitive" | "all" | "none" | undefined;
  /** Besides `.wb-mask`. A selector that does not parse stops the start: nothing is recorded. */
  maskTextSelector?: string | undefined;
  /** Besides `.wb-unmask`. The nearest of both kinds decides. */
  unmaskSelector?: string | undefined;
  /** Besides `.wb-block`: shown as an empty box. */
  blockSelector?: string | undefined;
  /** Fields whose input is not recorded. */
  ignoreSelector?: string | undefined;
  /** Every console call as an event, and the first ones as markers, not only `console.error`. Default false. */
  recordConsole?: boolean | undefined;
  /** Every request (method, address, status, time; never headers) as an event, not only failed ones as markers. Default false. */
  recordNetwork?: boolean | undefined;
  /** False: never what is in requests and answers, though the project asks for it. Default true: where it does, with `recordNetwork`. */
  recordBodies?: boolean | undefined;
  /** Record nobody who sends Do Not Track or Global Privacy Control. Default false. */
  respectDoNotTrack?: boolean | undefined;
  /** `required`: nothing is recorded, stored or sent before `handle.consent(true)`. Default `given`. */
  consent?: "given" | "required" | undefined;
  /** Told of what went wrong inside the tracker, which otherwise stays silent. */
  onError?: ((error: unknown) => void) | undefined;
}

/** What `init` returns. Every method is safe to call at any time, and none of them throws. */
export interface TrackerHandle {
  /** Ends recording in this page and puts everything back; what was recorded is still sent or kept for the next page load. */
  stop: () => void;
  /** Sends what was gathered without waiting for the next beat. */
  flush: () => void;
  /** A mark on the timeline. */
  mark: (name: string, data?: Facts) => void;
  /** Shows a value of the site's own state in the panels of the viewer, from now on; masked like a line of the console. */
  state: (name: string, value: unknown) => void;
  /** The same for a value of a storage, e.g. `storage("local", "cart", value)`; null: it was removed. */
  storage: (area: string, name: string, value: unknown) => void;
  /** Who the visitor is. */
  identify: (userId: string | null, traits?: Facts) => void;
  /** Reports an error that the page caught itself. */
  captureError: (error: unknown) => void;
  /** Gives consent, or takes it back: then recording stops, and what is on this device is removed. */
  consent: (given: boolean) => void;
  /** Shows the page's owner, over the page, what would be recorded of it. Nothing is sent or stored from then on, until the page is loaded anew. */
  preview: () => void;
  /** Id of the running session; null while nothing is recorded. */
  sessionId: () => string | null;
}

/** What is recorded and how it is masked: what a project may ask for, and the page as well. */
export type Rules = TrackerSettings;

/** Options with every choice made. */
export type Settings = Omit<TrackerOptions, keyof Rules> & Rules & { endpoint: string; beforeErrorSec: number };

/** Fills in the defaults. `scriptOrigin` is where the script came from, as far as that is known. */
export function settle(options: TrackerOptions, scriptOrigin: string): Settings {
  return {
    ...options,
    endpoint: (options.endpoint ?? scriptOrigin).replace(/\/+$/, ""),
    sampleRate: options.sampleRate ?? 1,
    beforeErrorSec: options.beforeErrorSec ?? 10,
    maskAllInputs: options.maskAllInputs ?? true,
    maskText: options.maskText ?? "sensitive",
    maskTextSelector: options.maskTextSelector ?? "",
    blockSelector: options.blockSelector ?? "",
    recordConsole: options.recordConsole ?? false,
    recordNetwork: options.recordNetwork ?? false,
    recordBodies: options.recordBodies ?? true,
    respectDoNotTrack: options.respectDoNotTrack ?? false,
  };
}

const MASK_TEXT = ["none", "sensitive", "all"] as const;
/** Between selectors that were put together, so that none comes twice. */
const AND = "\n,";

/** The rules that hold where two have something to say: of everything what shows less. Without `b` those of `a` alone. */
export function stricter(a: Rules, b = a): Rules {
  const rank = (rules: Rules): number => MASK_TEXT.indexOf(rules.maskText);
  const join = (...both: string[]): string => [...new Set(both.join(AND).split(AND))].filter(Boolean).join(AND);
  return {
    sampleRate: Math.min(a.sampleRate, b.sampleRate),
    maskAllInputs: a.maskAllInputs || b.maskAllInputs,
    maskText: (rank(a) < rank(b) ? b : a).maskText,
    maskTextSelector: join(a.maskTextSelector, b.maskTextSelector),
    blockSelector: join(a.blockSelector, b.blockSelector),
    recordConsole: a.recordConsole && b.recordConsole,
    recordNetwork: a.recordNetwork && b.recordNetwork,
    recordBodies: a.recordBodies && b.recordBodies,
    respectDoNotTrack: a.respectDoNotTrack || b.respectDoNotTrack,
  };
}

/** True where what was recorded under `rules` shows more than `asked` allows. */
export function isLooser(rules: Rules, asked: Rules): boolean {
  // Who is recorded at all is another question.
  const text = (of: Rules): string => JSON.stringify({ ...of, sampleRate: 0, respectDoNotTrack: 0 });
  return text(stricter(rules)) !== text(stricter(rules, asked));
}

const NUMBERS: ReadonlySet<string> = new Set(["sampleRate", "beforeErrorSec"]);

/** Options out of `data-` attributes: texts, numbers where the option is one, and `true` or `false`. Null where there is no key. */
export function optionsOf(data: Readonly<Record<string, string | undefined>>): TrackerOptions | null {
  const { key } = data;
  if (!key) return null;
  const options: TrackerOptions = { key };
  for (const [name, text = ""] of Object.entries(data)) {
    const value = NUMBERS.has(name) ? Number(text) : /^(?:true|false|)$/.test(text) ? text !== "false" : text;
    if (name !== "key") Object.assign(options, { [name]: value });
  }
  return options;
}
