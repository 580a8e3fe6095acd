/** Browser, system and device from a user agent: a guess that is right for what people use, and honest about the rest. */

export interface Agent {
  browser: string;
  system: string;
  device: "desktop" | "phone" | "tablet" | "bot" | "unknown";
}

/** In the order in which they have to be asked: most pretend to be one further down. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/Edg(?:e|A|iOS)?\/(\d+)/, "Edge"],
  [/OPR\/(\d+)/, "Opera"],
  [/SamsungBrowser\/(\d+)/, "Samsung Internet"],
  [/(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/HeadlessChrome\/(\d+)/, "Chrome (headless)"],
  [/(?:Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/Version\/(\d+)[\d.]* (?:Mobile\/\S+ )?Safari/, "Safari"],
];

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/Windows NT/, "Windows"],
  [/iPad/, "iPadOS"],
  [/iPhone|iPod/, "iOS"],
  [/Mac OS X/, "macOS"],
  [/Android (\d+)/, "Android"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

/** Never throws; what is not known is "Unknown". */
export function parseUserAgent(userAgent: string): Agent {
  return { browser: find(BROWSERS, userAgent), system: find(SYSTEMS, userAgent), device: deviceOf(userAgent) };
}

function find(table: readonly (readonly [RegExp, string])[], userAgent: string): string {
  for (const [pattern, name] of table) {
    const match = pattern.exec(userAgent);
    if (match) return match[1] ? `${name} ${match[1]}` : name;
  }
  return "Unknown";
}

function deviceOf(userAgent: string): Agent["device"] {
  if (userAgent === "") return "unknown";
  if (/bot|crawl|spider/i.test(userAgent)) return "bot";
  if (/iPad|Tablet|Android(?!.*Mobile)/.test(userAgent)) return "tablet";
  return /Mobile|iPhone|iPod/.test(userAgent) ? "phone" : "desktop";
}
