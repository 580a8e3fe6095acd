/** Messages of events that are no exceptions, in the three shapes that SDKs have had. */

import { MAX_COUNT, MAX_TEXT } from "./bounds.ts";
import { fieldsOf, get, isFields, type Fields, type Reader } from "./reader.ts";

/** A message with its parameters in it, and before they were put in; empty where the event has none. */
export interface Message {
  text: string;
  /** Empty where it is the text itself. */
  template: string;
}

/** Reads `logentry`, its old name, or `message`. */
export function readMessage(reader: Reader, event: Fields): Message {
  const plain = get(event, "message");
  const entries = [fieldsOf(event, "logentry"), fieldsOf(event, "sentry.interfaces.Message"), isFields(plain) ? plain : {}];
  const entry = entries.find((one) => Object.keys(one).length > 0);
  const template = reader.text(get(entry, "message"), MAX_TEXT.message);
  const formatted = reader.text(get(entry, "formatted"), MAX_TEXT.message);
  const text = formatted === "" ? fillIn(template, get(entry, "params"), reader) : formatted;
  if (text !== "") return { text, template: template === text ? "" : template };
  return { text: isFields(plain) ? "" : reader.text(plain, MAX_TEXT.message), template: "" };
}

/** Puts parameters in as `%s`, `%d`, `{}` and `%(name)s` ask for them. */
function fillIn(template: string, params: unknown, reader: Reader): string {
  const list: unknown[] = Array.isArray(params) ? params : [];
  if (list.length === 0 && !isFields(params)) return template;
  let next = 0;
  const shown = (value: unknown) => String(reader.fact(value, MAX_TEXT.fact) ?? "");
  const filled = template.replace(/%\((\w{1,64})\)[a-z]|\{(\w{0,64})\}|%[sdifr]/g, (hole, percent?: string, brace?: string) => {
    const name = percent ?? (brace === "" ? undefined : brace);
    if (name !== undefined && isFields(params)) return Object.hasOwn(params, name) ? shown(params[name]) : hole;
    if (name !== undefined && !/^\d{1,3}$/.test(name)) return hole;
    const index = name === undefined ? next++ : Number(name);
    return index < Math.min(list.length, MAX_COUNT.facts) ? shown(list[index]) : hole;
  });
  return filled.slice(0, MAX_TEXT.message).toWellFormed();
}
