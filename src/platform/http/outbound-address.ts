/**
 * Which addresses this service may call. Guarantees: an address that is not plainly on the public internet (private,
 * loopback, link-local, carrier-grade, documentation, benchmark, multicast, reserved, or an IPv4 address wrapped in
 * IPv6) is refused. It does not say who answers there: the certificate does.
 * @source IANA special-purpose address registries (RFC 6890 and its successors)
 */
import { BlockList, isIP } from 'node:net';

const NOT_PUBLIC_4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

/** Only 2000::/3 is given out to the public, and these parts of it are not. */
const NOT_PUBLIC_6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
] as const;

const refused4 = new BlockList();
const given6 = new BlockList();
const refused6 = new BlockList();
const loopback = new BlockList();
for (const [net, prefix] of NOT_PUBLIC_4) {
  refused4.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of NOT_PUBLIC_6) {
  refused6.addSubnet(net, prefix, 'ipv6');
}
given6.addSubnet('2000::', 3, 'ipv6');
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether an address is one of the public internet; what is no address is not. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !refused4.check(address, 'ipv4');
    case 6:
      return !address.includes('%') && given6.check(address, 'ipv6') && !refused6.check(address, 'ipv6');
    default:
      return false;
  }
}

/** Whether an address is this machine itself. */
export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !address.includes('%') && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
