/**
 * The store alone: 2 KB rows through the real `server/store` into the real partitioned, keyed table, against binary COPY of the very same
 * rows into the same table by psql. The rounds take turns, so that both see the same machine.
 */

import { randomBytes } from "node:crypto";
import { systemClock } from "../../server/clock.ts";
import type { ConnectionOptions } from "../../server/db/connection.ts";
import { migrate } from "../../server/db/migrate.ts";
import { createDatabase } from "../../server/db/pool.ts";
import { silentLogger } from "../../server/log.ts";
import { createStore, type BatchRow, type Store } from "../../server/store/store.ts";
import { createSessionId, createTabId } from "../../protocol/ids.ts";
import { emptyTable, exportRows } from "../copy-floor.ts";
import { BATCH_EVENTS } from "../load/batches.ts";
import { median } from "../load/samples.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";

const ROWS = 100_000;
const SESSIONS = 200;
const PAYLOAD_BYTES = 2_000;
const ROUNDS = 3;

export async function store(rig: Rig): Promise<Figure> {
  const connection = await rig.createDatabase();
  await migrate(connection, silentLogger);
  const rows = makeRows();
  const ours: number[] = [];
  const floor: number[] = [];
  const writer = await openWriter(connection);
  await writer.write(rows); // makes the partition, and the rows that psql will copy
  const file = await exportRows(connection, ROWS);
  await file.copyOnce();
  let cpu = 0;
  for (let i = 0; i < ROUNDS; i++) {
    await emptyTable(connection);
    const before = process.cpuUsage();
    ours.push(await writer.write(rows));
    const used = process.cpuUsage(before);
    cpu += (used.user + used.system) / ROWS / ROUNDS;
    floor.push(await file.copyOnce());
  }
  await writer.close();
  file.remove();
  const rate = median(ours);
  const floorRate = median(floor);
  return {
    name: "store",
    title: `Store alone, rows of 2 KB into the partitioned table with its key, ${ROWS.toLocaleString("en-US")} rows a round`,
    head: ["way", "rows/s", "MB/s", "of the floor", "node us/row", "rounds"],
    rows: [
      [file.how, floorRate, (floorRate * PAYLOAD_BYTES) / 1e6, 1, "", floor.map(Math.round).join(" ")],
      [
        "server/store, a commit each 4 MB",
        rate,
        (rate * PAYLOAD_BYTES) / 1e6,
        rate / floorRate,
        cpu,
        ours.map(Math.round).join(" "),
      ],
    ],
    checks: [{ what: `of ${file.how}`, value: rate / floorRate, unit: "x", bar: { atLeast: 0.8 } }],
  };
}

/** The same rows for every round, as many sessions at work make them. */
function makeRows(): BatchRow[] {
  const now = Date.now();
  const startedOn = new Date(now).toISOString().slice(0, 10);
  const sessions = Array.from({ length: SESSIONS }, () => ({
    sessionId: createSessionId(now, randomBytes(10)),
    tab: createTabId(randomBytes(12)),
  }));
  return Array.from({ length: ROWS }, (_, i) => {
    const { sessionId, tab } = sessions[i % SESSIONS] ?? { sessionId: "", tab: "" };
    const seq = Math.floor(i / SESSIONS);
    return {
      sessionId,
      tab,
      seq,
      projectId: 1,
      startedOn,
      receivedAt: now,
      firstAt: now + seq * 1000,
      lastAt: now + seq * 1000 + 950,
      count: BATCH_EVENTS,
      checkout: seq % 60 === 0,
      encoding: "deflate-raw",
      rawBytes: PAYLOAD_BYTES * 4,
      payload: randomBytes(PAYLOAD_BYTES),
      markers: [],
      url: "https://shop.example/cart",
    };
  });
}

interface StoreWriter {
  /** Appends all rows, as fast as they are taken, and answers rows a second until the last one was durable. */
  write(rows: readonly BatchRow[]): Promise<number>;
  close(): Promise<void>;
}

async function openWriter(connection: ConnectionOptions): Promise<StoreWriter> {
  const db = createDatabase({ connection, log: silentLogger });
  let durable = 0;
  let refused = 0;
  let wake: () => void = () => undefined;
  const opened: Store = createStore({
    db,
    connection,
    clock: systemClock,
    log: silentLogger,
    events: {
      onDurable: (batches) => {
        durable += batches.length;
        wake();
      },
      onRefused: () => refused++,
      onStateChange: () => undefined,
    },
  });
  await opened.start();
  return {
    async write(rows) {
      durable = 0;
      const startAt = performance.now();
      let next = 0;
      while (durable < rows.length) {
        for (let row = rows[next]; row && opened.append(row); row = rows[next]) next++;
        await new Promise<void>((resolve) => (wake = resolve));
        if (refused > 0) throw new Error(`the store refused ${refused} rows`);
      }
      return (rows.length * 1000) / (performance.now() - startAt);
    },
    async close() {
      await opened.drain(5_000);
      await db.stop();
    },
  };
}
