/**
 * Finding what a text should not show: pure, linear in the length of the text, and free of look-behind (old Safari cannot parse it). A
 * star stands for each character that goes, so that what stays keeps its place.
 */

const EMAIL =
  /(?:"[^"@\n]{1,64}"|[^\s@＠<>"()[\],;:=&?#/]{1,64})(?:[@＠]|%(?:25)*40|&#(?:64|x40);| ?[([]at[)\]] ?)(?:[\p{L}\d%-]{1,63}\.){1,8}(?:\p{L}|xn--)[\p{L}\d-]{1,62}/giu;
const MAY_BE_EMAIL = /[@＠]|%(?:25)*40|&#|at[)\]]/i;
/** Quick looks that spare most texts the slow ones. */
const MAY_BE_NAMED = /=|%(?:25)*3d|["'] ?:/i;
const MAY_BE_TOKEN = /[^\s*]{12}|basic|bearer/i;
const MAY_BE_NUMBER = /\d[^]{0,40}\d|[\u0660-\uffff]/;
/** Retina pictures are no addresses: `logo@2x.png`. */
const RETINA = /@\dx\./;
/** Name and password in front of a host. */
const USER_INFO = /(:\/\/)[^\s/?#@"'<>]{1,256}@/g;
/** Digits of any script, and between two of them at most two of what people or pages put there: spaces, dashes, dots, and what nobody sees. */
const NUMBER = /[+＋]?\p{Nd}(?:[\s().·•/_\p{Pd}\u2212\u00ad\u200b-\u200d\u2060]{0,2}\p{Nd}){6,40}/gu;
const DATE = /^(?:19|20)\d\d([-./])\d\d\1\d\d(?!\d)/;
const IBAN = /\b[A-Z]{2}\d\d(?:[ -]?[A-Z\d]{4}){2,7}(?:[ -]?[A-Z\d]{1,3})?\b/g;
const WORD = /[\w-]{20,}/g;
const RUN = /[a-z\d]{16,}/gi;
/** What nothing but a secret looks like: JWT, keys of well-known services, authorisation headers, PEM. */
const TOKEN =
  /eyJ[\w-]{8,}(?:\.[\w-]+){0,2}|\b(?:(?:[prsw]k_(?:live|test)_|whsec_|gh[a-z]_|github_pat_|xox[a-z]-|xapp-|gl[a-z]{2,4}-|npm_|shp[a-z]{2}_|SG\.|ya29\.|AIza|A[KS]IA|hvs\.)[\w.-]{12,}|(?:bearer|basic)(?:\s|%20)[\w.~+/=-]{8,})|-----BEGIN [^-]+-----[^-]*/gi;
/** Not what is a word behind `basic`. */
const IS_TOKEN = /\d|[a-z][A-Z]/;
const SECRET_NAME =
  "token|secret|passw|pwd|key|auth|code|sess|sid|sig|mail|phone|otp|jwt|cred|card|cvv|cvc|iban|ticket|saml|nonce|access";
/** The value of a parameter, cookie or JSON field that is named like a secret. */
const SECRET_VALUE = new RegExp(
  `((?:${SECRET_NAME})[\\w.$%[\\]-]{0,32}?(?:=|%(?:25)*3d|\\\\*["'] ?:))( ?\\\\*"[^"]*| ?'[^']*|[^&#\\s"'<>;]+)`,
  "gi",
);
/** The name of an attribute whose value is one. */
export const SECRET_ATTRIBUTE = new RegExp(`^data-.*(?:${SECRET_NAME})`);

/** Every visible character a star; spaces stay, so that lines break where they did. */
export function stars(text: string): string {
  return text.replace(/\S/g, "*");
}

/** Replacer that keeps what the first group found. */
export function starsBehind(found: string, start: string): string {
  return start + stars(found.slice(start.length));
}

/**
 * Stars what is private wherever it stands: e-mail addresses, names and passwords in addresses, known forms of tokens, IBANs, card numbers,
 * phone numbers of 7 digits or more behind a `+`. Unless `onlyPlain` also numbers of 9 digits or more, values that are named like a secret
 * and what may be a token (a run of 16 letters and digits, mixed, in a word of 20 or more): file names and styles hold such things as well.
 * Dates that begin with the year stay.
 */
export function scrub(text: string, onlyPlain = false): string {
  if (text.includes("://")) text = text.replace(USER_INFO, starsBehind);
  if (MAY_BE_EMAIL.test(text)) text = text.replace(EMAIL, (found) => (RETINA.test(found) ? found : stars(found)));
  if (!onlyPlain && MAY_BE_NAMED.test(text)) text = text.replace(SECRET_VALUE, starsBehind);
  if (MAY_BE_TOKEN.test(text)) text = text.replace(TOKEN, (found) => (IS_TOKEN.test(found) ? stars(found) : found));
  if (!MAY_BE_NUMBER.test(text)) return text;
  if (!onlyPlain) text = text.replace(WORD, (word) => (isToken(word) ? stars(word) : word));
  return text.replace(IBAN, stars).replace(NUMBER, (number) => (isPrivate(number, onlyPlain) ? stars(number) : number));
}

/** Stars everything behind `?` and `#` of an address but the names of parameters. */
export function starParameters(url: string): string {
  return url.replace(/([?&#](?:[^=&#)"'\s]*=)?)[^&#)"'\s]+/g, starsBehind);
}

/**
 * The same as {@link scrub} for an address. Of `blob:` and of base64 nothing is touched. With `isFile` only what is surely private goes from the path: files
 * have hashes and numbers for names.
 */
export function scrubUrl(url: string, isFile = false): string {
  if (/^(?:blob:|data:[^,]*;base64)/.test(url)) return url;
  if (/^data:/.test(url)) return scrub(url, true);
  return isFile ? url.replace(/^[^?#]*/, (path) => scrub(path, true)).replace(/[?#][^]*/, (rest) => scrub(rest)) : scrub(url);
}

/** Comments, strings and addresses of a style sheet; a custom property and `content` may hold what is read on the page. */
const CSS_PART =
  /\/\*[^]*?\*\/|url\((?:\s*"[^"]*"|\s*'[^']*'|[^)]*)|((?:\bcontent|--[\w-]+)\s*:\s*)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^;}"'])*/g;

/** Large sheets are the same in every checkout, and dear to read (measured: 253 KB, 60 ms). */
const MIN_KEPT_CHARS = 2_000;
const MAX_KEPT = 64;
const scrubbedSheets = new Map<string, string>();
const starredSheets = new Map<string, string>();

/**
 * The same for styles, whose rules stay. With `isAll` the text of `content` and of custom properties goes; the single characters that icon
 * fonts use stay.
 */
export function scrubCss(css: string, isAll: boolean): string {
  const known = (isAll ? starredSheets : scrubbedSheets).get(css);
  if (known !== undefined) return known;
  const scrubbed = scrubRules(
    css.replace(CSS_PART, (part: string, name?: string) => {
      if (part.startsWith("/*")) return "";
      if (name === undefined)
        return part.replace(/^url\(\s*["']?/, "").startsWith("data:")
          ? part
          : isAll
            ? starParameters(scrub(part))
            : scrubUrl(part, true);
      return part.replace(/(["'])((?:(?!\1)[^\\]|\\[^])*)\1/g, (text: string, quote: string, inner: string) =>
        /^(?:.|\\[\da-f]{1,6} ?)?$/i.test(inner) ? text : quote + (isAll ? stars(inner) : scrub(inner)) + quote,
      );
    }),
  );
  if (css.length > MIN_KEPT_CHARS) {
    const sheets = isAll ? starredSheets : scrubbedSheets;
    if (sheets.size === MAX_KEPT) sheets.clear();
    sheets.set(css, scrubbed);
  }
  return scrubbed;
}

/** Not inside of pictures that the sheet brings along. */
function scrubRules(css: string): string {
  return css
    .split(/(url\(\s*(?:"data:[^"]*|'data:[^']*|data:[^)]*))/)
    .map((piece, index) => (index % 2 ? piece : scrub(piece, true)))
    .join("");
}

function isToken(word: string): boolean {
  return (word.match(RUN) ?? []).some((run) => /\d/.test(run) && /[a-z]/i.test(run));
}

function isPrivate(number: string, onlyCards: boolean): boolean {
  const digits = number.match(/\p{Nd}/gu) ?? [];
  if (/^[+＋]/.test(number)) return digits.length > 6;
  return onlyCards ? isCard(digits) : digits.length > 8 && !DATE.test(number);
}

/** The check digit of card numbers (ISO/IEC 7812-1). */
function isCard(digits: readonly string[]): boolean {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const twice = 2 * Number(digit);
    return total + (index % 2 ? (twice > 9 ? twice - 9 : twice) : Number(digit));
  }, 0);
  return digits.length > 12 && digits.length < 20 && sum % 10 === 0;
}
