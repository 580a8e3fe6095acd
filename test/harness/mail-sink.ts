/** A mail server that takes everything: as much of SMTP (RFC 5321) as a client needs to hand over mail, without TLS. */

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { MailWay } from "../../server/alerts/alerts.ts";

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

/** Opens one for the test that runs, on a free port; it is closed when that is over. */
export async function useMailSink(): Promise<MailSink> {
  const sink = await openMailSink();
  onTestFinished(() => sink.close());
  return sink;
}

/** The way to it, as the configuration of the server says it; the password is the name. */
export function mailBy(port: number, user = ""): MailWay {
  return { host: "127.0.0.1", port, secure: false, user, password: user, from: "watchback@example.com" };
}

async function openMailSink(): Promise<MailSink> {
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
