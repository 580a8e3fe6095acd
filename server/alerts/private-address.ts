/** Addresses that a request from this server must not reach unless the operator says so: its own machine and network. */

import { BlockList, isIP } from "node:net";

const CLOSED = new BlockList();
const NETS: readonly (readonly [string, number, "ipv4" | "ipv6"])[] = [
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.0.2.0", 24, "ipv4"],
  ["192.88.99.0", 24, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["198.51.100.0", 24, "ipv4"],
  ["203.0.113.0", 24, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
];
for (const [net, prefix, family] of NETS) CLOSED.addSubnet(net, prefix, family);

/** Of IPv6 only what is given out to the internet is open, without the ranges that lead to IPv4 addresses or are for documents. */
const OPEN_6 = new BlockList();
OPEN_6.addSubnet("2000::", 3, "ipv6");
const CLOSED_6 = new BlockList();
for (const [net, prefix] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  CLOSED_6.addSubnet(net, prefix, "ipv6");

/** True for an address of the open internet; false for every other, and for what is no address. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !CLOSED.check(address, "ipv4");
    case 6:
      return OPEN_6.check(address, "ipv6") && !CLOSED_6.check(address, "ipv6");
    default:
      return false;
  }
}
