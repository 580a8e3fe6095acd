import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type DigestRoom, eventIdOf, eventRow, startDigestRoom } from "../../test/harness/digest-room.ts";
import { systemClock } from "../clock.ts";
import type { Digested } from "../digested.ts";
import { createIssues } from "../issues/issues.ts";
import { MAX_ATTEMPTS } from "./intake-queries.ts";

let room: DigestRoom;

beforeAll(async () => {
  room = await startDigestRoom();
});
afterAll(() => room.remove());
afterEach(() => room.clear());

describe("the digest", () => {
  it("DIG-1 writes what was accepted, removes it from the intake, and tells what became of issues", async () => {
    const { drainer, counts } = room.build();
    await room.put([
      eventRow(1),
      { ...eventRow(2), projectId: room.blog },
      {
        kind: "csp_report",
        head: { event_id: eventIdOf(3) },
        body: {
          "csp-report": {
            "document-uri": "https://a/",
            "blocked-uri": "https://evil.example/x.js",
            "effective-directive": "script-src-elem",
          },
        },
      },
      {
        kind: "csp_report",
        head: { event_id: eventIdOf(4) },
        body: {
          type: "csp-violation",
          body: { documentURL: "https://a/", blockedURL: "inline", effectiveDirective: "style-src" },
        },
      },
      {
        kind: "feedback",
        head: { event_id: eventIdOf(5), item: "feedback" },
        body: {
          contexts: {
            feedback: { message: "it broke", contact_email: "ada@example.com", name: "Ada", associated_event_id: eventIdOf(1) },
          },
        },
      },
      {
        kind: "feedback",
        head: { event_id: eventIdOf(6), item: "user_report" },
        body: { event_id: eventIdOf(2), comments: "s3cret words", email: "a@b.c", name: "B" },
      },
      { kind: "event", head: { event_id: eventIdOf(7) }, body: { type: "transaction" } },
    ]);
    await drainer.drain();
    expect((await room.occurrences()).map(({ message, project_id }) => [message, project_id === room.shop])).toEqual([
      ["x is undefined", true],
      ["x is undefined", false],
      ["Content security policy: script-src-elem blocked evil.example", true],
      ["Content security policy: style-src blocked inline", true],
    ]);
    const feedback = await room.database.query("SELECT message, email, name, error_event_id FROM feedback ORDER BY feedback_id");
    expect(feedback).toEqual([
      { message: "it broke", email: "ada@example.com", name: "Ada", error_event_id: eventIdOf(1) },
      { message: "[Filtered] words", email: "a@b.c", name: "B", error_event_id: eventIdOf(2) },
    ]);
    expect(await room.waiting()).toEqual([]);
    expect(counts.digested.value).toBe(7);
    expect(room.heard.filter(({ kind }) => kind === "new")).toHaveLength(4);
  });

  it("DIG-1 leaves the segments of replays to whom they belong", async () => {
    await room.put([{ kind: "replay", head: { event_id: eventIdOf(1) }, body: "x" }]);
    await room.build().drainer.drain();
    expect(await room.waiting()).toMatchObject([{ attempts: 0, dead: false }]);
  });

  it("DIG-9 redacts before anything is stored", async () => {
    await room.put([
      eventRow(1, {
        exception: { values: [{ type: "E", value: "the s3cret is out" }] },
        breadcrumbs: [{ message: "s3cret" }],
        request: { url: "https://a/?q=s3cret", headers: { a: "s3cret" }, data: "s3cret" },
        user: { id: 7, email: "s3cret@a.b" },
        logentry: { message: "s3cret %s" },
        transaction: "s3cret",
      }),
    ]);
    await room.build().drainer.drain();
    const rows = await room.database.query<{ all: string }>(
      "SELECT (to_jsonb(o) || to_jsonb(i))::text AS all FROM occurrences o JOIN issues i USING (issue_id)",
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.all).toContain("the [Filtered] is out");
    // Headers go through the rules for named values, which this stand-in does not have.
    expect(rows[0]?.all.replace(/"headers": \[[^\]]*\]\]/, "")).not.toContain("s3cret");
  });

  it("DIG-10 keeps an item that never can be read as a dead letter at once, and digests its siblings", async () => {
    const { drainer, counts } = room.build();
    await room.put([
      eventRow(1),
      { body: "{no json" },
      { body: `{"a":${"[".repeat(500)}` },
      { kind: "csp_report", body: { x: 1 } },
      eventRow(2),
    ]);
    await drainer.drain();
    expect((await room.occurrences()).map(({ event_id }) => event_id)).toEqual([eventIdOf(1), eventIdOf(2)]);
    expect(await room.waiting()).toMatchObject([
      { dead: true, attempts: 1, fault: "the item is no JSON" },
      { dead: true, fault: "the item is nested deeper than 100 levels" },
      { dead: true, fault: "the item is no report of a content security policy" },
    ]);
    expect(counts.dead.value).toBe(3);
  });

  it("DIG-11 tries again what failed, alone, with a growing wait, and gives it up after the last try", async () => {
    const groups: number[] = [];
    const real = createIssues({ db: room.database, clock: systemClock });
    const { drainer, counts } = room.build({
      write(tx, digested: readonly Digested[]) {
        groups.push(digested.length);
        if (digested.some(({ eventId }) => eventId === eventIdOf(2))) throw new Error("cannot");
        return real.write(tx, digested);
      },
    });
    await room.put([eventRow(1), eventRow(2), eventRow(3)]);
    await drainer.drain();
    expect((await room.occurrences()).map(({ event_id }) => event_id)).toEqual([eventIdOf(1), eventIdOf(3)]);
    expect(groups).toEqual([3, 1, 1, 1]);
    let before = 0;
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
      const [row] = await room.waiting();
      expect(row).toMatchObject({ attempts: attempt, dead: false, fault: "Error: cannot" });
      expect(row?.wait).toBeGreaterThan(before * 2);
      before = row?.wait ?? 0;
      await room.database.query("UPDATE intake SET due_at = now()");
      await room.put([eventRow(100 + attempt), eventRow(200 + attempt)]);
      groups.length = 0;
      await drainer.drain();
      expect(groups).toEqual([2, 1]);
    }
    expect(await room.waiting()).toMatchObject([{ attempts: MAX_ATTEMPTS, dead: true }]);
    expect(counts).toMatchObject({ retried: { value: MAX_ATTEMPTS - 1 }, dead: { value: 1 } });
  });

  it("DIG-12 digests what a process claimed that died, and gives up what kills every process", async () => {
    await room.put([eventRow(1), eventRow(2)]);
    await room.database.query("UPDATE intake SET attempts = CASE WHEN head ->> 'event_id' = $1 THEN 1 ELSE $2 END", [
      eventIdOf(1),
      MAX_ATTEMPTS,
    ]);
    await room.build().drainer.drain();
    expect((await room.occurrences()).map(({ event_id }) => event_id)).toEqual([eventIdOf(1)]);
    expect(await room.waiting()).toMatchObject([{ dead: true, fault: "the process ended while it was digested" }]);
  });

  it("DIG-13 writes an event once: repeated, claimed twice, and by many drainers at the same time", async () => {
    const rows = Array.from({ length: 400 }, (_, n) => eventRow(n % 350, { message: `m${n % 7}` }));
    await room.put(rows);
    const drainers = [room.build(), room.build(), room.build()];
    // The claims of one run out while it reads, again and again.
    let isDrained = false;
    const expire = async () => {
      while (!isDrained) {
        // It takes many rows at once, as nobody else does: one that meets a drainer half-way is given up.
        await room.database.query("UPDATE intake SET due_at = now(), attempts = 0 WHERE attempts > 0").catch((error: unknown) => {
          expect(error).toMatchObject({ code: "40P01" });
        });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const expiring = expire();
    await Promise.all(drainers.map(({ drainer }) => drainer.drain())).finally(() => (isDrained = true));
    await expiring;
    await room.database.query("UPDATE intake SET due_at = now(), attempts = 0");
    await drainers[0]?.drainer.drain();
    expect(await room.waiting()).toEqual([]);
    expect(await room.occurrences()).toHaveLength(350);
    const [sum] = await room.database.query<{ n: number }>("SELECT sum(occurrence_count)::integer AS n FROM issues");
    expect(sum?.n).toBe(350);
  });

  it("DIG-14 gives back, untried, what a stop or the absence of Postgres left", async () => {
    let isEntered = () => {};
    const entered = new Promise<void>((resolve) => (isEntered = resolve));
    let goOn = () => {};
    const real = createIssues({ db: room.database, clock: systemClock });
    const { drainer } = room.build({
      async write(tx, digested) {
        isEntered();
        await new Promise<void>((resolve) => (goOn = resolve));
        return real.write(tx, digested);
      },
    });
    await room.put(Array.from({ length: 250 }, (_, n) => eventRow(n)));
    const draining = drainer.drain();
    await entered;
    const stopping = drainer.stop();
    goOn();
    await Promise.all([draining, stopping]);
    const left = await room.waiting();
    expect(left.length + (await room.occurrences()).length).toBe(250);
    expect(left.length).toBeGreaterThan(0);
    expect(left.filter(({ attempts, wait }) => attempts !== 0 || wait > 0)).toEqual([]);
  });
});
