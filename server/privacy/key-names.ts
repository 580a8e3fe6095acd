/**
 * Which names speak of a secret. A name is split at separators and camelCase and compared in whole words, so that `auth_token` is one
 * and `author` and `tokenizer` are not.
 */

/** Longest name that is looked at; what is longer is no name. */
const MAX_NAME = 128;
/** Most words of a name that are compared together. */
const MAX_WINDOW = 4;
const MAX_WORDS = 16;

/** Words, and words written together, that name a secret wherever they stand in a name. */
const SECRET_WORDS = `
  password passwords passwd passwort pwd pass passphrase passcode secret secrets token tokens auth authorization credential credentials
  cookie cookies csrf xsrf jwt bearer otp totp cvv cvc csc ssn sid sig iban pan
  apikey apikeys apisecret apitoken accesstoken refreshtoken idtoken authtoken sessiontoken csrftoken xsrftoken bearertoken accesskey
  accesskeyid secretkey privatekey signingkey encryptionkey masterkey authkey sessionkey clientsecret appsecret proxyauthorization
  setcookie sessionid sessid phpsessid jsessionid aspsessionid connectsid creditcard creditcardnumber ccnumber cardnumber cardno cardcvc
  cardcvv ccv securitycode socialsecurity socialsecuritynumber accountnumber routingnumber userpassword newpassword oldpassword
  currentpassword confirmpassword passwordconfirmation verificationcode onetimecode authcode recoverycode backupcode amzsignature
  awssecretaccesskey connectionstring onetimepassword csrfmiddlewaretoken requestverificationtoken xapikey xauthtoken`;

/** Beside such a word it is no secret that is named, but something about it: `token_count`, `cookie_banner`, `max_tokens`. */
const ABOUT_ENDS = words(`
  count counts length size type types enabled disabled valid invalid expires expiry expiration expired policy strength required consent
  banner notice limit limits method methods status state error errors message ttl at algorithm provider version visible form
  field label placeholder endpoint url uri usage budget age lifetime mode scheme level strategy manager service handler flow page
  screen modal button input id_format format`);
const ABOUT_STARTS = words(`
  max min num is has show hide total used prompt completion cached reasoning remaining allow requires supports enable disable forgot
  accept`);

/** Names that are a secret only where their value looks like one: a PIN is digits. */
const WEAK_WORDS = words("pin");
const WEAK_VALUE = /^\d{4,8}$/;

/** In an address these carry one-time secrets, where the value is as long and mixed as one. */
const ADDRESS_ONLY = words("code key hash nonce ticket state samlresponse");
const LONG_AND_MIXED = /^(?=[^\s]*\d)(?=[^\s]*[a-zA-Z])[\w.~+/=%-]{20,}$/;

/** What a name by itself says: the last two need a look at the value. */
type NameKind = "secret" | "allowed" | "plain" | "weak" | "address";

/** What a project adds and lets be. */
export interface NameRules {
  readonly secret: ReadonlySet<string>;
  readonly allowed: ReadonlySet<string>;
  /** Names that were judged already; pages use few, and each very often. */
  readonly known: Map<string, NameKind>;
}

const MAX_KNOWN = 20_000;

/** The standard names with those of a project. Names are compared without separators and case. */
export function compileNames(keys: readonly string[], allow: readonly string[]): NameRules {
  const secret = words(SECRET_WORDS);
  for (const key of keys) {
    const joined = splitName(key).join("");
    if (joined !== "") secret.add(joined);
  }
  const allowed = new Set(allow.map((name) => splitName(name).join("")).filter((name) => name !== ""));
  return { secret, allowed, known: new Map() };
}

/** The words of a name, in lower case, without the digits that number them. */
export function splitName(name: string): string[] {
  return name
    .slice(0, MAX_NAME)
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .map((word) => word.replace(/\d{1,3}$/, ""))
    .filter((word) => word !== "")
    .slice(0, MAX_WORDS);
}

/** What a name says of the value beside it. `allowed`: that value is left alone, whatever it looks like. */
export type NameVerdict = "secret" | "allowed" | "plain";

/** False of a name that says nothing, whatever value is beside it: then nobody needs to look for that value. */
export function mayMatter(rules: NameRules, name: string): boolean {
  return kindOf(rules, name) !== "plain";
}

/**
 * Judges a name together with the text of its value.
 * @param isAddress the pair stands in the query or fragment of an address
 */
export function judgeName(rules: NameRules, name: string, value: string, isAddress = false): NameVerdict {
  const kind = kindOf(rules, name);
  if (kind === "weak") return WEAK_VALUE.test(value) ? "secret" : "plain";
  if (kind === "address") return isAddress && LONG_AND_MIXED.test(value) ? "secret" : "plain";
  return kind;
}

function kindOf(rules: NameRules, name: string): NameKind {
  if (name.length > MAX_NAME || name === "") return "plain";
  const known = rules.known.get(name);
  if (known !== undefined) return known;
  if (rules.known.size >= MAX_KNOWN) rules.known.clear();
  const kind = classify(rules, splitName(name));
  rules.known.set(name, kind);
  return kind;
}

function classify(rules: NameRules, split: readonly string[]): NameKind {
  const whole = split.join("");
  if (rules.allowed.has(whole)) return "allowed";
  const [first = ""] = split;
  const last = split.at(-1) ?? "";
  if (holdsSecret(rules, split)) {
    const isAbout = split.length > 1 && !rules.secret.has(whole) && (ABOUT_ENDS.has(last) || ABOUT_STARTS.has(first));
    return isAbout ? "plain" : "secret";
  }
  if (WEAK_WORDS.has(last)) return "weak";
  return split.length === 1 && ADDRESS_ONLY.has(first) ? "address" : "plain";
}

function holdsSecret({ secret, allowed }: NameRules, split: readonly string[]): boolean {
  for (let from = 0; from < split.length; from++) {
    let joined = "";
    for (let to = from; to < split.length && to < from + MAX_WINDOW; to++) {
      joined += split[to] ?? "";
      if (secret.has(joined) && !allowed.has(joined)) return true;
    }
  }
  return false;
}

function words(text: string): Set<string> {
  return new Set(text.split(/\s+/).filter((word) => word !== ""));
}
