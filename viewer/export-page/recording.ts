/**
 * The recording inside an exported page, as events that rrweb may have. What is inside comes from a page that nobody knows: it is bounded, and
 * cleaned as the viewer cleans it.
 */

import { ListSplitter } from "../../protocol/list-splitter.ts";
import { MAX_FILE_BATCH_BYTES, MAX_FILE_DEPTH, SESSION_FILE_ELEMENT, SESSION_FILE_LIST } from "../../protocol/session-file.ts";
import { cleanEvent } from "../player/clean-events.ts";
import { checkShape } from "../player/json-shape.ts";
import { isRecord, isRrwebEvent } from "../player/rrweb-events.ts";
import { isVisitorKind } from "../player/timeline.ts";
import { type Context, type Moment, type Reel, type Step, toReels } from "./reels.ts";

const MAX_EVENTS = 1_000_000;
const MAX_JSON_BYTES = 768 * 1024 * 1024;
const MAX_HEAD_BYTES = 8 * 1024 * 1024;
/** Kinds of markers that are worth a line beside the player. */
const KINDS = ["error", "console_error", "failed_request", "rage_click", "dead_click", "navigation", "page_load", "custom"];

/** Everything that is inside. */
export interface Recording {
  title: string;
  url: string;
  userId: string;
  userAgent: string;
  exportedAt: number;
  range: { from: number; to: number } | null;
  /** Those that can be played, the longest first. */
  reels: Reel[];
  /** In which of them the visitor was when. */
  steps: Step[];
  /** True where a part of it could not be read. */
  isDamaged: boolean;
}

interface Read extends Pick<Context, "events" | "moments" | "acts"> {
  /** Number of the first batch that is in the file. */
  firstSeq: number;
}

/** Reads what the elements of the page hold, and takes them away. Never rejects: what cannot be read is left out. */
export async function readRecording(): Promise<Recording> {
  const hosts = new Set<string>();
  const contexts = new Map<string, Read>();
  const splitter = new ListSplitter({
    list: SESSION_FILE_LIST,
    maxItemBytes: MAX_FILE_BATCH_BYTES,
    maxHeadBytes: MAX_HEAD_BYTES,
    maxDepth: MAX_FILE_DEPTH,
  });
  let isDamaged = false;
  let left = MAX_EVENTS;
  let head: unknown = null;

  function takeBatch(bytes: Uint8Array): void {
    try {
      checkShape(bytes);
      const batch: unknown = JSON.parse(new TextDecoder().decode(bytes));
      if (!isRecord(batch) || typeof batch["tab"] !== "string" || !Array.isArray(batch["events"])) return;
      const context = contexts.get(batch["tab"]) ?? { events: [], moments: [], acts: [], firstSeq: Number(batch["seq"]) };
      contexts.set(batch["tab"], context);
      for (const event of batch["events"].filter(isRrwebEvent)) {
        if (left-- <= 0) return;
        const clean = cleanEvent(event, hosts);
        if (clean) context.events.push(clean);
      }
      if (!Array.isArray(batch["markers"])) return;
      context.moments.push(...batch["markers"].flatMap(toMoment));
      context.acts.push(...batch["markers"].flatMap(toAct));
    } catch {
      isDamaged = true;
    }
  }

  try {
    for await (const piece of inflate()) for (const item of splitter.push(piece)) takeBatch(item);
    head = JSON.parse(new TextDecoder().decode(splitter.end()));
  } catch {
    isDamaged = true;
  }
  const described = describe(head);
  return {
    ...described,
    ...toReels(nameContexts(head, contexts, described.range !== null)),
    isDamaged: isDamaged || left < 0,
  };
}

async function* inflate(): AsyncGenerator<Uint8Array> {
  const zip = new DecompressionStream("gzip");
  const writer = zip.writable.getWriter();
  const reader = zip.readable.getReader();
  const write = async () => {
    for (const element of [...document.querySelectorAll(`script[type="${SESSION_FILE_ELEMENT}"]`)]) {
      const bytes = Uint8Array.from(atob(element.textContent.trim()), (character) => character.charCodeAt(0));
      element.remove();
      await writer.write(bytes);
    }
    await writer.close();
  };
  // What goes wrong is told by the reader.
  write().catch((error: unknown) => writer.abort(error).catch(() => undefined));
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes += value.length;
    if (bytes > MAX_JSON_BYTES) throw new Error("too large");
    yield value;
  }
}

function toMoment(marker: unknown): Moment[] {
  if (!isRecord(marker) || typeof marker["at"] !== "number") return [];
  const { kind, at } = marker;
  if (typeof kind !== "string" || !KINDS.includes(kind)) return [];
  const words = [marker["name"], marker["text"]].filter((word) => typeof word === "string" && word !== "");
  return [{ at, kind, text: words.join(": ").slice(0, 300) }];
}

function toAct(marker: unknown): number[] {
  if (!isRecord(marker) || typeof marker["at"] !== "number" || typeof marker["kind"] !== "string") return [];
  return isVisitorKind(marker["kind"]) ? [marker["at"]] : [];
}

function describe(head: unknown): Omit<Recording, "reels" | "steps" | "isDamaged"> {
  const file = isRecord(head) ? head : {};
  const session = isRecord(file["session"]) ? file["session"] : {};
  const range = isRecord(file["range"]) ? file["range"] : {};
  const { from, to } = range;
  const text = (value: unknown) => (typeof value === "string" ? value.slice(0, 2_048) : "");
  return {
    title: text(session["title"]),
    url: text(session["url"]),
    userId: text(session["userId"]),
    userAgent: text(session["userAgent"]),
    exportedAt: typeof file["exportedAt"] === "number" ? file["exportedAt"] : 0,
    range: typeof from === "number" && typeof to === "number" ? { from, to } : null,
  };
}

/** Page contexts that the file describes, with what it says of them. */
function nameContexts(head: unknown, contexts: ReadonlyMap<string, Read>, isPart: boolean): Context[] {
  const tabs = isRecord(head) && Array.isArray(head["tabs"]) ? head["tabs"].filter(isRecord) : [];
  return [...contexts].map(([tab, { firstSeq, ...read }]) => {
    const said = tabs.find((one) => one["tab"] === tab) ?? {};
    const { tabGroup, title, url } = said;
    const name = [title, url].find((word) => typeof word === "string" && word !== "");
    return {
      ...read,
      isCut: isPart && firstSeq > 0,
      group: typeof tabGroup === "string" && tabGroup !== "" ? tabGroup : tab,
      name: typeof name === "string" ? name.slice(0, 200) : "Page",
    };
  });
}
