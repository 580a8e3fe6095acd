import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BARE_KEY as KEY, startBareNet, type BareNet } from "../../test/harness/bare-net.ts";

let bare: BareNet;
let base = "";

beforeAll(async () => {
  bare = await startBareNet();
  base = bare.base;
});
afterAll(() => bare.stop());

const body = async (response: Response): Promise<Record<string, unknown>> => {
  const value: unknown = await response.json();
  return Object.fromEntries(Object.entries(value as object));
};

describe("files", () => {
  it("NET-17 serves the tracker to every origin, with ETag and a short age, also under the operator's path", async () => {
    for (const path of ["/tracker.js", "/w.js"]) {
      const response = await fetch(base + path);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(response.headers.get("content-type")).toContain("javascript");
      const etag = response.headers.get("etag") ?? "";
      expect((await fetch(base + path, { headers: { "If-None-Match": etag } })).status).toBe(304);
    }
    expect((await fetch(`${base}/tracker.mjs`)).status).toBe(404);
  });

  it("NET-18 serves the viewer under the strict policy, its pages by any path, hashed assets for ever", async () => {
    const html = { Accept: "text/html,*/*" };
    for (const path of ["/", "/sessions/abc"]) {
      const page = await fetch(base + path, { headers: html });
      expect(await page.text()).toContain("viewer");
      expect(page.headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self';");
    }
    const session = await fetch(`${base}/sessions/abc`, { headers: html });
    expect(await session.text()).toContain("viewer of a session");
    expect(session.headers.get("link")).toContain("</v1/sessions/abc>; rel=preload; as=fetch; crossorigin");
    for (const path of ["/", "/sessions/a%3E%2Cb", "/sessions/abc/x"]) {
      expect((await fetch(base + path, { headers: html })).headers.get("link"), path).toBeNull();
    }
    expect(await body(await fetch(`${base}/`))).toMatchObject({ name: "watchback" });
    const asset = await fetch(`${base}/assets/app-1a2b.js`, { headers: { "Accept-Encoding": "br" } });
    expect(asset.headers.get("cache-control")).toContain("immutable");
    expect(asset.headers.get("content-encoding")).toBe("br");
    expect(await asset.text()).toContain("export const x");
    expect((await fetch(`${base}/assets/gone.js`, { headers: html })).status).toBe(404);
    expect((await fetch(`${base}/v1/gone`, { headers: html })).status).toBe(404);
  });

  it("NET-19 serves the demo page under default-src 'self', with the project's key in it", async () => {
    for (const path of ["/demo", "/demo/"]) {
      const page = await fetch(base + path);
      expect(page.headers.get("content-security-policy")).toBe("default-src 'self'");
      expect(await page.text()).toContain(KEY);
    }
  });

  it("NET-20 never leaves its folders", async () => {
    const raw = (path: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(Number(new URL(base).port), "127.0.0.1");
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk.toString();
          // What more there is follows at once.
          socket.setTimeout(500, () => socket.destroy());
        });
        socket.on("close", () => resolve(text));
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      });
    for (const path of [
      "/../secret.txt",
      "/demo/../../secret.txt",
      "/demo/%2e%2e/secret.txt",
      "/demo/..%2fsecret.txt",
      "/demo/%00",
      "/.env",
    ]) {
      const text = await raw(path);
      expect(text, path).toContain("404");
      expect(text).not.toContain("secret");
    }
  });
});
