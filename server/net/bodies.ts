/**
 * Memory for bodies of requests that are on their way. Large ones (what trackers send), those of programs that retry nothing (what SDKs
 * send) and small ones (everything else) have a pool each, and one address has a share of each: who begins many and ends none keeps nobody
 * else from signing in.
 */

import { AppError } from "../app-error.ts";

/** Most bytes of a body that counts as small; what a route takes that says nothing else. */
export const SMALL_BODY_BYTES = 64 * 1024;
const MIB = 1024 * 1024;
/** A pool, and what of it one address may have. Behind one address may be all servers of a company; their SDKs send once or never. */
const POOLS = {
  large: { bytes: 64 * MIB, share: 16 * MIB },
  sdks: { bytes: 96 * MIB, share: 64 * MIB },
  small: { bytes: 16 * MIB, share: 4 * MIB },
} as const;
type Pool = keyof typeof POOLS;
const WAIT_MS = 1_000;

/** Room that is held for one body. */
export interface HeldRoom {
  /**
   * Holds more of it.
   * @throws AppError as {@link Bodies.hold}; what was held before still is
   */
  grow(bytes: number): void;
  /** Gives all of it back. */
  release(): void;
}

/** The pools of one server. */
export interface Bodies {
  /**
   * Holds room for a body.
   * @param bytes what it may become, as far as that is known
   * @throws AppError `limit` where the address has its share, `overload` where nothing is left
   */
  hold(address: string, bytes: number, pool: Pool): HeldRoom;
}

/** Where a body belongs of a route that takes so much at most. */
export function poolOf(maxBytes: number, hasOwnLimits: boolean): Pool {
  if (hasOwnLimits) return "sdks";
  return maxBytes > SMALL_BODY_BYTES ? "large" : "small";
}

/** Builds empty pools. */
export function createBodies(): Bodies {
  const create = () => ({ held: 0, byAddress: new Map<string, number>() });
  const pools = { large: create(), sdks: create(), small: create() };

  function take(address: string, bytes: number, name: Pool): void {
    const pool = pools[name];
    const mine = pool.byAddress.get(address) ?? 0;
    if (mine + bytes > POOLS[name].share) {
      throw new AppError("limit", "too many bodies at once from this address", { retryAfterMs: WAIT_MS });
    }
    if (pool.held + bytes > POOLS[name].bytes) {
      // An SDK takes Retry-After for a reason to drop everything until then, and this passes sooner.
      throw new AppError("overload", "too many bodies at once", name === "sdks" ? {} : { retryAfterMs: WAIT_MS });
    }
    pool.held += bytes;
    pool.byAddress.set(address, mine + bytes);
  }

  function giveBack(address: string, bytes: number, name: Pool): void {
    const pool = pools[name];
    pool.held -= bytes;
    const left = (pool.byAddress.get(address) ?? 0) - bytes;
    if (left > 0) pool.byAddress.set(address, left);
    else pool.byAddress.delete(address);
  }

  return {
    hold(address, bytes, pool) {
      take(address, bytes, pool);
      let held = bytes;
      return {
        grow(more) {
          take(address, more, pool);
          held += more;
        },
        release() {
          giveBack(address, held, pool);
          held = 0;
        },
      };
    },
  };
}
