/** What can be named in a request: one id of each kind, of a tenant, or of nobody. */

/** The kinds of ids. `person` is a visitor (`sessions.user_id`), `user` somebody with an account. */
export const ID_KINDS = [
  "project",
  "session",
  "liveSession",
  "error",
  "filedError",
  "ordinal",
  "key",
  "user",
  "invitation",
  "token",
  "signIn",
  "person",
  "scan",
  "upload",
  "channel",
  "rule",
  "deadLetter",
  "issue",
  "otherIssue",
  "mergedIssue",
  "grouped",
  "entry",
  "email",
  "comment",
  "playlist",
  "playlistItem",
  "shareLink",
  "spentLink",
  "openLink",
  "revokedKey",
  "search",
] as const;
export type IdKind = (typeof ID_KINDS)[number];

/** One id of each kind, as text. */
export type Ids = Readonly<Record<IdKind, string>>;

/** Ids that look like those of a tenant and belong to nobody. Texts are as long as theirs, so that an answer that repeats them is. */
export function missingLike(theirs: Ids, word: string): Ids {
  const nobody = "nobody-of-that-name".slice(0, word.length);
  const like = (kind: IdKind) => theirs[kind].replaceAll(word, nobody);
  return { ...NUMBERS, session: like("session"), liveSession: like("liveSession"), person: like("person"), email: like("email") };
}

const NUMBERS: Ids = {
  project: "1999999999",
  session: "nowhere-visit-1",
  liveSession: "nowhere-visit-2",
  error: "00000000-0000-4000-8000-000000000000",
  filedError: "00000000-0000-4000-8000-000000000000",
  ordinal: "0",
  key: "ffffffffffffffffffffffffffffffff",
  user: "1999999998",
  invitation: "1999999997",
  token: "1999999996",
  signIn: "1999999995",
  person: "nowhere-visitor",
  scan: "1999999994",
  upload: "1999999992",
  channel: "1999999979",
  rule: "1999999978",
  deadLetter: "1999999977",
  issue: "1999999991",
  otherIssue: "1999999990",
  mergedIssue: "1999999989",
  grouped: "00000000-0000-4000-8000-000000000000",
  entry: "1999999993",
  email: "nobody@nowhere.example",
  comment: "1999999969",
  playlist: "1999999968",
  playlistItem: "1999999967",
  shareLink: "1999999966",
  spentLink: "_".repeat(43),
  openLink: "-".repeat(43),
  search: "1999999976",
  revokedKey: "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
};

/** One way to ask a stranger's thing, and its twin. */
export interface Pair {
  what: string;
  asked: Ids;
  twin: Ids;
  /** The kinds that are not one's own. */
  foreign: readonly IdKind[];
}

/**
 * Every way to name things of a stranger, each with its twin that names nothing in the stranger's place: all of them his, and, where a
 * request names several, some his and some one's own.
 */
export function pairsOf(kinds: readonly IdKind[], theirs: Ids, own: Ids, missing: Ids): Pair[] {
  const named = [...new Set(kinds)];
  const pairs: Pair[] = [];
  for (let mask = 1; mask < 2 ** named.length; mask++) {
    const foreign = named.filter((_kind, at) => (mask >> at) & 1);
    const pick = (ids: Ids): Ids => ({ ...own, ...Object.fromEntries(foreign.map((kind) => [kind, ids[kind]])) });
    pairs.push({ what: foreign.join("+"), asked: pick(theirs), twin: pick(missing), foreign });
  }
  return pairs;
}
