import { randomBytes } from "node:crypto";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { withClient } from "../../server/db/connection.ts";
import { canMount, startOnSmallDisk, type SmallDisk } from "../harness/small-disk.ts";
import { type Client, EMAIL, KEY, openClient, PASSWORD, postJson, readObject } from "./running-app.ts";

const MIB = 1024 * 1024;
/** Between two batches of 400 KB. */
const PACE_MS = 50;
/** What deflate cannot make smaller. */
const event = () => ({ type: 5, timestamp: Date.now(), data: { noise: randomBytes(300_000).toString("base64") } });

async function visit({ base }: SmallDisk, sessionId: string): Promise<Client> {
  const tracker = await openClient(base, `type=tracker&key=${KEY}`);
  tracker.say("session_start", { sessionId, resumeToken: "0123456789abcdef", url: "https://shop.example/" });
  await tracker.next("session_started");
  return tracker;
}

async function signIn({ base }: SmallDisk): Promise<string> {
  const answer = await postJson(`${base}/auth/login`, { email: EMAIL, password: PASSWORD });
  expect(answer.status).toBe(200);
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}

const health = async ({ base }: SmallDisk) => readObject(await fetch(`${base}/health`));
const storedSeqs = async ({ base }: SmallDisk, cookie: string, sessionId: string) => {
  const { session } = (await readObject(await fetch(`${base}/v1/sessions/${sessionId}`, { headers: { Cookie: cookie } }))) as {
    session: { batchCount: number };
  };
  return session.batchCount;
};

/** Nothing but the disk holds up who sends, in some megabytes a second. */
const OPEN_GATES = {
  RATE_LIMIT_REQUESTS_PER_SEC: "100000",
  RATE_LIMIT_BURST: "100000",
  RATE_LIMIT_KB_PER_SEC: "10000000",
  RATE_LIMIT_KB_BURST: "10000000",
};
const env = { CREATE_SUPERUSER: `${EMAIL}:${PASSWORD}`, DEFAULT_PROJECT_KEY: KEY, LOG_LEVEL: "error", ...OPEN_GATES };

describe.skipIf(!canMount())("a real disk that fills up", () => {
  it(
    "RET-13 the guard stops payloads before it is full; signing in, viewing and erasing go on; it opens by itself",
    { timeout: 240_000 },
    async () => {
      const disk = await startOnSmallDisk(420, { ...env, MIN_FREE_DISK_MB: "120" });
      try {
        const filler = await visit(disk, "filler");
        const other = await visit(disk, "other");
        let acked = -1;
        const refusals: Record<string, unknown>[] = [];
        for (let seq = 0; refusals.length === 0; seq++) {
          await setTimeout(PACE_MS);
          filler.say("events_batch", { events: [event()] });
          await expect
            .poll(
              () => {
                for (const { type, data } of filler.heard.splice(0)) {
                  if (type === "ack") acked = Number(data["upto"]);
                  if (type === "error") refusals.push(data);
                }
                return refusals.length > 0 || acked === seq;
              },
              { timeout: 20_000, interval: 5 },
            )
            .toBe(true);
        }
        expect(refusals[0]).toMatchObject({ code: "overload", retryAfterMs: 10_000 });
        expect(acked).toBeGreaterThan(10);
        const cookie = await signIn(disk);
        expect(statfsSync(disk.dataDir).bavail * statfsSync(disk.dataDir).bsize).toBeGreaterThan(30 * MIB);
        expect(
          (await readObject(await fetch(`${disk.base}/v1/sessions`, { headers: { Cookie: cookie } })))["sessions"],
        ).toHaveLength(2);
        expect((await fetch(`${disk.base}/v1/sessions/filler/batches`, { headers: { Cookie: cookie } })).status).toBe(200);
        const erased = await fetch(`${disk.base}/v1/sessions/filler`, {
          method: "DELETE",
          headers: { Cookie: cookie, Origin: disk.base },
        });
        expect(await readObject(erased)).toMatchObject({ erased: true, batches: acked + 1 });
        await expect.poll(async () => (await health(disk))["status"], { timeout: 60_000, interval: 250 }).toBe("ok");
        other.say("events_batch", { events: [event()] });
        expect(await other.next("ack")).toMatchObject({ upto: 0 });
        expect(await storedSeqs(disk, cookie, "other")).toBe(1);
        await other.close();
      } finally {
        await disk.stop();
      }
    },
  );

  it(
    "RET-14 without the guard Postgres runs out of space (ENOSPC): nothing acknowledged is lost, and it heals when there is room",
    { timeout: 240_000 },
    async () => {
      const disk = await startOnSmallDisk(420, { ...env, MIN_FREE_DISK_MB: "0" });
      try {
        const filler = join(disk.dataDir, "filler");
        writeFileSync(filler, Buffer.alloc(200 * MIB));
        const tracker = await visit(disk, "until-full");
        let acked = -1;
        const isAcked = (seq: number) => {
          for (const { type, data } of tracker.heard.splice(0)) if (type === "ack") acked = Number(data["upto"]);
          return acked >= seq;
        };
        const isDown = async () => (await health(disk))["status"] === "down";
        let sent = 0;
        while (!(await isDown())) {
          tracker.say("events_batch", { events: [event()] });
          sent++;
          await expect.poll(async () => isAcked(sent - 1) || (await isDown()), { timeout: 60_000, interval: 5 }).toBe(true);
        }
        expect(acked).toBeGreaterThan(10);
        rmSync(filler);
        await expect.poll(isDown, { timeout: 90_000, interval: 250 }).toBe(false);
        // What was held meanwhile is written, and what comes now as well.
        await expect.poll(() => isAcked(sent - 1), { timeout: 60_000 }).toBe(true);
        tracker.say("events_batch", { events: [event()] });
        await expect.poll(() => isAcked(sent), { timeout: 60_000 }).toBe(true);
        const stored = await withClient(
          { host: join(disk.dataDir, "run"), database: "watchback", user: "watchback" },
          async (client) => (await client.query<{ seq: number }>("SELECT seq FROM session_events ORDER BY seq")).rows,
        );
        expect(stored.map(({ seq }) => seq)).toEqual(Array.from({ length: acked + 1 }, (_, seq) => seq));
        await tracker.close();
      } finally {
        await disk.stop();
      }
    },
  );
});
