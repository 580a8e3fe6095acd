/** Resume tokens: whoever shows the token that a session was begun with may go on with it. */

import { createHmac, randomBytes } from "node:crypto";

/** A fresh token: 32 characters of `A-Z a-z 0-9 _ -`. */
export function createResumeToken(): string {
  return randomBytes(24).toString("base64url");
}

/** HMAC-SHA256 of session id and token: what is stored instead of the token. */
export function hashResumeToken(secret: string, sessionId: string, token: string): Uint8Array {
  return createHmac("sha256", secret).update(`${sessionId}\n${token}`).digest();
}
