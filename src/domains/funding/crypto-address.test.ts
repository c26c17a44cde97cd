import { describe, expect, test } from 'bun:test';
import { type Chain, isAddressOf, plainAddress } from './crypto-address.ts';

/** Published examples: BIP 173 and BIP 350 vectors, EIP-55, the chains' own documentation. */
const GOOD: readonly (readonly [Chain, string])[] = [
  ['bitcoin', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa'],
  ['bitcoin', '3P14159f73E4gFr7JterCCQh9QjiTjiZrG'],
  ['bitcoin', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'],
  ['bitcoin', 'BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4'],
  ['bitcoin', 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0'],
  ['ethereum', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'],
  ['ethereum', '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359'],
  ['ethereum', '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB'],
  ['tron', 'TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t'],
  ['solana', '11111111111111111111111111111111'],
  ['solana', 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA'],
];

/** What must not pass, and why. */
const BAD: readonly (readonly [Chain, string, string])[] = [
  ['bitcoin', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb', 'one character wrong'],
  ['bitcoin', 'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx', 'the test network'],
  ['bitcoin', 'mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn', 'the test network'],
  ['bitcoin', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5', 'one character wrong'],
  ['bitcoin', 'bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4', 'bad character'],
  ['bitcoin', 'BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R', 'witness version 17'],
  ['bitcoin', 'bc1pw5dgrnzv', 'a program of one byte'],
  ['bitcoin', 'bc1gmk9yu', 'no program'],
  ['ethereum', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', 'no checksum'],
  ['ethereum', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD', 'one case wrong'],
  ['ethereum', '5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'no prefix'],
  ['tron', 'TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u', 'one character wrong'],
  ['tron', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', 'an address of another chain'],
  ['solana', '1111111111111111111111111111111', '31 bytes'],
  ['solana', '0OIl', 'not base58'],
];

describe('an address is accepted on its own chain only', () => {
  for (const [chain, address] of GOOD) {
    test(`${chain} ${address}`, () => {
      expect(isAddressOf(chain, address)).toBe(true);
    });
  }
});

describe('an address that could lose money is refused', () => {
  for (const [chain, address, reason] of BAD) {
    test(`${chain} ${address}: ${reason}`, () => {
      expect(isAddressOf(chain, address)).toBe(false);
    });
  }
});

test('a segwit address is one wallet in capitals too, and no other address changes', () => {
  const segwit = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
  expect(plainAddress(segwit.toUpperCase())).toBe(segwit);
  const others = [
    segwit,
    '1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V',
    `${segwit.toUpperCase().slice(0, -1)}X`,
    'BC1',
    '',
  ];
  expect(others.map(plainAddress)).toEqual(others);
});
