/**
 * Posts to an address that a user of this server has given. The addresses of its host are checked where the connection is made, so that a
 * name that leads somewhere else a moment later leads nowhere; redirects are not followed; what comes back is not shown.
 */

import { lookup, type LookupAddress } from "node:dns";
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

/** Thrown where an address must not be reached. */
export class ForbiddenAddress extends Error {
  override readonly name = "ForbiddenAddress";
}

/**
 * Posts, and resolves with the status once the answer has begun and its bounded body is over.
 * @throws ForbiddenAddress, or whatever the connection fails with
 */
export function safePost({ url, headers, body, allowPrivate }: Post): Promise<number> {
  const target = new URL(url);
  if (target.protocol !== "https:" && target.protocol !== "http:") throw new ForbiddenAddress("only http and https");
  const host = target.hostname.replace(/^\[|\]$/g, "");
  // A host that is an address is connected to without a look-up.
  if (isIP(host) !== 0 && !allowPrivate && !isPublicAddress(host)) return Promise.reject(closed());
  const request = target.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const sent = request(
      target,
      {
        method: "POST",
        headers: { ...headers, "Content-Length": String(Buffer.byteLength(body)) },
        lookup: checkedLookup(allowPrivate),
        agent: false,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
      (answer) => {
        const status = answer.statusCode ?? 0;
        let bytes = 0;
        answer.on("data", (piece: Buffer) => {
          bytes += piece.length;
          if (bytes > MAX_ANSWER_BYTES) answer.destroy();
        });
        answer.on("error", reject);
        answer.on("close", () => {
          resolve(status);
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** A look-up that gives only addresses that may be reached; the connection goes to one of these and no other. */
function checkedLookup(allowPrivate: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      const open = error ? [] : found.filter(({ address }) => allowPrivate || isPublicAddress(address));
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
