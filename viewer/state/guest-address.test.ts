import { describe, expect, it } from "vitest";
import { guestAddress, readGuestSecret, whatIsShown } from "./guest-address.ts";
import { readStart, writeStart } from "./session-start.ts";

const SECRET = "Zk3_-aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789ab";

describe("the address of a guest", () => {
  it("SHA-13 leads to a moment exact to the millisecond, with the secret in its fragment and nowhere else", () => {
    const query = writeStart({ at: 12_501, paused: true, loop: null });
    const address = new URL(guestAddress({ origin: "https://w.example", pathname: "/share" }, query, SECRET));
    expect(address.href).toBe(`https://w.example/share?t=12.501&paused=1#${SECRET}`);
    expect(readGuestSecret(address.hash)).toBe(SECRET);
    expect(readStart(address.searchParams)).toMatchObject({ t: 12.501, paused: true });
  });

  it("SHA-13 that is not whole is no address, and breaks nothing", () => {
    expect(["", "#", "#%", "#%E0%A4%A"].map(readGuestSecret)).toEqual(["", "", "", ""]);
  });
});

describe("what a token shows", () => {
  const claims = { project: 7, session: "visit-1", user: 2, from: null, to: null, panels: false, generation: 1, expires: 5 };
  const token = (change: object): string =>
    `wbe1.${Buffer.from(JSON.stringify({ ...claims, ...change })).toString("base64url")}.signature`;

  it("SHA-15 is the same whoever made it and however long it is good, and another with every other thing", () => {
    expect(whatIsShown(token({ user: 3, generation: 2, expires: 9 }))).toBe(whatIsShown(token({})));
    for (const change of [{ session: "visit-ö" }, { project: 8 }, { from: 1, to: 2 }, { panels: true }])
      expect(whatIsShown(token(change)), JSON.stringify(change)).not.toBe(whatIsShown(token({})));
  });

  it("SHA-15 of anything else is itself", () => {
    for (const secret of [SECRET, "", "wbe1.%.x", "wbe1.bnVsbA.x"]) expect(whatIsShown(secret)).toBe(secret);
  });
});
