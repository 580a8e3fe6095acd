import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type IssuesRoom, openIssuesRoom, ROOM_STARTS } from "../../test/harness/issues-room.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";

let test: TestDatabase;
let room: IssuesRoom;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  room = await openIssuesRoom(test);
});

/** An occurrence of the one issue, received when the room's clock says. */
const hit = (release = "", userId: string | null = null) => {
  room.clock.advance(1_000);
  return room.write({ message: "it broke", release, userId, receivedAt: room.clock.now() });
};
const set = async (change: object) => {
  room.clock.advance(1_000);
  const answer = await room.call("PATCH", "issues/1", change);
  expect(answer.status, JSON.stringify(answer.json)).toBe(200);
};
const status = async () => (await room.read(1))["status"];
const kinds = async (pending: ReturnType<typeof hit>) => (await pending).map(({ kind }) => kind).join(" ");

describe("states", () => {
  it("ISS-18 what is resolved and comes back is a regression, once, and open again; what came before does not count", async () => {
    await hit();
    await set({ status: "resolved" });
    expect(await status()).toBe("resolved");
    const late = await room.write({ message: "it broke", receivedAt: room.clock.now() - 500 });
    expect(late.map(({ kind }) => kind)).toEqual(["occurrence"]);
    expect(await status()).toBe("resolved");
    expect(await kinds(hit("1.0.0"))).toBe("regression");
    expect(await kinds(hit())).toBe("occurrence");
    const issue = await room.read(1);
    expect(issue).toMatchObject({ status: "open", resolvedIn: null, regressedAt: room.clock.now() - 1_000, occurrenceCount: 4 });
    const activity = expect.arrayContaining([expect.objectContaining({ kind: "regressed", by: null, text: "1.0.0" })]) as unknown;
    expect(issue["activity"]).toEqual(activity);
  });

  it("ISS-18 what is ignored stays so and is silent, and is counted", async () => {
    await hit();
    await set({ status: "ignored" });
    expect(await kinds(hit())).toBe("");
    expect(await room.read(1)).toMatchObject({ status: "ignored", occurrenceCount: 2 });
    await set({ status: "open" });
    expect(await kinds(hit())).toBe("occurrence");
  });

  it("ISS-19 resolved in the next release: releases that were known do not reopen it, nor old ones never heard of; a new one does", async () => {
    await hit("shop@1.2.0");
    await room.write({ message: "another", release: "shop@2.0.0", receivedAt: room.clock.now() });
    await set({ resolvedIn: "next" });
    expect(await room.read(1)).toMatchObject({ status: "resolved", resolvedIn: "next" });
    for (const old of ["shop@1.2.0", "shop@2.0.0", "shop@1.9.9", "shop@2.0.0-rc.1", ""]) {
      expect(await kinds(hit(old)), old).toBe("occurrence");
      expect(await status(), old).toBe("resolved");
    }
    expect(await kinds(hit("shop@2.0.1"))).toBe("regression");
    expect(await status()).toBe("open");
  });

  it("ISS-19 releases without versions go by when they were heard of", async () => {
    await hit("abc123");
    await room.write({ message: "another", release: "def456", receivedAt: room.clock.now() });
    await set({ resolvedIn: "next" });
    await hit("abc123");
    await hit("def456");
    expect(await status()).toBe("resolved");
    expect(await kinds(hit("0e1f2a"))).toBe("regression");
  });

  it("ISS-19 resolved in a release: older ones do not reopen it; that one and later ones do, also one that nobody had heard of", async () => {
    await hit("1.0.0");
    await set({ resolvedIn: "1.10.0" });
    for (const old of ["1.0.0", "1.9.0", "1.10.0-beta.2"]) expect(await kinds(hit(old)), old).toBe("occurrence");
    expect(await kinds(hit("1.10.0"))).toBe("regression");
    await set({ resolvedIn: "1.10.0" });
    expect(await kinds(hit("2.0"))).toBe("regression");
    await hit("abc123");
    await set({ resolvedIn: "fixed9" });
    expect(await kinds(hit("abc123"))).toBe("occurrence");
    expect(await kinds(hit("later1"))).toBe("regression");
  });

  it("ISS-21 muted until a moment: silent until then, open at it though nothing comes", async () => {
    await hit();
    const soon = Date.now() + 86_400_000;
    await set({ mutedUntil: { at: soon } });
    expect(await room.read(1)).toMatchObject({ status: "muted", mutedUntil: { at: soon, count: null, users: null } });
    expect(await kinds(hit())).toBe("");
    expect(await room.ids("status=muted")).toBe("SHOP-1");
    await set({ mutedUntil: { at: Date.now() - 1_000 } });
    expect(await room.read(1)).toMatchObject({ status: "open", mutedUntil: null });
    expect([await room.ids("status=muted"), await room.ids("status=open")]).toEqual(["", "SHOP-1"]);
    room.clock.advance(Date.now() - ROOM_STARTS + 2 * 86_400_000);
    expect(await kinds(hit())).toBe("occurrence");
    expect((await test.database.query("SELECT status FROM issues"))[0]).toEqual({ status: "open" });
  });

  it("ISS-21 muted until so many more occurrences, or users", async () => {
    await hit("", "u1");
    await set({ mutedUntil: { count: 3 } });
    expect(await room.read(1)).toMatchObject({ mutedUntil: { at: null, count: 3, users: null } });
    expect([await kinds(hit()), await kinds(hit())]).toEqual(["", ""]);
    expect(await room.read(1)).toMatchObject({ status: "muted", mutedUntil: { count: 1 } });
    expect(await kinds(hit())).toBe("occurrence");
    expect(await status()).toBe("open");

    await set({ mutedUntil: { users: 2 } });
    expect([await kinds(hit("", "u1")), await kinds(hit("", "u2")), await kinds(hit("", "u2"))]).toEqual(["", "", ""]);
    expect(await kinds(hit("", "u3"))).toBe("occurrence");
    expect(await status()).toBe("open");
  });

  it("ISS-21 a mute without an end has none", async () => {
    await hit();
    await set({ status: "muted" });
    for (let n = 0; n < 20; n++) expect(await kinds(hit("", `u${n}`))).toBe("");
    expect(await room.read(1)).toMatchObject({
      status: "muted",
      occurrenceCount: 21,
      mutedUntil: { at: null, count: null, users: null },
    });
  });

  it("ISS-18 a change that contradicts itself changes nothing", async () => {
    await hit();
    for (const change of [
      { status: "open", resolvedIn: "next" },
      { status: "resolved", mutedUntil: { count: 1 } },
      { status: "gone" },
      { mutedUntil: { count: 0 } },
      { resolvedIn: "" },
      { colour: "red" },
    ])
      expect((await room.call("PATCH", "issues/1", change)).status, JSON.stringify(change)).toBe(400);
    expect(await status()).toBe("open");
  });
});
