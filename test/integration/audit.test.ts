import { expect, it } from "vitest";
import { startCluster } from "../harness/postgres.ts";
import { waitFor } from "../harness/wait.ts";
import { EMAIL, KEY, openClient, readObject, rrwebEvents, runApp } from "./running-app.ts";

it("AUD-15 who watched whom is in the log: live, as a replay, and live while Postgres was away", async () => {
  const cluster = await startCluster();
  const app = await runApp({ DATABASE_URL: cluster.url });
  try {
    const cookie = await app.signIn();
    const get = (path: string) => fetch(app.base + path, { headers: { Cookie: cookie } });
    const entriesOf = async (sessionId: string) => {
      const { entries } = await readObject(await get(`/v1/audit?subject=${sessionId}`));
      return Array.isArray(entries) ? (entries as Record<string, unknown>[]) : [];
    };
    const tracker = async (sessionId: string) => {
      const client = await openClient(app.base, `type=tracker&key=${KEY}`);
      client.say("session_start", { sessionId, url: "https://shop.example/", userId: "ada" });
      client.say("events_batch", { events: rrwebEvents(Date.now()) });
      await client.next("ack");
      return client;
    };
    const trackers = [await tracker("audit-one"), await tracker("audit-two")];
    const viewer = await openClient(app.base, "type=viewer", { headers: { Cookie: cookie, Origin: app.base } });
    viewer.say("viewer_join_session", { sessionId: "audit-one" });
    await viewer.next("session_joined");
    for (let from = 0; from < 3; from++) await (await get(`/v1/sessions/audit-one/batches?from=${from}`)).arrayBuffer();
    const about = { peer: "127.0.0.1", subject: { kind: "session", id: "audit-one" }, personId: "ada" };
    const actor = { kind: "user", name: EMAIL };
    expect(await entriesOf("audit-one")).toMatchObject([
      { ...about, action: "session_replayed", actor, data: { kind: "replay", by: "batches" } },
      { ...about, action: "session_watched", actor, data: { kind: "live", by: "feed" } },
    ]);

    await cluster.stop("immediate");
    await expect.poll(async () => (await fetch(`${app.base}/health`)).status, { timeout: 10_000 }).toBe(503);
    const from = Date.now();
    viewer.say("viewer_join_session", { sessionId: "audit-two" });
    await viewer.next("session_joined");
    await viewer.next("events_batch", ({ sessionId }) => sessionId === "audit-two");
    const to = Date.now();
    expect((await get("/v1/sessions/audit-two/batches")).status).toBe(503);
    await cluster.start();
    const [entry] = await waitFor(async () => {
      const entries = await entriesOf("audit-two").catch(() => []);
      return entries.length > 0 ? entries : null;
    });
    expect(entry).toMatchObject({ action: "session_watched", personId: "ada", actor });
    expect(entry?.["at"]).toBeGreaterThanOrEqual(from);
    expect(entry?.["at"]).toBeLessThanOrEqual(to);
    await Promise.all([viewer.close(), ...trackers.map((one) => one.close())]);
  } finally {
    await app.stop();
    await cluster.remove();
  }
});
