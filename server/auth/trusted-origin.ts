/** Whether a request that carries the sign-in cookie comes from our own pages (CSRF, and cross-site WebSocket hijacking). */

export interface TrustedOrigins {
  /** Base address of this server, from the configuration. */
  publicUrl: string;
  /** Further origins whose pages may use the cookie. */
  allowed: readonly string[];
}

/**
 * - An origin that the configuration names is trusted.
 * - Otherwise a browser that says how the page stands to us (`Sec-Fetch-Site`) is believed: `same-origin`, or `none` for an address
 *   that the person typed.
 * - A browser that does not say it (plain http to another host than localhost, old browsers) is judged by `Origin` against `Host`.
 * - With none of these it is no browser: every browser sends `Origin` with an unsafe method and with a WebSocket upgrade, so nobody
 *   lent it his cookie.
 */
export function isTrusted(
  origins: TrustedOrigins,
  origin: string | undefined,
  host: string | undefined,
  secFetchSite: string | undefined,
): boolean {
  const from = originOf(origin);
  if (from !== null && (from.origin === originOf(origins.publicUrl)?.origin || isAllowed(origins.allowed, from.origin)))
    return true;
  if (secFetchSite !== undefined && secFetchSite !== "") return secFetchSite === "same-origin" || secFetchSite === "none";
  if (origin === undefined || origin === "") return true;
  return from !== null && host !== undefined && from.host === host.toLowerCase();
}

function isAllowed(allowed: readonly string[], origin: string): boolean {
  return allowed.some((one) => originOf(one)?.origin === origin);
}

/** `null` (an opaque origin: sandboxed frame, file) and garbage are no origin. */
function originOf(text: string | undefined): URL | null {
  if (text === undefined || !/^https?:\/\//i.test(text)) return null;
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
