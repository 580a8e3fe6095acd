/** What a page says of itself and its visitor. */

import type { SessionStart } from "../protocol/tracker-messages.ts";
import type { Facts } from "./options.ts";
import type { Privacy } from "./privacy.ts";

/** The address and title of the page as it is now, masked. */
export function placeOf(privacy: Privacy): { url: string; title: string } {
  return { url: privacy.url(location.href), title: privacy.text(document.title) };
}

/** What does not change while the page lives, besides its address and title. */
export function pageFacts(privacy: Privacy): SessionStart & { url: string; title: string } {
  return {
    ...placeOf(privacy),
    referrer: privacy.url(document.referrer),
    userAgent: navigator.userAgent,
    language: navigator.language,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    viewport: { width: innerWidth, height: innerHeight, devicePixelRatio },
  };
}

/** What the wire takes beside a marker or a user: scalars, and not too many. */
export function scalars(data: Facts, most: number): Facts {
  const isScalar = (value: unknown): boolean =>
    value === null || /^(?:string|boolean)$/.test(typeof value) || Number.isFinite(value);
  return Object.fromEntries(
    Object.entries(data)
      .filter(([, value]) => isScalar(value))
      .slice(0, most),
  );
}

/** What the visitor's browser says for him. */
export function isTrackingUnwanted(): boolean {
  return navigator.doNotTrack === "1" || ("globalPrivacyControl" in navigator && Boolean(navigator.globalPrivacyControl));
}
