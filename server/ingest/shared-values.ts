/**
 * Values that many sessions have in common (browser, language, viewport), kept once: each message brings its own copy, which would
 * otherwise live as long as its session.
 */

import type { Viewport } from "../../protocol/session.ts";

/** Most different values of a kind that are remembered; then it begins anew. */
const MAX_KNOWN = 2_000;

const texts = new Map<string, string>();
const viewports = new Map<string, Viewport>();
const NO_TRAITS: Readonly<Record<string, unknown>> = Object.freeze({});

/** The same text, shared. */
export function shareText(text: string): string {
  return share(texts, text, text);
}

/** A viewport of the same size, shared: never to be changed. */
export function shareViewport(viewport: Viewport | null): Viewport | null {
  if (viewport === null) return null;
  return share(viewports, `${viewport.width}/${viewport.height}/${viewport.devicePixelRatio ?? ""}`, viewport);
}

/** The same traits, shared where there are none: never to be changed. */
export function shareTraits(traits: Record<string, unknown>): Record<string, unknown> {
  return Object.keys(traits).length === 0 ? NO_TRAITS : traits;
}

function share<T>(known: Map<string, T>, key: string, value: T): T {
  const shared = known.get(key);
  if (shared !== undefined) return shared;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, value);
  return value;
}
