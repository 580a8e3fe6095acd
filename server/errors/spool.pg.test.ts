import { execFileSync } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ErrorsRoom, envelopeText, startErrorsRoom } from "../../test/harness/errors-room.ts";
import { createTestDatabase, startCluster, type TestCluster, type TestDatabase } from "../../test/harness/postgres.ts";
import { makeScratch } from "../../test/harness/scratch.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { systemClock } from "../clock.ts";

const ANY = { perMinute: null, perDay: null };
const idOf = (index: number) => index.toString(16).padStart(32, "0");
const eventOf = (index: number) => [{ type: "event" }, JSON.stringify({ message: `number ${index}` })] as const;
const send = (room: ErrorsRoom, index: number) => room.envelope({ event_id: idOf(index) }, [...eventOf(index)]);
const idsOf = async (room: ErrorsRoom) => (await room.intake()).map(({ head }) => head["event_id"]).sort();
const filesOf = (room: ErrorsRoom) => readdirSync(room.spoolFolder).sort();

describe("while Postgres is away", { timeout: 120_000 }, () => {
  let cluster: TestCluster;
  let room: ErrorsRoom;
  beforeEach(async () => {
    cluster = await startCluster();
    room = await startErrorsRoom(cluster.connection);
  });
  afterEach(async () => {
    await room.remove();
    await cluster.remove();
  });

  it("ERR-19 every envelope is answered with 200, and is in the intake once when Postgres is back, with its own time", async () => {
    let sent = 0;
    const statuses = new Set<number>();
    let isSending = true;
    const flood = async () => {
      while (isSending) statuses.add((await send(room, sent++)).status);
    };
    const senders = Array.from({ length: 8 }, flood);
    await waitFor(() => sent > 50);
    await cluster.stop("immediate");
    const from = Date.now();
    const before = sent;
    await waitFor(() => room.errors.status().isAway && sent > before + 200);
    const to = Date.now();
    expect(room.errors.status().spoolBytes).toBeGreaterThan(0);
    await cluster.start();
    await waitFor(() => !room.errors.status().isAway);
    const after = sent;
    await waitFor(() => sent > after + 50);
    isSending = false;
    await Promise.all(senders);
    await waitFor(() => room.errors.status().spoolBytes === 0);
    expect([...statuses]).toEqual([200]);
    expect(await idsOf(room)).toEqual(Array.from({ length: sent }, (_, index) => idOf(index)).sort());
    expect(filesOf(room)).toEqual([]);
    const times = await room.db.query<{ count: number }>("SELECT count(*) FROM intake WHERE received_at BETWEEN $1 AND $2", [
      new Date(from),
      new Date(to),
    ]);
    expect(times[0]?.count).toBeGreaterThan(150);
  });

  it("ERR-19 what was spooled before a restart is poured after it", async () => {
    expect((await send(room, 1)).status).toBe(200);
    await cluster.stop("immediate");
    const file: [object, string] = [{ type: "attachment", length: 3, filename: "a" }, "abc"];
    for (let index = 2; index < 12; index++) {
      expect((await room.envelope({ event_id: idOf(index) }, [...eventOf(index)], file)).status).toBe(200);
    }
    room = await room.restart();
    expect(await idsOf(room).catch(() => "away")).toBe("away");
    await cluster.start();
    await waitFor(() => room.errors.status().spoolBytes === 0);
    expect(await idsOf(room)).toEqual(Array.from({ length: 11 }, (_, index) => idOf(index + 1)).sort());
    expect(await room.db.query("SELECT 1 FROM attachments")).toHaveLength(10);
  });
});

describe("the spool", () => {
  let test: TestDatabase;
  let room: ErrorsRoom;
  beforeEach(async () => {
    test = await createTestDatabase();
    room = await startErrorsRoom(test.connection);
  });
  afterEach(async () => {
    await room.remove();
    await test.drop();
  });

  /** Spools some events, which nobody pours yet, and stops the room. */
  async function spoolAndStop(count: number): Promise<string> {
    room.keys.areKnown = false;
    for (let index = 0; index < count; index++) expect((await send(room, index)).status).toBe(200);
    await room.stop();
    const [name = ""] = filesOf(room);
    return join(room.spoolFolder, name);
  }

  it("ERR-22 takes what comes by a key that cannot be looked up, and pours what comes by a good one", async () => {
    room.keys.areKnown = false;
    expect((await send(room, 1)).status).toBe(200);
    expect(
      (await room.send(`/api/1/envelope/?sentry_key=${"0".repeat(32)}`, envelopeText({ event_id: idOf(2) }, [...eventOf(2)])))
        .status,
    ).toBe(200);
    expect((await room.send("/api/2/envelope/", envelopeText({ event_id: idOf(3) }, [...eventOf(3)]))).status).toBe(200);
    expect(await idsOf(room)).toEqual([]);
    room = await room.restart();
    await waitFor(() => room.errors.status().spoolBytes === 0);
    expect(await idsOf(room)).toEqual([idOf(1)]);
  });

  it("ERR-22 those whose keys cannot be looked up use up nobody's quota, and leave half of the spool to the others", async () => {
    await room.remove();
    // A quota is of a minute: it must not be over in between.
    const standing = Date.now();
    room = await startErrorsRoom(test.connection, {
      clock: { ...systemClock, now: () => standing },
      maxSpoolBytes: 64 * 1024,
      quotas: { errors: { perMinute: 1, perDay: null }, replays: ANY, feedback: ANY, attachments: ANY },
    });
    room.keys.areKnown = false;
    const large = (index: number) =>
      room.envelope({ event_id: idOf(index) }, [{ type: "event" }, JSON.stringify({ text: "x".repeat(20_000) })]);
    expect((await large(1)).status).toBe(200);
    expect((await large(2)).status).toBe(503);
    room.keys.areKnown = true;
    expect((await send(room, 3)).status).toBe(200);
    expect((await send(room, 4)).status).toBe(429);
  });

  it("ERR-20 a record that was not finished ends its file, and nothing before it is lost", async () => {
    const path = await spoolAndStop(5);
    truncateSync(path, readFileSync(path).length - 7);
    room = await room.restart();
    await waitFor(() => room.errors.status().spoolBytes === 0);
    expect(await idsOf(room)).toEqual([0, 1, 2, 3].map(idOf));
  });

  it("ERR-20 garbage in the folder harms nothing", async () => {
    const path = await spoolAndStop(3);
    appendFileSync(path, Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    writeFileSync(join(room.spoolFolder, "notes.txt"), "not ours");
    writeFileSync(path.replace(/[^/]+$/, "000000000000001-1-00000000-0000-0000-0000-000000000000.spool"), "");
    room = await room.restart();
    await waitFor(
      () => filesOf(room).join() === "notes.txt" || (room.errors.status().spoolBytes === 0 && filesOf(room).length === 2),
    );
    expect(await idsOf(room)).toEqual([0, 1, 2].map(idOf));
  });

  it("ERR-20 a damaged record ends its file, which is kept for whoever looks after the disk", async () => {
    const path = await spoolAndStop(5);
    const bytes = readFileSync(path);
    const from = bytes.indexOf("number 2");
    bytes.write("n0mber 2", from);
    writeFileSync(path, bytes);
    room = await room.restart();
    await waitFor(() => filesOf(room).join().endsWith(".spool.damaged"));
    expect(room.errors.status().spoolBytes).toBe(0);
    expect(await idsOf(room)).toEqual([0, 1].map(idOf));
  });

  it("ERR-25 what the database refuses for what it is does not stop the spool", async () => {
    await spoolAndStop(5);
    await test.database.query("ALTER TABLE intake ADD CONSTRAINT no_three CHECK (head->>'event_id' NOT LIKE '%3')");
    room = await room.restart();
    await waitFor(() => room.errors.status().spoolBytes === 0);
    expect(await idsOf(room)).toEqual([0, 1, 2, 4].map(idOf));
  });

  it("ERR-23 a file is poured once, whoever pours it and however often", async () => {
    const path = await spoolAndStop(4);
    const copy = readFileSync(path);
    room = await room.restart();
    await waitFor(() => room.errors.status().spoolBytes === 0);
    await room.stop();
    // As after a kill between the commit and the removal of the file.
    writeFileSync(path, copy);
    const others = await Promise.all([0, 1].map(() => startErrorsRoom(test.connection, { spoolFolder: room.spoolFolder })));
    room = others[0] ?? room;
    await waitFor(() => others.every((one) => one.errors.status().spoolBytes === 0) && filesOf(room).length === 0);
    expect(await idsOf(room)).toEqual([0, 1, 2, 3].map(idOf));
    await others[1]?.stop();
  });

  it("ERR-21 one that is full refuses, without a word that would silence an SDK", async () => {
    await room.stop();
    room = await startErrorsRoom(test.connection, { spoolFolder: room.spoolFolder, maxSpoolBytes: 2_000 });
    room.keys.areKnown = false;
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => send(room, index)));
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(5);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(2);
    expect(refused.every((answer) => answer.headers.get("retry-after") === null)).toBe(true);
  });

  it("ERR-21 a disk that takes a part, or nothing, is a refusal, gets no fuller, and what lies there stays whole", () => {
    const folder = makeScratch("wb-spool-");
    const spool = JSON.stringify(new URL("spool.ts", import.meta.url).href);
    const program = `
      const { openSpool } = await import(${spool});
      const log = { warn() {}, error() {} };
      const spool = await openSpool({ folder: ${JSON.stringify(folder)}, maxBytes: 1e9, log });
      const row = (bytes) => [{ key: "k", isUncertain: false, row: { projectId: 1, receivedAt: 0, kind: "event", head: {}, body: new Uint8Array(bytes) } }];
      const told = [];
      for (const bytes of [1000, 200000, 200000, 1000, 200000]) told.push(await spool.append(row(bytes)).then(() => "kept", (error) => error.kind));
      console.log(JSON.stringify({ told, files: (await spool.close()).map(({ bytes }) => bytes) }));`;
    // No file of this process may have more than 100 KiB: the write fails as it does on a full disk.
    const said = execFileSync(
      "bash",
      ["-c", 'ulimit -f 100 && exec "$0" --import tsx --input-type=module -e "$1"', process.execPath, program],
      { encoding: "utf8" },
    );
    const { told, files } = JSON.parse(said) as { told: string[]; files: number[] };
    expect(told).toEqual(["kept", "overload", "overload", "kept", "overload"]);
    expect(readdirSync(folder).map((name) => statSync(join(folder, name)).size)).toEqual(files);
    expect(files).toHaveLength(2);
    rmSync(folder, { recursive: true });
  });

  it("ERR-24 takes what the database does not take in time", async () => {
    let unlock: () => void = () => undefined;
    const locked = new Promise<void>((resolve) => (unlock = resolve));
    let isLocked: () => void = () => undefined;
    const locking = new Promise<void>((resolve) => (isLocked = resolve));
    const holder = test.database.transaction(async (tx) => {
      await tx.query("LOCK TABLE intake IN ACCESS EXCLUSIVE MODE");
      isLocked();
      await locked;
    });
    await locking;
    expect((await send(room, 1)).status).toBe(200);
    unlock();
    await holder;
    await waitFor(() => room.errors.status().spoolBytes === 0 && !room.errors.status().isAway);
    // The write that hung got through as well; the digest takes an event id once.
    expect(new Set(await idsOf(room))).toEqual(new Set([idOf(1)]));
  });

  it("ERR-25 what the database refuses for what it is does not take its neighbours down", async () => {
    await room.db.query("ALTER TABLE intake ADD CONSTRAINT no_thirteen CHECK (head->>'event_id' NOT LIKE '%d')");
    const answers = await Promise.all(Array.from({ length: 32 }, (_, index) => send(room, index)));
    const failed = answers.flatMap(({ status }, index) => (status === 200 ? [] : [[index, status]]));
    expect(failed).toEqual([
      [13, 500],
      [29, 500],
    ]);
    expect(await idsOf(room)).toHaveLength(30);
  });
});
