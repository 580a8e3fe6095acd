import { describe, expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { settle } from "../../test/harness/live-room.ts";
import { projectOf } from "../../test/harness/ingest-room.ts";
import type { Identity } from "../auth/auth.ts";
import { silentLogger } from "../log.ts";
import { createMetrics } from "../metrics.ts";
import type { Project } from "../projects/projects.ts";
import { createAddresses } from "./addresses.ts";
import { createTrackerKeys } from "./tracker-keys.ts";
import { CHECK_INTERVAL_MS, watchViewerRights } from "./viewer-rights.ts";
import { createViewerShared, ViewerSocket } from "./viewer-socket.ts";

const LIMIT = { perSecond: 10, burst: 10, bytesPerSecond: 10, burstBytes: 10 };

/** Viewers on no wire, and a look-up that takes its turns. */
function createViewers() {
  const clock = createTestClock(1_000_000);
  const limits = { connection: LIMIT, address: LIMIT };
  const live = {
    connect: () => {
      throw new Error("nobody speaks here");
    },
  };
  const shared = createViewerShared({ live, assist: live, clock, limits, metrics: createMetrics() });
  const address = createAddresses(LIMIT, () => clock.now()).of("1.2.3.4");
  const state: { looks: number; atOnce: number; most: number; isAway: boolean; answers: Promise<Identity>[] } = {
    ...{ looks: 0, atOnce: 0, most: 0, isAway: false, answers: [] },
  };
  const gone = new Set<string>();
  const rights = watchViewerRights({
    clock,
    logger: silentLogger,
    open: shared.open,
    auth: {
      identify: async ({ token }) => {
        state.looks++;
        const prepared = state.answers.shift();
        if (prepared) return prepared;
        state.most = Math.max(state.most, ++state.atOnce);
        await new Promise(setImmediate);
        state.atOnce--;
        if (state.isAway) throw new Error("the database is away");
        return gone.has(token ?? "") ? { kind: "nobody" } : user();
      },
    },
  });
  const closes: string[] = [];
  const open = (token: string, identity: Identity = user()) => {
    const socket = new ViewerSocket(1, { address, peer: address.address }, identity, { token }, shared);
    socket.close = (code) => {
      closes.push(`${token} ${code}`);
      socket.closed();
    };
    return socket;
  };
  return { clock, rights, state, gone, closes, open, address };
}

function user(more: { expiresAt?: number } = {}): Identity {
  return { kind: "user", userId: 1, email: "", isAdmin: false, signInId: "", roles: new Map([[1, "viewer"]]), ...more };
}

describe("rights of open viewer sockets", () => {
  it("NET-48 are looked at again at once when rights changed, by a few look-ups at a time", async () => {
    const { clock, rights, state, gone, closes, open } = createViewers();
    for (let n = 0; n < 1_000; n++) open(`t${n}`);
    gone.add("t17").add("t900");
    rights.lookAgain();
    await settle(300);
    expect(closes.sort()).toEqual(["t17 unauthorized", "t900 unauthorized"]);
    expect(state.looks).toBe(1_000);
    expect(state.most).toBeLessThanOrEqual(4);
    // Many news are one look a second, and none is lost.
    for (let n = 0; n < 100; n++) rights.lookAgain();
    await settle();
    expect(state.looks).toBe(1_000);
    clock.advance(1_000);
    await settle(2);
    gone.add("t0");
    rights.lookAgain();
    await settle(300);
    clock.advance(1_000);
    await settle(300);
    expect(closes).toContain("t0 unauthorized");
    expect(state.looks).toBe(1_000 + 2 * 998);
    rights.stop();
  });

  it("NET-48 are looked at now and then without news, and kept while the database is away", async () => {
    const { clock, state, gone, closes, open } = createViewers();
    open("a");
    clock.advance(CHECK_INTERVAL_MS - 1_000);
    await settle();
    expect(state.looks).toBe(0);
    clock.advance(1_000);
    await settle();
    expect(state.looks).toBe(1);
    gone.add("a");
    state.isAway = true;
    clock.advance(CHECK_INTERVAL_MS);
    await settle();
    expect(closes).toEqual([]);
    state.isAway = false;
    clock.advance(CHECK_INTERVAL_MS);
    await settle();
    expect(closes).toEqual(["a unauthorized"]);
  });

  it("NET-48 are not given back by an older answer that comes late", async () => {
    const { clock, rights, state, closes, open } = createViewers();
    const roles = (role: "owner" | "viewer"): Identity => ({ ...user(), roles: new Map([[1, role]]) }) as Identity;
    let tell = (_: Identity) => {};
    const late = new Promise<Identity>((resolve) => (tell = resolve));
    const socket = open("a", roles("owner"));
    socket.close = () => closes.push("a withdrawn");
    for (const other of ["b", "c", "d"]) open(other);
    state.answers.push(late);
    rights.lookAgain();
    await settle();
    state.answers.push(Promise.resolve(roles("viewer")));
    clock.advance(1_000);
    rights.lookAgain();
    await settle();
    expect(closes).toEqual(["a withdrawn"]);
    tell(roles("owner"));
    await settle();
    // Had the old answer been taken, this one would withdraw the role once more.
    state.answers.push(Promise.resolve(roles("viewer")));
    clock.advance(CHECK_INTERVAL_MS);
    await settle();
    expect(closes).toEqual(["a withdrawn"]);
    rights.stop();
  });

  it("NET-49 end with the sign-in or token, to the second", () => {
    const { clock, closes, open, address } = createViewers();
    open("soon", user({ expiresAt: clock.now() + 10_000 }));
    open("late", user({ expiresAt: clock.now() + 10_000_000 }));
    open("never");
    clock.advance(9_000);
    expect(closes).toEqual([]);
    clock.advance(2_000);
    expect(closes).toEqual(["soon unauthorized"]);
    expect(address.viewers).toBe(2);
  });
});

describe("ingest keys with open sockets", () => {
  it("NET-50 are looked at again within 5 s without news, their use is noted, and a bad one ends its sockets for good", async () => {
    const clock = createTestClock(0);
    const found = new Map<string, Project>([
      ["a", projectOf(1)],
      ["b", projectOf(2)],
    ]);
    const used: string[] = [];
    const projects = {
      findByKey: (key: string) => Promise.resolve(found.get(key) ?? null),
      noteUse: (key: string) => used.push(key),
    };
    const keys = createTrackerKeys({ projects, clock, logger: silentLogger });
    const revoked: string[] = [];
    const use = await keys.find("a");
    for (let n = 0; n < 1_200; n++) use?.holders.add({ keyRevoked: () => revoked.push("a") });
    (await keys.find("b"))?.holders.add({ keyRevoked: () => revoked.push("b") });
    expect(await keys.find("c")).toBeNull();
    clock.advance(1_000);
    await settle();
    expect(revoked).toEqual([]);
    expect(new Set(used)).toEqual(new Set(["a", "b"]));
    found.set("a", { ...projectOf(1), name: "renamed" });
    clock.advance(1_000);
    await settle();
    expect(use?.project.name).toBe("renamed");
    found.delete("a");
    keys.lookAgain();
    await settle();
    expect(revoked).toHaveLength(1_200);
    expect(new Set(revoked)).toEqual(new Set(["a"]));
    expect(keys.get("a")).toBeNull();
    expect(keys.get("b")).not.toBeNull();
    keys.stop();
  });
});
