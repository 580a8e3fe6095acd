/** Postgres for every room: a pool, transactions, and a raw connection for COPY. The only other importer of `pg` is `server/store`. */

/** Rows as plain objects; the caller says what they look like, next to the SQL. */
export interface Queryable {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** The pool of one process. */
export interface Database extends Queryable {
  /** Runs `work` in one transaction: COMMIT when it resolves, ROLLBACK when it throws. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Answers within 2 s whether a statement gets through. */
  isUp(): Promise<boolean>;
  /** Waits for the statements under way, then closes every connection; resolves when the server has closed them too. */
  stop(): Promise<void>;
}
