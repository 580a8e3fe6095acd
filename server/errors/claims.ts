/** With which key an SDK comes. It says so in one of three places; the first that names a key counts. */

const MAX_CLIENT = 128;
const KEY = /^[0-9a-f]{32}$/i;
/** `https://<key>@<host>/<anything>/<project>`; a secret behind the key is of old SDKs and means nothing. */
const DSN = /^https?:\/\/([0-9a-f]{32})(?::[^@/]{0,64})?@[^/]{1,255}\/(?:[^?#]{0,255}\/)?(\d{1,10})\/?$/i;

/** What a request says of itself outside of its body. */
export interface Claim {
  /** 32 hex digits in lower case; null where it names none. */
  key: string | null;
  /** `name/version` of the SDK, as it says; empty where it does not. */
  client: string;
}

/** What query and headers claim: `sentry_key` of the query, else that of `X-Sentry-Auth`, else that of `Authorization: Sentry ...`. */
export function readClaim(query: URLSearchParams, headers: Readonly<Record<string, string>>): Claim {
  const authorization = headers["authorization"] ?? "";
  const fields = readFields(headers["x-sentry-auth"] ?? (/^sentry\s/i.test(authorization) ? authorization : ""));
  const client = query.get("sentry_client") ?? fields.get("sentry_client") ?? "";
  return { key: toKey(query.get("sentry_key")) ?? toKey(fields.get("sentry_key")), client: client.slice(0, MAX_CLIENT) };
}

/** The key of a `dsn` in an envelope's header, where it is for this project. */
export function keyOfDsn(dsn: unknown, projectId: number): string | null {
  const [, key = null, project] = typeof dsn === "string" ? (DSN.exec(dsn) ?? []) : [];
  return Number(project) === projectId ? toKey(key) : null;
}

/** `name/version` in its parts. */
export function readClient(client: string): { name: string; version: string } | null {
  const slash = client.lastIndexOf("/");
  if (client === "") return null;
  return slash < 0 ? { name: client, version: "" } : { name: client.slice(0, slash), version: client.slice(slash + 1) };
}

/** `Sentry a=1, b=2` by name. */
function readFields(header: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of header
    .slice(0, 2_048)
    .replace(/^sentry\s+/i, "")
    .split(",")) {
    const equals = part.indexOf("=");
    if (equals > 0) fields.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  return fields;
}

function toKey(text: string | null | undefined): string | null {
  return text !== null && text !== undefined && KEY.test(text) ? text.toLowerCase() : null;
}
