/** Envelopes as Sentry SDKs of browsers send them, and a sender that keeps a number of connections busy. */

import { randomBytes, randomInt } from "node:crypto";
import { Agent, request } from "node:http";
import type { Minified } from "./minified.ts";

const FRAMES = 20;
const BREADCRUMBS = 30;
const BUGS = 200;
const USERS = 5_000;

/** What events are made of. */
export interface TrafficOptions {
  script: Minified;
  /** Address of the script in stacks. */
  scriptUrl: string;
  debugId: string;
  release: string;
}

/** Makes events of {@link BUGS} different bugs: 20 minified frames and 30 breadcrumbs each, about 8 KB. */
export function createEvents({ script, scriptUrl, debugId, release }: TrafficOptions): () => string {
  const bugs = Array.from({ length: BUGS }, (_, bug) => ({
    type: ["TypeError", "RangeError", "Error"][bug % 3] ?? "Error",
    value: (turn: number) => `bug ${String.fromCharCode(97 + (bug % 26))}${bug}x of the customer ${turn} went wrong`,
    frames: Array.from({ length: FRAMES }, () => {
      const place = script.places[randomInt(script.places.length)] ?? { line: 1, column: 1 };
      return { filename: scriptUrl, function: "e", in_app: true, lineno: place.line, colno: place.column };
    }),
  }));
  let turn = 0;
  return () => {
    const bug = bugs[turn++ % BUGS];
    const now = Date.now() / 1_000;
    const id = randomBytes(16).toString("hex");
    const event = {
      event_id: id,
      timestamp: now,
      platform: "javascript",
      release,
      environment: "production",
      level: "error",
      user: { id: String(randomInt(USERS)), email: "ada@example.com" },
      request: { url: `https://shop.example/orders/${turn}`, headers: { "User-Agent": AGENT, Referer: "https://shop.example/" } },
      exception: {
        values: [
          {
            type: bug?.type,
            value: bug?.value(turn),
            mechanism: { type: "auto.browser.global_handlers.onerror", handled: false },
            stacktrace: { frames: bug?.frames },
          },
        ],
      },
      debug_meta: { images: [{ type: "sourcemap", code_file: scriptUrl, debug_id: debugId }] },
      breadcrumbs: Array.from({ length: BREADCRUMBS }, (_, index) => ({
        timestamp: now - BREADCRUMBS + index,
        category: index % 3 === 0 ? "fetch" : "ui.click",
        ...(index % 3 === 0
          ? { type: "http", data: { method: "GET", url: `/api/orders/${index}?page=2`, status_code: 200 } }
          : { message: `body > main > form > button.buy-${index}[type="submit"]` }),
      })),
      contexts: { trace: { trace_id: randomBytes(16).toString("hex") }, culture: { locale: "en-GB", timezone: "Europe/Paris" } },
      sdk: { name: "sentry.javascript.browser", version: "11.12.0" },
    };
    const head = { event_id: id, sent_at: new Date().toISOString(), sdk: event.sdk };
    return `${JSON.stringify(head)}\n{"type":"event"}\n${JSON.stringify(event)}`;
  };
}

const AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

/** A request: its body, and what it says of it. */
export interface Posted {
  body: string | Uint8Array;
  headers: Readonly<Record<string, string>>;
}

/** What came of sending. */
export interface Sent {
  /** Milliseconds to an answer, from the request, or from when it was due where a rate is kept: a slow server does not slow the clock. */
  latencies: number[];
  /** Answers that were not 200, by status; 0 where none came. */
  refused: Record<number, number>;
}

/**
 * Sends bodies, `connections` at a time.
 * @param ratePerSec spreads them evenly; Infinity: as fast as answers come
 */
export async function send(
  url: URL,
  next: () => string | Posted,
  { count, connections, ratePerSec = Infinity }: { count: number; connections: number; ratePerSec?: number },
): Promise<Sent> {
  // In turn, and given up when idle before the server does (after 10 s): what is sent in the very moment of a close has no answer.
  const agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "fifo", timeout: IDLE_MS });
  const sent: Sent = { latencies: [], refused: {} };
  const from = performance.now();
  let taken = 0;
  const lane = async () => {
    while (taken < count) {
      const dueAt = ratePerSec === Infinity ? -Infinity : from + (taken / ratePerSec) * 1_000;
      taken++;
      const wait = dueAt - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const body = next();
      const startedAt = Number.isFinite(dueAt) ? dueAt : performance.now();
      const status = await post(url, typeof body === "string" ? { body, headers: TEXT } : body, agent);
      sent.latencies.push(performance.now() - startedAt);
      if (status !== 200) sent.refused[status] = (sent.refused[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  agent.destroy();
  return sent;
}

const IDLE_MS = 5_000;
const TEXT = { "content-type": "text/plain;charset=UTF-8" };

function post(url: URL, { body, headers }: Posted, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const asked = request(url, { method: "POST", agent, headers }, (answer) => {
      answer.resume();
      answer.once("close", () => resolve(answer.complete ? (answer.statusCode ?? 0) : 0));
    });
    asked.once("error", () => resolve(0));
    asked.end(body);
  });
}
