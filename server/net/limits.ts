/** Token buckets: how much a connection or an address may send. Cheap enough for every frame: no allocation, no look-up. */

import { addressName } from "../auth/auth.ts";

/** `perSecond` is what may go on for ever, `burst` what may come at once. */
export interface RateLimit {
  perSecond: number;
  burst: number;
}

/** The same for frames, whose bytes count besides. */
export interface FrameLimit extends RateLimit {
  bytesPerSecond: number;
  burstBytes: number;
}

/** The state of one bucket; plain numbers, so that it can live inside a socket. */
export interface Bucket {
  tokens: number;
  refilledAt: number;
}

/** The same for frames. `bytesLeft` may go below zero: a frame is taken whole while anything is left, and owed afterwards. */
export interface FrameBucket extends Bucket {
  bytesLeft: number;
}

/**
 * Takes one token, after putting in those of the time gone by.
 * @param now milliseconds of any clock that never runs backwards far
 * @returns 0 where the token was there, else the milliseconds until one is
 */
export function takeToken(bucket: Bucket, limit: RateLimit, now: number): number {
  const elapsed = now - bucket.refilledAt;
  if (elapsed > 0) {
    bucket.tokens = Math.min(limit.burst, bucket.tokens + (elapsed * limit.perSecond) / 1_000);
    bucket.refilledAt = now;
  }
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return 0;
  }
  return Math.ceil(((1 - bucket.tokens) * 1_000) / limit.perSecond);
}

/**
 * Takes one frame of `bytes`.
 * @returns 0 where it may go on, else the milliseconds until the next may; nothing was taken then
 */
export function takeFrame(bucket: FrameBucket, limit: FrameLimit, bytes: number, now: number): number {
  const elapsed = now - bucket.refilledAt;
  if (elapsed > 0) {
    bucket.tokens = Math.min(limit.burst, bucket.tokens + (elapsed * limit.perSecond) / 1_000);
    bucket.bytesLeft = Math.min(limit.burstBytes, bucket.bytesLeft + (elapsed * limit.bytesPerSecond) / 1_000);
    bucket.refilledAt = now;
  }
  if (bucket.tokens >= 1 && bucket.bytesLeft > 0) {
    bucket.tokens -= 1;
    bucket.bytesLeft -= bytes;
    return 0;
  }
  const tokenMs = bucket.tokens >= 1 ? 0 : ((1 - bucket.tokens) * 1_000) / limit.perSecond;
  const bytesMs = bucket.bytesLeft > 0 ? 0 : ((1 - bucket.bytesLeft) * 1_000) / limit.bytesPerSecond;
  return Math.ceil(Math.max(tokenMs, bytesMs));
}

/** Most addresses that are remembered; past it the one unheard of for longest is forgotten, and so starts with a full bucket. */
const MAX_ADDRESSES = 50_000;

/** One bucket an address; one for all IPv6 addresses that have their first 64 bits in common. */
export interface AddressLimiter {
  /** 0 where the request may go on, else milliseconds to wait. */
  take(address: string): number;
}

/** Buckets by address; those that are full again are dropped as others come. */
export function createAddressLimiter(limit: RateLimit, now: () => number, maxAddresses = MAX_ADDRESSES): AddressLimiter {
  const buckets = new Map<string, Bucket>();
  return {
    take(peer) {
      const address = addressName(peer);
      let bucket = buckets.get(address);
      if (bucket) buckets.delete(address);
      else {
        bucket = { tokens: limit.burst, refilledAt: now() };
        const oldest = buckets.size >= maxAddresses ? buckets.keys().next().value : undefined;
        if (oldest !== undefined) buckets.delete(oldest);
      }
      // Put at the end again: a Map keeps the order of insertion, so the first is the one unheard of for longest.
      buckets.set(address, bucket);
      return takeToken(bucket, limit, now());
    },
  };
}
