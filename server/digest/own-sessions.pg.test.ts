import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type DigestRoom, eventRow, startDigestRoom } from "../../test/harness/digest-room.ts";
import { checkoutEvents, insertBatch, insertSession, insertTab } from "../../test/harness/stored-session.ts";

const DAY = "2026-11-20";
const T0 = Date.parse("2026-11-20T10:00:00Z");
const SESSION = "0190f3c2-7a2b-7c3d-8e4f-0123456789ab";

let room: DigestRoom;

beforeAll(async () => {
  room = await startDigestRoom();
});
afterAll(() => room.remove());
afterEach(() => room.clear());

describe("sessions of ours", () => {
  it("DIG-5 are linked where they are the project's own; a person who is not told is the session's; what comes late for an erased one is dropped", async () => {
    await insertSession(room.database, {
      sessionId: SESSION,
      projectId: room.shop,
      startedOn: DAY,
      startedAt: T0,
      userId: "ada",
    });
    await room.database.query("INSERT INTO tombstones (session_id, project_id) VALUES ('gone-session', $1)", [room.shop]);
    const tagged = (id: string) => ({ tags: { "watchback.session": id } });
    await room.put([
      eventRow(1, tagged(SESSION)),
      eventRow(2, { ...tagged(SESSION), user: { id: "bob" } }),
      { ...eventRow(3, tagged(SESSION)), projectId: room.blog },
      eventRow(4, tagged("gone-session")),
      eventRow(5, tagged("not-yet-known")),
    ]);
    await room.build().drainer.drain();
    expect((await room.occurrences()).map(({ session_id, user_id }) => [session_id, user_id])).toEqual([
      [SESSION, "ada"],
      [SESSION, "bob"],
      [null, null],
      ["not-yet-known", null],
    ]);
  });

  it("DIG-15 bring their errors with causes, state and breadcrumbs; an error that was erased meanwhile is passed over", async () => {
    await insertSession(room.database, {
      sessionId: SESSION,
      projectId: room.shop,
      startedOn: DAY,
      startedAt: T0,
      userId: "ada",
    });
    await insertTab(room.database, SESSION, "main", T0);
    const where = { sessionId: SESSION, startedOn: DAY, projectId: room.shop, tab: "main" };
    await insertBatch(room.database, {
      ...where,
      seq: 0,
      events: checkoutEvents(T0, "x"),
      markers: [
        { kind: "click", at: T0 + 1, name: "button", text: "Pay s3cret" },
        { kind: "console", at: T0 + 2, name: "warn", text: "slow" },
      ],
    });
    await insertBatch(room.database, { ...where, seq: 1, events: checkoutEvents(T0 + 10, "x") });
    await room.database.query(
      `INSERT INTO session_errors (error_id, session_id, tab, seq, ordinal, started_on, project_id, at, received_at, type, message, stack, url, data)
       SELECT gen_random_uuid(), $1, 'main', 1, n, $2::date, $3, $4, now(), 'TypeError', 'x is undefined',
         E'TypeError: x\\n    at pay (https://shop.example/a.js:1:2)', 'https://shop.example/pay', $5 FROM generate_series(1, 2) n`,
      [
        SESSION,
        DAY,
        room.shop,
        T0 + 20,
        JSON.stringify({
          handled: false,
          mechanism: "onerror",
          release: "shop@2",
          online: true,
          causes: [
            { name: "NetworkError", text: "offline", stack: "load@https://shop.example/n.js:3:4", source: "cause", of: 0 },
          ],
        }),
      ],
    );
    await room.database.query("DELETE FROM session_errors WHERE ordinal = 2");
    expect(await room.waiting()).toHaveLength(2);
    await room.build().drainer.drain();
    expect(await room.waiting()).toEqual([]);
    const rows = await room.database.query(
      "SELECT source, session_id, tab, user_id, at, type, message, culprit, release, url, detail FROM occurrences",
    );
    expect(rows).toMatchObject([
      {
        source: "tracker",
        session_id: SESSION,
        tab: "main",
        user_id: "ada",
        at: T0 + 20,
        type: "TypeError",
        message: "x is undefined",
        culprit: "pay (a.js)",
        release: "shop@2",
        url: "https://shop.example/pay",
        detail: {
          exceptions: [
            {
              type: "TypeError",
              mechanism: { type: "onerror", handled: false },
              frames: [{ function: "pay", line: 1, column: 2 }],
            },
            {
              type: "NetworkError",
              source: "cause",
              parentId: 0,
              frames: [{ function: "load", file: "https://shop.example/n.js" }],
            },
          ],
          contexts: { state: { online: true } },
          breadcrumbs: [
            { at: T0 + 1, category: "ui.click", message: "button Pay [Filtered]" },
            { at: T0 + 2, category: "console", level: "warning", message: "slow" },
          ],
        },
      },
    ]);
  });
});
