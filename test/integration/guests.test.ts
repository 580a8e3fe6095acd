/** Guests, by share links and embed tokens, over the whole app: what they may read, and that it is all. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeBinary } from "../../protocol/codec.ts";
import { FrameReader } from "../../protocol/frames.ts";
import { createDatabase } from "../../server/db/pool.ts";
import type { Database } from "../../server/db/db.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../harness/postgres.ts";
import { waitFor } from "../harness/wait.ts";
import { type Client, KEY, openClient, postJson, readObject, refusedUpgrade, runApp, type RunningApp } from "./running-app.ts";

const SESSION = "guests-visit-1";
const OTHER = "guests-visit-2";
/** Words that no guest may read without the panels, and where they are. */
const HIDDEN = ["visitor-77", "trait-word", "console-word", "state-word", "mark-word", "marker-word", "secret-query"];

let database: TestDatabase;
let db: Database;
let app: RunningApp;
let cookie: string;
let tracker: Client;
/** Page time of the visit's beginning. */
let t0: number;

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ connection: { connectionString: database.url }, log: quietLog });
  app = await runApp({ DATABASE_URL: database.url });
  cookie = await app.signIn();
  t0 = Date.now() - 60_000;
  tracker = await visit(SESSION);
  await (await visit(OTHER)).close();
});
afterAll(async () => {
  await tracker.close();
  await app.stop();
  await db.stop();
  await database.drop();
});

/** A visit with a checkout at t0 and at t0 + 30 s, a word in the page each ten seconds, and things that only panels show. */
async function visit(sessionId: string): Promise<Client> {
  const client = await openClient(app.base, `type=tracker&key=${KEY}`);
  const url = "https://shop.example/cart?secret-query=1";
  const facts = { userId: "visitor-77", traits: { plan: "trait-word" }, title: "Cart" };
  client.say("session_start", { sessionId, tab: "main", url, startTime: t0, ...facts });
  await client.next("session_started");
  for (const [index, events] of [
    checkout(t0),
    page(t0 + 10_000),
    page(t0 + 20_000),
    checkout(t0 + 30_000),
    page(t0 + 40_000),
  ].entries()) {
    const at = t0 + index * 10_000;
    client.say("events_batch", { tab: "main", events, markers: [{ kind: "custom", at: at + 5, name: "marker-word" }] });
    await client.next("ack");
  }
  return client;
}

function checkout(at: number): unknown[] {
  const node = { type: 0, id: 1, childNodes: [{ type: 3, id: 2, textContent: `page-${at - t0}` }] };
  return [
    { type: 4, timestamp: at, data: { href: "https://shop.example/cart?secret-query=1", width: 800, height: 600 } },
    { type: 2, timestamp: at + 1, data: { node, initialOffset: { top: 0, left: 0 } } },
    { type: 6, timestamp: at + 2, data: { plugin: "rrweb/console@1", payload: { payload: ["console-word"] } } },
  ];
}

function page(at: number): unknown[] {
  return [
    {
      type: 3,
      timestamp: at,
      data: { source: 0, texts: [{ id: 2, value: `page-${at - t0}` }], attributes: [], removes: [], adds: [] },
    },
    { type: 3, timestamp: at + 1, data: { source: 2, type: 2, id: 2, x: at - t0, y: 7 } },
    { type: 5, timestamp: at + 2, data: { tag: "watchback/state", payload: "state-word" } },
    { type: 5, timestamp: at + 3, data: { tag: "mark", payload: "mark-word" } },
  ];
}

async function ask(method: string, path: string, body?: unknown, who = cookie): Promise<Record<string, unknown>> {
  const response = await fetch(app.base + path, {
    method,
    headers: { Cookie: who, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return readObject(response);
}

const share = (wish: unknown = {}) => ask("POST", `/v1/sessions/${SESSION}/share-links`, wish);
const asGuest = (secret: unknown, path: string) =>
  fetch(app.base + path, { headers: { Authorization: `Guest ${String(secret)}` } });

/** Everything that a stream of frames holds, as one text. */
async function readBatches(response: Response): Promise<{ text: string; batches: { firstAt: number; lastAt: number }[] }> {
  expect(response.status).toBe(200);
  const frames = new FrameReader(1e8).push(new Uint8Array(await response.arrayBuffer()));
  const messages = frames.map((frame) => decodeBinary(frame).data as { payload: Uint8Array; firstAt: number; lastAt: number });
  const texts = messages.map(({ payload, ...header }) => JSON.stringify(header) + Buffer.from(payload).toString());
  return { text: texts.join("\n"), batches: messages };
}

/** The same but for its first character. */
const otherThan = (secret: string): string => `${secret.startsWith("-") ? "_" : "-"}${secret.slice(1)}`;

describe("share links", () => {
  it("SHA-1 the secret is shown once, in the fragment of the address, and only its hash is kept", async () => {
    const { url, secret, linkId } = await share({ name: "for support" });
    expect(url).toBe(`${new URL(String(url)).origin}/share#${String(secret)}`);
    expect(String(secret)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const rows = await db.query<{ text: string }>("SELECT l::text AS text FROM share_links l WHERE link_id = $1", [linkId]);
    expect(rows[0]?.text).not.toContain(secret);
    expect(rows[0]?.text).not.toContain(Buffer.from(String(secret)).toString("hex"));
    expect(JSON.stringify(await ask("GET", `/v1/sessions/${SESSION}/share-links`))).not.toContain(secret);
  });

  it("SHA-2 a guest is nobody to every other route and message", async () => {
    const { secret, url } = await share();
    const headers = { Authorization: `Guest ${String(secret)}` };
    const paths = [`/v1/sessions/${SESSION}`, `/v1/sessions/${SESSION}/batches`, `/sessions/${SESSION}/events`, "/v1/sessions"];
    for (const path of [
      ...paths,
      "/v1/projects",
      "/sessions/active",
      "/v1/audit",
      "/auth/me",
      `/v1/sessions/${SESSION}/comments`,
    ]) {
      expect((await fetch(app.base + path, { headers })).status, path).toBe(401);
      const bearer = { Authorization: `Bearer ${String(secret)}` };
      expect((await fetch(app.base + path, { headers: bearer })).status, path).toBe(401);
    }
    expect(await refusedUpgrade(app.base, "type=viewer", headers)).toBe(401);
    expect(await refusedUpgrade(app.base, `type=viewer&token=${String(secret)}`)).toBe(401);
    for (const wrong of ["", "x", otherThan(String(secret)), `${String(secret)}x`, String(url)])
      expect((await asGuest(wrong, "/v1/guest/session")).status, wrong).toBe(401);
    expect((await fetch(`${app.base}/v1/guest/session`, { headers: { Cookie: cookie } })).status).toBe(401);
    // There is no way to name a session: whatever is asked for, it is his.
    const asked = await (await asGuest(secret, `/v1/guest/session?sessionId=${OTHER}&id=${OTHER}`)).text();
    expect(asked).not.toContain(OTHER);
  });

  it("SHA-3 without the panels nothing leaves but the page itself; with them what they show, and never who the visitor is", async () => {
    const { secret } = await share();
    const session = await (await asGuest(secret, "/v1/guest/session")).text();
    const { text } = await readBatches(await asGuest(secret, "/v1/guest/batches"));
    expect(session).toContain(SESSION);
    expect(text).toContain("page-40000");
    for (const word of HIDDEN) expect(session + text, word).not.toContain(word);

    const { secret: open } = await share({ showsPanels: true });
    const openSession = await (await asGuest(open, "/v1/guest/session")).text();
    const { text: openText } = await readBatches(await asGuest(open, "/v1/guest/batches"));
    for (const word of ["console-word", "state-word", "mark-word", "marker-word"]) expect(openSession + openText).toContain(word);
    for (const word of ["visitor-77", "trait-word"]) expect(openSession + openText).not.toContain(word);
  });

  it("SHA-4 a range is all that leaves, but for the page as it was at its beginning", async () => {
    const { secret } = await share({ fromAt: t0 + 15_000, toAt: t0 + 35_000, showsPanels: true });
    const told = (await (await asGuest(secret, "/v1/guest/session")).json()) as {
      session: { startedAt: number; lastAt: number; live: boolean };
      markers: { at: number }[];
      checkouts: { at: number }[];
      tabs: { startedAt: number; lastAt: number; upto: number }[];
    };
    expect(told.session).toMatchObject({ startedAt: t0 + 15_000, lastAt: t0 + 35_000, live: false });
    expect(told.markers.map(({ at }) => at - t0)).toEqual([20_005, 30_005]);
    expect(told.checkouts.map(({ at }) => at - t0)).toEqual([0, 30_000]);
    expect(told.tabs).toMatchObject([{ startedAt: t0 + 15_000, lastAt: t0 + 35_000, upto: 3 }]);
    for (const query of ["", "?from=0", `?from=${t0 - 1e6}&to=${t0 + 1e6}`, `?from=${t0 + 40_000}&to=${t0 + 1e6}`]) {
      const { text, batches } = await readBatches(await asGuest(secret, `/v1/guest/batches${query}`));
      expect(text, query).not.toContain("page-40000");
      for (const { lastAt } of batches) expect(lastAt).toBeLessThanOrEqual(t0 + 35_000);
    }
    const { text } = await readBatches(await asGuest(secret, "/v1/guest/batches"));
    // What puts the page together stays; the click, the log and the mark of before do not.
    expect(text).toContain("page-0");
    expect(text).toContain("page-10000");
    expect(text).not.toContain('"x":10000');
    expect(text).toContain('"x":20000');
    expect(text.match(/mark-word/g)).toHaveLength(1);
    expect(text.match(/console-word/g)).toHaveLength(1);
    expect((await asGuest(secret, "/v1/guest/live")).status).toBe(403);
  });

  it("SHA-5 what goes on reaches a guest cut as well, and ends within 5 s of the link's revocation", async () => {
    const { secret, linkId } = await share();
    const response = await asGuest(secret, "/v1/guest/live");
    const heard = hear(response);
    const at = Date.now();
    tracker.say("events_batch", { tab: "main", events: page(at), markers: [{ kind: "custom", at, name: "marker-word" }] });
    await waitFor(() => heard.text().includes(`page-${at - t0}`), { what: () => `live: ${heard.text()}` });
    tracker.say("session_update", { sessionId: SESSION, tab: "main", userId: "visitor-77", traits: { plan: "trait-word" } });
    await waitFor(() => heard.types().includes("session_updated"), { what: () => "an update" });
    for (const word of HIDDEN) expect(heard.text(), word).not.toContain(word);
    const revokedAt = performance.now();
    await ask("DELETE", `/v1/projects/1/share-links/${String(linkId)}`);
    await heard.ended;
    expect(performance.now() - revokedAt).toBeLessThan(5_000);
    expect(heard.types().at(-1)).toBe("error");
    expect((await asGuest(secret, "/v1/guest/session")).status).toBe(401);
    expect((await asGuest(secret, "/v1/guest/batches")).status).toBe(401);
  });

  it("SHA-5 and of its expiry", async () => {
    // Long enough to begin with it on a busy machine.
    const expiresAt = Date.now() + 8_000;
    const { secret } = await share({ expiresAt });
    const response = await asGuest(secret, "/v1/guest/live");
    expect(response.status).toBe(200);
    await hear(response).ended;
    expect(Date.now() - expiresAt).toBeLessThan(5_000);
    expect((await asGuest(secret, "/v1/guest/session")).status).toBe(401);
  });

  it("SHA-6 each view by a link is written down, with the link and the address, and never the secret", async () => {
    const { secret, linkId } = await share();
    await asGuest(secret, "/v1/guest/session");
    await readBatches(await asGuest(secret, "/v1/guest/batches"));
    const entries = await db.query<{ action: string; name: string; peer: string; text: string }>(
      "SELECT action, actor_name AS name, peer, a::text AS text FROM audit_log a WHERE actor_kind = 'guest' AND actor_name = $1 ORDER BY id",
      [`share link ${String(linkId)}`],
    );
    expect(entries.map(({ action }) => action)).toEqual(["share_link_opened", "session_replayed"]);
    for (const entry of entries) {
      expect(entry.peer).not.toBe("");
      expect(entry.text).not.toContain(secret);
    }
  });
});

describe("embed tokens", () => {
  const make = (wish: unknown = {}) => ask("POST", `/v1/sessions/${SESSION}/embed-tokens`, wish);

  it("SHA-7 are signed and short-lived, and end all together", async () => {
    const { token, url } = await make({ expiresInSec: 60 });
    expect(url).toMatch(/\/embed\/1#wbe1\./);
    expect((await asGuest(token, "/v1/guest/session")).status).toBe(200);
    const [prefix, body = "", signature] = String(token).split(".");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<string, unknown>;
    for (const change of [{ session: OTHER }, { expires: Number(claims["expires"]) + 1 }, { panels: true }]) {
      const forged = Buffer.from(JSON.stringify({ ...claims, ...change })).toString("base64url");
      expect((await asGuest(`${prefix ?? ""}.${forged}.${signature ?? ""}`, "/v1/guest/session")).status).toBe(401);
    }
    const tooLong = await fetch(`${app.base}/v1/sessions/${SESSION}/embed-tokens`, {
      method: "POST",
      headers: { Cookie: cookie, "Content-Type": "application/json" },
      body: JSON.stringify({ expiresInSec: 3_601 }),
    });
    expect(tooLong.status).toBe(400);
    const heard = hear(await asGuest(token, "/v1/guest/live"));
    await ask("DELETE", "/v1/projects/1/embed-tokens");
    await heard.ended;
    expect((await asGuest(token, "/v1/guest/session")).status).toBe(401);
    expect((await asGuest((await make())["token"], "/v1/guest/session")).status).toBe(200);
  });

  it("SHA-7 are no good any more, and what they show ends, when who made them may not make them any more", async () => {
    const ends = [
      (id: number) => ask("PATCH", `/v1/projects/1/members/${id}`, { role: "viewer" }),
      (id: number) => ask("DELETE", `/v1/projects/1/members/${id}`),
      (id: number) => ask("PATCH", `/v1/users/${id}`, { disabled: true }),
    ];
    await Promise.all(
      ends.map(async (end, index) => {
        const maker = await invite(`maker-${index}@example.com`);
        const { token } = await ask("POST", `/v1/sessions/${SESSION}/embed-tokens`, {}, maker.cookie);
        const heard = hear(await asGuest(token, "/v1/guest/live"));
        await waitFor(() => heard.types().includes("session_joined"), { what: () => "the view" });
        const endedAt = performance.now();
        await end(maker.userId);
        await heard.ended;
        expect(performance.now() - endedAt).toBeLessThan(5_000);
        for (const path of ["session", "batches", "live"])
          expect((await asGuest(token, `/v1/guest/${path}`)).status, `${index} ${path}`).toBe(401);
      }),
    );
  });

  it("SHA-8 pages of a project's own origins alone may frame, and shared pages none", async () => {
    const policyOf = async (path: string) => {
      const response = await fetch(app.base + path, { headers: { Accept: "text/html" } });
      expect(response.headers.get("referrer-policy"), path).toBe("no-referrer");
      return /frame-ancestors ([^;]*)/.exec(response.headers.get("content-security-policy") ?? "")?.[1];
    };
    expect(await policyOf("/share")).toBe("'none'");
    expect(await policyOf("/embed/1")).toBe("'none'");
    await ask("PUT", "/v1/projects/1/embedding", { origins: ["https://CRM.example:443", "https://*.desk.example"] });
    expect(await policyOf("/embed/1")).toBe("https://crm.example https://*.desk.example");
    expect(await policyOf("/embed/1/player")).toBe("'self' https://crm.example https://*.desk.example");
    expect(await policyOf("/embed/999")).toBe("'none'");
    const wrong = { origins: ["https://a.example; script-src *"] };
    await expect(ask("PUT", "/v1/projects/1/embedding", wrong)).rejects.toThrow("400");
  });
});

it("SHA-9 comments, links and places in playlists go with their session", async () => {
  const { secret } = await ask("POST", `/v1/sessions/${OTHER}/share-links`, {});
  await ask("POST", `/v1/sessions/${OTHER}/comments`, { at: t0 + 1_000, text: "look at this" });
  const { playlistId } = await ask("POST", "/v1/projects/1/playlists", { name: "Carts" });
  await ask("POST", `/v1/projects/1/playlists/${String(playlistId)}/items`, { sessionId: OTHER });
  expect((await asGuest(secret, "/v1/guest/session")).status).toBe(200);
  await ask("DELETE", `/v1/sessions/${OTHER}`);
  expect((await asGuest(secret, "/v1/guest/session")).status).toBe(401);
  for (const table of ["session_comments", "share_links", "playlist_items"])
    expect(await db.query(`SELECT 1 FROM ${table} WHERE session_id = $1`, [OTHER]), table).toEqual([]);
});

/** A member of the project, signed in. */
async function invite(email: string): Promise<{ userId: number; cookie: string }> {
  const { url } = await ask("POST", "/v1/projects/1/invitations", { email, role: "member" });
  const token = new URL(String(url)).hash.slice("#token=".length);
  const accepted = await postJson(`${app.base}/auth/invitation`, { token, password: "a password of one's own" });
  const own = accepted.headers.get("set-cookie")?.split(";")[0] ?? "";
  const { user } = (await ask("GET", "/auth/me", undefined, own)) as { user: { id: number } };
  return { userId: user.id, cookie: own };
}

/** Listens to a stream of frames. */
function hear(response: Response): { text(): string; types(): string[]; ended: Promise<void> } {
  const messages: { type: string; text: string }[] = [];
  const frames = new FrameReader(1e8);
  const read = async (): Promise<void> => {
    if (!response.body) return;
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      for (const frame of frames.push(piece)) {
        const { type, data } = decodeBinary(frame);
        const { payload, ...header } = data as { payload?: Uint8Array };
        messages.push({ type, text: JSON.stringify(header) + Buffer.from(payload ?? []).toString() });
      }
    }
  };
  const ended = read();
  ended.catch(() => undefined);
  return {
    text: () => messages.map(({ type, text }) => `${type} ${text}`).join("\n"),
    types: () => messages.map(({ type }) => type),
    ended,
  };
}
