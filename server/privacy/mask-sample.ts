/** A sample of a find that tells people which one is meant, and gives nothing of it away. */

import type { SecretKind } from "./find-secrets.ts";

/** Beginnings of tokens that their makers publish: they name the maker, not the token. */
const MAKERS =
  /^(?:AKIA|ASIA|AIza|ya29\.|GOCSPX-|gh[pousr]_|github_pat_|gl[a-z]{2,5}-|xox[a-z]|xapp-|[sr]k_(?:live|test)_|whsec_|npm_|pypi-|sk-|SG\.|shp[a-z]{2}_|hf_|hv[sb]\.|glsa_|sntry[su]_|hooks\.slack\.com)/;

/**
 * - e-mail addresses: `a***@e***.com`, the first letters and the last part
 * - everything else: what kind of thing it is and how long, never a character of it
 */
export function maskSample(kind: SecretKind, value: string, name?: string): string {
  switch (kind) {
    case "email":
      return maskEmail(value);
    case "card":
      return `**** (card number of ${value.replace(/\D/g, "").length} digits)`;
    case "phone":
      return `**** (phone number of ${value.replace(/\D/g, "").length} digits)`;
    case "iban":
      return `${value.slice(0, 2)}** **** (IBAN)`;
    case "token":
      return `${MAKERS.exec(value)?.[0] ?? ""}*** (${value.length} characters)`;
    case "jwt":
      return `*** (JSON web token of ${value.length} characters)`;
    case "private_key":
      return "*** (private key)";
    case "authorization":
      return `*** (credentials of ${value.length} characters)`;
    case "userinfo":
      return "***@ (user of an address)";
    case "named":
      return `${(name ?? "").slice(-40)} = ***`;
    default:
      return kind satisfies never;
  }
}

function maskEmail(value: string): string {
  const [local = "", domain = ""] = value.split(/@|%40/i);
  const end = domain.slice(domain.lastIndexOf(".") + 1);
  return `${firstLetter(local)}***@${firstLetter(domain)}***.${end.slice(0, 24)}`;
}

function firstLetter(text: string): string {
  return String.fromCodePoint(text.codePointAt(0) ?? 42);
}
