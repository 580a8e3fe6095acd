/** Servers by which the browsers of a call find each other, as the configuration names them. */

import { createHmac } from "node:crypto";
import type { IceServers } from "../../protocol/assist.ts";

/** `STUN_URLS`, `TURN_URLS` and how one signs in there: with a name and password, or with the secret from which both are made for a while. */
export interface IceSettings {
  readonly stunUrls: readonly string[];
  readonly turnUrls: readonly string[];
  readonly turnUser: string;
  readonly turnPassword: string;
  /** Shared with the TURN server (coturn: `use-auth-secret`); empty: name and password hold. */
  readonly turnSecret: string;
}

/** How long credentials made of the secret hold: a call may begin late and last long. */
const CREDENTIAL_MS = 6 * 3_600_000;

/**
 * What `RTCPeerConnection` is told. With a secret, the user name is when it ends, and the password its HMAC (draft-uberti-behave-turn-rest-00,
 * section 2.2); such a password is no use to anybody a few hours later.
 * @param now epoch milliseconds
 */
export function iceServersOf({ stunUrls, turnUrls, turnUser, turnPassword, turnSecret }: IceSettings, now: number): IceServers {
  const servers: IceServers = stunUrls.length > 0 ? [{ urls: [...stunUrls] }] : [];
  if (turnUrls.length === 0) return servers;
  const urls = [...turnUrls];
  if (turnSecret === "") return [...servers, { urls, username: turnUser, credential: turnPassword }];
  const username = `${Math.floor((now + CREDENTIAL_MS) / 1_000)}:watchback`;
  return [...servers, { urls, username, credential: createHmac("sha1", turnSecret).update(username).digest("base64") }];
}
