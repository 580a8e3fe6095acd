/** Addresses of guests: what stands behind their `#`, and the way to a moment. */

/** The secret of an address; empty where there is none, or it is not whole. */
export function readGuestSecret(hash: string): string {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return "";
  }
}

/** The address of a moment for whoever may see the same: the secret stays in the fragment, which no server is told. */
export function guestAddress(page: Pick<Location, "origin" | "pathname">, query: string, secret: string): string {
  return `${page.origin}${page.pathname}${query}#${encodeURIComponent(secret)}`;
}

/**
 * What a secret shows, as far as it says so itself: the same text for embed tokens that show the same. A token that comes after another one
 * and shows the same goes on where that was.
 */
export function whatIsShown(secret: string): string {
  const [prefix, body = ""] = secret.split(".");
  if (prefix !== "wbe1") return secret;
  try {
    const claims: unknown = JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/")));
    if (typeof claims !== "object" || claims === null) return secret;
    const { project, session, from, to, panels }: Record<string, unknown> = { ...claims };
    return JSON.stringify([project, session, from, to, panels]);
  } catch {
    return secret;
  }
}
