/** Draws spots as heat: many near each other are warm, a single one is cool. */

import type { Spot } from "./heat-places.ts";

/** Of a spot on a page that is as large as it was, and at least. */
const RADIUS = 26;
const MIN_RADIUS = 9;
/** Highest share of the picture below that is covered. */
const MAX_ALPHA = 0.78;
/** From cool to hot, as colours of a scale that is told apart without colour vision as well: it gets lighter steadily. */
const SCALE: readonly (readonly [number, number, number])[] = [
  [49, 54, 149],
  [90, 60, 180],
  [190, 50, 120],
  [240, 110, 50],
  [255, 220, 90],
];

/** Draws on a canvas that covers the page, `scale` of its pixels to one of the page's. */
export function drawHeat(canvas: HTMLCanvasElement, spots: readonly Spot[], scale: number): void {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context || canvas.width === 0 || canvas.height === 0) return;
  context.clearRect(0, 0, canvas.width, canvas.height);
  const radius = Math.max(MIN_RADIUS, RADIUS * Math.sqrt(scale));
  const most = spots.reduce((max, spot) => Math.max(max, spot.count), 1);
  for (const { x, y, count } of spots) {
    const [left, top] = [x * scale, y * scale];
    const gradient = context.createRadialGradient(left, top, 0, left, top, radius);
    const strength = 0.25 + 0.75 * (Math.log1p(count) / Math.log1p(most));
    gradient.addColorStop(0, `rgb(0 0 0 / ${strength * 0.8})`);
    gradient.addColorStop(1, "rgb(0 0 0 / 0)");
    context.fillStyle = gradient;
    context.fillRect(left - radius, top - radius, 2 * radius, 2 * radius);
  }
  const picture = context.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = picture;
  for (let at = 3; at < data.length; at += 4) {
    const heat = (data[at] ?? 0) / 255;
    if (heat === 0) continue;
    const [red, green, blue] = colorOf(heat);
    data[at - 3] = red;
    data[at - 2] = green;
    data[at - 1] = blue;
    data[at] = Math.round(255 * MAX_ALPHA * Math.min(1, heat * 1.6));
  }
  context.putImageData(picture, 0, 0);
}

/** The scale as a background of CSS. */
export const SCALE_CSS = `linear-gradient(to right, ${SCALE.map((rgb) => `rgb(${rgb.join(" ")})`).join(", ")})`;

function colorOf(heat: number): readonly [number, number, number] {
  const place = Math.min(0.999, heat) * (SCALE.length - 1);
  const from = SCALE[Math.floor(place)] ?? [0, 0, 0];
  const to = SCALE[Math.floor(place) + 1] ?? from;
  const share = place - Math.floor(place);
  return [0, 1, 2].map((index) => Math.round((from[index] ?? 0) * (1 - share) + (to[index] ?? 0) * share)) as [
    number,
    number,
    number,
  ];
}
