/** Values that a site tells for the panels of the viewer: of its own state, or of a storage. */

import type { Privacy } from "../privacy.ts";
import type { RecordedEvent } from "../recorded-event.ts";
import { textOf } from "./console.ts";

/** Longest text of a value. */
const MAX_VALUE = 8_000;

/** The event that tells one; masked like a line of the console. Without a value it was removed. */
export function stateEvent(privacy: Privacy, area: string, name: string, value: unknown): RecordedEvent {
  const text = value === undefined || value === null ? null : textOf(privacy, value, MAX_VALUE);
  const tag = `watchback/${area === "state" ? area : "storage"}`;
  return { type: 5, timestamp: Date.now(), data: { tag, payload: { area, name, value: text } } };
}
