/** What the rooms are told, by the configuration. */

import type { MailWay } from "./alerts/alerts.ts";
import type { IceSettings } from "./assist/assist.ts";
import { type Config, searchPath } from "./config.ts";
import type { QuotaNumbers } from "./errors/errors.ts";
import type { ChromiumSettings } from "./exports/exports.ts";
import type { NetLimits } from "./net/net.ts";

const KIB = 1024;

/** How many errors and replays a project may send, by the configuration. */
export function quotasOf(config: Config): QuotaNumbers {
  const some = (number: number) => (number === 0 ? null : number);
  const perMinute = some(config.QUOTA_ERRORS_PER_MINUTE);
  return {
    errors: { perMinute, perDay: some(config.QUOTA_ERRORS_PER_DAY) },
    replays: { perMinute: some(config.QUOTA_REPLAYS_PER_MINUTE), perDay: some(config.QUOTA_REPLAYS_PER_DAY) },
    feedback: { perMinute, perDay: null },
    attachments: { perMinute, perDay: null },
  };
}

/** What peers may send and open, by the configuration. */
export function netLimitsOf(config: Config): NetLimits {
  const requests = { perSecond: config.RATE_LIMIT_REQUESTS_PER_SEC, burst: config.RATE_LIMIT_BURST };
  const connection = {
    ...requests,
    bytesPerSecond: config.RATE_LIMIT_KB_PER_SEC * KIB,
    burstBytes: config.RATE_LIMIT_KB_BURST * KIB,
  };
  const factor = config.RATE_LIMIT_ADDRESS_FACTOR;
  return {
    connection,
    address: {
      perSecond: connection.perSecond * factor,
      burst: connection.burst * factor,
      bytesPerSecond: connection.bytesPerSecond * factor,
      burstBytes: connection.burstBytes * factor,
    },
    requests,
    upgrades: { perSecond: config.RATE_LIMIT_SOCKETS_PER_SEC, burst: config.RATE_LIMIT_SOCKETS_BURST },
    maxTrackersPerAddress: config.MAX_TRACKERS_PER_ADDRESS,
    maxViewersPerAddress: config.MAX_VIEWERS_PER_ADDRESS,
  };
}

/** How mail leaves, by the configuration. */
export function mailOf(config: Config): MailWay | null {
  if (config.SMTP_HOST === "") return null;
  return {
    host: config.SMTP_HOST,
    port: config.SMTP_PORT,
    secure: config.SMTP_SECURE,
    user: config.SMTP_USER,
    password: config.SMTP_PASSWORD,
    from: config.SMTP_FROM === "" ? `watchback@${config.SMTP_HOST}` : config.SMTP_FROM,
  };
}

/** How the browsers of a call find each other, by the configuration. */
export function iceOf(config: Config): IceSettings {
  return {
    stunUrls: config.STUN_URLS,
    turnUrls: config.TURN_URLS,
    turnUser: config.TURN_USER,
    turnPassword: config.TURN_PASSWORD,
    turnSecret: config.TURN_SECRET,
  };
}

/** With what films are made, by the configuration. */
export function chromiumOf(config: Config): ChromiumSettings {
  return { path: config.CHROMIUM_PATH, searchPath: searchPath(), sandbox: config.CHROMIUM_SANDBOX };
}
