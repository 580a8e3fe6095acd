/** The kinds of value an environment variable can hold: how each is read, and what a bad one is told. */

/** One row of the table in `config.ts`. */
export interface Field<T> {
  /** What an absent or empty variable means. */
  readonly default: T;
  /** One line for `.env.example`. */
  readonly help: string;
  /** True for values that are never printed or logged. */
  readonly secret: boolean;
  /**
   * Reads a value that is not empty.
   * @throws Error whose message says what would be right, without repeating the value
   */
  read(raw: string): T;
}

/** Free text, or text of a given shape. */
export function text(
  help: string,
  options: { default?: string; secret?: boolean; shape?: RegExp; expected?: string; lowerCase?: boolean } = {},
): Field<string> {
  return {
    default: options.default ?? "",
    help,
    secret: options.secret ?? false,
    read(raw) {
      const value = options.lowerCase ? raw.toLowerCase() : raw;
      if (options.shape && !options.shape.test(value)) throw new Error(`must be ${options.expected ?? String(options.shape)}`);
      return value;
    },
  };
}

/** A whole number within bounds. */
export function integer(help: string, options: { default: number; min: number; max: number }): Field<number> {
  return {
    default: options.default,
    help,
    secret: false,
    read(raw) {
      const value = /^-?\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN;
      if (!(value >= options.min && value <= options.max)) {
        throw new Error(`must be a whole number from ${options.min} to ${options.max}`);
      }
      return value;
    },
  };
}

/** One of a closed set. */
export function choice<const T extends string>(help: string, values: readonly T[], fallback: T): Field<T> {
  return {
    default: fallback,
    help,
    secret: false,
    read(raw) {
      const found = values.find((value) => value === raw);
      if (found === undefined) throw new Error(`must be one of ${values.join(", ")}`);
      return found;
    },
  };
}

/** `true`/`false`, `1`/`0`, `yes`/`no`. */
export function flag(help: string, fallback: boolean): Field<boolean> {
  return {
    default: fallback,
    help,
    secret: false,
    read(raw) {
      const value = raw.toLowerCase();
      if (["true", "1", "yes"].includes(value)) return true;
      if (["false", "0", "no"].includes(value)) return false;
      throw new Error("must be true or false");
    },
  };
}

/** An absolute URL of one of the schemes given; a closing slash is taken off. */
export function url(help: string, schemes: readonly string[], options: { secret?: boolean } = {}): Field<string> {
  return {
    default: "",
    help,
    secret: options.secret ?? false,
    read(raw) {
      const scheme = URL.canParse(raw) ? new URL(raw).protocol : "";
      if (!schemes.includes(scheme))
        throw new Error(`must be an address that begins with ${schemes.map((s) => `${s}//`).join(" or ")}`);
      return raw.replace(/\/+$/, "");
    },
  };
}

/** Values with commas between them; each is checked alone. */
export function list(help: string, item: Field<string>): Field<readonly string[]> {
  return {
    default: [],
    help,
    secret: item.secret,
    read: (raw) =>
      raw
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
        .map((part) => item.read(part)),
  };
}
