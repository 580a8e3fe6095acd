/** An HTTP server that keeps what is posted to it. */

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";

/** A request as it came. */
export interface HookCall {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The address of ours that it came to. */
  localAddress: string;
}

export interface HookServer {
  /** `http://127.0.0.1:<port>` */
  url: string;
  port: number;
  calls: readonly HookCall[];
  close(): Promise<void>;
}

/** Opens it on a free port; `answer` is 204 unless told otherwise. */
export async function openHookServer(
  answer: (response: ServerResponse, call: HookCall) => void = (response) => void response.writeHead(204).end(),
  { host = "127.0.0.1", port = 0 }: { host?: string; port?: number } = {},
): Promise<HookServer> {
  const calls: HookCall[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const localAddress = request.socket.localAddress ?? "";
      const call = { method, path: url, headers, body: Buffer.concat(pieces).toString("utf8"), localAddress };
      calls.push(call);
      answer(response, call);
    });
  });
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://${host}:${bound}`,
    port: bound,
    calls,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Opens one for the test that runs; it is closed when that is over. */
export async function useHookServer(...args: Parameters<typeof openHookServer>): Promise<HookServer> {
  const server = await openHookServer(...args);
  onTestFinished(() => server.close());
  return server;
}
