import { expect, test } from 'bun:test';
import { comparableAddress, identifierFamily } from './identifier-family.ts';

test.each([
  ['tax', 'tax_id'],
  ['driving_licence', 'national_id'],
  ['residence_permit', 'national_id'],
  ['passport', 'passport'],
  ['registration', 'registration'],
  ['crypto_address:xbt', 'crypto_address'],
])('%s is what lists call %s', (type, family) => {
  expect(identifierFamily(type)).toBe(family);
});

const SEGWIT = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
const BASE58 = '1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V';

test.each([
  ['bech32 in capitals', SEGWIT.toUpperCase(), SEGWIT],
  ['bech32 with spaces around it', ` ${SEGWIT} `, SEGWIT],
  ['hexadecimal', '0x00000000000000000000000000000000DeaDBeef', '0x00000000000000000000000000000000deadbeef'],
  ['hexadecimal in capitals', `0X${'0'.repeat(36)}BEEF`, `0x${'0'.repeat(36)}beef`],
  ['base58, which depends on its case', BASE58, BASE58],
  ['bech32 in mixed case, which is none', `Bc1${SEGWIT.slice(3)}`, `Bc1${SEGWIT.slice(3)}`],
])('%s is compared as itself', (_title, address, compared) => {
  expect(comparableAddress(address)).toBe(compared);
});
