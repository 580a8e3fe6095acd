import { afterAll, beforeAll, expect, it } from "vitest";
import { KEY, readObject, runApp, type RunningApp } from "./running-app.ts";

let app: RunningApp;
beforeAll(async () => {
  app = await runApp();
});
afterAll(() => app.stop());

it("ERR-1 takes", async () => {
  const body = `{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}\n{"type":"event"}\n{"message":"x"}`;
  const response = await fetch(`${app.base}/api/1/envelope/?sentry_key=${KEY}`, { method: "POST", body });
  expect(response.status).toBe(200);
  expect(await readObject(response)).toEqual({ id: "9ec79c33ec9942ab8353589fcb2e04dc" });
});
