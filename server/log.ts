/** The log as the rooms see it. */

export type LogFields = Readonly<Record<string, unknown>>;

/** A constant phrase plus fields; never payloads, keys, cookies or query strings. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
