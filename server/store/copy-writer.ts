/** One connection that writes batches with their markers and errors, each call one transaction. */

import pg from "pg";
import { type ConnectionOptions, clientConfig } from "../db/connection.ts";
import { type CopyStep, commitCopies } from "./copy-commit.ts";
import { CopyEncoder, ERROR_COLUMNS, EVENT_COLUMNS, MARKER_COLUMNS } from "./copy-encode.ts";
import type { BatchRow } from "./store.ts";

/** A transaction that takes longer than this is cut off with its connection, and tried again on a new one. */
export const COMMIT_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** The tables that a COPY goes into: the real ones, or temporary ones of the same shape. */
interface Targets {
  events: string;
  markers: string;
  errors: string;
}

const TABLES: Targets = { events: "session_events", markers: "session_markers", errors: "session_errors" };
const STAGING: Targets = { events: "staged_events", markers: "staged_markers", errors: "staged_errors" };

/** Connects when first used, and again after it was lost. Not for two calls at a time. */
export class CopyWriter {
  private readonly connection: ConnectionOptions;
  private readonly onLost: () => void;
  private readonly encoder = new CopyEncoder();
  private client: pg.Client | null = null;
  private isBusy = false;
  private isClosed = false;

  /** @param onLost called when the connection dies between two calls */
  constructor(connection: ConnectionOptions, onLost: () => void) {
    this.connection = connection;
    this.onLost = onLost;
  }

  /** @throws where Postgres cannot be reached */
  async connect(): Promise<void> {
    await this.ready();
  }

  /**
   * Writes the rows in one transaction, committed when it resolves.
   * @throws what Postgres said; nothing is written then, unless the connection was lost while it committed
   */
  write(rows: readonly BatchRow[]): Promise<void> {
    return this.commit("", this.steps(rows, TABLES), "");
  }

  /** The same, where some rows may be there already: those are left as they are, with their markers. */
  writeSkippingDoubles(rows: readonly BatchRow[]): Promise<void> {
    return this.commit(STAGE, this.steps(rows, STAGING), MERGE);
  }

  /** Does not wait for a transaction that is under way. */
  async close(): Promise<void> {
    this.isClosed = true;
    const client = this.client;
    this.client = null;
    if (client === null) return;
    if (this.isBusy) client.connection.stream.destroy();
    else await client.end().catch(() => undefined);
  }

  private steps(rows: readonly BatchRow[], into: Targets): CopyStep[] {
    const { encoder } = this;
    const steps: CopyStep[] = [{ sql: copySql(into.events, EVENT_COLUMNS), encode: () => encoder.encodeEvents(rows) }];
    const marked = rows.filter((row) => row.markers.length > 0);
    if (marked.length === 0) return steps;
    steps.push({ sql: copySql(into.markers, MARKER_COLUMNS), encode: () => encoder.encodeMarkers(marked) });
    if (marked.some((row) => row.markers.some((marker) => marker.kind === "error"))) {
      steps.push({ sql: copySql(into.errors, ERROR_COLUMNS), encode: () => encoder.encodeErrors(marked) });
    }
    return steps;
  }

  private async commit(before: string, copies: readonly CopyStep[], after: string): Promise<void> {
    const client = await this.ready();
    this.isBusy = true;
    // Postgres has its own limit (statement_timeout); this one is for an answer that never comes.
    const watchdog = setTimeout(() => {
      this.drop(client);
    }, COMMIT_TIMEOUT_MS + 5_000);
    try {
      await commitCopies(client, { before, copies, after });
    } catch (error) {
      // The rollback also waits until Postgres has read all that was sent, so that the encoder's buffer is free again.
      await client.query("ROLLBACK").catch(() => {
        this.drop(client);
      });
      throw error;
    } finally {
      clearTimeout(watchdog);
      this.isBusy = false;
    }
  }

  private async ready(): Promise<pg.Client> {
    this.checkOpen();
    if (this.client !== null) return this.client;
    const client = new pg.Client(
      clientConfig(this.connection, {
        applicationName: "watchback-store",
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        statementTimeoutMs: COMMIT_TIMEOUT_MS,
      }),
    );
    const lost = () => {
      if (this.client !== client) return;
      this.client = null;
      if (!this.isBusy) this.onLost();
    };
    client.on("error", lost);
    client.on("end", lost);
    try {
      await client.connect();
      await client.query("SET synchronous_commit = on");
      this.checkOpen();
    } catch (error) {
      client.end().catch(() => undefined);
      throw error;
    }
    this.client = client;
    return client;
  }

  private checkOpen(): void {
    if (this.isClosed) throw new Error("the writer is closed");
  }

  private drop(client: pg.Client): void {
    if (this.client === client) this.client = null;
    client.connection.stream.destroy();
  }
}

function copySql(table: string, columns: string): string {
  return `COPY ${table} (${columns}) FROM STDIN (FORMAT binary)`;
}

function stage(staged: string, table: string): string {
  return `CREATE TEMPORARY TABLE ${staged} (LIKE ${table} INCLUDING STORAGE) ON COMMIT DROP`;
}

const STAGE = [
  stage(STAGING.events, TABLES.events),
  stage(STAGING.markers, TABLES.markers),
  stage(STAGING.errors, TABLES.errors),
].join("; ");

/** Markers and errors go in with the batch that brought them, or not at all; of an erased session nothing does. */
const MERGE = `
  WITH kept AS (
    INSERT INTO ${TABLES.events} (${EVENT_COLUMNS}) SELECT ${EVENT_COLUMNS} FROM ${STAGING.events} AS staged
    WHERE NOT EXISTS (SELECT FROM tombstones t WHERE t.session_id = staged.session_id)
    ON CONFLICT DO NOTHING RETURNING session_id, tab, seq
  ), kept_markers AS (
    INSERT INTO ${TABLES.markers} (${MARKER_COLUMNS})
    SELECT ${MARKER_COLUMNS} FROM ${STAGING.markers} JOIN kept USING (session_id, tab, seq) ON CONFLICT DO NOTHING
  )
  INSERT INTO ${TABLES.errors} (${ERROR_COLUMNS})
  SELECT ${ERROR_COLUMNS} FROM ${STAGING.errors} JOIN kept USING (session_id, tab, seq) ON CONFLICT DO NOTHING`;
