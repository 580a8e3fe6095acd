/** What a `replay_event` says of its replay and segment. All of it is a stranger's: cut, cleaned, and taken only where it makes sense. */

import { cleanText } from "../../protocol/text.ts";
import { cleanReplayId } from "../replay-session.ts";

const MAX_ERRORS = 100;
const MAX_SEQ = 2_147_483_647;

/** The facts that are shown. Texts are empty where nothing is said. */
export interface ReplayFacts {
  replayId: string | null;
  /** Null where the event does not say it; the recording may. */
  segmentId: number | null;
  kind: "session" | "buffer";
  url: string;
  userAgent: string;
  release: string;
  environment: string;
  timeZone: string;
  language: string;
  sdk: string;
  userId: string | null;
  traits: Record<string, string>;
  /** Event ids, 32 hex digits. */
  errorIds: string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads an event; of what is no object nothing is known. */
export function readReplayFacts(event: unknown): ReplayFacts {
  const fields = toFields(event);
  const request = toFields(fields["request"]);
  const headers = toFields(request["headers"]);
  const culture = toFields(toFields(fields["contexts"])["culture"]);
  const sdk = toFields(fields["sdk"]);
  const user = toFields(fields["user"]);
  const urls = toList(fields["urls"]);
  const traits: [string, string][] = [
    ["email", toText(user["email"], 256)],
    ["name", toText(user["username"] ?? user["name"], 256)],
  ];
  const userId = [user["id"], user["email"], user["username"]].map((value) => toText(value, 256)).find((text) => text !== "");
  return {
    replayId: cleanReplayId(fields["replay_id"]),
    segmentId: toSeq(fields["segment_id"]),
    kind: fields["replay_type"] === "buffer" ? "buffer" : "session",
    url: toText(request["url"], 4096) || toText(urls.at(-1), 4096),
    userAgent: toText(headers["User-Agent"] ?? headers["user-agent"], 1024),
    release: toText(fields["release"], 256),
    environment: toText(fields["environment"], 256),
    timeZone: toText(culture["timezone"], 64),
    language: toText(culture["locale"], 64),
    sdk: [toText(sdk["name"], 128), toText(sdk["version"], 64)].filter((text) => text !== "").join(" "),
    userId: userId ?? null,
    traits: Object.fromEntries(traits.filter(([, text]) => text !== "")),
    errorIds: toErrorIds(fields["error_ids"]),
  };
}

function toErrorIds(value: unknown): string[] {
  const ids = toList(value)
    .slice(0, MAX_ERRORS)
    .flatMap((id) => cleanReplayId(id) ?? []);
  return [...new Set(ids)];
}

/** A number of a segment that fits the column; null for anything else. */
export function toSeq(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_SEQ ? value : null;
}

function toText(value: unknown, max: number): string {
  if (typeof value === "number") return String(value);
  return typeof value === "string" ? cleanText(value.slice(0, max)) : "";
}

function toList(value: unknown): readonly unknown[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return list;
}

function toFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
