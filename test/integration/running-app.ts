/** The whole app on a free port, with a database of its own, and the clients that talk to it as a console would. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { decodeBinary, encodeBinary } from "../../protocol/codec.ts";
import { type Around, createApp, type App } from "../../server/app.ts";
import { parseConfig, type Environment } from "../../server/config.ts";
import { createTestDatabase, quietLog } from "../harness/postgres.ts";

export const KEY = "0123456789abcdef0123456789abcdef";
export const EMAIL = "admin@example.com";
export const PASSWORD = "correct horse battery staple";

export interface RunningApp {
  app: App;
  base: string;
  /** Signs in as the administrator and returns the cookie. */
  signIn(): Promise<string>;
  stop(): Promise<void>;
}

/** Starts an app; `environment` overrides the settings of tests, `around` puts something around its rooms. */
export async function runApp(environment: Environment = {}, around: Around = {}): Promise<RunningApp> {
  const database = environment["DATABASE_URL"] === undefined ? await createTestDatabase() : null;
  const folder = mkdtempSync(join(tmpdir(), "wb-app-"));
  const config = parseConfig({
    HOST: "127.0.0.1",
    PORT: "0",
    DATABASE_URL: database?.url,
    DATA_DIR: folder,
    LOG_DIR: folder,
    CREATE_SUPERUSER: `${EMAIL}:${PASSWORD}`,
    DEFAULT_PROJECT_KEY: KEY,
    ...environment,
  });
  const app = createApp({ config, log: { child: () => quietLog }, around });
  const { port } = await app.start();
  const base = `http://127.0.0.1:${port}`;
  return {
    app,
    base,
    async signIn() {
      const response = await postJson(`${base}/auth/login`, { email: EMAIL, password: PASSWORD });
      return response.headers.get("set-cookie")?.split(";")[0] ?? "";
    },
    async stop() {
      await app.stop();
      await database?.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Posts JSON. */
export function postJson(url: string, data: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(data) });
}

/** An object answer; anything else fails the test. */
export async function readObject(response: Response): Promise<Record<string, unknown>> {
  const value: unknown = await response.json();
  if (typeof value !== "object" || value === null) throw new Error(`expected an object, got ${JSON.stringify(value)}`);
  return Object.fromEntries(Object.entries(value));
}

export interface Message {
  type: string;
  data: Record<string, unknown>;
  isBinary: boolean;
}

/** A WebSocket that keeps what it hears, and hands it out by type. */
export interface Client {
  socket: WebSocket;
  heard: Message[];
  /** Speaks JSON. */
  say(type: string, data?: unknown): void;
  /** Speaks MessagePack. */
  pack(type: string, data?: unknown): void;
  /** The first message of this type that was not taken yet (and for which `wanted` holds); waits for it. */
  next(type: string, wanted?: (data: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Close code, when it comes. */
  closed: Promise<number>;
  close(): Promise<void>;
}

const PATIENCE_MS = 10_000;

/** Opens a socket at `/ws` and waits until it is open. */
export async function openClient(
  base: string,
  query: string,
  options: { headers?: Record<string, string> } = {},
): Promise<Client> {
  const socket = new WebSocket(`${base.replace("http", "ws")}/ws?${query}`, options);
  const heard: Message[] = [];
  let wake: () => void = () => undefined;
  socket.on("message", (data: Buffer, isBinary) => {
    const parsed: unknown = isBinary ? decodeBinary(data) : JSON.parse(data.toString());
    heard.push({ ...(parsed as { type: string; data: Record<string, unknown> }), isBinary });
    wake();
  });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return {
    socket,
    heard,
    closed,
    say: (type, data = {}) => socket.send(JSON.stringify({ type, data })),
    pack: (type, data = {}) => socket.send(encodeBinary(type, data)),
    async next(type, wanted = () => true) {
      const until = Date.now() + PATIENCE_MS;
      for (;;) {
        const at = heard.findIndex((message) => message.type === type && wanted(message.data));
        const [message] = at < 0 ? [] : heard.splice(at, 1);
        if (message) return message.data;
        const left = until - Date.now();
        if (left <= 0) throw new Error(`no ${type} came; heard ${JSON.stringify(heard).slice(0, 2_000)}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    async close() {
      socket.close();
      await closed;
    },
  };
}

/** Status of an upgrade that is refused. */
export function refusedUpgrade(base: string, query: string, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(`${base.replace("http", "ws")}/ws?${query}`, { headers });
  return new Promise((resolve, reject) => {
    socket.on("unexpected-response", (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on("open", () => reject(new Error("was let in")));
    socket.on("error", () => undefined);
  });
}

/** The two events that a checkout begins with, and `count` small ones after them. */
export function rrwebEvents(startedAt: number, count = 1): Record<string, unknown>[] {
  const events: Record<string, unknown>[] = [
    { type: 4, timestamp: startedAt, data: { href: "https://shop.example/", width: 800, height: 600 } },
    { type: 2, timestamp: startedAt + 1, data: { node: { type: 0, childNodes: [], id: 1 }, initialOffset: { top: 0, left: 0 } } },
  ];
  for (let i = 0; i < count; i++)
    events.push({ type: 3, timestamp: startedAt + 10 + i, data: { source: 2, type: 2, id: 1, x: i, y: 0 } });
  return events;
}
