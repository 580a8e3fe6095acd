/** Forms that a visitor filled in, at least in part, and left without sending them. */

import type { Capture } from "./capture.ts";
import { describe } from "./describe.ts";

/** A form of fewer fields is a search, a filter, or a newsletter. */
const MIN_FIELDS = 2;
const FIELDS =
  "select,textarea,input:not([type=hidden]):not([type=submit]):not([type=button]):not([type=reset]):not([type=image])";

export function captureForms({ host, privacy, mark, hear }: Capture): void {
  /** What the visitor filled in of each. */
  const filled = new Map<HTMLFormElement, Set<Element>>();

  host.listen(document, "input", (event) => {
    const [field] = event.composedPath();
    if (!event.isTrusted || !(field instanceof Element && "form" in field && field.form instanceof HTMLFormElement)) return;
    const fields = filled.get(field.form) ?? new Set();
    filled.set(field.form, fields.add(field));
  });
  // `formdata`: whoever reads a form sends it.
  for (const type of ["submit", "formdata", "reset"])
    host.listen(document, type, ({ target }) => {
      filled.delete(target as HTMLFormElement);
    });
  // A page may send what is in its fields by itself.
  hear("request", (method) => {
    if (method !== "GET") filled.clear();
  });
  hear("leave", (how) => {
    if (how === "hidden") return;
    for (const [form, fields] of filled) {
      if (how === "navigated" && form.isConnected) continue;
      filled.delete(form);
      const all = form.querySelectorAll(FIELDS).length;
      const last = [...fields].filter((field) => "value" in field && field.value).pop();
      if (!last || all < MIN_FIELDS || form.closest("[role=search],search")) continue;
      const id = form.getAttribute("id");
      mark({
        kind: "form_abandoned",
        at: Date.now(),
        name: privacy.text(id ? `form#${id}` : "form"),
        text: describe(privacy, last).text,
        data: { fields: all, filled: fields.size },
      });
    }
  });
}
