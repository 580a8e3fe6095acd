/** Web vitals as words, judged by the bounds that web.dev publishes for each (good, needs improvement, poor). */

import type { Marker } from "../../../protocol/markers.ts";
import { formatMs } from "./log-rows.ts";
import type { Tone } from "./panel-row.ts";

/** One measure of a page. */
export interface Vital {
  name: string;
  /** `LCP 1.2 s`. */
  short: string;
  /** `1.2 s, good`. */
  words: string;
  tone: Tone;
}

type VitalName = "LCP" | "INP" | "CLS";

/** Up to the first it is good, above the second poor. */
const BOUNDS: Readonly<Record<VitalName, readonly [number, number]>> = { LCP: [2_500, 4_000], INP: [200, 500], CLS: [0.1, 0.25] };

const OUR_NAMES: Readonly<Record<string, VitalName>> = { lcpMs: "LCP", inpMs: "INP", cls: "CLS" };
/** How Sentry's SDKs name them in spans of kind `web-vital`. */
const SENTRY_NAMES: Readonly<Record<string, VitalName>> = {
  "largest-contentful-paint": "LCP",
  "interaction-to-next-paint": "INP",
  "cumulative-layout-shift": "CLS",
};

/** What a marker's facts measure; nothing for most. `marker` is needed for those of Sentry. */
export function readVitals(data: Marker["data"], marker?: Pick<Marker, "kind" | "name" | "text">): Vital[] {
  if (marker && marker.kind !== "web_vitals") {
    const name = marker.kind === "custom" && marker.name === "web-vital" ? SENTRY_NAMES[marker.text ?? ""] : undefined;
    const value = data?.["value"];
    return name !== undefined && typeof value === "number" ? [toVital(name, value)] : [];
  }
  return Object.entries(OUR_NAMES).flatMap(([key, name]) => {
    const value = data?.[key];
    return typeof value === "number" && value >= 0 ? [toVital(name, value)] : [];
  });
}

function toVital(name: VitalName, value: number): Vital {
  const [good, poor] = BOUNDS[name];
  const text = name === "CLS" ? String(Number(value.toFixed(3))) : formatMs(value);
  const [judged, tone]: [string, Tone] =
    value <= good ? ["good", "good"] : value <= poor ? ["needs improvement", "warn"] : ["poor", "error"];
  return { name, short: `${name} ${text}`, words: `${text}, ${judged}`, tone };
}
