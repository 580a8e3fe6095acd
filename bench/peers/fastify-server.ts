/**
 * The peer of the whole-path figure: the usual way to build this server. Fastify and @fastify/websocket, `JSON.parse` of every message,
 * one multi-row INSERT (a row an event) a message through pg's pool, ack after its commit. It keeps what ours keeps: each event once whatever
 * is sent again, days that can be dropped, and snapshots that are found by time. Run as `fastify-server.ts DATABASE_URL [prepared]`; with
 * `prepared` the statement is parsed once a connection, which few people bother to do. Prints its port.
 */

import websocket from "@fastify/websocket";
import Fastify from "fastify";
import pg from "pg";

const POOL_SIZE = 10;
const COLUMNS = 9;

/** As far as this peer looks into a message: it trusts its only client, as a quick server does. */
interface Message {
  type: string;
  data: { sessionId?: string; tab: string; seq: number; events: { type: number; timestamp: number; data: unknown }[] };
}

const isPrepared = process.argv[3] === "prepared";
const pool = new pg.Pool({ connectionString: process.argv[2], max: POOL_SIZE });
const today = new Date().toISOString().slice(0, 10);
await pool.query(`CREATE TABLE IF NOT EXISTS peer_events (
  session_id text NOT NULL, tab text NOT NULL, seq integer NOT NULL, ordinal integer NOT NULL, started_on date NOT NULL,
  received_at timestamptz NOT NULL, type smallint NOT NULL, at double precision NOT NULL, data jsonb NOT NULL,
  PRIMARY KEY (session_id, tab, seq, ordinal, started_on)) PARTITION BY RANGE (started_on)`);
await pool.query("CREATE TABLE IF NOT EXISTS peer_events_today PARTITION OF peer_events DEFAULT");
await pool.query("CREATE INDEX IF NOT EXISTS peer_snapshots ON peer_events (session_id, tab, at) WHERE type = 2");

const statements = new Map<number, { name: string; text: string }>();

/** One statement for each number of rows. */
function insertOf(rows: number): { name: string; text: string } {
  let statement = statements.get(rows);
  if (!statement) {
    const row = (r: number) => `(${Array.from({ length: COLUMNS }, (_, c) => `$${r * COLUMNS + c + 1}`).join(",")})`;
    const values = Array.from({ length: rows }, (_, r) => row(r)).join(",");
    const text = `INSERT INTO peer_events (session_id, tab, seq, ordinal, started_on, received_at, type, at, data)
      VALUES ${values} ON CONFLICT DO NOTHING`;
    statement = { name: `insert${rows}`, text };
    statements.set(rows, statement);
  }
  return statement;
}

const app = Fastify();
await app.register(websocket, { options: { perMessageDeflate: false, maxPayload: 8 * 1024 * 1024 } });
app.get("/ws", { websocket: true }, (socket) => {
  let sessionId = "";
  socket.on("message", (bytes: Buffer) => {
    const message = JSON.parse(bytes.toString("utf8")) as Message;
    if (message.type === "session_start") {
      sessionId = message.data.sessionId ?? "";
      socket.send(JSON.stringify({ type: "session_started", data: { sessionId, tab: message.data.tab, upto: -1 } }));
      return;
    }
    const { tab, seq, events } = message.data;
    const values: unknown[] = [];
    const receivedAt = new Date();
    events.forEach((event, ordinal) => {
      values.push(sessionId, tab, seq, ordinal, today, receivedAt, event.type, event.timestamp, JSON.stringify(event.data));
    });
    const { name, text } = insertOf(events.length);
    pool.query(isPrepared ? { name, text, values } : { text, values }).then(
      () => socket.send(JSON.stringify({ type: "ack", data: { tab, upto: seq } })),
      (error: unknown) => socket.send(JSON.stringify({ type: "error", data: { message: String(error) } })),
    );
  });
});
await app.listen({ host: "127.0.0.1", port: 0 });
console.log(`listening on ${portOf(app.server.address())}`);

function portOf(address: unknown): number {
  return typeof address === "object" && address !== null && "port" in address ? Number(address.port) : 0;
}
