import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { waitFor } from "../harness/wait.ts";
import { openClient } from "../integration/running-app.ts";

const CARD = "4111 1111 1111 1111";

let app: TestApp;
let db: pg.Client;

beforeAll(async () => {
  app = await startApp();
  db = new pg.Client({ connectionString: app.databaseUrl ?? "" });
  await db.connect();
});

afterAll(async () => {
  await db.end();
  await app.remove();
});

/** Sends a batch whose payload holds a card number, and gives back what is stored of it. */
async function storedText(sessionId: string): Promise<string> {
  const tracker = await openClient(app.baseUrl, `type=tracker&key=${app.projectKey}`);
  const at = Date.now();
  const payload = new TextEncoder().encode(
    JSON.stringify([{ type: 5, timestamp: at, data: { tag: "a", payload: `card ${CARD}` } }]),
  );
  tracker.pack("session_start", { sessionId, tab: "t", url: "https://shop.example/" });
  await tracker.next("session_started");
  const header = { tab: "t", seq: 0, firstAt: at, lastAt: at, count: 1, encoding: "json", rawBytes: payload.length };
  tracker.pack("events_batch", { ...header, payload });
  await tracker.next("ack");
  await tracker.close();
  const { rows } = await db.query<{ payload: Buffer }>("SELECT payload FROM session_events WHERE session_id = $1", [sessionId]);
  return rows[0]?.payload.toString() ?? "";
}

describe("the built server", () => {
  it("PRV-19 finds its thread: payloads are redacted, and leak scans run", async () => {
    expect(await storedText("built-before")).toContain(CARD);
    await db.query(`UPDATE projects SET redaction = '{"payloads": true}'`);
    let n = 0;
    await waitFor(async () => (await storedText(`built-${++n}`)).includes("[Filtered]"), { timeoutMs: 15_000 });
    const { rows } = await db.query<{ id: number }>("SELECT id FROM projects");
    const token = await app.createToken();
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const scans = `${app.baseUrl}/v1/projects/${rows[0]?.id}/leak-scans`;
    const made: unknown = await (await fetch(scans, { method: "POST", headers, body: "{}" })).json();
    const id = typeof made === "object" && made !== null && "id" in made ? Number(made.id) : 0;
    const read = async () =>
      (await fetch(`${scans}/${id}`, { headers })).json() as Promise<{
        state: string;
        findings: { sessionId: string; kind: string }[];
      }>;
    await waitFor(async () => (await read()).state === "done", { timeoutMs: 15_000 });
    const found = (await read()).findings.filter(({ kind }) => kind === "card").map(({ sessionId }) => sessionId);
    expect(found).toContain("built-before");
    expect(found).not.toContain(`built-${n}`);
    expect(app.output()).not.toMatch(/thread of privacy/);
  });
});
