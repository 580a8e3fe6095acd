/** Settings of the embedded Postgres: small when idle, durable always, reachable by its unix socket only. */

import { totalmem } from "node:os";

const GIB = 1024 ** 3;

/** Settings that a test cluster may want otherwise. */
export type PostgresSettings = Readonly<Record<string, string>>;

/**
 * The settings the server starts with.
 * - `fsync` and `synchronous_commit` stay on: an ack means nothing without them
 * - `io_method = sync` and few workers: three processes less, for a load that hardly reads
 * - `backend_flush_after`: what a COPY has pushed out of the cache goes to disk as it comes. Left to the kernel it gathers for 30 s and then
 *   holds up commits (measured at 30,000 batches a second: ack p99 100-280 ms then, 23-33 ms with it)
 * - `wal_level = replica`: online backup stays possible
 */
export function embeddedSettings(socketDir: string): Record<string, string> {
  return {
    listen_addresses: "",
    // A list, in which a quoted item may hold commas and spaces.
    unix_socket_directories: `"${socketDir.replaceAll('"', '""')}"`,
    unix_socket_permissions: "0700",
    max_connections: "40",
    superuser_reserved_connections: "2",
    shared_buffers: totalmem() < 2 * GIB ? "32MB" : "128MB",
    wal_buffers: "16MB",
    min_wal_size: "512MB",
    max_wal_size: "4GB",
    checkpoint_timeout: "15min",
    backend_flush_after: "256kB",
    wal_level: "replica",
    max_wal_senders: "0",
    max_logical_replication_workers: "0",
    wal_compression: "off",
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    io_method: "sync",
    max_worker_processes: "4",
    max_parallel_workers: "2",
    autovacuum_max_workers: "2",
    autovacuum_worker_slots: "2",
    jit: "off",
    huge_pages: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    lc_messages: "C",
    log_min_messages: "log",
    log_checkpoints: "off",
    log_line_prefix: "",
    cluster_name: "watchback",
  };
}

/** `-c name=value` pairs for the command line. */
export function settingArgs(settings: PostgresSettings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
