import { expect, it } from "vitest";
import { placeOf } from "./place.ts";

it("SEA-10 a country comes from the headers of a trusted proxy, and from nowhere else", () => {
  expect(placeOf({ "cf-ipcountry": "AT", "cf-region": "Tyrol" }, true)).toEqual({ country: "AT", region: "Tyrol" });
  expect(placeOf({ "x-country": "de" }, true)).toEqual({ country: "DE", region: "" });
  expect(placeOf({ "cf-ipcountry": "AT" }, false)).toBeNull();
  for (const nonsense of ["XX", "T1", "Austria", "<b", ""]) expect(placeOf({ "x-country": nonsense }, true)).toBeNull();
  expect(placeOf({ "x-country": "FR", "x-region": `\u0000${"r".repeat(100)}` }, true)?.region).toMatch(/^r{63}$/);
});
