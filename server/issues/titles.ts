/** How an issue is called. */

import type { Digested } from "../digested.ts";
import { mainOf } from "./keys.ts";
import { firstLine } from "./parameterise.ts";

const MAX_TITLE = 250;
const MAX_VALUE = 1_024;

/** The texts of an issue's row. */
export interface IssueTexts {
  title: string;
  type: string;
  value: string;
}

/** The title, type and value of an issue, by its first occurrence. */
export function titleOf(digested: Digested): IssueTexts {
  const main = mainOf(digested);
  if (!main) {
    const said = firstLine(digested.message) || firstLine(digested.detail.template);
    return { title: cut(said || "An event without a message", MAX_TITLE), type: "", value: cut(digested.message, MAX_VALUE) };
  }
  const line = firstLine(main.value);
  const title = [main.type, line].filter((text) => text !== "").join(": ");
  return {
    title: cut(title || "An error without a name", MAX_TITLE),
    type: cut(main.type, 128),
    value: cut(main.value, MAX_VALUE),
  };
}

/** `SHOP-42`: the project's slug in capitals, and the number. */
export function shortIdOf(slug: string, number: number): string {
  return `${slug.toUpperCase()}-${number}`;
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}
