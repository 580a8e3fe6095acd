/** A mail server that takes everything: as much of SMTP (RFC 5321) as a client needs to hand over mail, without TLS. */

import { once } from "node:events";
import { createServer, type Socket } from "node:net";

/** A mail as it came. */
export interface SunkMail {
  from: string;
  to: string[];
  /** Headers and body, with dots at the beginnings of lines undoubled. */
  text: string;
}

export interface MailSink {
  port: number;
  mails: readonly SunkMail[];
  /** Every line that clients said outside of mails. */
  said: readonly string[];
  close(): Promise<void>;
}

/** Opens it on a free port. */
export async function openMailSink(): Promise<MailSink> {
  const mails: SunkMail[] = [];
  const said: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
    converse(socket, mails, said);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    mails,
    said,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function converse(socket: Socket, mails: SunkMail[], said: string[]): void {
  let held = "";
  let mail: SunkMail = { from: "", to: [], text: "" };
  let isData = false;
  const say = (line: string) => socket.write(`${line}\r\n`);
  const hear = (line: string) => {
    said.push(line);
    const [verb = ""] = line.toUpperCase().split(/[ :]/);
    const path = /<([^>]*)>/.exec(line)?.[1] ?? "";
    switch (verb) {
      case "EHLO":
        say("250-sink.example");
        return say("250-AUTH PLAIN LOGIN");
      case "MAIL":
        mail = { from: path, to: [], text: "" };
        return say("250 go on");
      case "RCPT":
        mail.to.push(path);
        return say("250 go on");
      case "DATA":
        isData = true;
        return say("354 until a dot");
      case "STARTTLS":
        return say("502 not here");
      case "QUIT":
        say("221 bye");
        return socket.end();
      default:
        return say("250 fine");
    }
  };
  say("220 sink.example");
  socket.setEncoding("utf8").on("data", (piece: string) => {
    held += piece;
    for (;;) {
      const end = held.indexOf(isData ? "\r\n.\r\n" : "\r\n");
      if (end < 0) return;
      const taken = held.slice(0, end);
      held = held.slice(end + (isData ? 5 : 2));
      if (isData) {
        isData = false;
        mails.push({ ...mail, text: taken.replace(/^\.\./gm, ".") });
        say("250 taken");
      } else {
        hear(taken);
        if (/^EHLO/i.test(taken)) say("250 8BITMIME");
      }
    }
  });
}
