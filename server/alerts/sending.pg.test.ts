import { createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type AlertsRoom, openAlertsRoom } from "../../test/harness/alerts-room.ts";
import { useHookServer } from "../../test/harness/hook-server.ts";
import { mailBy, useMailSink } from "../../test/harness/mail-sink.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertSession } from "../../test/harness/stored-session.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { MAX_TRIES } from "./sender.ts";

const HOUR = 3_600_000;

let test: TestDatabase;
let room: AlertsRoom;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
afterEach(() => room.stop());

describe("sending", () => {
  it("ALR-7 a message that fails is tried again, is dead after the last try, and stays so", async () => {
    room = await openAlertsRoom(test);
    const server = await useHookServer((response) => void response.writeHead(503).end());
    await room.addRule({ onNew: true, channelIds: [await room.addChannel("webhook", server.url)] });
    await room.digest({});
    await room.settle("failed");
    for (let tries = 2; tries <= MAX_TRIES; tries++) {
      expect(await room.messages()).toMatchObject([
        { state: "failed", attempts: tries - 1, fault: "the address answered with 503" },
      ]);
      room.clock.advance(4 * HOUR);
      await room.hurry();
    }
    expect(await room.messages()).toMatchObject([{ state: "dead", attempts: MAX_TRIES }]);
    expect(server.calls).toHaveLength(MAX_TRIES);
    expect(new Set(server.calls.map(({ headers }) => headers["x-watchback-message"])).size).toBe(1);
  });

  it("ALR-7 the waits grow, and a message that was sent is not sent again", async () => {
    room = await openAlertsRoom(test);
    let isWell = false;
    const server = await useHookServer((response) => void response.writeHead(isWell ? 200 : 500).end());
    const channelId = await room.addChannel("webhook", server.url);
    await room.addRule({ onNew: true, channelIds: [channelId] });
    await room.digest({});
    await room.settle("failed");
    const wait = async () => {
      const [job] = await test.database.query<{ at: Date }>("SELECT run_at AS at FROM graphile_worker._private_jobs");
      return (job?.at.getTime() ?? 0) - room.clock.now();
    };
    expect(await wait()).toBe(20_000);
    room.clock.advance(20_000);
    await room.hurry();
    expect(await wait()).toBe(40_000);
    isWell = true;
    room.clock.advance(40_000);
    await room.hurry();
    const [message] = await room.messages();
    expect(message).toMatchObject({ state: "sent", attempts: 3, fault: "" });
    const again = { messageId: message?.messageId, channelId };
    await test.database.query("SELECT graphile_worker.add_job('alert', $1::json)", [JSON.stringify(again)]);
    await room.hurry();
    expect(server.calls).toHaveLength(3);
  });

  it("ALR-8 nothing is sent of a channel, an issue or a project that is gone", async () => {
    room = await openAlertsRoom(test);
    const server = await useHookServer((response) => void response.writeHead(500).end());
    const spoilers = ["DELETE FROM alert_channels", "DELETE FROM issues", "UPDATE projects SET removed_at = now()"];
    for (const spoil of spoilers) {
      const channelId = await room.addChannel("webhook", server.url);
      await room.addRule({ onNew: true, channelIds: [channelId] });
      await room.digest({ message: `broken before ${spoil}` });
      await room.settle("failed");
      const before = server.calls.length;
      await test.database.query("UPDATE occurrences SET session_id = NULL");
      await test.database.query(spoil);
      room.clock.advance(HOUR);
      await room.hurry();
      expect(server.calls, spoil).toHaveLength(before);
      await test.database.query("DELETE FROM alert_rules");
      await test.database.query("DELETE FROM alert_messages");
    }
  });

  it("ALR-9 a mail goes to every address, as text, with what strangers wrote as text", async () => {
    const mails = await useMailSink();
    room = await openAlertsRoom(test, { mail: mailBy(mails.port) });
    await room.addRule({ onNew: true, channelIds: [await room.addChannel("email", "a@example.com,b@example.com")] });
    await room.digest({ message: "a\r\nBcc: victim@example.com\r\n\r\n.\r\n<b>", environment: "x\r\nTo: y@example.com" });
    expect(await room.settle("sent", "failed")).toMatchObject([{ state: "sent" }]);
    const [mail] = mails.mails;
    expect(mail).toMatchObject({ from: "watchback@example.com", to: ["a@example.com", "b@example.com"] });
    const [head = "", ...body] = (mail?.text ?? "").split("\r\n\r\n");
    expect(head).toMatch(/^Subject: New issue SHOP-1: Error: a/m);
    expect(head).toMatch(/^Content-Type: text\/plain/m);
    expect(head).toMatch(/^Message-ID: <alert-\d+@example\.com>/m);
    expect(head).not.toMatch(/^Bcc:/m);
    expect(body.join("\n")).toContain("https://watch.example.com/issues/SHOP-1");
    expect(mails.said.filter((line) => line.startsWith("RCPT"))).toHaveLength(2);
  });

  it("ALR-9 a password is never said in clear, and without a mail server the message says so", async () => {
    const mails = await useMailSink();
    room = await openAlertsRoom(test, { mail: mailBy(mails.port, "secret-name") });
    await room.addRule({ onNew: true, channelIds: [await room.addChannel("email", "a@example.com")] });
    await room.digest({});
    await room.settle("failed");
    expect(mails.said.join("\n")).not.toMatch(/AUTH|c2VjcmV0/);
    await room.stop();
    room = await openAlertsRoom(test, { mail: null });
    await room.addRule({ onNew: true, channelIds: [await room.addChannel("email", "a@example.com")] });
    await room.digest({});
    expect(await room.settle("failed")).toMatchObject([{ fault: "this server sends no mail: SMTP_HOST is not set" }]);
  });

  it("ALR-10, ALR-12 a webhook is signed, and links to issue, clip and live session while there are such", async () => {
    room = await openAlertsRoom(test);
    const server = await useHookServer();
    const slack = await useHookServer();
    const startedAt = room.clock.now();
    const startedOn = new Date(startedAt).toISOString().slice(0, 10);
    for (const [sessionId, status] of [
      ["live visit", "live"],
      ["over", "ended"],
      ["empty", "ended"],
    ] as const) {
      await insertSession(test.database, { sessionId, projectId: 1, startedOn, startedAt, status });
    }
    await test.database.query("UPDATE sessions SET batch_count = 1 WHERE session_id <> 'empty'");
    const channelIds = [await room.addChannel("webhook", server.url), await room.addChannel("slack", `${slack.url}/T0/B0/x`)];
    await room.addRule({ onNew: true, channelIds });
    const linksOf = async (message: string, sessionId: string | null) => {
      await room.digest({ message, sessionId });
      await room.settle("sent");
      await waitFor(() => server.calls.length === slack.calls.length);
      const body: unknown = JSON.parse(server.calls.at(-1)?.body ?? "");
      return { body };
    };
    const anError: unknown = expect.stringMatching(/^https:\/\/watch\.example\.com\/errors\/[0-9a-f-]{36}$/);
    expect(await linksOf("one", "live visit")).toMatchObject({
      body: {
        version: 1,
        kind: "new",
        issue: { shortId: "SHOP-1", title: "Error: one", occurrenceCount: 1, sessionCount: 1 },
        links: {
          issue: "https://watch.example.com/issues/SHOP-1",
          clip: anError,
          live: "https://watch.example.com/sessions/live%20visit",
        },
      },
    });
    expect(await linksOf("two", "over")).toMatchObject({ body: { links: { clip: anError, live: null } } });
    expect(await linksOf("three", "empty")).toMatchObject({ body: { links: { clip: null, live: null } } });
    expect(await linksOf("four", null)).toMatchObject({ body: { links: { clip: null, live: null } } });
    for (const { headers, body } of server.calls) {
      const [, t = "", v1 = ""] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["x-watchback-signature"])) ?? [];
      expect(createHmac("sha256", "the secret").update(`${t}.${body}`).digest("hex")).toBe(v1);
    }
    expect(slack.calls[0]).toMatchObject({ path: "/T0/B0/x", headers: { "content-type": "application/json" } });
    expect(slack.calls[0]?.headers["x-watchback-signature"]).toBeUndefined();
  });

  it("ALR-13 a message to an address of the own network is dead at once", async () => {
    room = await openAlertsRoom(test, { allowPrivate: false });
    const server = await useHookServer();
    await room.addRule({ onNew: true, channelIds: [await room.addChannel("webhook", server.url)] });
    await room.digest({});
    expect(await room.settle("dead")).toMatchObject([
      { attempts: 1, fault: "this address is on this server's own machine or network" },
    ]);
    expect(server.calls).toEqual([]);
  });

  it("ALR-16 a channel that failed is not asked for each of its messages, and others are", async () => {
    room = await openAlertsRoom(test);
    const ill = await useHookServer((response) => void response.writeHead(500).end());
    const well = await useHookServer();
    const channelIds = [await room.addChannel("webhook", ill.url), await room.addChannel("webhook", well.url)];
    await room.addRule({ onNew: true, channelIds });
    await room.digest({ message: "bug 1" });
    await room.settle("failed", "sent");
    const names = ["a", "b", "c", "d"];
    await room.digest(...names.map((name) => ({ message: `another ${name}` })));
    await room.rest();
    expect([well.calls.length, ill.calls.length]).toEqual([5, 1]);
    const states = (await room.messages()).map(({ channelId, state }) => `${channelId} ${state}`);
    expect(states.filter((one) => one.endsWith("waiting"))).toEqual(names.map(() => `${channelIds[0] ?? 0} waiting`));
    expect(states.filter((one) => one === `${channelIds[1] ?? 0} sent`)).toHaveLength(5);
  });

  it("ALR-19 messages go after 30 days, and cooldowns when they are long over", async () => {
    room = await openAlertsRoom(test);
    await room.addRule({ onNew: true, channelIds: [await room.addChannel("webhook", (await useHookServer()).url)] });
    await room.digest({});
    await room.settle("sent");
    room.alerts.start(HOUR);
    const left = async () => {
      const [row] = await test.database.query<{ messages: number; cooldowns: number }>(
        "SELECT (SELECT count(*)::int FROM alert_messages) AS messages, (SELECT count(*)::int FROM alert_cooldowns) AS cooldowns",
      );
      return row;
    };
    room.clock.advance(4 * 24 * HOUR);
    await waitFor(async () => (await left())?.cooldowns === 0);
    expect(await left()).toEqual({ messages: 1, cooldowns: 0 });
    room.clock.advance(27 * 24 * HOUR);
    await waitFor(async () => (await left())?.messages === 0);
  });
});
