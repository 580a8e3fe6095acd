import { strToU8 } from "fflate";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(async () => {
  await app.remove();
});

it("MAP-15 the built server finds its thread: an upload is read", async () => {
  const headers = { Authorization: `Bearer ${await app.createToken()}` };
  const map = strToU8('{"version":3,"sources":["a.ts"],"names":[],"mappings":"AAAA"}');
  const address = `${app.baseUrl}/v1/projects/1/source-maps`;
  const answer = await fetch(`${address}?release=1&url=~/a.js`, { method: "POST", headers, body: Buffer.from(map) });
  expect(await answer.json()).toMatchObject({ bundle: { state: "ready", mapCount: 1 } });
  expect(await app.getJson("/v1/projects/1/source-maps")).toMatchObject({ bundles: [{ release: "1" }] });
});
