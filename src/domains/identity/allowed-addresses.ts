import { BlockList, isIP, isIPv4 } from 'node:net';

const CIDR = /^([0-9a-fA-F.:]{2,45})\/(\d{1,3})$/;

/** Whether text names a network: an address, a slash and a prefix that fits it. */
export function isCidr(text: string): boolean {
  const [, address = '', prefix = ''] = CIDR.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number.parseInt(prefix, 10) <= (version === 4 ? 32 : 128);
}

/** Whether an address lies in one of the networks; an empty list allows every address. */
export function isAllowedAddress(cidrs: readonly string[], address: string): boolean {
  if (cidrs.length === 0) {
    return true;
  }
  if (isIP(address) === 0) {
    return false;
  }
  const allowed = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix = ''] = cidr.split('/');
    allowed.addSubnet(network, Number.parseInt(prefix, 10), familyOf(network));
  }
  return allowed.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
