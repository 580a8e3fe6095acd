/**
 * Takes a large JSON object apart while its bytes come: the items of one of its lists, each by itself, and at the end everything else. So a
 * file of hundreds of megabytes is read with one item in memory. It looks at brackets and quotes only; the parts still have to be parsed.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The depth of the list's items: inside the object and the list. */
const ITEM_DEPTH = 2;
const LONGEST_KEY = 64;

/** Thrown for what is over a bound, or is no object with a list of objects. The message is for people. */
export class SplitFault extends Error {
  override readonly name = "SplitFault";
}

export interface ListSplitterOptions {
  /** Name of the list. */
  list: string;
  /** Longest item. */
  maxItemBytes: number;
  /** Longest rest. */
  maxHeadBytes: number;
  /** Deepest nesting, the object itself counted. */
  maxDepth: number;
}

export class ListSplitter {
  private readonly options: ListSplitterOptions;
  private depth = 0;
  private isInString = false;
  private isEscaped = false;
  private isInList = false;
  private wasInList = false;
  private key = "";
  private head: Uint8Array[] = [];
  private headBytes = 0;
  private item: Uint8Array[] = [];
  private itemBytes = 0;

  constructor(options: ListSplitterOptions) {
    this.options = options;
  }

  /**
   * Takes the next bytes; they must not be changed until the items that they are in were taken.
   * @returns the items that are whole now
   * @throws SplitFault
   */
  push(piece: Uint8Array): Uint8Array[] {
    const whole: Uint8Array[] = [];
    /** Where what belongs together begins in this piece. */
    let from = 0;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i] ?? 0;
      if (this.isInString) {
        this.readString(byte);
        continue;
      }
      if (byte === QUOTE) {
        this.isInString = true;
        if (this.depth === 1) this.key = "";
        if (this.isInList && this.depth === ITEM_DEPTH) throw notObjects(this.options.list);
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        const isTop = this.isInList && this.depth === ITEM_DEPTH;
        if (isTop && byte === OPEN_LIST) throw notObjects(this.options.list);
        if (isTop) {
          this.between(piece.subarray(from, i));
          from = i;
        }
        if (++this.depth > this.options.maxDepth) throw new SplitFault("it is nested too deeply");
        if (byte === OPEN_LIST && this.depth === ITEM_DEPTH && this.key === this.options.list) {
          if (this.wasInList) throw new SplitFault(`it has more than one list ${this.options.list}`);
          this.toHead(piece.subarray(from, i + 1));
          from = i + 1;
          this.isInList = true;
          this.wasInList = true;
        }
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        if (this.isInList && this.depth === ITEM_DEPTH) {
          this.between(piece.subarray(from, i));
          from = i;
          this.isInList = false;
        }
        this.depth--;
        if (this.depth < 0) throw new SplitFault("it is not JSON");
        if (this.isInList && this.depth === ITEM_DEPTH) {
          whole.push(this.endItem(piece.subarray(from, i + 1)));
          from = i + 1;
        }
      }
    }
    const rest = piece.subarray(from);
    if (!this.isInList) this.toHead(rest);
    else if (this.depth > ITEM_DEPTH) this.toItem(rest);
    else this.between(rest);
    return whole;
  }

  /**
   * After the last bytes: the object with its list empty.
   * @throws SplitFault where it has not ended, or has no such list
   */
  end(): Uint8Array {
    if (this.depth !== 0 || this.isInString) throw new SplitFault("it ends before its end");
    if (!this.wasInList) throw new SplitFault(`it has no list ${this.options.list}`);
    return join(this.head, this.headBytes);
  }

  private readString(byte: number): void {
    if (this.isEscaped) this.isEscaped = false;
    else if (byte === BACKSLASH) this.isEscaped = true;
    else if (byte === QUOTE) this.isInString = false;
    if (this.isInString && this.depth === 1 && this.key.length < LONGEST_KEY) this.key += String.fromCharCode(byte);
  }

  /** Between two items there is white space, and one comma. */
  private between(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte !== COMMA && byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) throw notObjects(this.options.list);
    }
  }

  private toHead(bytes: Uint8Array): void {
    this.headBytes += bytes.length;
    if (this.headBytes > this.options.maxHeadBytes) throw new SplitFault("what it says besides the recording is too large");
    if (bytes.length > 0) this.head.push(bytes);
  }

  private toItem(bytes: Uint8Array): void {
    this.itemBytes += bytes.length;
    if (this.itemBytes > this.options.maxItemBytes) throw new SplitFault("one of its batches is too large");
    if (bytes.length > 0) this.item.push(bytes);
  }

  private endItem(last: Uint8Array): Uint8Array {
    this.toItem(last);
    const whole = join(this.item, this.itemBytes);
    this.item = [];
    this.itemBytes = 0;
    return whole;
  }
}

function notObjects(list: string): SplitFault {
  return new SplitFault(`its list ${list} holds something else than objects`);
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
