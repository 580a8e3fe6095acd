/** The sign-in cookie: 256 random bits, of which the database holds only the SHA-256. */

import { createHash, randomBytes } from "node:crypto";

const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** How the cookie is called and guarded; both follow from whether browsers reach us by https. */
export interface CookieStyle {
  name: string;
  attributes: string;
}

/** `__Host-` (RFC 6265bis, section 4.1.3) needs Secure, and Secure needs https. */
export function cookieStyle(publicUrl: string): CookieStyle {
  const isSecure = publicUrl.startsWith("https:");
  return {
    name: isSecure ? "__Host-wb_sign_in" : "wb_sign_in",
    attributes: `Path=/; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`,
  };
}

/** 256 random bits as text that a cookie or an address can carry. */
export function createSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** What of a secret is stored and looked up. */
export function hashSecret(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** The sign-in secret in a `Cookie` header, or null. */
export function readCookie(style: CookieStyle, header: string | undefined): string | null {
  for (const pair of (header ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === style.name) {
      const value = pair.slice(at + 1).trim();
      if (SECRET.test(value)) return value;
    }
  }
  return null;
}

/** The `Set-Cookie` that keeps a sign-in. */
export function writeCookie(style: CookieStyle, secret: string, maxAgeSec: number): string {
  return `${style.name}=${secret}; Max-Age=${maxAgeSec}; ${style.attributes}`;
}

/** The `Set-Cookie` that ends it. */
export function clearCookie(style: CookieStyle): string {
  return `${style.name}=; Max-Age=0; ${style.attributes}`;
}
