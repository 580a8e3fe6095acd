/**
 * One transaction of COPYs as one query of `pg`: `BEGIN; COPY …; COPY …; COMMIT` goes out at once, the bytes of each COPY when Postgres
 * asks for them, and the answer is in when it is ready again. Against pg-copy-streams with a query for each step this saves three
 * round trips and a stream per commit.
 */

import type pg from "pg";

/** A COPY of the transaction: its statement, and its bytes as {@link CopyEncoder} writes them, made when they are asked for. */
export interface CopyStep {
  sql: string;
  encode(): Buffer;
}

/** Something to do around the COPYs, e.g. `CREATE TEMPORARY TABLE`. */
export interface CopyScript {
  before: string;
  copies: readonly CopyStep[];
  after: string;
}

/**
 * Runs the script in one transaction and resolves after its COMMIT.
 * @throws what Postgres said, with its SQLSTATE as `code`; the caller must roll back, or drop the connection
 */
export function commitCopies(client: pg.ClientBase, script: CopyScript): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyCommit(script, resolve, reject));
  });
}

/** What `pg` calls on a query of somebody else's making; all of its messages arrive here until it is ready for the next. */
class CopyCommit implements pg.Submittable {
  private readonly script: CopyScript;
  private readonly resolve: () => void;
  private readonly reject: (error: unknown) => void;
  private next = 0;
  private isCommitted = false;
  private failure: unknown = null;

  constructor(script: CopyScript, resolve: () => void, reject: (error: unknown) => void) {
    this.script = script;
    this.resolve = resolve;
    this.reject = reject;
  }

  submit(connection: pg.Connection): void {
    const { before, copies, after } = this.script;
    connection.query(
      ["BEGIN", before, ...copies.map((copy) => copy.sql), after, "COMMIT"].filter((part) => part !== "").join("; "),
    );
  }

  handleCopyInResponse(connection: pg.Connection): void {
    const copy = this.script.copies[this.next++];
    if (copy === undefined || this.failure !== null) {
      connection.stream.destroy();
      return;
    }
    let bytes: Buffer;
    try {
      bytes = copy.encode();
    } catch (error) {
      this.failure = error;
      connection.stream.write(COPY_FAIL);
      return;
    }
    connection.stream.write(bytes);
  }

  handleCommandComplete(message: { text?: string }): void {
    if (message.text === "COMMIT") this.isCommitted = true;
  }

  handleReadyForQuery(): void {
    if (this.isCommitted) this.resolve();
    else this.reject(new Error("the transaction ended without a commit"));
  }

  /** After an error Postgres is ready again without telling us; and a lost connection ends here too. */
  handleError(error: unknown): void {
    this.reject(this.failure ?? error);
  }

  handleRowDescription(): void {
    // Statements around the COPYs return no rows that matter.
  }

  handleDataRow(): void {
    // See above.
  }

  handleEmptyQuery(): void {
    // A script may have empty parts.
  }

  handlePortalSuspended(): void {
    // Only the extended protocol has portals.
  }
}

/** CopyFail with an empty reason. */
const COPY_FAIL = Uint8Array.of(0x66, 0, 0, 0, 5, 0);
