/** From which pages a project takes batches. */

const PATTERN = /^(https?):\/\/(\*\.)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(\d{1,5}))?\/?$/;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };

/**
 * An entry of a list of origins in the form in which browsers send `Origin`: lower case, without the port that the scheme means anyway.
 * `https://*.example.com` means every host below it, and not `example.com` itself.
 * @returns null for what is no origin
 */
export function toOriginPattern(text: string): string | null {
  const [, scheme = "", below = "", host = "", port] = PATTERN.exec(text.trim().toLowerCase()) ?? [];
  if (host === "" || host.includes("..") || (below !== "" && !host.includes("."))) return null;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return null;
  const tail = port === undefined || port === DEFAULT_PORTS[scheme] ? "" : `:${Number(port)}`;
  return `${scheme}://${below}${host}${tail}`;
}

/**
 * True where a page of `origin` may send. An empty list takes every page. Without `Origin` the peer is no browser page, and is taken: a
 * key is public, and a program that wants in can say any origin; the list keeps other people's pages out, which cannot.
 * @param allowed as {@link toOriginPattern} makes them
 */
export function isAllowedOrigin(allowed: readonly string[], origin: string | undefined): boolean {
  if (allowed.length === 0 || origin === undefined || origin === "") return true;
  const from = toOriginPattern(origin);
  // `null`: a sandboxed frame, a file. A browser never sends a star.
  if (from === null || from.includes("*")) return false;
  return allowed.some((one) => one === from || (one.includes("://*.") && isBelow(from, one)));
}

function isBelow(origin: string, pattern: string): boolean {
  const [scheme = "", rest = ""] = pattern.split("://*");
  return origin.startsWith(`${scheme}://`) && origin.endsWith(rest) && origin.length > scheme.length + 3 + rest.length;
}
