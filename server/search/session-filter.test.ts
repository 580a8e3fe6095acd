import { describe, expect, it } from "vitest";
import { containing } from "./conditions.ts";
import { writeCursor } from "./cursor.ts";
import { parseSessionFilter, parseSessionListing } from "./session-filter.ts";

const listing = (query: string | Record<string, string>) => parseSessionListing(new URLSearchParams(query));

describe("the session filter", () => {
  it("REP-2 carries a cursor there and back, in the order that it is of", () => {
    const cursor = { key: 1_795_236_556_670_123, sessionId: "0190-abc_D" };
    expect(listing({ cursor: writeCursor(cursor) }).after).toEqual(cursor);
    expect(listing({ cursor: writeCursor(cursor, "active"), sort: "active" }).after).toEqual(cursor);
    expect(() => listing({ cursor: writeCursor(cursor, "active") })).toThrow("cursor");
    expect(() => listing({ cursor: writeCursor(cursor), sort: "errors" })).toThrow("cursor");
  });

  it("REP-3 takes wild-card signs literally", () => {
    expect(containing("50%_\\x")).toBe("%50\\%\\_\\\\x%");
  });

  it.each([
    "project=x",
    "project=0",
    "status=gone",
    "hasErrors=maybe",
    "from=yesterday",
    "cursor=@@",
    "limit=0",
    "limit=201",
    "limit=1.5",
    "page=ab",
    "console=%F0%9F%92%A5%F0%9F%92%A5",
    "error=x",
    "has=luck",
    "issue=-1",
    "sort=beauty",
    "order=up",
    "minActiveMs=soon",
    `trait=${Array.from({ length: 21 }, (_each, n) => n).join("&trait=")}`,
  ])("REP-3 names the parameter that is wrong: %s", (query) => {
    expect(() => listing(query)).toThrow(query.split("=")[0] ?? "");
  });

  it("REP-3 takes empty parameters as absent", () => {
    const nothing = parseSessionFilter(new URLSearchParams());
    const empty = [...Object.keys(nothing), "project", "user", "trait", "country", "cursor", "limit", "sort", "order"]
      .map((name) => `${name}=`)
      .join("&");
    expect(listing(empty)).toEqual({ ...nothing, sort: "started", isAscending: false, after: null, limit: 50 });
    expect(
      Object.values(nothing)
        .flatMap((value: unknown) => (value !== null && typeof value === "object" ? Object.values(value) : value))
        .filter((value) => value !== null),
    ).toEqual([]);
  });

  it("SEA-2 reads repeated parameters as lists, each value once", () => {
    expect(listing("country=de&country=DE&country=at&has=rage_click&has=dead_click&trait=plan%3Dpro")).toMatchObject({
      countries: ["DE", "AT"],
      has: ["rage_click", "dead_click"],
      traits: ["plan=pro"],
    });
  });
});
