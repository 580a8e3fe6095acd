/**
 * Bounds of what the player takes from a recording, so that a hostile one costs a message and not the viewer's browser. Recordings of real
 * pages stay far below: a page of 50,000 elements is 6 MB of events, a table of 5,000 rows sorted anew 10 MB in one event.
 */

const MIB = 1024 * 1024;

/** Largest batch that is opened, inflated; one that claims or holds more is left out. */
export const MAX_EVENTS_BYTES = 32 * MIB;
/** Deepest nesting of its JSON: two levels for each level of a page, and a few for what is around them. */
export const MAX_JSON_DEPTH = 1_100;
/** Most lists, objects and members in one batch; counted in the bytes, before they are made into objects. */
export const MAX_JSON_PARTS = 6_000_000;
/** Most nodes of the page that is shown. */
export const MAX_PAGE_NODES = 150_000;
/** Deepest nesting of its nodes; Chromium's parser ends at 512 by itself. */
export const MAX_NODE_DEPTH = 512;
/** Longest text node that is shown whole; the rest of it is cut off. */
export const MAX_TEXT_CHARACTERS = 500_000;
/** Most characters of style sheets in one snapshot; further sheets are left out. */
export const MAX_SHEET_CHARACTERS = 8_000_000;
/** Longest attribute, an image as a data: URL included; a longer one is left out. */
export const MAX_ATTRIBUTE_CHARACTERS = 8_000_000;
/** Most attributes of one element. */
export const MAX_ATTRIBUTES = 500;
/** Largest page and farthest coordinate, in CSS pixels. */
export const MAX_PAGE_PX = 16_384;
export const MAX_COORDINATE = 10_000_000;
/** Most events between a checkout and a moment that are applied at once; what is beyond cannot be reached. */
export const MAX_OPENING_EVENTS = 100_000;
/** Most events, and most changes in them, that wait in a scene; this is also the most that one frame applies. */
export const MAX_PENDING_EVENTS = 1_500;
export const MAX_PENDING_CHANGES = 20_000;
/** A live scene that is this much behind gives up until the next checkout. */
export const MAX_BEHIND_MS = 15_000;
/** Most hosts that are remembered of one session. */
export const MAX_HOSTS = 60;

/** Thrown for a part of a recording that is over one of these bounds. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
}
