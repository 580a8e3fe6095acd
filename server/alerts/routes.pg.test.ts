import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAudit } from "../audit/audit.ts";
import { type Role, ROLES } from "../auth/auth.ts";
import { removePersonErrors, removeProjectErrors, removeSessionErrors } from "../retention/error-rows.ts";
import { type AlertsRoom, openAlertsRoom } from "../../test/harness/alerts-room.ts";
import { type HookServer, openHookServer } from "../../test/harness/hook-server.ts";
import { createPeople, type People } from "../../test/harness/people.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import type { Method } from "../net/route.ts";

let test: TestDatabase;
let room: AlertsRoom;
let people: People;
let hook: HookServer;

beforeAll(async () => {
  test = await createTestDatabase();
  hook = await openHookServer();
});
afterAll(async () => {
  await hook.close();
  await test.drop();
});
beforeEach(async () => {
  people = await createPeople(test.database, Date.now());
  const audit = createAudit({ db: test.database, clock: people.clock, log: quietLog });
  room = await openAlertsRoom(test, { audit });
  for (const role of ROLES) await people.join(await people.insertUser(`${role}@example.com`), 1, role);
});
afterEach(() => room.stop());

/** The routes as somebody of this role sees them. */
async function as(role: Role) {
  const browser = await people.signIn(`${role}@example.com`);
  const identity = await browser.identity();
  const call = createCaller(room.alerts.routes);
  return (method: Method, path: string, body?: unknown) => call(method, `/v1/projects/${path}`, { identity, body });
}
const webhook = { kind: "webhook", name: "Ours", url: "https://hooks.example.com/secret/path?key=1" };

describe("routes", () => {
  it("ALR-17 admins make, change and remove channels and rules, and that is written down", async () => {
    const call = await as("admin");
    const aSecret: unknown = expect.stringMatching(/^[0-9a-f]{64}$/);
    const made = await call("POST", "1/alert-channels", webhook);
    expect(made).toMatchObject({
      status: 201,
      json: { kind: "webhook", host: "https://hooks.example.com", secret: aSecret },
    });
    const mail = await call("POST", "1/alert-channels", { kind: "email", name: "Us", to: ["a@example.com"] });
    expect(mail.json).toMatchObject({ secret: null, to: ["a@example.com"], channelId: 2 });
    const list = await call("GET", "1/alert-channels");
    expect(list.json).toMatchObject({ canMail: false, channels: [{ name: "Ours" }, { name: "Us" }] });
    expect(JSON.stringify(list.json)).not.toMatch(/secret|key=1/);

    const rule = await call("POST", "1/alert-rules", { name: "All", channelIds: [1, 2] });
    expect(rule).toMatchObject({ status: 201, json: { ruleId: 1, onNew: true, onSpike: false, cooldownMinutes: 60 } });
    expect((await call("PATCH", "1/alert-rules/1", { onSpike: true })).json).toMatchObject({
      name: "All",
      onSpike: true,
      channelIds: [1, 2],
    });
    expect((await call("PATCH", "1/alert-channels/1", { name: "Theirs" })).json).toMatchObject({
      name: "Theirs",
      host: "https://hooks.example.com",
    });
    expect((await call("DELETE", "1/alert-channels/1")).status).toBe(200);
    expect((await call("GET", "1/alert-rules")).json).toMatchObject({ rules: [{ channelIds: [2] }] });
    expect((await call("DELETE", "1/alert-rules/1")).status).toBe(200);
    const deeds = (await people.deeds()).filter(({ action }) => action.startsWith("alert_"));
    expect(deeds.map(({ action, data }) => `${action} ${String(data["name"])}`)).toEqual([
      "alert_channel_made Ours",
      "alert_channel_made Us",
      "alert_rule_made All",
      "alert_rule_changed All",
      "alert_channel_changed Theirs",
      "alert_channel_removed Theirs",
      "alert_rule_removed All",
    ]);
  });

  it("ALR-17 nobody else does, and what is no channel or rule is refused", async () => {
    for (const role of ["viewer", "member"] as const) {
      const call = await as(role);
      for (const path of ["alert-channels", "alert-rules", "alert-messages"]) {
        expect((await call("GET", `1/${path}`)).status, `${role} ${path}`).toBeGreaterThanOrEqual(403);
      }
      expect((await call("POST", "1/alert-channels", webhook)).status).toBeGreaterThanOrEqual(403);
    }
    const call = await as("admin");
    expect((await call("GET", "2/alert-channels")).status).toBe(404);
    const theirs = await room.addChannel("webhook", "https://blog.example.com/", 2);
    const bad: [string, unknown][] = [
      ["alert-channels", { kind: "webhook", name: "x" }],
      ["alert-channels", { kind: "email", name: "x", to: [] }],
      ["alert-channels", { kind: "email", name: "x", to: ["a@example.com\r\nBcc: b@example.com"] }],
      ["alert-channels", { kind: "email", name: "x", to: ["a@example.com, b@example.com"] }],
      ["alert-channels", { ...webhook, url: "ftp://example.com/" }],
      ["alert-channels", { ...webhook, url: "https://user:pass@example.com/" }],
      ["alert-channels", { ...webhook, url: "javascript:alert(1)" }],
      ["alert-channels", { ...webhook, kind: "pigeon" }],
      ["alert-rules", { name: "x", channelIds: [theirs] }],
      ["alert-rules", { name: "x", cooldownMinutes: 0 }],
      ["alert-rules", { name: "x", spikeFactor: -1 }],
      ["alert-rules", { name: "x", levels: ["loud"] }],
      ["alert-rules", { name: "" }],
    ];
    for (const [path, body] of bad) expect((await call("POST", `1/${path}`, body)).status, JSON.stringify(body)).toBe(400);
    expect((await call("DELETE", `1/alert-channels/${theirs}`)).status).toBe(404);
    expect((await call("POST", `1/alert-channels/${theirs}/test`)).status).toBe(404);
  });

  it("ALR-18 the test button sends, and is in the list; ten times in a minute", async () => {
    const call = await as("admin");
    const channelId = await room.addChannel("webhook", hook.url);
    expect(await call("POST", `1/alert-channels/${channelId}/test`)).toMatchObject({ status: 202, json: { messageId: 1 } });
    await room.settle("sent");
    expect(JSON.parse(hook.calls.at(-1)?.body ?? "")).toMatchObject({ kind: "test", issue: null, project: "Shop" });
    for (let n = 2; n <= 10; n++) expect((await call("POST", `1/alert-channels/${channelId}/test`)).status).toBe(202);
    expect((await call("POST", `1/alert-channels/${channelId}/test`)).status).toBe(429);
    room.clock.advance(60_001);
    expect((await call("POST", `1/alert-channels/${channelId}/test`)).status).toBe(202);
    await room.settle("sent");

    const first = await call("GET", "1/alert-messages?limit=6");
    expect(first.json).toMatchObject({
      messages: { length: 6, 0: { messageId: 11, kind: "test", state: "sent" } },
      nextCursor: "6",
    });
    const second = await call("GET", "1/alert-messages?limit=6&cursor=6");
    expect(second.json).toMatchObject({ messages: { length: 5, 4: { messageId: 1 } }, nextCursor: null });
  });

  it("ALR-20 messages keep nothing of erased occurrences, and all of it goes with the project", async () => {
    const channelId = await room.addChannel("webhook", hook.url);
    await room.addRule({ onNew: true, channelIds: [channelId] });
    await room.digest({ message: "one", sessionId: "s1" }, { message: "two", userId: "u2" }, { message: "three" });
    await room.settle("sent");
    const named = async () =>
      (
        await test.database.query<{ named: boolean }>(
          "SELECT error_id IS NOT NULL AS named FROM alert_messages ORDER BY message_id",
        )
      ).map((row) => row.named);
    expect(await named()).toEqual([true, true, true]);
    await test.database.transaction((tx) => removeSessionErrors(tx, ["s1"]));
    expect(await named()).toEqual([false, true, true]);
    await test.database.transaction((tx) => removePersonErrors(tx, 1, "u2", Date.now() + 1_000));
    expect(await named()).toEqual([false, false, true]);
    await removeProjectErrors(test.database, 1);
    const left = await test.database.query(
      "SELECT channel_id FROM alert_channels UNION ALL SELECT rule_id FROM alert_rules UNION ALL SELECT channel_id FROM alert_cooldowns UNION ALL SELECT message_id FROM alert_messages",
    );
    expect(left).toEqual([]);
  });
});
