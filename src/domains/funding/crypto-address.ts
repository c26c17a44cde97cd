/**
 * Whether an address can receive on its chain's main network: format and checksum, nothing about who
 * holds it. An address that could be mistyped without notice is refused where the chain has a
 * checksum (an Ethereum address in one case has none).
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { base58, bech32, bech32m, createBase58check } from '@scure/base';

export const CHAINS = ['bitcoin', 'ethereum', 'tron', 'solana'] as const;
export type Chain = (typeof CHAINS)[number];

const base58check = createBase58check(sha256);

const BITCOIN_VERSIONS: readonly (number | undefined)[] = [0x00, 0x05];
const TRON_VERSION = 0x41;

/** @source BIP 13, BIP 173, BIP 350, EIP-55, TRON base58check, Solana base58 public keys */
export function isAddressOf(chain: Chain, address: string): boolean {
  switch (chain) {
    case 'bitcoin':
      return isBitcoinAddress(address);
    case 'ethereum':
      return isEthereumAddress(address);
    case 'tron':
      return hasVersionedHash(address, [TRON_VERSION]);
    case 'solana':
      return decoded(() => base58.decode(address))?.length === 32;
  }
}

/** The one spelling of an address: segwit may be written in capitals, and is the same wallet. @source BIP 173 */
export function plainAddress(address: string): string {
  return address.startsWith('BC1') && isSegwitAddress(address) ? address.toLowerCase() : address;
}

function isBitcoinAddress(address: string): boolean {
  return /^bc1/i.test(address) ? isSegwitAddress(address) : hasVersionedHash(address, BITCOIN_VERSIONS);
}

function hasVersionedHash(address: string, versions: readonly (number | undefined)[]): boolean {
  const bytes = decoded(() => base58check.decode(address));
  return bytes?.length === 21 && versions.includes(bytes[0]);
}

/** Version 0 carries the bech32 checksum, later versions bech32m; programs are 20 or 32 bytes for 0. */
function isSegwitAddress(address: string): boolean {
  const zero = segwitProgram(bech32, address);
  if (zero !== undefined) {
    return zero.version === 0 && (zero.length === 20 || zero.length === 32);
  }
  const later = segwitProgram(bech32m, address);
  if (later === undefined || later.version === undefined) {
    return false;
  }
  return later.version >= 1 && later.version <= 16 && later.length >= 2 && later.length <= 40;
}

function segwitProgram(code: typeof bech32, address: string) {
  return decoded(() => {
    const { prefix, words } = code.decode(address as `${string}1${string}`, 90);
    if (prefix !== 'bc') {
      return undefined;
    }
    return { version: words[0], length: code.fromWords(words.slice(1)).length };
  });
}

function isEthereumAddress(address: string): boolean {
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) {
    return false;
  }
  const lower = address.slice(2).toLowerCase();
  const hash = Buffer.from(keccak_256(Buffer.from(lower, 'ascii'))).toString('hex');
  const checksummed = [...lower]
    .map((digit, place) => (hash.charAt(place) >= '8' ? digit.toUpperCase() : digit))
    .join('');
  return address.slice(2) === checksummed;
}

/** The codecs throw on what they cannot read. */
function decoded<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
