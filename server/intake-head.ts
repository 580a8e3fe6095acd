/**
 * What stands in `intake.head`: all that is known of an accepted item without having looked into it. Written by `server/errors` and, for a
 * tracker's errors, by the database; read by `server/digest` and `server/replays`.
 */

import * as v from "valibot";

const shortText = v.fallback(v.string(), "");
const schema = v.object({
  event_id: shortText,
  item: shortText,
  sent_at: v.fallback(v.nullable(v.number()), null),
  sdk: v.fallback(v.nullable(v.object({ name: shortText, version: shortText })), null),
  trace_id: shortText,
  replay_id: shortText,
  user_agent: shortText,
  release: shortText,
  environment: shortText,
  attachments: v.fallback(v.number(), 0),
});

/** The head of what an SDK or a browser sent; of kinds `event`, `feedback`, `csp_report` and `replay`. All texts are clean and short. */
export interface IntakeHead {
  /** 32 hex digits: the envelope's, else the payload's, else made when it was accepted. With the project it tells a repetition. A replay's is the same for all its segments. */
  event_id: string;
  /** Type of the item: `event`, `feedback`, `user_report`, `raw_security`, `replay_recording`. */
  item: string;
  /** Epoch milliseconds by the sender's clock; null where it does not say. */
  sent_at: number | null;
  sdk: { name: string; version: string } | null;
  /** Of the envelope's trace; empty where it has none. */
  trace_id: string;
  replay_id: string;
  /** Of the request; what a browser is, where the item does not say. */
  user_agent: string;
  /** Told in the address (`sentry_release`, `sentry_environment`); empty elsewhere. */
  release: string;
  environment: string;
  /** How many attachments were kept with it. */
  attachments: number;
}

/** A head out of its column; what is missing or makes no sense is empty. */
export function readIntakeHead(value: unknown): IntakeHead {
  const given = typeof value === "object" && value !== null ? value : {};
  return v.parse(schema, { ...EMPTY, ...given });
}

const EMPTY: IntakeHead = {
  event_id: "",
  item: "",
  sent_at: null,
  sdk: null,
  trace_id: "",
  replay_id: "",
  user_agent: "",
  release: "",
  environment: "",
  attachments: 0,
};
