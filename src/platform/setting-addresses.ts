/** Addresses as settings name them. */
import { isIP } from 'node:net';
import { z } from 'zod';

/** IP addresses and CIDR ranges, separated by commas. */
export const addressList = z.string().transform((text, context) => {
  const addresses = text.split(',').map((address) => address.trim());
  if (!addresses.every(isAddressRange)) {
    context.addIssue('must list IP addresses or CIDR ranges, such as 10.0.0.0/8');
  }
  return addresses;
});

function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const inRange = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number.parseInt(prefix, 10) <= bits);
  return bits > 0 && rest.length === 0 && inRange;
}
