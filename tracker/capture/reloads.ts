/** A page that is loaded again and again: by a visitor who hopes that it helps, or by itself. */

import { loadsName } from "../session.ts";
import type { Capture } from "./capture.ts";

/** So many loads of one address, each without anything clicked before, or a reload, in so short a time. */
const LOADS = 4;
const LOADS_MS = 30_000;

export function captureReloads({ privacy, settings, perTab, mark, hear }: Capture): void {
  const name = loadsName(settings.key);
  const now = Date.now();
  const url = privacy.url(location.href.replace(/#.*/, ""));
  // The times of the loads, and behind them the address.
  const [address, ...times] = (perTab?.getItem(name) ?? "").split(" ");
  const [entry] = performance.getEntriesByType("navigation");
  const isReload = entry && "type" in entry && entry.type === "reload";
  const before = address === url || (isReload && address === `!${url}`) ? times.filter((at) => now - Number(at) < LOADS_MS) : [];
  const keep = (first: string): void => perTab?.setItem(name, [first, ...before, now].join(" "));
  keep(url);
  if (before.length === LOADS - 1) mark({ kind: "reload_loop", at: now, name: url.slice(0, 256), data: { loads: LOADS } });
  // Whoever clicks something goes on; to the same address, perhaps.
  hear("click", () => keep(`!${url}`));
}
