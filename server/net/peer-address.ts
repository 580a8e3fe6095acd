/** The address of a peer as text. */

/** IPv4 as dotted numbers, also where it comes mapped into IPv6; IPv6 as groups of hex, not shortened; `?` for anything else. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return "?";
  const isMapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  if (isMapped) return bytes.subarray(12).join(".");
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(":");
}

/**
 * The address that limits and logs go by.
 * @param forwarded value of X-Forwarded-For where a proxy of ours wrote its last entry, else undefined
 */
export function peerAddress(remote: ArrayBuffer, forwarded: string | undefined): string {
  const last = forwarded?.split(",").at(-1)?.trim();
  return last !== undefined && last !== "" && last.length <= 64 ? last : addressText(new Uint8Array(remote));
}
