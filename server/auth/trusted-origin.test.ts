import { describe, expect, it } from "vitest";
import { isTrusted } from "./trusted-origin.ts";

const origins = { publicUrl: "https://watch.example.com/base", allowed: ["https://intra.example.com"] };

/** What a request says of the page it comes from; `Sec-Fetch-Site` as a browser, or somebody who plays one, writes it. */
const SITES = ["absent", "empty", "same-origin", "none", "same-site", "cross-site", "SAME-ORIGIN", "garbage"] as const;
type Site = (typeof SITES)[number];
const toHeader = (site: Site) => (site === "absent" ? undefined : site === "empty" ? "" : site);

const HOSTS = [undefined, "watch.example.com", "WATCH.example.com", "10.0.0.5:8080", "evil.example", "localhost:8080"];

/** Origins by what they are; `own host` is what the address bar shows where this server is reached under another name. */
const ORIGINS = {
  named: ["https://watch.example.com", "HTTPS://Watch.Example.com", "https://watch.example.com:443", "https://intra.example.com"],
  absent: [undefined, ""],
  opaque: ["null", "file://", "about:blank", "garbage", "//watch.example.com", "chrome-extension://abc", "https://", "data:,"],
  stranger: [
    "http://watch.example.com",
    "https://watch.example.com:8443",
    "https://evil.example.com",
    "https://watch.example.com.evil.test",
    "https://xwatch.example.com",
    "https://watch.example.com@evil.test",
    "http://intra.example.com",
    "http://localhost:3000",
    "https://evil.test/https://watch.example.com",
  ],
} as const;

/** Whether a request is trusted, by the kind of its origin and the browser's word. */
const EXPECTED: Record<keyof typeof ORIGINS, Record<Site, boolean>> = {
  named: {
    absent: true,
    empty: true,
    "same-origin": true,
    none: true,
    "same-site": true,
    "cross-site": true,
    "SAME-ORIGIN": true,
    garbage: true,
  },
  absent: {
    absent: true,
    empty: true,
    "same-origin": true,
    none: true,
    "same-site": false,
    "cross-site": false,
    "SAME-ORIGIN": false,
    garbage: false,
  },
  opaque: {
    absent: false,
    empty: false,
    "same-origin": true,
    none: true,
    "same-site": false,
    "cross-site": false,
    "SAME-ORIGIN": false,
    garbage: false,
  },
  stranger: {
    absent: false,
    empty: false,
    "same-origin": true,
    none: true,
    "same-site": false,
    "cross-site": false,
    "SAME-ORIGIN": false,
    garbage: false,
  },
};

const cases = Object.entries(ORIGINS).flatMap(([kind, all]) =>
  all.flatMap((origin) => SITES.map((site) => ({ kind: kind as keyof typeof ORIGINS, origin, site }))),
);

describe("where a request comes from", () => {
  it.each(cases)("AUT-15 $kind origin $origin with Sec-Fetch-Site $site, under every host", ({ kind, origin, site }) => {
    for (const host of HOSTS) {
      // Plain http under the host that the browser names as well: our own page, by another name, in a browser that says no more.
      const isOwnHost =
        kind === "stranger" && host?.toLowerCase() === "watch.example.com" && origin === "http://watch.example.com";
      const expected = EXPECTED[kind][site] || (isOwnHost && (site === "absent" || site === "empty"));
      expect(isTrusted(origins, origin, host, toHeader(site)), `host ${String(host)}`).toBe(expected);
    }
  });
});
