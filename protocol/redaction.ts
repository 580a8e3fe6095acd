/** What the server looks for in what it redacts, by the names under which a project switches it on. */

/** What takes the place of what was found. */
export const FILTERED = "[Filtered]";

/**
 * - `card`: payment card numbers, 13 to 19 digits with a known beginning and a right check digit
 * - `private_key`: PEM and OpenSSH private keys
 * - `jwt`: JSON web tokens
 * - `authorization`: `Bearer …`, `Basic …` and their like in running text
 * - `token`: tokens that begin as those of a known maker do (AWS, Google, GitHub, GitLab, Slack, Stripe, npm and others)
 * - `email`, `phone`, `iban`: as they say
 */
export const REDACTION_PATTERNS = ["card", "private_key", "jwt", "authorization", "token", "email", "phone", "iban"] as const;
export type RedactionPattern = (typeof REDACTION_PATTERNS)[number];

/** What is looked for where a project names none: e-mail addresses, phone numbers and IBANs are what support people search by. */
export const STANDARD_PATTERNS: readonly RedactionPattern[] = ["card", "private_key", "jwt", "authorization", "token"];
