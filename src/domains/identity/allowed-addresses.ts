/**
 * The networks an API key may be used from. An IPv4 address written as IPv6 (::ffff:192.0.2.1) is the
 * IPv4 address, in lists and in requests.
 */
import { BlockList, isIP } from 'node:net';

type Network = { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' };

const CIDR = /^([0-9a-fA-F.:]{2,45})\/(\d{1,3})$/;
const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;
const MAPPED_BITS = 96;

/** Networks wider than these bound nothing: they are a good part of the internet. */
const NARROW_BITS = { ipv4: 8, ipv6: 16 } as const;

/** Whether text names a network: an address, a slash and a prefix that fits it. */
export function isCidr(text: string): boolean {
  return networkOf(text) !== undefined;
}

/** Whether a network is small enough to bound where a key is used from. */
export function isNarrow(cidr: string): boolean {
  const network = networkOf(cidr);
  return network !== undefined && network.prefix >= NARROW_BITS[network.family];
}

/** Whether an address lies in one of the networks; an empty list allows every address. */
export function isAllowedAddress(cidrs: readonly string[], address: string): boolean {
  if (cidrs.length === 0) {
    return true;
  }
  const plain = unmapped(address);
  if (isIP(plain) === 0) {
    return false;
  }
  const allowed = new BlockList();
  for (const network of cidrs.map(networkOf)) {
    // A network that cannot be read allows nothing; the others still do.
    if (network !== undefined) {
      allowed.addSubnet(network.address, network.prefix, network.family);
    }
  }
  return allowed.check(plain, familyOf(plain));
}

function networkOf(text: string): Network | undefined {
  const [, written = '', bits = ''] = CIDR.exec(text) ?? [];
  const prefix = Number.parseInt(bits, 10);
  const mapped = MAPPED.test(written) && prefix >= MAPPED_BITS;
  const address = mapped ? unmapped(written) : written;
  const length = mapped ? prefix - MAPPED_BITS : prefix;
  const version = isIP(address);
  return version !== 0 && length <= (version === 4 ? 32 : 128)
    ? { address, prefix: length, family: familyOf(address) }
    : undefined;
}

function unmapped(address: string): string {
  return MAPPED.exec(address)?.[1] ?? address;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
