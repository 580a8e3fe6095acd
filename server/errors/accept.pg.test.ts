import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { envelopeText, ERRORS_KEY, type ErrorsRoom, OTHER_KEY, startErrorsRoom } from "../../test/harness/errors-room.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { MAX_WIRE_BYTES } from "./decode-body.ts";

const ID = "9ec79c33ec9942ab8353589fcb2e04dc";
const event = [{ type: "event" }, '{"message":"x"}'] as const;

let test: TestDatabase;
let room: ErrorsRoom;

beforeAll(async () => {
  test = await createTestDatabase();
  room = await startErrorsRoom(test.connection);
});
beforeEach(async () => {
  await room.db.query("TRUNCATE intake, attachments, intake_hours, release_hours, intake_sources");
});
afterAll(async () => {
  await room.remove();
  await test.drop();
});

const kinds = async () => (await room.intake()).map(({ kind }) => kind);
const tell = async (response: Response) => [response.status, await response.json()] as const;

describe("who may send", () => {
  it("ERR-1 comes with his key in the address, in a header of Python's kind, or in the envelope", async () => {
    const text = envelopeText({ event_id: ID, dsn: `https://${ERRORS_KEY}@watch.example.com/1` }, [...event]);
    const auth = `Sentry sentry_key=${ERRORS_KEY}, sentry_version=7, sentry_client=sentry.python/2.42.0`;
    expect((await room.send("/api/1/envelope/", text)).status).toBe(200);
    expect((await room.send("/api/1/envelope/?", text, { "X-Sentry-Auth": auth })).status).toBe(200);
    expect((await room.send("/api/1/envelope?", text)).status).toBe(200);
    const rows = await room.intake();
    expect(rows.map(({ head }) => head["sdk"])).toEqual([null, { name: "sentry.python", version: "2.42.0" }, null]);
  });

  it("ERR-2 gets one and the same answer for an unknown key, an unknown project, another's key, and none", async () => {
    const text = envelopeText({ event_id: ID }, [...event]);
    const paths = [
      `/api/1/envelope/?sentry_key=${"0".repeat(32)}`,
      `/api/1/envelope/?sentry_key=${OTHER_KEY}`,
      `/api/9/envelope/?sentry_key=${ERRORS_KEY}`,
      `/api/x/envelope/?sentry_key=${ERRORS_KEY}`,
      "/api/1/envelope/?",
      "/api/1/store/?",
      `/api/2/security/?sentry_key=${ERRORS_KEY}`,
    ];
    const answers = await Promise.all(paths.map(async (path) => JSON.stringify(await tell(await room.send(path, text)))));
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toMatch(/^\[403,/);
    expect(await room.intake()).toEqual([]);
  });

  it("ERR-2 a page is asked for its origin where the project has a list", async () => {
    room.project.settings.allowedOrigins = ["https://shop.example"];
    const text = envelopeText({ event_id: ID }, [...event]);
    expect((await room.send("/api/1/envelope/", text, { Origin: "https://evil.example" })).status).toBe(403);
    expect((await room.send("/api/1/envelope/", text, { Origin: "https://shop.example" })).status).toBe(200);
    expect((await room.send("/api/1/envelope/", text)).status).toBe(200);
    room.project.settings.allowedOrigins = [];
  });
});

describe("bodies", () => {
  it("ERR-5 come in pieces without a length, a hundred at once", async () => {
    const send = (index: number) =>
      new Promise<number>((resolve, reject) => {
        const headers = { "Transfer-Encoding": "chunked" };
        const posting = request(
          `${room.base}/api/1/envelope/?sentry_key=${ERRORS_KEY}`,
          { method: "POST", headers },
          (response) => {
            response.resume().on("end", () => resolve(response.statusCode ?? 0));
          },
        ).on("error", reject);
        const id = createHash("md5").update(String(index)).digest("hex");
        const text = envelopeText({ event_id: id }, [{ type: "event" }, JSON.stringify({ text: "x".repeat(40_000) })]);
        for (let at = 0; at < text.length; at += 10_000) posting.write(text.slice(at, at + 10_000));
        posting.end();
      });
    const statuses = await Promise.all(Array.from({ length: 100 }, (_, index) => send(index)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(new Set((await room.intake()).map(({ head }) => head["event_id"])).size).toBe(100);
  });

  it("ERR-5 that tell a length and do not come take no room from those that do", async () => {
    const { hostname, port } = new URL(room.base);
    const head = `POST /api/1/envelope/?sentry_key=${ERRORS_KEY} HTTP/1.1\r\nHost: x\r\nContent-Length: ${16 * 1024 * 1024}\r\n\r\n{`;
    const silent = Array.from({ length: 12 }, () => connect(Number(port), hostname).on("error", () => undefined));
    try {
      await Promise.all(silent.map((socket) => new Promise((resolve) => socket.write(head, resolve))));
      // Behind them in the same queue: what they sent was read before this is answered.
      const answers = [await room.envelope({ event_id: ID }, [...event]), await room.envelope({ event_id: ID }, [...event])];
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    } finally {
      for (const socket of silent) socket.destroy();
    }
  });

  it("ERR-3 are inflated; 415 for another encoding, 400 for what is not of its own", async () => {
    const text = envelopeText({ event_id: ID }, [...event]);
    const send = (body: string | Uint8Array<ArrayBuffer>, encoding: string) =>
      room.send("/api/1/envelope/", body, { "Content-Encoding": encoding });
    expect(await tell(await send(new Uint8Array(gzipSync(text)), "gzip"))).toEqual([200, { id: ID }]);
    expect((await send(text, "zstd")).status).toBe(415);
    expect((await send(text, "gzip")).status).toBe(400);
    expect((await room.send("/api/1/envelope/", "not an envelope")).status).toBe(400);
    expect(await kinds()).toEqual(["event"]);
  });

  it("ERR-4 that are too large, or inflate to too much, are 413, readable for pages", async () => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(60 * 1024 * 1024)));
    const answer = await room.send("/api/1/envelope/", bomb, { "Content-Encoding": "gzip" });
    expect(answer.status).toBe(413);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("retry-after")).toBeNull();
    const told = await new Promise<number>((resolve, reject) => {
      const headers = { "Content-Length": String(MAX_WIRE_BYTES + 1) };
      request(`${room.base}/api/1/envelope/?sentry_key=${ERRORS_KEY}`, { method: "POST", headers }, (response) =>
        resolve(response.statusCode ?? 0),
      )
        .on("error", reject)
        .write("{}");
    });
    expect(told).toBe(413);
  });

  it("ERR-8 an item over the bound of its type is 413 alone, and nothing to its siblings", async () => {
    const large: [object, string] = [{ type: "event" }, JSON.stringify({ text: "x".repeat(1024 * 1024) })];
    expect((await room.envelope({ event_id: ID }, large)).status).toBe(413);
    expect((await room.envelope({ event_id: ID }, large, [{ type: "session" }, '{"init":true}'])).status).toBe(200);
    expect(await room.intake()).toEqual([]);
  });
});

describe("items", () => {
  it("ERR-9 of every type are answered with 200", async () => {
    const types = [
      "event",
      "transaction",
      "span",
      "log",
      "session",
      "sessions",
      "client_report",
      "check_in",
      "profile",
      "statsd",
      "made_up",
    ];
    for (const type of types) {
      expect(await tell(await room.envelope({}, [{ type }, "{}"])), type).toEqual([
        200,
        type === "event" ? expect.anything() : {},
      ]);
    }
    expect(await tell(await room.send("/api/1/envelope/", "{}"))).toEqual([200, {}]);
    expect(await kinds()).toEqual(["event"]);
  });

  it("ERR-7 one that is wrong does not take its siblings down", async () => {
    const text = `{"event_id":"${ID}"}\nno json\nat all\n{"type":"event"}\n{"message":"x"}\n{"type":"session"}\n[[[[\n{"type":"feedback"}\n{}`;
    expect(await tell(await room.send("/api/1/envelope/", text))).toEqual([200, { id: ID }]);
    expect(await kinds()).toEqual(["event", "feedback"]);
  });

  it("ERR-13 old SDKs store an event", async () => {
    const body = JSON.stringify({ event_id: ID, message: "old" });
    expect(await tell(await room.send("/api/1/store/", body))).toEqual([200, { id: ID }]);
    const [row] = await room.intake();
    expect([row?.kind, row?.head["event_id"], row?.body.toString()]).toEqual(["event", ID, body]);
    expect((await room.send("/api/1/store/", "nonsense!")).status).toBe(400);
  });

  it("ERR-14 browsers report what their policy kept away", async () => {
    const path = `/api/1/security/?sentry_key=${ERRORS_KEY}&sentry_release=shop%401.2&sentry_environment=live`;
    const report = { "csp-report": { "violated-directive": "img-src" } };
    const headers = { "Content-Type": "application/csp-report", "User-Agent": "Browser/1" };
    expect((await room.send(path, JSON.stringify(report), headers)).status).toBe(200);
    expect((await room.send(path, JSON.stringify([report, report]), { "Content-Type": "application/reports+json" })).status).toBe(
      200,
    );
    const rows = await room.intake();
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({
      kind: "csp_report",
      head: { release: "shop@1.2", environment: "live", user_agent: "Browser/1" },
    });
    expect(new Set(rows.map(({ head }) => head["event_id"])).size).toBe(3);
  });

  it("ERR-12 attachments lie with their event, once", async () => {
    const file: [object, string] = [
      { type: "attachment", length: 5, filename: "log.txt", content_type: "text/plain" },
      "a\nb\u0000c",
    ];
    for (let round = 0; round < 2; round++) expect((await room.envelope({ event_id: ID }, [...event], file)).status).toBe(200);
    const rows = await room.db.query("SELECT event_id, ordinal, name, content_type, kind, bytes FROM attachments");
    expect(rows).toEqual([
      {
        event_id: ID,
        ordinal: 0,
        name: "log.txt",
        content_type: "text/plain",
        kind: "event.attachment",
        bytes: Buffer.from("a\nb\u0000c"),
      },
    ]);
  });
});

describe("answers", () => {
  it("ERR-15 can be read by any page, errors too, and a page may ask before it sends", async () => {
    const headers = { Origin: "https://shop.example" };
    const answers = [
      await room.envelope({ event_id: ID }, [...event]),
      await room.send("/api/1/envelope/?sentry_key=no", "{}", headers),
      await room.send("/api/1/envelope/", "nonsense", headers),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 400]);
    for (const answer of answers) {
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
      expect(answer.headers.get("access-control-expose-headers")).toBe("x-sentry-error, x-sentry-rate-limits, retry-after");
    }
    expect(answers[1]?.headers.get("x-sentry-error")).toContain("key");
    for (const path of ["envelope/", "envelope", "store/", "security/"]) {
      const preflight = await fetch(`${room.base}/api/1/${path}?sentry_key=x`, {
        method: "OPTIONS",
        headers: {
          ...headers,
          "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "x-sentry-auth,content-type",
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
      expect(preflight.headers.get("access-control-allow-headers")).toMatch(/x-sentry-auth.*content-type/);
      expect(preflight.headers.get("access-control-max-age")).toBe("3600");
    }
  });

  it("ERR-16 say what is used up: 429 where nothing else came, 200 with the header where something did", async () => {
    room.project.settings.limits = { ...room.project.settings.limits, errorsPerDay: 0 };
    const session: [object, string] = [{ type: "session" }, '{"init":true}'];
    const recording: [object, string] = [{ type: "replay_recording", length: 17 }, '{"segment_id":3}\n'];
    const alone = await room.envelope({ event_id: ID }, [...event], [{ type: "attachment", length: 1 }, "x"]);
    const beside = await room.envelope({ event_id: ID }, [...event], session, recording);
    expect([alone.status, beside.status]).toEqual([429, 200]);
    expect(alone.headers.get("x-sentry-rate-limits")).toMatch(/^\d+:error:project:quota$/);
    expect(Number(alone.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(beside.headers.get("x-sentry-rate-limits")).toMatch(/^\d+:error:project:quota$/);
    expect(beside.headers.get("retry-after")).toBeNull();
    expect(await kinds()).toEqual(["replay"]);
    expect(await room.db.query("SELECT 1 FROM attachments")).toEqual([]);
    room.project.settings.limits = { ...room.project.settings.limits, errorsPerDay: null, replaysPerMinute: 0 };
    expect((await room.envelope({}, recording)).headers.get("x-sentry-rate-limits")).toMatch(/^\d+:replay:project:quota$/);
    expect((await room.envelope({ event_id: ID }, [...event])).status).toBe(200);
    room.project.settings.limits = { ...room.project.settings.limits, replaysPerMinute: null };
  });
});
