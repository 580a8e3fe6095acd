/**
 * Posts to an address that a user of this server has given. The addresses of its host are checked where the connection is made, so that a
 * name that leads somewhere else a moment later leads nowhere; redirects are not followed; what comes back is not shown.
 */

import { lookup } from "node:dns";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./private-address.ts";

/** Longest time for all of it. */
const TIMEOUT_MS = 10_000;
/** More than this of an answer is not waited for. */
const MAX_ANSWER_BYTES = 65_536;

export interface Post {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** True to reach addresses of the own machine and network as well. */
  allowPrivate: boolean;
}

/** What may be otherwise than usual. */
export interface PostOptions {
  /** Longest time for all of it, in milliseconds. */
  timeoutMs?: number;
  /** Says which addresses a name has; default: the system's resolver. */
  resolve?: LookupFunction;
  /** Says which addresses may be reached; default: those of the open internet. */
  isOpen?: (address: string) => boolean;
}

/** Thrown where an address must not be reached. */
export class ForbiddenAddress extends Error {
  override readonly name = "ForbiddenAddress";
}

/**
 * Posts, and resolves with the status once the answer has begun and its bounded body is over.
 * @throws ForbiddenAddress, or whatever the connection fails with
 */
export async function safePost({ url, headers, body, allowPrivate }: Post, options: PostOptions = {}): Promise<number> {
  const isOpen = allowPrivate ? () => true : (options.isOpen ?? isPublicAddress);
  const target = new URL(url);
  if (target.protocol !== "https:" && target.protocol !== "http:") throw new ForbiddenAddress("only http and https");
  const host = target.hostname.replace(/^\[|\]$/g, "");
  // A host that is an address is connected to without a look-up. However it was spelled, URL has made its usual form of it.
  if (isIP(host) !== 0 && !isOpen(host)) throw closed();
  const request = target.protocol === "https:" ? requestHttps : requestHttp;
  const signal = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      reject(signal.aborted ? new Error("the address did not answer in time") : error);
    };
    const sent = request(
      target,
      {
        method: "POST",
        headers: { ...headers, "Content-Length": String(Buffer.byteLength(body)) },
        lookup: checkedLookup(options.resolve ?? lookup, isOpen),
        agent: false,
        signal,
      },
      (answer) => {
        let bytes = 0;
        answer.on("data", (piece: Buffer) => {
          bytes += piece.length;
          if (bytes > MAX_ANSWER_BYTES) answer.destroy();
        });
        answer.on("error", fail);
        answer.on("close", () => {
          resolve(answer.statusCode ?? 0);
        });
      },
    );
    sent.on("error", fail);
    sent.end(body);
  });
}

/** A look-up that gives only addresses that may be reached; the connection goes to one of these and no other. */
function checkedLookup(resolve: LookupFunction, isOpen: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      const open = error || !Array.isArray(found) ? [] : found.filter(({ address }) => isOpen(address));
      const [first] = open;
      if (error || !first) callback(error ?? closed(), []);
      else if (options.all === true) callback(null, open);
      else callback(null, first.address, first.family);
    });
  };
}

function closed(): ForbiddenAddress {
  return new ForbiddenAddress("this address is on this server's own machine or network");
}
