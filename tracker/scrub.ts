/** Finding what a text should not show: pure, linear in the length of the text, and free of look-behind (old Safari cannot parse it). */

const EMAIL = /[^\s@<>"'()[\],;:=&?#/]{1,64}(?:@|%40)[\p{L}\d-]{1,63}(?:\.[\p{L}\d-]{1,63})+/giu;
const NUMBER = /\+?\d(?:[ ()./-]{0,2}\d){6,}/g;
const DATE = /^(?:19|20)\d\d([-./])\d\d\1\d\d(?!\d)/;
const WORD = /[\w-]{20,}/g;
const RUN = /[a-z\d]{16,}/gi;
const SECRET_PARAMETER =
  /([?&#;][^=&#?]{0,64}(?:token|secret|passw|pwd|key|auth|code|session|sid|sig|mail|phone|otp|jwt)[^=&#?]{0,64}=)[^&#]+/gi;

/** Every visible character a star; spaces stay, so that lines break where they did. */
export function stars(text: string): string {
  return text.replace(/\S/g, "*");
}

/**
 * Stars e-mail addresses, and unless `addressesOnly` also numbers of 9 digits or more (cards, phones, accounts; 7 behind a `+`) and
 * tokens (a run of 16 letters and digits, mixed, in a word of 20 or more). Dates that begin with the year stay.
 */
export function scrub(text: string, addressesOnly = false): string {
  if (text.includes("@") || text.includes("%40")) text = text.replace(EMAIL, stars);
  if (addressesOnly || !/\d/.test(text)) return text;
  return text.replace(WORD, (word) => (isToken(word) ? stars(word) : word)).replace(NUMBER, scrubNumber);
}

/** The same for an address; the values of parameters that are named like a secret go as well. Of `data:` and `blob:` nothing is touched. */
export function scrubUrl(url: string, addressesOnly = false): string {
  return /^(?:data|blob):/.test(url) ? url : scrub(url.replace(SECRET_PARAMETER, "$1***"), addressesOnly);
}

function isToken(word: string): boolean {
  return (word.match(RUN) ?? []).some((run) => /\d/.test(run) && /[a-z]/i.test(run));
}

function scrubNumber(number: string): string {
  const digits = number.replace(/\D/g, "").length;
  return digits < (number.startsWith("+") ? 7 : 9) || DATE.test(number) ? number : stars(number);
}
