import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../server/db/connection.ts";
import { startApp, type TestApp } from "../harness/app.ts";
import { waitFor } from "../harness/wait.ts";

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(async () => {
  await app.remove();
});

/** An envelope as Python's SDK writes it: gzipped whatever its size, with lengths, dashes in no id, and no key in the address. */
function pythonEnvelope(eventId: string): Uint8Array<ArrayBuffer> {
  const event = {
    event_id: eventId,
    level: "error",
    platform: "python",
    timestamp: new Date().toISOString(),
    exception: {
      values: [
        {
          type: "ZeroDivisionError",
          value: "division by zero",
          module: null,
          mechanism: { type: "excepthook", handled: false },
          stacktrace: {
            frames: [
              { filename: "app.py", abs_path: "/srv/app.py", function: "<module>", module: "__main__", lineno: 7, in_app: true },
            ],
          },
        },
      ],
    },
    sdk: { name: "sentry.python", version: "2.40.0", packages: [{ name: "pypi:sentry-sdk", version: "2.40.0" }] },
  };
  const payload = Buffer.from(JSON.stringify(event));
  const header = {
    event_id: eventId,
    sent_at: new Date().toISOString(),
    trace: { trace_id: eventId, environment: "production" },
  };
  const item = { type: "event", content_type: "application/json", length: payload.length };
  return new Uint8Array(
    gzipSync(Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n${JSON.stringify(item)}\n`), payload, Buffer.from("\n")])),
  );
}

function send(eventId: string, auth: string): Promise<Response> {
  return fetch(`${app.baseUrl}/api/1/envelope/`, {
    method: "POST",
    headers: { "Content-Type": "application/x-sentry-envelope", "Content-Encoding": "gzip", "X-Sentry-Auth": auth },
    body: pythonEnvelope(eventId),
  });
}

async function isDigested(eventId: string): Promise<boolean> {
  const count = await withClient({ connectionString: app.databaseUrl ?? "" }, async (client) => {
    const { rows } = await client.query<{ count: number }>(
      "SELECT count(*)::integer AS count FROM occurrences WHERE event_id = $1",
      [eventId],
    );
    return rows[0]?.count ?? 0;
  });
  expect(count).toBeLessThanOrEqual(1);
  return count === 1;
}

it.each([
  [
    "as Python's SDK writes it",
    (key: string) => `Sentry sentry_key=${key}, sentry_version=7, sentry_client=sentry.python/2.40.0`,
  ],
  ["without spaces, in another order", (key: string) => `Sentry sentry_version=7,sentry_client=custom/1.0,sentry_key=${key}`],
  ["with the secret of old", (key: string) => `Sentry sentry_version=5, sentry_key=${key}, sentry_secret=0123456789abcdef`],
  ["in small letters", (key: string) => `sentry sentry_key=${key} , sentry_client=a/b/c`],
])("SDK-5 a key in the header is taken: %s", async (_how, header) => {
  const eventId = randomUUID().replaceAll("-", "");
  const answer = await send(eventId, header(app.projectKey));
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ id: eventId });
  await waitFor(() => isDigested(eventId), { what: () => "the event to be digested" });
});

it("SDK-5 a wrong key in the header is refused, and so is none", async () => {
  const eventId = randomUUID().replaceAll("-", "");
  expect((await send(eventId, `Sentry sentry_key=${"0".repeat(32)}, sentry_version=7`)).status).toBe(403);
  expect((await send(eventId, "")).status).toBe(403);
});
