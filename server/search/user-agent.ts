/** What a browser says it is: its name and version, its system, its kind of device. A claim, like all that pages send. */

/** The facts by which sessions are found. Empty where the text does not tell. */
export interface Agent {
  browser: string;
  /** The major version. */
  version: string;
  os: string;
  device: "" | "desktop" | "mobile" | "tablet" | "bot";
}

/** Browsers that call themselves others as well stand before those. */
const BROWSERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["Edge", /\b(?:Edge?|EdgA|EdgiOS)\/(\d+)/],
  ["Opera", /\b(?:OPR|OPiOS|OPT)\/(\d+)/],
  ["Samsung Internet", /\bSamsungBrowser\/(\d+)/],
  ["UC Browser", /\bUCBrowser\/(\d+)/],
  ["Vivaldi", /\bVivaldi\/(\d+)/],
  ["Yandex", /\bYaBrowser\/(\d+)/],
  ["Firefox", /\b(?:Firefox|FxiOS)\/(\d+)/],
  ["Chrome", /\b(?:HeadlessChrome|Chrome|CriOS|Chromium)\/(\d+)/],
  ["Safari", /\bVersion\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari\//],
  ["Internet Explorer", /\b(?:MSIE |Trident\/.*rv:)(\d+)/],
  // An app's own view of the web, which names no browser.
  ["Safari", /\bAppleWebKit\/(\d+).*\(KHTML, like Gecko\) Mobile\//],
];

const SYSTEMS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["iPadOS", /\biPad\b/],
  ["iOS", /\b(?:iPhone|iPod)\b/],
  ["Android", /\bAndroid\b/],
  ["ChromeOS", /\bCrOS\b/],
  ["Windows", /\bWindows\b/],
  ["macOS", /\bMac OS X\b|\bMacintosh\b/],
  ["Linux", /\bLinux\b|\bX11\b/],
];

const BOT = /bot\b|crawl|spider|slurp|HeadlessChrome|Lighthouse|facebookexternalhit|curl\//i;
const TABLET = /\biPad\b|\bTablet\b|\bKindle\b|\bSilk\/|\bAndroid\b(?!.*\bMobile\b)/;
const MOBILE = /\bMobi|\biPhone\b|\biPod\b|\bAndroid\b/;
/** Longer texts are nonsense, and patterns take their time over them. */
const MAX_TEXT = 1_024;

/** Reads the header `User-Agent`. */
export function readAgent(userAgent: string): Agent {
  const text = userAgent.slice(0, MAX_TEXT);
  const os = SYSTEMS.find(([, pattern]) => pattern.test(text))?.[0] ?? "";
  for (const [browser, pattern] of BROWSERS) {
    const version = pattern.exec(text)?.[1];
    if (version !== undefined) return { browser, version: version.slice(0, 8), os, device: deviceOf(text, os) };
  }
  return { browser: "", version: "", os, device: deviceOf(text, os) };
}

function deviceOf(text: string, os: string): Agent["device"] {
  if (BOT.test(text)) return "bot";
  if (TABLET.test(text)) return "tablet";
  if (MOBILE.test(text)) return "mobile";
  return os === "" ? "" : "desktop";
}
