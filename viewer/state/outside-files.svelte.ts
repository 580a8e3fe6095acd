/**
 * Images, fonts and style sheets that a recording names and does not hold. They come from hosts that learn the viewer's address when they are
 * asked, so they stay away until he says so: for the hosts that he has seen named, for this session, and for ever only where he asks for it.
 */

import { MAX_HOSTS } from "../player/limits.ts";
import { toOrigin } from "../player/outside-hosts.ts";

const KEY = "watchback.outside-hosts";

export class OutsideFiles {
  /** Origins that what was read of the session names, in the order of their appearance. */
  found = $state.raw<readonly string[]>([]);
  /** Origins that may be asked. */
  allowed = $state.raw<readonly string[]>(readRemembered());
  private readonly onChange: (allowed: readonly string[]) => void;

  /** @param onChange told whenever other hosts are allowed */
  constructor(onChange: (allowed: readonly string[]) => void) {
    this.onChange = onChange;
  }

  /** Those that were found and are not allowed. */
  get waiting(): readonly string[] {
    return this.found.filter((host) => !this.allowed.includes(host));
  }

  /** Takes note of what a batch names. */
  note(hosts: ReadonlySet<string>): void {
    const fresh = [...hosts].filter((host) => !this.found.includes(host));
    if (fresh.length > 0 && this.found.length < MAX_HOSTS) this.found = [...this.found, ...fresh].slice(0, MAX_HOSTS);
  }

  /**
   * Allows the hosts that were shown to the viewer.
   * @param remember true to allow them in this browser's other sessions as well
   */
  allow(hosts: readonly string[], remember: boolean): void {
    const isNew = hosts.some((host) => !this.allowed.includes(host));
    this.allowed = join(this.allowed, hosts);
    if (remember) writeRemembered(join(readRemembered(), hosts));
    if (isNew) this.onChange(this.allowed);
  }

  /** Allows none of this session's hosts any more, and forgets them. */
  forbid(): void {
    const isFound = (host: string) => this.found.includes(host);
    this.allowed = this.allowed.filter((host) => !isFound(host));
    writeRemembered(readRemembered().filter((host) => !isFound(host)));
    this.onChange(this.allowed);
  }
}

/** Both lists as one, the newest hosts last. */
function join(before: readonly string[], more: readonly string[]): readonly string[] {
  return [...before.filter((host) => !more.includes(host)), ...more].slice(-MAX_HOSTS);
}

/** The hosts that this browser was told to ask for ever. */
export function readRemembered(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    const hosts = Array.isArray(stored) ? stored.filter((host) => typeof host === "string") : [];
    return hosts.filter((host) => toOrigin(host) === host).slice(0, MAX_HOSTS);
  } catch {
    return [];
  }
}

function writeRemembered(hosts: readonly string[]): void {
  try {
    if (hosts.length === 0) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(hosts));
  } catch {
    // Storage may be closed; the choice then lasts as long as the page.
  }
}
