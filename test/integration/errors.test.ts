import { afterAll, beforeAll, expect, it } from "vitest";
import { envelopeText } from "../harness/errors-room.ts";
import { startCluster, type TestCluster } from "../harness/postgres.ts";
import { waitFor } from "../harness/wait.ts";
import { KEY, readObject, runApp, type RunningApp } from "./running-app.ts";

const idOf = (index: number) => index.toString(16).padStart(32, "0");

let cluster: TestCluster;
let app: RunningApp;
let cookie: string;
beforeAll(async () => {
  cluster = await startCluster();
  app = await runApp({ DATABASE_URL: cluster.url });
  cookie = await app.signIn();
});
afterAll(async () => {
  await app.stop();
  await cluster.remove();
});

const send = (index: number) => {
  const body = envelopeText({ event_id: idOf(index) }, [{ type: "event" }, JSON.stringify({ message: "whole" })]);
  return fetch(`${app.base}/api/1/envelope/?sentry_key=${KEY}&sentry_client=a.b%2F1.0`, { method: "POST", body });
};
const report = async () => readObject(await fetch(`${app.base}/v1/projects/1/intake`, { headers: { Cookie: cookie } }));

it("ERR-26 the first event is seen by who waits for it", async () => {
  expect(await report()).toMatchObject({ firstEventAt: null, lastSdk: null, acceptedByCategory: {} });
  const answer = await send(1);
  expect([answer.status, await answer.json()]).toEqual([200, { id: idOf(1) }]);
  const seen = await report();
  expect(seen).toMatchObject({ lastSdk: { name: "a.b", version: "1.0" }, acceptedByCategory: { error: 1 } });
  expect(typeof seen["firstEventAt"]).toBe("number");
  await waitFor(async () => (await report())["waiting"] === 0);
});

it(
  "ERR-19 the whole app answers 200 while Postgres is away, and nothing is lost or there twice",
  { timeout: 120_000 },
  async () => {
    await cluster.stop("immediate");
    const answers = [];
    for (let index = 2; index < 60; index++) answers.push((await send(index)).status);
    expect(new Set(answers)).toEqual(new Set([200]));
    expect((await fetch(`${app.base}/health`)).status).toBe(503);
    await cluster.start();
    const seen = await waitFor(
      async () => {
        const now = await report().catch(() => null);
        const issues =
          now?.["waiting"] === 0 ? await fetch(`${app.base}/v1/issues?project=1`, { headers: { Cookie: cookie } }) : null;
        const list = issues?.ok === true ? ((await issues.json()) as { issues: { occurrenceCount: number }[] }).issues : [];
        return list.reduce((sum, { occurrenceCount }) => sum + occurrenceCount, 0) >= 59 ? list : null;
      },
      { timeoutMs: 90_000 },
    );
    expect(seen.map(({ occurrenceCount }) => occurrenceCount)).toEqual([59]);
  },
);
