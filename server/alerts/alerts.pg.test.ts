import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type AlertsRoom, openAlertsRoom } from "../../test/harness/alerts-room.ts";
import { useHookServer } from "../../test/harness/hook-server.ts";
import { mailBy, useMailSink } from "../../test/harness/mail-sink.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";

const HOUR = 3_600_000;
const everything = { onNew: true, onRegression: true, onPromoted: true, onSpike: true };

let test: TestDatabase;
let room: AlertsRoom;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
afterEach(() => room.stop());

const kinds = async () => (await room.messages()).map(({ kind }) => kind);
const resolve = () =>
  test.database.query("UPDATE issues SET status = 'resolved', resolved_at = $1", [new Date(room.clock.now())]);

describe("who hears of what", () => {
  it("ALR-1 a storm of 10,000 occurrences in two digests at once is one message for each channel, and one more after the cooldown", async () => {
    const mails = await useMailSink();
    room = await openAlertsRoom(test, { mail: mailBy(mails.port) });
    const slack = await useHookServer();
    const web = await useHookServer();
    const channelIds = [
      await room.addChannel("email", "a@example.com,b@example.com"),
      await room.addChannel("slack", slack.url),
      await room.addChannel("webhook", web.url),
    ];
    await room.addRule({ ...everything, channelIds });
    await room.addRule({ onSpike: true, onNew: true, channelIds, cooldownMinutes: 60 });
    const digest = async (name: string) => {
      for (let group = 0; group < 50; group++) {
        await room.digest(
          ...Array.from({ length: 100 }, (_, n) => ({ message: "it broke", sessionId: `${name}-${group}-${n % 7}` })),
        );
      }
    };
    await Promise.all([digest("a"), digest("b")]);
    await room.settle("sent");
    expect(await kinds()).toEqual(["new", "new", "new"]);
    expect([mails.mails.length, slack.calls.length, web.calls.length]).toEqual([1, 1, 1]);

    room.clock.advance(HOUR + 1);
    await resolve();
    room.clock.advance(1);
    await room.digest({ message: "it broke" });
    await room.digest({ message: "it broke" });
    await room.settle("sent");
    const later = (await room.messages()).slice(3);
    expect(later).toMatchObject(channelIds.map((channelId) => ({ channelId, kind: "regression", heldBack: 9_900 })));
    expect([mails.mails.length, slack.calls.length, web.calls.length]).toEqual([2, 2, 2]);
  }, 120_000);

  it("ALR-1 the cooldown is each channel's and each issue's", async () => {
    room = await openAlertsRoom(test);
    const one = await room.addChannel("email", "a@example.com");
    const other = await room.addChannel("email", "b@example.com");
    await room.addRule({ onNew: true, channelIds: [one] });
    await room.addRule({ onPromoted: true, channelIds: [other] });
    await room.digest({ message: "one", sessionId: "s1" }, { message: "other", sessionId: "s1" });
    await room.digest({ message: "one", sessionId: "s2" });
    const told = (await room.messages()).map(({ channelId, kind }) => `${channelId} ${kind}`);
    expect(told).toEqual([`${one} new`, `${one} new`, `${other} promoted`]);
  });

  it("ALR-2 rules that are off, and those of other projects, tell nothing", async () => {
    room = await openAlertsRoom(test);
    const channel = await room.addChannel("email", "a@example.com");
    await room.addRule({ ...everything, channelIds: [channel], isEnabled: false });
    await room.addRule({ ...everything, channelIds: [channel], projectId: 2 });
    await room.addRule({ ...everything, channelIds: [] });
    await room.digest({ sessionId: "s1" }, { sessionId: "s2" });
    // The other project's rule names a channel that is not its own.
    await room.digest({ projectId: 2 });
    expect(await room.messages()).toEqual([]);
  });

  it("ALR-3 an issue that is known from staging is new in production once", async () => {
    room = await openAlertsRoom(test);
    const channel = await room.addChannel("email", "a@example.com");
    await room.addRule({ onNew: true, channelIds: [channel], environments: ["production"], cooldownMinutes: 1 });
    await room.digest({ environment: "staging" }, { environment: "staging" });
    expect(await kinds()).toEqual([]);
    for (let n = 0; n < 3; n++) {
      await room.digest({ environment: "production" }, { environment: "staging" });
      room.clock.advance(HOUR);
    }
    expect(await kinds()).toEqual(["new"]);
  });

  it("ALR-4 a spike is found over the turn of the hour, and what is usual is none", async () => {
    room = await openAlertsRoom(test);
    const channel = await room.addChannel("email", "a@example.com");
    await room.addRule({ onSpike: true, spikeCount: 20, spikeFactor: 3, channelIds: [channel] });
    const toTurn = HOUR - (room.clock.now() % HOUR);
    room.clock.advance(toTurn - 60_000);
    const many = (count: number) => Array.from({ length: count }, () => ({}));
    await room.digest(...many(15));
    expect(await kinds()).toEqual([]);
    room.clock.advance(120_000);
    await room.digest(...many(15));
    expect(await kinds()).toEqual(["spike"]);

    // The same number each hour is what is usual.
    await test.database.query("DELETE FROM alert_messages");
    await test.database.query("UPDATE issues SET first_seen = first_seen - interval '3 days'");
    await test.database.query(
      "INSERT INTO issue_hours (issue_id, hour, count) SELECT i.issue_id, h.hour - n * interval '1 hour', 30 FROM issues i, (SELECT min(hour) AS hour FROM issue_hours) h, generate_series(1, 30) n",
    );
    room.clock.advance(2 * HOUR);
    await room.digest(...many(30));
    expect(await kinds()).toEqual([]);
    await room.digest(...many(90));
    expect(await kinds()).toEqual(["spike"]);
  });

  it("ALR-5 what is rolled back sends nothing, and takes no cooldown", async () => {
    room = await openAlertsRoom(test);
    const server = await useHookServer();
    await room.addRule({ onNew: true, channelIds: [await room.addChannel("webhook", server.url)] });
    await room.digestInVain({});
    expect(await room.messages()).toEqual([]);
    await room.digest({});
    await room.settle("sent");
    expect(server.calls).toHaveLength(1);
  });

  it("ALR-6 a regression within the cooldown is told when it is over", async () => {
    room = await openAlertsRoom(test);
    await room.addRule({ onNew: true, onRegression: true, channelIds: [await room.addChannel("email", "a@example.com")] });
    await room.digest({});
    await resolve();
    room.clock.advance(60_000);
    await room.digest({});
    expect(await kinds()).toEqual(["new"]);
    room.clock.advance(HOUR);
    await room.hurry();
    expect(await room.messages()).toMatchObject([{ kind: "new" }, { kind: "regression", heldBack: 1 }]);
  });

  it("ALR-6 it is not told where somebody has resolved it again, where no rule asks, or where the channel heard of it since", async () => {
    room = await openAlertsRoom(test);
    await room.addRule({
      onNew: true,
      onRegression: true,
      onSpike: true,
      channelIds: [await room.addChannel("email", "a@example.com")],
    });
    const again = async () => {
      await resolve();
      room.clock.advance(60_000);
      await room.digest({});
    };
    await room.digest({});
    await again();
    await resolve();
    room.clock.advance(HOUR);
    await room.hurry();
    expect(await kinds()).toEqual(["new"]);

    room.clock.advance(1_000);
    await room.digest({});
    expect(await kinds()).toEqual(["new", "regression"]);
    await again();
    await test.database.query("UPDATE alert_rules SET on_regression = false");
    room.clock.advance(HOUR);
    await room.hurry();
    expect(await kinds()).toEqual(["new", "regression"]);

    await test.database.query("UPDATE alert_rules SET on_regression = true");
    await again();
    await again();
    expect(await kinds()).toEqual(["new", "regression", "regression"]);
    room.clock.advance(HOUR);
    await room.digest(...Array.from({ length: 50 }, () => ({})));
    expect((await kinds()).at(-1)).toBe("spike");
    await room.hurry();
    expect(await kinds()).toHaveLength(4);
  });

  it("ALR-8 rules may name a channel that is gone", async () => {
    room = await openAlertsRoom(test);
    const server = await useHookServer();
    const there = await room.addChannel("webhook", server.url);
    await room.addRule({ onNew: true, channelIds: [there, 999_999] });
    await room.digest({});
    await room.settle("sent");
    expect(server.calls).toHaveLength(1);
  });
});
