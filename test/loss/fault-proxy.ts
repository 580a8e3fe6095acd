/** A TCP proxy that misbehaves on demand, as networks do. Each listening proxy has one target, which may change. */

import { connect, createServer, type Server, type Socket } from "node:net";

/** Where what is read goes: on; kept back for later; nowhere; or on in crumbs. */
type Mode = "forward" | "hold" | "drop" | "trickle";

const CRUMB_BYTES = 7;
const MAX_CRUMBS = 40;

interface Pair {
  client: Socket;
  server: Socket;
}

export class FaultProxy {
  target: number;
  private readonly listener: Server;
  private readonly pairs = new Set<Pair>();
  private toServer: Mode = "forward";
  private toClient: Mode = "forward";

  private constructor(target: number) {
    this.target = target;
    this.listener = createServer((client) => this.accept(client));
  }

  /** @param target port on this machine */
  static async open(target: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.listener.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    const address = this.listener.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** Ends every connection: in good order, or with a reset. */
  cut(how: "close" | "reset", share = 1, chance: () => number = Math.random): void {
    for (const { client, server } of [...this.pairs]) {
      if (chance() > share) continue;
      if (how === "reset") {
        client.resetAndDestroy();
        server.resetAndDestroy();
      } else {
        client.destroy();
        server.destroy();
      }
    }
  }

  /** Half a connection: what goes one way is held, dropped (the connection is cut afterwards) or crumbled for a while. */
  async disturb(direction: "up" | "down" | "both", mode: Exclude<Mode, "forward">, ms: number): Promise<void> {
    if (direction !== "down") this.toServer = mode;
    if (direction !== "up") this.toClient = mode;
    this.applyHold();
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.toServer = this.toClient = "forward";
    if (mode === "drop") this.cut("reset");
    this.applyHold();
  }

  async close(): Promise<void> {
    this.cut("reset");
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private accept(client: Socket): void {
    const server = connect({ port: this.target, host: "127.0.0.1", noDelay: true });
    client.setNoDelay(true);
    const pair = { client, server };
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on("error", end).on("close", end);
    client.on("data", (piece: Buffer) => this.pass(piece, client, server, this.toServer));
    server.on("data", (piece: Buffer) => this.pass(piece, server, client, this.toClient));
    client.on("drain", () => server.resume());
    server.on("drain", () => client.resume());
    this.applyHold();
  }

  private pass(piece: Buffer, from: Socket, to: Socket, mode: Mode): void {
    if (mode === "drop" || to.destroyed) return;
    if (mode === "trickle") {
      const crumbs = Math.min(MAX_CRUMBS, Math.ceil(piece.length / CRUMB_BYTES));
      for (let i = 0; i < crumbs - 1; i++) to.write(piece.subarray(i * CRUMB_BYTES, (i + 1) * CRUMB_BYTES));
      piece = piece.subarray(Math.max(0, crumbs - 1) * CRUMB_BYTES);
    }
    if (!to.write(piece)) from.pause();
  }

  private applyHold(): void {
    for (const { client, server } of this.pairs) {
      if (this.toServer === "hold") client.pause();
      else client.resume();
      if (this.toClient === "hold") server.pause();
      else server.resume();
    }
  }
}
