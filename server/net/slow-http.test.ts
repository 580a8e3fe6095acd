import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { BARE_KEY, startBareNet, type BareNet } from "../../test/harness/bare-net.ts";
import { maySee } from "../auth/auth.ts";
import type { Route } from "./route.ts";

const PIECE = new Uint8Array(64 * 1024);
let piecesMade = 0;
let deeds = 0;
async function* slowly(): AsyncGenerator<Uint8Array> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    piecesMade++;
    yield PIECE;
  }
}

const common = { access: "signed-in", summary: "" } as const;
const routes: Route[] = [
  { ...common, method: "POST", path: "/deed", handle: () => ({ json: { deeds: ++deeds } }) },
  {
    ...common,
    method: "GET",
    path: "/stream",
    handle: () => ({ contentType: "text/plain", stream: slowly(), mayGoOn: (identity) => maySee(identity, 1) }),
  },
];

let bare: BareNet;
let port = 0;
const sockets: Socket[] = [];

/** What one raw connection was told, and whether it was cut. */
function talk(...lines: string[]) {
  const socket = connect(port, "127.0.0.1");
  const heard = { text: "", isClosed: false };
  socket.on("data", (bytes) => (heard.text += bytes.toString("latin1")));
  socket.on("close", () => (heard.isClosed = true));
  socket.on("error", () => undefined);
  socket.write(lines.join("\r\n"));
  sockets.push(socket);
  return { socket, heard };
}

beforeAll(async () => {
  // An address may send 100 bytes, and hardly more later.
  const address = { perSecond: 1_000, burst: 1_000, bytesPerSecond: 0.001, burstBytes: 100 };
  bare = await startBareNet(routes, { address });
  port = Number(new URL(bare.base).port);
});
afterEach(() => {
  bare.access.isSignedIn = true;
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => bare.stop());

it("NET-58 does for the sender of a slow body what he may do when it is whole", async () => {
  const { socket, heard } = talk(
    "POST /deed HTTP/1.1",
    "Host: x",
    "Cookie: in=1",
    "Content-Type: application/json",
    "Content-Length: 2",
    "",
    "{",
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  bare.access.isSignedIn = false;
  socket.write("}");
  await expect.poll(() => heard.text).toMatch(/^HTTP\/1\.1 401 /);
  expect(deeds).toBe(0);
});

it("NET-59 ends a long answer within 5 s of the right to read it, and not before", async () => {
  const { heard } = talk("GET /stream HTTP/1.1", "Host: x", "Cookie: in=1", "", "");
  await expect.poll(() => piecesMade, { timeout: 10_000 }).toBeGreaterThan(30);
  expect(heard.isClosed).toBe(false);
  bare.access.isSignedIn = false;
  await expect.poll(() => heard.isClosed, { timeout: 5_000 }).toBe(true);
  const made = piecesMade;
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(piecesMade).toBe(made);
});

it("NET-57 refuses a length that is told twice, or is none, and ends the connection; nothing of it moves a bound", async () => {
  const path = `POST /v1/ingest?key=${BARE_KEY} HTTP/1.1`;
  const unclear = [
    ["Content-Length: 2", "Content-Length: x"],
    ["Content-Length: 2", "Content-Length: 0"],
    ["Content-Length:", "Transfer-Encoding: chunked"],
    ["Content-Length: abc"],
    ["Content-Length: -1"],
    ["Content-Length: 2", "Transfer-Encoding: chunked"],
  ];
  for (const lengths of unclear) {
    for (const start of [path, "POST /nothing HTTP/1.1", "GET /health HTTP/1.1"]) {
      const { heard } = talk(start, "Host: x", ...lengths, "", "{}");
      await expect.poll(() => heard.isClosed, { message: `${start} ${lengths.join()}` }).toBe(true);
      expect(heard.text).toMatch(/^HTTP\/1\.1 400 /);
    }
  }
  // The address has its bytes still, and no more than that.
  const post = () => fetch(`${bare.base}/v1/ingest?key=${BARE_KEY}`, { method: "POST", body: "x".repeat(150) });
  expect((await post()).status).toBe(400);
  expect((await post()).status).toBe(429);
});
