/** Where a visitor is, as far as a proxy in front of us says so. Nobody is asked, and an address is looked up nowhere. */

import { cleanText } from "../../protocol/text.ts";
import type { Place } from "../ingest/ingest.ts";

/** Headers in which proxies say it, each proxy its own; the first that is there counts. */
const COUNTRY = [
  "cf-ipcountry",
  "cloudfront-viewer-country",
  "x-vercel-ip-country",
  "x-appengine-country",
  "x-country-code",
  "x-country",
];
const REGION = [
  "cf-region",
  "cloudfront-viewer-country-region-name",
  "x-vercel-ip-country-region",
  "x-appengine-region",
  "x-region",
];
const MAX_REGION = 64;
/** What they write where they do not know, and for Tor. */
const UNKNOWN = new Set(["XX", "T1", "ZZ"]);

/**
 * Reads the headers of a proxy.
 * @param isTrusted whether there is one of ours, that replaces what a page may have sent (`TRUST_PROXY`)
 * @returns null where nothing is known
 */
export function placeOf(headers: Readonly<Record<string, string>>, isTrusted: boolean): Place | null {
  if (!isTrusted) return null;
  const country = first(headers, COUNTRY).trim().toUpperCase();
  if (!/^[A-Z]{2}$/.test(country) || UNKNOWN.has(country)) return null;
  return { country, region: cleanText(first(headers, REGION).trim().slice(0, MAX_REGION)) };
}

function first(headers: Readonly<Record<string, string>>, names: readonly string[]): string {
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined && value !== "") return value;
  }
  return "";
}
