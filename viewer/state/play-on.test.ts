import { describe, expect, it } from "vitest";
import type { PlaylistItem } from "../net/api-sharing.ts";
import { OFFER_SECONDS, PlayOn, type WatchedItem } from "./play-on.svelte.ts";
import { findNeighbours, itemAddress, readPlaylistPlace } from "./playlist-place.ts";

const T0 = 1_800_000_000_000;
const item = (itemId: number, sessionId: string, more: Partial<PlaylistItem> = {}): PlaylistItem => ({
  itemId,
  sessionId,
  fromAt: null,
  toAt: null,
  note: "",
  session: { userId: null, url: "", title: "", startedAt: T0, lastAt: T0 + 60_000, errorCount: 0 },
  ...more,
});

describe("the place in a playlist", () => {
  const items = [item(4, "a"), item(9, "b"), item(2, "a", { fromAt: T0 + 12_345, toAt: T0 + 20_000, note: "the cart" })];

  it("SHA-12 is in the address, and leads to the moment at which a part begins", () => {
    const address = new URL(itemAddress(items[2] ?? item(0, ""), 7), "https://w.example");
    expect(address.pathname + address.search).toBe("/sessions/a?t=12.345&playlist=7&item=2");
    expect(readPlaylistPlace(address.searchParams)).toEqual({ playlistId: 7, itemId: 2 });
    for (const query of ["", "playlist=", "playlist=x&item=2", "playlist=-1", "playlist=01"])
      expect(readPlaylistPlace(new URLSearchParams(query)), query).toBeNull();
  });

  it("SHA-12 has one before and a next; a session that is in it twice is told apart", () => {
    const place = (sessionId: string, itemId: number | null) => {
      const { index, previous, next } = findNeighbours(items, sessionId, itemId);
      return [index, previous?.itemId ?? null, next?.itemId ?? null];
    };
    expect(place("a", 4)).toEqual([0, null, 9]);
    expect(place("b", 9)).toEqual([1, 4, 2]);
    expect(place("a", 2)).toEqual([2, 9, null]);
    // Taken out meanwhile, or the item of another session.
    expect([place("a", null), place("b", 4), place("c", 4)]).toEqual([
      [0, null, 9],
      [1, 4, 2],
      [null, null, 4],
    ]);
    expect(findNeighbours([], "a", 1)).toEqual({ index: null, item: null, previous: null, next: null });
  });
});

describe("playing on", () => {
  const recorded = { mode: "recorded", stage: "shown", playing: true } as const;
  const live = { ...recorded, mode: "live" } as const;
  const whole: WatchedItem = { end: 60_000, isPart: false, isLive: false, hasNext: true };
  const part: WatchedItem = { ...whole, end: 20_000, isPart: true };

  it("SHA-12 offers the next when a session has been played to its end, and goes there when the time is over", () => {
    const playOn = new PlayOn();
    expect(playOn.follow({ ...recorded, at: 100 }, whole)).toBe(false);
    expect(playOn.state).toEqual({ kind: "watching" });
    expect(playOn.follow({ ...recorded, playing: false, at: 60_000 }, whole)).toBe(false);
    expect(playOn.state).toEqual({ kind: "offering", left: OFFER_SECONDS });
    const ticks = Array.from({ length: OFFER_SECONDS + 1 }, () => playOn.tick());
    expect(ticks.indexOf(true)).toBe(OFFER_SECONDS - 1);
    expect(ticks.filter(Boolean)).toHaveLength(1);
  });

  it("SHA-12 stops a part at its end, once: who plays on then is let", () => {
    const playOn = new PlayOn();
    playOn.follow({ ...recorded, at: 12_000 }, part);
    expect(playOn.follow({ ...recorded, at: 20_010 }, part)).toBe(true);
    // Told once more of the same moment, because something else has changed: the player stands still with its next frame.
    expect(playOn.follow({ ...recorded, at: 20_010 }, part)).toBe(false);
    expect(playOn.state.kind).toBe("offering");
    expect(playOn.follow({ ...recorded, playing: false, at: 20_010 }, part)).toBe(false);
    expect(playOn.follow({ ...recorded, at: 20_020 }, part)).toBe(false);
    expect(playOn.state.kind).toBe("watching");
    expect(playOn.follow({ ...recorded, at: 25_000 }, part)).toBe(false);
    expect(playOn.state.kind).toBe("watching");
  });

  it("SHA-12 stops a short part as soon as it is known, where it was played before that", () => {
    const playOn = new PlayOn();
    playOn.begin({ ...recorded, at: 12_000 });
    expect(playOn.follow({ ...recorded, at: 20_500 }, part)).toBe(true);
    expect(playOn.state.kind).toBe("offering");
    const opened = new PlayOn();
    opened.begin({ ...recorded, playing: false, at: 60_000 });
    opened.follow({ ...recorded, playing: false, at: 60_000 }, whole);
    expect(opened.state.kind).toBe("watching");
  });

  it("SHA-12 stays where that is wanted, where somebody goes back, and behind the last one", () => {
    const playOn = new PlayOn();
    const end = { ...recorded, playing: false, at: 60_000 };
    const playToEnd = (item = whole) => {
      playOn.follow({ ...recorded, at: 5 }, item);
      playOn.follow(end, item);
    };
    playToEnd();
    playOn.stay();
    expect(playOn.state).toEqual({ kind: "over" });
    expect(playOn.tick()).toBe(false);
    playToEnd();
    playOn.follow({ ...recorded, playing: false, at: 30_000 }, whole);
    expect(playOn.state).toEqual({ kind: "watching" });
    playToEnd({ ...whole, hasNext: false });
    expect(playOn.state).toEqual({ kind: "over" });
  });

  it("SHA-12 offers nothing to who opens the last moment, nor while the visit goes on", () => {
    const playOn = new PlayOn();
    playOn.follow({ ...recorded, playing: false, at: 60_000 }, whole);
    expect(playOn.state.kind).toBe("watching");
    playOn.follow({ ...live, at: 61_000 }, { ...whole, isLive: true });
    playOn.follow({ ...recorded, playing: false, at: 60_000 }, { ...whole, isLive: true });
    expect(playOn.state.kind).toBe("watching");
    playOn.follow({ ...recorded, playing: false, at: 60_000 }, whole);
    expect(playOn.state.kind).toBe("offering");
    const left = new PlayOn();
    left.follow({ ...recorded, at: 12_000 }, part);
    expect(left.follow({ ...live, at: 99_000 }, { ...part, isLive: true })).toBe(false);
    expect(left.state.kind).toBe("watching");
  });
});
