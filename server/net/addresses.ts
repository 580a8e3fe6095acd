/**
 * What comes from one address: how many sockets are open, and what they and its requests may send together. Behind one address may be a
 * whole company, or every visitor where a proxy is not told of (`TRUST_PROXY`), so the bounds are wide: they stop a flood, nothing else.
 */

import { addressName } from "../auth/auth.ts";
import type { FrameBucket, FrameLimit } from "./limits.ts";

/** One address; one for all IPv6 addresses that have their first 64 bits in common. Sockets keep a reference, so that a frame needs no look-up. */
export interface AddressUse extends FrameBucket {
  readonly address: string;
  trackers: number;
  viewers: number;
}

/** Every address that was heard of lately. */
export interface Addresses {
  /** To be called for every upgrade and every request with a body. */
  of(peer: string): AddressUse;
}

/** Most addresses without a socket that are remembered; a forgotten one starts with a full bucket. */
const MAX_ADDRESSES = 50_000;
/** How far the oldest are looked through for one without a socket. */
const MAX_LOOKS = 16;

/** None yet. */
export function createAddresses(limit: FrameLimit, now: () => number, maxAddresses = MAX_ADDRESSES): Addresses {
  const uses = new Map<string, AddressUse>();
  const makeRoom = () => {
    let looks = 0;
    for (const [address, use] of uses) {
      uses.delete(address);
      // In use: to the end, so that the next look finds others. There are no more of these than sockets.
      if (use.trackers > 0 || use.viewers > 0) uses.set(address, use);
      if (uses.size < maxAddresses || ++looks >= MAX_LOOKS) return;
    }
  };
  return {
    of(peer) {
      const address = addressName(peer);
      const known = uses.get(address);
      if (known) return known;
      if (uses.size >= maxAddresses) makeRoom();
      const use = { address, trackers: 0, viewers: 0, tokens: limit.burst, bytesLeft: limit.burstBytes, refilledAt: now() };
      uses.set(address, use);
      return use;
    },
  };
}
