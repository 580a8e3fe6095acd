/** Why a port cannot be opened: uWebSockets.js only says that it could not, so that Node is asked to try the same. */

import { createServer } from "node:net";

/** A sentence for people, with what to do; where Node can open it now, somebody had it a moment ago. */
export async function explainPort(host: string, port: number): Promise<string> {
  const where = `Port ${port}${host === "" ? "" : ` on ${host}`} cannot be opened:`;
  switch (await tryPort(host, port)) {
    case "EACCES":
      return `${where} this account may not use it. Set PORT to 1024 or higher.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return `${where} this machine has no such address. Set HOST to one that it has, or to nothing for all of them.`;
    default:
      return `${where} another program has it. Stop that one, or set PORT.`;
  }
}

function tryPort(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => {
      resolve("code" in error && typeof error.code === "string" ? error.code : null);
    });
    server.listen({ port, exclusive: true, ...(host === "" ? {} : { host }) }, () => server.close(() => resolve(null)));
  });
}
