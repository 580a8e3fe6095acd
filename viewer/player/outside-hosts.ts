/**
 * The hosts from which a recorded page would load images, fonts and style sheets. They are collected so that a viewer can be told where his
 * browser would go before it goes anywhere.
 */

import { MAX_HOSTS } from "./limits.ts";

/** An address, up to where its host ends. */
const ADDRESS = /https?:\/\/[^\s"'()<>\\/?#,;@]+/gi;
/** More than this of one text is not looked at. */
const MAX_SCANNED = 2_000_000;

/** Adds the origins that a text (an address, a `srcset`, CSS) names, up to {@link MAX_HOSTS} altogether. */
export function noteHosts(text: string, hosts: Set<string>): void {
  if (!text.includes("//") || text.startsWith("data:")) return;
  for (const [address] of text.slice(0, MAX_SCANNED).matchAll(ADDRESS)) {
    if (hosts.size >= MAX_HOSTS) return;
    const origin = toOrigin(address);
    if (origin !== null && !NAMESPACES.has(origin)) hosts.add(origin);
  }
}

/** Hosts of XML namespaces, which look like addresses and are never asked for. */
const NAMESPACES = new Set(["http://www.w3.org"]);

/** The origin of an http(s) address, as a policy names it; null for everything else. */
export function toOrigin(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url.origin : null;
}
