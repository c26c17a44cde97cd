/**
 * Who the client is, behind proxies we trust. Only the part of X-Forwarded-For that trusted proxies
 * wrote is believed: the address left of the last trusted one.
 */
import { BlockList, isIP } from 'node:net';
import type { ClientAddress } from '../platform/http/router.ts';

/**
 * Reads the client's address from the socket and, behind trusted proxies, from their header.
 * @units trusted: addresses or CIDR ranges
 */
export function clientAddressBehind(trusted: readonly string[]): ClientAddress {
  const isTrusted = trustedPeers(trusted);
  return (peer, forwardedFor) => {
    const direct = plain(peer);
    if (forwardedFor === null || !isTrusted(direct)) {
      return direct;
    }
    const hops = forwardedFor.split(',').map((hop) => plain(hop.trim()));
    const outside = hops.reverse().find((hop) => !isTrusted(hop));
    return outside !== undefined && isIP(outside) !== 0 ? outside : direct;
  };
}

/**
 * Tells which addresses are those of trusted proxies.
 * @units trusted: addresses or CIDR ranges
 */
export function trustedPeers(trusted: readonly string[]): (peer: string) => boolean {
  const list = new BlockList();
  for (const entry of trusted) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(
      address,
      prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number.parseInt(prefix, 10),
      family,
    );
  }
  return (peer) => {
    const address = plain(peer);
    return isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  };
}

/** IPv4 addresses that arrive on an IPv6 socket carry a prefix. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
