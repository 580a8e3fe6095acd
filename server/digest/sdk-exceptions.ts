/** The errors of an event: SDKs send the innermost cause first, and the one that was reported last. */

import type { ChainedException, Frame } from "../../protocol/occurrence.ts";
import { MAX_COUNT, MAX_TEXT } from "./bounds.ts";
import { fieldsOf, get, isFields, numberOf, type Fields, type Reader } from "./reader.ts";
import { type DebugIds, readFrames } from "./sdk-frames.ts";

/** The chain, the reported error first. */
export function readExceptions(reader: Reader, event: Fields, platform: string, debugIds: DebugIds): ChainedException[] {
  const given = reader.list(get(event, "exception") ?? get(event, "sentry.interfaces.Exception")).filter(isFields);
  const chain = given.toReversed();
  if (chain.length > MAX_COUNT.exceptions) reader.note(`${chain.length - MAX_COUNT.exceptions} exceptions are left out`);
  // Without its type and its value an entry says nothing, but its stack may.
  return chain.slice(0, MAX_COUNT.exceptions).map((exception) => readException(reader, exception, platform, debugIds));
}

function readException(reader: Reader, exception: Fields, platform: string, debugIds: DebugIds): ChainedException {
  const mechanism = fieldsOf(exception, "mechanism");
  const handled = get(mechanism, "handled");
  const stack = get(exception, "stacktrace") ?? get(exception, "raw_stacktrace");
  const module = reader.text(get(exception, "module"), MAX_TEXT.name);
  const id = numberOf(get(mechanism, "exception_id"));
  const parentId = numberOf(get(mechanism, "parent_id"));
  const source = reader.text(get(mechanism, "source"), MAX_TEXT.name);
  return {
    type: reader.text(get(exception, "type"), MAX_TEXT.name),
    value: readValue(reader, get(exception, "value")),
    ...(module === "" ? {} : { module }),
    ...(Object.keys(mechanism).length === 0
      ? {}
      : {
          mechanism: {
            type: reader.text(get(mechanism, "type"), MAX_TEXT.name),
            handled: typeof handled === "boolean" ? handled : null,
            synthetic: get(mechanism, "synthetic") === true,
          },
        }),
    ...(id === null ? {} : { id }),
    ...(parentId === null ? {} : { parentId }),
    ...(get(mechanism, "is_exception_group") === true ? { isGroup: true } : {}),
    ...(source === "" ? {} : { source }),
    frames: readFrames(reader, stack, platform, debugIds),
  };
}

function readValue(reader: Reader, value: unknown): string {
  return reader.text(
    typeof value === "object" && value !== null ? reader.fact(value, MAX_TEXT.message) : value,
    MAX_TEXT.message,
  );
}

/** The stack of an event without an exception: of the event itself, or of the thread that crashed or was current. */
export function readThread(reader: Reader, event: Fields, platform: string, debugIds: DebugIds): Frame[] {
  const own = get(event, "stacktrace") ?? get(event, "sentry.interfaces.Stacktrace");
  if (own !== undefined) return readFrames(reader, own, platform, debugIds);
  const threads = reader.list(get(event, "threads")).filter(isFields);
  const thread =
    threads.find((one) => get(one, "crashed") === true) ??
    threads.find((one) => get(one, "current") === true) ??
    (threads.length === 1 ? threads[0] : undefined);
  return thread ? readFrames(reader, get(thread, "stacktrace"), platform, debugIds) : [];
}
